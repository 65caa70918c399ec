"""PDF for print: drawings as paths, photographs at the resolution the paper needs, layers by name, bleed, crop marks.

Drawings are converted by Typst, and the file is put together with pikepdf; here is only where things lie.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from vertumnus.checked import Options
from vertumnus.document.collage import Collage, Layer
from vertumnus.document.outline import parse_outline
from vertumnus.errors import VertumnusError
from vertumnus.export.pdf_pictures import PdfPictures
from vertumnus.imaging.colour import parse_colour
from vertumnus.writing import atomic_write

POINT = 1 / 72  # inch
UNITS = {"mm": 1 / 25.4, "cm": 1 / 2.54, "in": 1.0, "pt": POINT}  # inches
CSS_DPI = 96.0  # canvas pixels to an inch where nobody says how large the print is
LENGTH = r"(\d+(?:\.\d+)?)\s*(mm|cm|in|pt)"
MARK = 5.0 / 25.4  # inches that a crop mark is long
MARK_GAP = 2.0 / 25.4  # inches, at least, between the trimmed page and a mark
MAX_NAMED = 2000  # layers that a viewer can show and hide one by one; more are one
MAX_INCHES = 200.0  # a side, as the format has it
Matrix = NDArray[np.floating[Any]]


class PrintOptions(Options):
    """How a PDF is printed."""

    dpi: Annotated[float, Field(ge=10, le=4800, allow_inf_nan=False)] = Field(
        300.0, description="pixels to an inch that photographs keep; without --print-size also the canvas's"
    )
    print_size: str | None = Field(
        None,
        description="of the trimmed page, 20cm wide or 20x30cm, in mm, cm, in or pt; the collage fits in it",
    )
    bleed: str = Field("0mm", description="how far the background and what sticks out go on beyond the trimmed page")
    crop_marks: bool = Field(False, description="lines that say where to trim, in all inks")

    @field_validator("print_size")
    @classmethod
    def _a_size(cls, text: str | None) -> str | None:
        if text is not None and _size(text) is None:
            raise ValueError("must be a width or a size, such as 20cm or 20x30cm")
        return text

    @field_validator("bleed")
    @classmethod
    def _a_length(cls, text: str) -> str:
        if _length(text) is None or not 0 <= (_length(text) or 0) <= 4:
            raise ValueError("must be a length of at most 4in, such as 3mm")
        return text


def _length(text: str) -> float | None:
    """Inches."""
    found = re.fullmatch(LENGTH, text.strip())
    return float(found[1]) * UNITS[found[2]] if found else None


def _size(text: str) -> tuple[float, float | None] | None:
    """Inches, the height where it is said."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*x\s*" + LENGTH, text.strip())
    if found:
        width, height = (float(found[n]) * UNITS[found[3]] for n in (1, 2))
        return (width, height) if min(width, height) > 0 else None
    width_only = _length(text)
    return (width_only, None) if width_only else None


