"""A collage as a file of whatever kind: what the command line and the studio write alike."""

from __future__ import annotations

from pathlib import Path

from vertumnus.document.collage import Collage
from vertumnus.export.banded import Progress
from vertumnus.export.openraster import save_openraster
from vertumnus.export.pdf import PrintOptions, inches, save_pdf
from vertumnus.export.picture import DEEP_ZOOM, FORMATS, save_picture
from vertumnus.export.psd import save_psd
from vertumnus.export.svg import save_svg

DOCUMENTS = (".collage", ".json")
KINDS = (*DOCUMENTS, ".svg", *FORMATS, ".ora", ".psd", ".pdf", DEEP_ZOOM)


def write_output(
    collage: Collage,
    path: Path,
    scale: float = 1.0,
    background: str | None = None,
    printing: PrintOptions | None = None,
    progress: Progress | None = None,
) -> str:
    """Writes one output, its kind told by the suffix, one of `KINDS`; returns a line that says what was written.

    scale       pixels to a canvas pixel, of pictures
    background  a CSS colour in place of the collage's own
    progress    called with (done, all) while pictures are drawn

    Raises `VertumnusError` if the place cannot be written, or the collage cannot be said in that format.
    """
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
    if suffix in (".ora", ".psd"):
        save = save_openraster if suffix == ".ora" else save_psd
        width, height = save(collage, path, scale, background, progress)
        return f"{path}: {len(collage.layers)} layers, {width} x {height} pixels"
    width, height = save_picture(collage, path, scale, background, progress)
    return f"{path}: {width} x {height} pixels"
