"""``vertumnus render``: draw a collage as a picture or an SVG, or save it in the other form."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import DOCUMENTS, check_outputs, progress_bar
from vertumnus.cli.estimate import drawing, go_on
from vertumnus.document.collage import Collage
from vertumnus.errors import about
from vertumnus.export.openraster import save_openraster
from vertumnus.export.pdf import PrintOptions, inches, save_pdf
from vertumnus.export.picture import save_picture
from vertumnus.export.psd import save_psd
from vertumnus.export.svg import save_svg
from vertumnus.imaging.colour import parse_colour
from vertumnus.writing import together


def render(
    collage: Path,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    scale: float = 1.0,
    background: str | None = None,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=())] = False,
    printing: Annotated[PrintOptions | None, Parameter(name="*", group="PDF")] = None,
) -> None:
    """Draw a collage as a picture or an SVG, at any scale.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    output
        Where to write, once for each file; the suffix tells the kind: .png, .jpg, .webp, .tif, .dzi, .svg, .ora for
        Krita and GIMP, .psd for Photoshop, .pdf for print, or .collage and .json for the document itself.
    scale
        Pixels to a canvas pixel; the layout is the same at any.
    background
        A CSS colour in place of the collage's own.
    yes
        Do not ask before what takes more than a minute or 2 GB.
    printing
        How a PDF is printed.
    """
    check_outputs(output, [collage if collage.is_file() else None], whole=True, scale=scale)
    if background is not None:
        with about("`background`"):
            parse_colour(background)
    document = Collage.load(collage)
    go_on(drawing((document.width, document.height), scale, output), yes)
    write_outputs(document, output, scale, background, printing)


def write_outputs(
    collage: Collage,
    paths: Iterable[Path],
    scale: float,
    background: str | None = None,
    printing: PrintOptions | None = None,
) -> None:
    """Writes outputs, which appear together, the document first; says what was written."""
    with together():
        said = []
        for path in sorted(paths, key=lambda path: path.suffix.lower() not in DOCUMENTS):
            with about(collage.where, path):
                said.append(write_output(collage, path, scale, background, printing))
    for line in said:
        print(line)


def write_output(
    collage: Collage, path: Path, scale: float, background: str | None, printing: PrintOptions | None = None
) -> str:
    """Writes one output, its kind told by the suffix; returns a line that says what was written."""
    suffix = path.suffix.lower()
    if background is not None and suffix in (*DOCUMENTS, ".svg"):
        collage = collage.model_copy()
        collage.background = background
    if suffix in DOCUMENTS:
        collage.save(path)
        return f"{path}: {len(collage.layers)} layers"
    if suffix == ".svg":
        save_svg(collage, path)
        lost = {
            "alpha": "",
            "transparency": "; its light adds up in browsers, by mix-blend-mode, and not in other programs",
        }.get(collage.rendering, f"; its pieces are laid over each other, for SVG knows no {collage.rendering}")
        return f"{path}: {collage.width} x {collage.height}{lost}"
    if suffix == ".pdf":
        across, down, said = save_pdf(collage, path, background, printing)
        return "; ".join([f"{path}: {inches(across)} x {inches(down)}", *said])
    with progress_bar(f"drawing {path.name}") as show:
        if suffix in (".ora", ".psd"):
            save = save_openraster if suffix == ".ora" else save_psd
            width, height = save(collage, path, scale, background, show)
            return f"{path}: {len(collage.layers)} layers, {width} x {height} pixels"
        width, height = save_picture(collage, path, scale, background, show)
    return f"{path}: {width} x {height} pixels"