def save_pdf(
    collage: Collage, path: str | Path, background: str | None = None, options: PrintOptions | None = None
) -> tuple[float, float, list[str]]:
    """Writes a collage as one page of PDF and returns its trimmed size in inches, and what PDF cannot say.

    Where ``print_size`` is not said, the page is as large as its pixels at 96 to an inch, as in CSS, or at
    ``options.dpi`` if that was given. Each picture is in the file once: a drawing as paths, a photograph as it is or,
    where it has more pixels than ``dpi`` asks for, reduced. A drawing whose tone is changed becomes pixels. Layers
    are named, and a hidden one is there and hidden.

    Raises `VertumnusError` if pikepdf or Typst is not installed, a picture is gone, the page is too large or the
    place cannot be written.
    """
    pikepdf = _library(path)
    options = options or PrintOptions()
    width, height, unit = _page(collage, options)
    bleed = _length(options.bleed) or 0.0
    margin = max(bleed, MARK_GAP) + MARK if options.crop_marks else bleed
    if max(width, height) + 2 * margin > MAX_INCHES:
        raise VertumnusError(
            f"{path}: a page of {width:.1f} x {height:.1f} inches is too large, at most {MAX_INCHES:g}"
        )
    said: list[str] = []
    if collage.rendering != "alpha":
        said.append(f"its pieces are laid over each other, for PDF knows no {collage.rendering}")
    collage.name_layers()
    pdf = pikepdf.new()
    pictures = PdfPictures(pdf, pikepdf, collage, options.dpi * unit)
    layers = [layer for layer in collage.layers if layer.opacity > 0]
    pictures.prepare(layers)
    named = len(layers) <= MAX_NAMED
    # Canvas pixels, y down, to points, y up, from the corner of the sheet.
    to_page = np.array([[unit, 0, margin], [0, -unit, margin + height], [0, 0, POINT]]) / POINT
    inner = "\n".join(_content(collage, layers, to_page, pictures, named))
    sheet = (width + 2 * margin, height + 2 * margin)
    cut = _box(margin - bleed, sheet, pikepdf)
    colour = background if background is not None else collage.background
    ground = _ground(colour, cut, pictures) if colour is not None else ""
    clip = f"{cut[0]} {cut[1]} {cut[2] - cut[0]} {cut[3] - cut[1]} re W n"
    content = f"q {clip}\n{ground}\n{inner}\nQ\n"
    resources = pictures.resources()
    if options.crop_marks:
        content += _marks(width, height, margin, max(bleed, MARK_GAP))
        resources.ColorSpace = pikepdf.Dictionary(All=_all_inks(pikepdf))
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=_box(0.0, sheet, pikepdf),
        BleedBox=cut,
        TrimBox=_box(margin, sheet, pikepdf),
        Resources=resources,
        Contents=pdf.make_stream(content.encode()),
        Group=pikepdf.Dictionary(S=pikepdf.Name.Transparency, CS=pikepdf.Name.DeviceRGB),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    if named:
        pdf.Root.OCProperties = pictures.layer_list()
    if collage.prompt:
        pdf.docinfo["/Title"] = collage.prompt
    buffer = io.BytesIO()
    pdf.save(
        buffer, deterministic_id=True, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.generate
    )
    with atomic_write(Path(path)) as stream:
        stream.write(buffer.getbuffer())
    return width, height, said + pictures.said


def _library(path: str | Path) -> Any:
    try:
        import pikepdf
        import typst  # noqa: F401
    except ImportError:
        raise VertumnusError(f"{path}: PDF needs pikepdf and Typst; run pip install 'vertumnus[pdf]'") from None
    return pikepdf


def _page(collage: Collage, options: PrintOptions) -> tuple[float, float, float]:
    """Inches of the trimmed page, and of a canvas pixel."""
    size = _size(options.print_size) if options.print_size is not None else None
    if size is None:
        unit = 1 / (options.dpi if "dpi" in options.model_fields_set else CSS_DPI)
    else:
        unit = size[0] / collage.width
        if size[1] is not None:
            unit = min(unit, size[1] / collage.height)
    return collage.width * unit, collage.height * unit, unit


def _box(inset: float, sheet: tuple[float, float], pikepdf: Any) -> Any:
    corners = (inset, inset, sheet[0] - inset, sheet[1] - inset)
    return pikepdf.Array([round(side / POINT, 4) for side in corners])


def _ground(colour: str, box: Any, pictures: PdfPictures) -> str:
    red, green, blue, alpha = parse_colour(colour)
    faint = f"/{pictures.opacity(alpha / 255)} gs " if alpha < 255 else ""
    return (
        f"q {faint}{red / 255:.4g} {green / 255:.4g} {blue / 255:.4g} rg"
        f" {box[0]} {box[1]} {box[2] - box[0]} {box[3] - box[1]} re f Q"
    )


