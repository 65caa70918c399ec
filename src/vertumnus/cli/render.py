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
from vertumnus.export.output import write_output as write
from vertumnus.export.pdf import PrintOptions
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
    """Writes one output under a progress bar; returns a line that says what was written."""
    if path.suffix.lower() in (*DOCUMENTS, ".svg", ".pdf"):
        return write(collage, path, scale, background, printing)
    with progress_bar(f"drawing {path.name}") as show:
        return write(collage, path, scale, background, printing, show)
