"""``vertumnus contact``: a page that shows collages side by side, in one file."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import progress_bar
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.limits import check_whole
from vertumnus.writing import atomic_write, check_apart, check_writable

QUALITY = 85  # of the page's JPEGs
MEASURES = ("coverage", "overlap", "psnr", "ssim")  # of a report, that are shown
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 2rem; font: 16px/1.4 system-ui, sans-serif; color: #222; background: #fafafa }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax({side}px, 1fr)); gap: 1.5rem }}
figure {{ margin: 0 }}
img {{ width: 100%; height: auto; background: #fff; box-shadow: 0 1px 4px #0003 }}
figcaption {{ margin-top: .4rem; overflow-wrap: anywhere }}
small {{ color: #595959 }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #eee; background: #1c1c1c }}
  small {{ color: #aaa }}
}}
</style>
<main>
{figures}
</main>
</html>
"""


def contact(
    collages: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    side: int = 360,
) -> None:
    """Write a page that shows collages side by side: one HTML file that needs no other.

    Example: vertumnus contact *.collage -o index.html

    Parameters
    ----------
    collages
        *.collage files, collage.json files or the folders that hold one.
    output
        The page, *.html.
    side
        Pixels of the longer side of each picture; twice as many are kept, for fine screens.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise VertumnusError(f"{output}: unknown kind of output; a page is named *.html")
    check_whole("--side", side, 16, 2048)
    check_writable(output)
    check_apart([output], collages)
    figures = []
    with progress_bar("drawing") as show:
        for number, path in enumerate(collages):
            with about(path):
                figures.append(_figure(path, Collage.load(path), 2 * side))
            show(number + 1, len(collages))
    page = PAGE.format(title=html.escape(output.stem), side=side, figures="\n".join(figures))
    with atomic_write(output) as stream:
        stream.write(page.encode("utf-8", "xmlcharrefreplace"))
    print(f"{output}: {len(collages)} collages")


def _figure(path: Path, collage: Collage, side: int) -> str:
    picture = collage.render(side / max(collage.width, collage.height), collage.background or "white").convert("RGB")
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=QUALITY)
    encoded = base64.b64encode(data.getvalue()).decode()
    facts = [f"{collage.width} x {collage.height}", f"{len(collage.layers)} layers"]
    if collage.made_by is not None:
        facts.insert(0, collage.made_by.tool)
        report = collage.made_by.report
        facts += [f"{name} {report[name]:.3g}" for name in MEASURES if isinstance(report.get(name), float)]
    if collage.seed is not None:
        facts.append(f"seed {collage.seed}")
    said = html.escape(collage.prompt or path.stem)
    return (
        f'<figure><img src="data:image/jpeg;base64,{encoded}" alt="{said}" width="{picture.width}"'
        f' height="{picture.height}"><figcaption>{said}<br><small>{html.escape(path.name)}: '
        f"{html.escape(', '.join(facts))}</small></figcaption></figure>"
    )