def _content(
    collage: Collage, layers: list[Layer], to_page: Matrix, pictures: PdfPictures, named: bool
) -> Iterator[str]:
    """The operators that draw the layers, back to front."""
    if collage.clip is not None:
        for points in parse_outline(collage.clip):
            at = points @ to_page[:2, :2].T + to_page[:2, 2]
            yield " ".join(f"{x:.3f} {y:.3f} {'l' if n else 'm'}" for n, (x, y) in enumerate(at.tolist())) + " h"
        yield "W* n"
    for layer in layers:
        if not named and not layer.visible:
            continue
        shown = pictures.shown(layer)
        size = collage.pictures.size(layer.image)
        left, top, width, height = layer.crop if layer.crop is not None else (0, 0, *size)
        # From the whole picture's pixels to those of what is shown, and on.
        whole = to_page @ layer.placement.matrix(width, height) @ _shift(-left, -top)
        parts = [f"/OC /{pictures.named(layer)} BDC"] if named else []
        parts.append("q")
        if layer.opacity < 1:
            parts.append(f"/{pictures.opacity(layer.opacity)} gs")
        if layer.crop is not None or layer.outline == "hexagon":
            parts += [_operator(whole), _outline(layer, left, top, width, height), _operator(np.linalg.inv(whole))]
        # An image is drawn on a square of side 1, a drawing on its own pixels; both from the bottom up.
        across, down = size if shown.image else (1.0, 1.0)
        unit = np.array([[across, 0, 0], [0, -down, size[1]], [0, 0, 1.0]])
        parts += [_operator(whole @ unit), f"/{shown.name} Do", "Q"]
        yield " ".join([*parts, "EMC"] if named else parts)


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1.0, 0, x], [0, 1.0, y], [0, 0, 1.0]])


def _operator(matrix: Matrix) -> str:
    numbers = [*matrix[:2, 0], *matrix[:2, 1], *matrix[:2, 2]]
    return " ".join(f"{value:.8f}".rstrip("0").rstrip(".") for value in numbers) + " cm"


def _outline(layer: Layer, left: float, top: float, width: float, height: float) -> str:
    if layer.outline == "hexagon":
        right, bottom, middle = left + width, top + height, left + width / 2
        upper, lower = top + height / 4, bottom - height / 4
        points = ((middle, top), (right, upper), (right, lower), (middle, bottom), (left, lower), (left, upper))
        return " ".join(f"{x:g} {y:g} {'l' if n else 'm'}" for n, (x, y) in enumerate(points)) + " h W n"
    return f"{left} {top} {width} {height} re W n"


def _marks(width: float, height: float, margin: float, gap: float) -> str:
    """Two lines at each corner of the trimmed page, a quarter of a point wide."""
    lines = ["q /All CS 1 SCN 0.25 w"]
    for x, away in ((margin, -1), (margin + width, 1)):
        for y, up in ((margin, -1), (margin + height, 1)):
            ends = ((x + away * gap, y, x + away * (gap + MARK), y), (x, y + up * gap, x, y + up * (gap + MARK)))
            for line in ends:
                x0, y0, x1, y1 = (value / POINT for value in line)
                lines.append(f"{x0:.3f} {y0:.3f} m {x1:.3f} {y1:.3f} l S")
    return "\n".join([*lines, "Q\n"])


def _all_inks(pikepdf: Any) -> Any:
    """The colour that is on every plate (ISO 32000-1, sec. 8.6.6.4)."""
    black = pikepdf.Dictionary(FunctionType=2, Domain=[0, 1], C0=[0, 0, 0, 0], C1=[1, 1, 1, 1], N=1)
    return pikepdf.Array([pikepdf.Name.Separation, pikepdf.Name.All, pikepdf.Name.DeviceCMYK, black])


def inches(value: float) -> str:
    """Inches as people write lengths.

    >>> inches(10)
    '254.0 mm'
    """
    return f"{value * 25.4:.1f} mm" if math.isfinite(value) else "?"
