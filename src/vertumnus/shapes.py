"""Shapes: the region of the canvas that elements fill, from a picture, a drawing, a text or an icon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from vertumnus.elements.icons import draw_icon, find_icon
from vertumnus.elements.svg import draw_svg, read_svg
from vertumnus.errors import VertumnusError, about, did_you_mean
from vertumnus.imaging.decode import open_image, picture_of
from vertumnus.imaging.fonts import Face, shaped, split_by_face
from vertumnus.limits import MAX_RASTER_PIXELS
from vertumnus.reading import read_file

MARGIN = 0.04  # of the canvas, kept free around texts, icons and built-in shapes
THICKENED = 0.036  # of the letters' size, by which text without a font of its own is made bolder
MASK_PIXELS = 36_000_000  # of a mask as it is drawn; what is larger is enlarged from it
TINY = 16  # canvas pixels; a shape below this is taken for a slip

Coverage = NDArray[np.uint8]
Drawing = Callable[[int, int], Coverage]

# Each with the box its ink fills.
BUILT_IN = {
    "circle": ("0 0 100 100", '<circle cx="50" cy="50" r="50"/>'),
    "heart": (
        "2 5 96 89",
        '<path d="M50 94 C20 70 2 53 2 31 C2 15 14 5 27 5 C37 5 46 11 50 20'
        ' C54 11 63 5 73 5 C86 5 98 15 98 31 C98 53 80 70 50 94Z"/>',
    ),
    "square": ("0 0 100 100", '<path d="M0 0H100V100H0Z"/>'),
    "star": (
        "0.5 2.4 99 94.4",
        '<path d="M50 2.4 L61.8 38.2 L99.5 38.5 L69.1 60.8 L80.4 96.8 L50 74.9'
        ' L19.6 96.8 L30.9 60.8 L.5 38.5 L38.2 38.2Z"/>',
    ),
}
WHOLE = "canvas"


@dataclass(frozen=True)
class Shape:
    """A region that can be drawn at any size.

    spec      how it was named
    drawing   (width, height) -> H x W coverage of 0 to 255, fitted whole and centred
    blocked   drawings of areas to keep free
    """

    spec: str
    drawing: Drawing
    blocked: tuple[Drawing, ...] = field(default=())

    def coverage(self, width: int, height: int) -> Coverage:
        """How much of each pixel of a width x height canvas is in the shape, 0 to 255.

        Raises `VertumnusError` for a canvas too large to be kept in memory.
        """
        if not 1 <= width * height <= MAX_RASTER_PIXELS:
            raise VertumnusError(f"{self.spec}: is not drawn on {width} x {height} pixels, which is too much")
        covered = self.drawing(width, height)
        for block in self.blocked:
            covered = np.minimum(covered, 255 - block(width, height))
        return covered

    def mask(self, width: int, height: int) -> NDArray[np.bool_]:
        """Which pixels of a width x height canvas are in the shape; drawn no larger than `drawn_size`, then enlarged.

        Raises `VertumnusError` if none is.
        """
        if not 1 <= width * height <= MAX_RASTER_PIXELS:
            raise VertumnusError(f"{self.spec}: is not drawn on {width} x {height} pixels, which is too much")
        return enlarged(self.checked(self.coverage(*drawn_size(width, height)) > 127), width, height)

    def checked(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask, if it holds anything.

        Raises `VertumnusError` if it does not.
        """
        if np.count_nonzero(mask) < TINY:
            high, wide = mask.shape
            raise VertumnusError(f"{self.spec}: the shape is empty at the size {wide} x {high}")
        return mask


def drawn_size(width: int, height: int) -> tuple[int, int]:
    """The size that a mask of width x height pixels is drawn and kept in a document at, of `MASK_PIXELS` at most."""
    factor = min(1.0, (MASK_PIXELS / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


def enlarged(mask: NDArray[np.bool_], width: int, height: int) -> NDArray[np.bool_]:
    """A mask that was drawn smaller, on width x height pixels: what it is from is all that this depends on."""
    if mask.shape == (height, width):
        return mask
    drawn = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    return np.asarray(drawn.resize((width, height), Image.Resampling.BILINEAR)) > 127


def parse_shape(
    spec: str | Path | Shape | Image.Image | NDArray[Any],
    *,
    invert: bool = False,
    font: str | Path | None = None,
    block: Sequence[str | Path] = (),
) -> Shape:
    """The shape that ``spec`` names.

    spec    a picture or SVG file, ``text:Q``, ``icon:NAME``, ``circle``, ``heart``, ``square``, ``star``,
            or ``canvas`` for all of it; or a picture itself, from Pillow or as an array: H x W of greys from 0 to
            255 or of truth, H x W x 3 or 4 of colours. All dark is all of the canvas
    invert  a picture's light (or transparent) part instead of its dark (or opaque) one
    font    a TrueType or OpenType file for ``text:``
    block   further specs whose area is kept free

    Raises `VertumnusError` if there is no such shape or the file cannot be used.
    """
    if isinstance(spec, Shape):
        return spec
    if isinstance(spec, Image.Image | np.ndarray):
        with about("`block`", *block):
            blocked = tuple(_drawing(str(mask), False, font) for mask in block)
        return Shape("a picture", _given(spec, invert), blocked)
    if invert and str(spec) == WHOLE:
        raise VertumnusError("`invert`: of the whole canvas nothing is left; name a shape")
    with about("`block`", *block):
        blocked = tuple(_drawing(str(mask), False, font) for mask in block)
    return Shape(str(spec), _drawing(str(spec), invert, font), blocked)


def _drawing(spec: str, invert: bool, font: str | Path | None) -> Drawing:
    kind, colon, rest = spec.partition(":")
    if kind == "text" and colon:
        drawing = _text(rest, font)
    elif kind == "icon" and colon:
        drawing = _icon(rest)
    elif spec == WHOLE:
        drawing = _whole
    elif spec in BUILT_IN:
        box, body = BUILT_IN[spec]
        text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{body}</svg>'
        drawing = _inset(lambda width, height: draw_svg(text, width, height, spec, own=True)[..., 3])
    else:
        return _file(Path(spec), invert)
    if not invert:
        return drawing
    return lambda width, height: 255 - drawing(width, height)


def _whole(width: int, height: int) -> Coverage:
    return np.full((height, width), 255, np.uint8)


def _centred(ink: Coverage, width: int, height: int) -> Coverage:
    """The ink in the middle of an empty canvas."""
    canvas = np.zeros((height, width), np.uint8)
    ink = ink[:height, :width]
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return canvas


def _inset(draw: Drawing) -> Drawing:
    """The drawing with the canvas's margin around it."""

    def drawing(width: int, height: int) -> Coverage:
        margin = MARGIN * min(width, height)
        inner = max(1, round(width - 2 * margin)), max(1, round(height - 2 * margin))
        return _centred(draw(*inner), width, height)

    return drawing


def _icon(name: str) -> Drawing:
    glyph = find_icon(name)
    return _inset(lambda width, height: draw_icon(glyph, width, height))


def _text(text: str, font_file: str | Path | None) -> Drawing:
    text = text.replace("\\n", "\n")
    if not text.strip():
        raise VertumnusError("text: the shape's text is empty; write text:Q")
    own = Face(Path(font_file), fat=True) if font_file is not None else None
    if own is not None:
        own.at(16)
    try:
        lines = _in_lines(split_by_face(text, own))
    except VertumnusError as error:
        raise VertumnusError(f"text:{text}: {error}") from None
    trial_size = 256
    trial = _write(text, lines, trial_size)

    def draw(width: int, height: int) -> Coverage:
        return _write(text, lines, trial_size * min(width / trial.shape[1], height / trial.shape[0]))

    return _inset(draw)


def _in_lines(pieces: list[tuple[Face, str]]) -> list[list[tuple[Face, str]]]:
    lines: list[list[tuple[Face, str]]] = [[]]
    for face, piece in pieces:
        first, *others = piece.split("\n")
        lines[-1].append((face, first))
        lines += [[(face, other)] for other in others]
    return lines


def _write(text: str, lines: list[list[tuple[Face, str]]], size: float) -> Coverage:
    """The ink of a text, lines centred. Letters of fonts that are not fat are thickened and set as much wider: a text
    that is filled with pictures wants fat letters.
    """
    rows: list[list[tuple[float, str, ImageFont.FreeTypeFont, float]]] = []
    lengths = []
    fonts = {face: face.at(size) for line in lines for face, _ in line}
    for line in lines:
        row, length = [], 0.0
        for face, piece in line:
            font, stroke = fonts[face], 0.0 if face.fat else THICKENED * size
            if not stroke or shaped(piece):
                row.append((length, piece, font, stroke))
                length += font.getlength(piece)
                continue
            starts = [length + font.getlength(piece[:n]) + 2.2 * stroke * n for n in range(len(piece) + 1)]
            row += [(start, sign, font, stroke) for start, sign in zip(starts, piece, strict=False)]
            length = starts[-1]
        rows.append(row)
        lengths.append(length)
    ascent = max(font.getmetrics()[0] for font in fonts.values())
    descent = max(font.getmetrics()[1] for font in fonts.values())
    step = 0.88 * (ascent + descent) if len(rows) > 1 else 0.0
    margin = ascent + descent + THICKENED * size
    image = Image.new("L", (round(max(lengths) + 2 * margin), round(step * len(rows) + 2 * margin)))
    pen = ImageDraw.Draw(image)
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        left, base = margin + (max(lengths) - length) / 2, margin / 2 + number * step + ascent
        for start, piece, font, stroke in row:
            pen.text((left + start, base), piece, fill=255, font=font, stroke_width=stroke, anchor="ls")
    found = image.getbbox()
    if found is None:
        raise VertumnusError(f"text:{text}: the font draws nothing for it")
    return np.asarray(image.crop(found))


def _file(path: Path, invert: bool) -> Drawing:
    try:
        data = read_file(path)
    except FileNotFoundError:
        known = [*BUILT_IN, WHOLE]
        hint = did_you_mean(str(path), known) or "; write a file, text:Q, icon:NAME or " + ", ".join(known)
        raise VertumnusError(f"{path}: there is no such shape{hint}") from None
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror})") from None
    if path.suffix.lower() in (".svg", ".svgz"):
        text = read_svg(data, str(path))
        trial = _threshold(Image.fromarray(draw_svg(text, 512, 512, str(path)), "RGBA"), str(path), invert)

        def draw(width: int, height: int) -> Coverage:
            image = Image.fromarray(draw_svg(text, width, height, str(path)), "RGBA")
            return _centred(trial.soft_mask(image), width, height)

        return draw
    return _picture(_open(path), str(path), invert)


def _given(picture: Image.Image | NDArray[Any], invert: bool) -> Drawing:
    """The shape that a picture in memory shows, as that of a file does; what is dark all over is all of it."""
    picture = picture_of(picture, "`shape`")
    image = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("L")
    greys = np.asarray(image)
    if image.mode == "L" and greys.min() == greys.max() < 128:
        if invert:
            raise VertumnusError("`invert`: of a picture that is dark all over nothing is left")
        return _whole
    return _picture(image, "the shape's picture", invert)


def _picture(image: Image.Image, where: str, invert: bool) -> Drawing:
    rule = _threshold(image, where, invert)
    grey = rule.channel(image)

    def fit(width: int, height: int) -> Coverage:
        ratio = min(width / grey.width, height / grey.height)
        size = max(1, round(grey.width * ratio)), max(1, round(grey.height * ratio))
        scaled = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        return _centred(rule.apply(np.asarray(scaled)), width, height)

    return fit


def _open(path: Path) -> Image.Image:
    try:
        data = read_file(path)
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be used as a shape ({error.strerror or error})") from None
    with open_image(data, f"{path}: cannot be used as a shape") as image:
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGBA") if upright.has_transparency_data else upright.convert("L")


@dataclass(frozen=True)
class _Threshold:
    """What of a picture is the shape: its alpha above a half, or its greys below a level."""

    by_alpha: bool
    level: float
    contrast: float
    invert: bool

    def channel(self, image: Image.Image) -> Image.Image:
        if self.by_alpha:
            return image.getchannel("A")
        return image.convert("L")

    def apply(self, values: NDArray[np.uint8]) -> Coverage:
        """0 to 255, with 127.5 exactly on the edge and the picture's own soft edge around it."""
        above = (values.astype(np.float32) - self.level) * (255 / self.contrast)
        if self.by_alpha == self.invert:
            above = -above
        return np.clip(127.5 + above, 0, 255).round().astype(np.uint8)

    def soft_mask(self, image: Image.Image) -> Coverage:
        return self.apply(np.asarray(self.channel(image)))


def _threshold(image: Image.Image, where: str, invert: bool) -> _Threshold:
    """By alpha if the picture has any; else its dark pixels, split from the light ones where Otsu splits.

    The level lies half-way between the mean of the dark and the mean of the light pixels, so that the edge
    of an antialiased drawing is found in its middle.
    """
    if image.mode == "RGBA" and np.asarray(image.getchannel("A")).min() < 128:
        rule = _Threshold(True, 127.5, 255.0, invert)
    else:
        from skimage.filters import threshold_otsu

        grey = np.asarray(image.convert("L"))
        if grey.min() == grey.max():
            raise VertumnusError(
                f"{where}: the picture is one flat colour, so it shows no shape; use {WHOLE} for the whole canvas"
            )
        split = threshold_otsu(grey)
        dark, light = float(grey[grey <= split].mean()), float(grey[grey > split].mean())
        rule = _Threshold(False, (dark + light) / 2, light - dark, invert)
    mask = rule.soft_mask(image) > 127
    if not mask.any():
        raise VertumnusError(f"{where}: the shape is empty; try --invert")
    if mask.all():
        raise VertumnusError(f"{where}: the shape is the whole picture; try --invert, or use {WHOLE}")
    return rule
