"""A word's outline as a silhouette to be placed, as a picture with its drawing, and as an element."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.elements.element import Element, make_element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.fonts import Face
from vertumnus.imaging.outline import box, coverage, placed
from vertumnus.wording.colours import Color, as_hex
from vertumnus.wording.glyphs import UNITS, Outline, outline_of
from vertumnus.wording.table import Word

TOUCHED = 1e-3  # of a pixel: from what share on a word touches it
SHARP = 128  # pixels of the longer side of a word's picture, at least
ELEMENT_SIDE = 384  # pixels of the longer side of a word that is packed like any other element
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class Letters:
    """A silhouette that can be drawn at any scale and turn.

    counters   whether what its letters enclose is free
    """

    outline: Outline
    counters: bool = True

    def draw(self, scale: float, degrees: float) -> tuple[NDArray[np.bool_], float, float]:
        """Every pixel it touches, and where its middle lies from their left upper corner."""
        lines = placed(self.outline.segments, scale, degrees)
        left, top, right, bottom = box(lines)
        x, y = -floor(left), -floor(top)
        lines += (x, y, x, y)
        mask = coverage(lines, max(ceil(right) + x, 1), max(ceil(bottom) + y, 1)) > TOUCHED
        if not self.counters:
            mask = ndimage.binary_fill_holes(mask)
        return mask, float(x), float(y)


class Drawn(NamedTuple):
    """A word as a picture.

    png       of its pixels
    drawing   the SVG of one path that they were made of, on a canvas of those pixels
    x, y      of the canvas: where the picture's middle goes
    scale     canvas pixels to one of the picture's
    """

    png: bytes
    drawing: bytes
    x: float
    y: float
    scale: float


def draw_word(outline: Outline, scale: float, degrees: float, x: float, y: float, color: Color, title: str) -> Drawn:
    """The picture of a word whose middle goes to (x, y), ``scale`` canvas pixels to an em.

    A level or upright word's picture lies on whole canvas pixels, so that it is drawn as sharply as it was made.
    """
    longer = max(outline.width, outline.height) * scale
    finer = max(1, ceil(SHARP / max(longer, 1e-9))) if longer < SHARP else 1
    finer = min(finer, 64)
    em = scale * finer
    width, height = (2 * ceil(side * em / 2 + finer) for side in (outline.width, outline.height))
    dx = dy = 0.0
    if degrees % 90 == 0:
        turned = degrees % 180 != 0
        wide, high = (height, width) if turned else (width, height)
        left, top = x - wide / finer / 2, y - high / finer / 2
        shift = np.array([left - floor(left), top - floor(top)])
        x, y = x - shift[0], y - shift[1]
        # In the picture's own axes, which are turned.
        angle = np.deg2rad(degrees)
        cos, sin = round(np.cos(angle)), round(np.sin(angle))
        dx, dy = float(cos * shift[0] + sin * shift[1]) * finer, float(-sin * shift[0] + cos * shift[1]) * finer
    middle = width / 2 + dx, height / 2 + dy
    ink = coverage(placed(outline.segments, em, 0.0, *middle), width, height)
    return Drawn(_png(ink, color), _svg(outline, em, middle, width, height, color, title), x, y, 1 / finer)


def _png(ink: NDArray[np.float32], color: Color) -> bytes:
    """Ink of one colour: a palette of that colour in every opacity."""
    image = Image.fromarray(np.rint(ink * 255).astype(np.uint8), "P")
    image.putpalette(bytes(color) * 256)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes(range(256)), compress_level=3)
    return buffer.getvalue()


def _svg(
    outline: Outline, em: float, middle: tuple[float, float], width: int, height: int, color: Color, title: str
) -> bytes:
    """The word as an SVG of one path."""
    return (
        f'<svg xmlns="{SVG}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<path fill="{as_hex(color)}" transform="translate({middle[0]:.6g} {middle[1]:.6g}) scale({em / UNITS:.9g})"'
        f' d="{outline.path}"><title>{escape(title)}</title></path></svg>\n'
    ).encode()


def word_outlines(
    words: Sequence[Word], face: Face, ligatures: bool = True
) -> tuple[list[Word], list[Outline], list[tuple[str, str]]]:
    """The words that can be drawn with their outlines, and (word, reason) of those that cannot.

    Raises `VertumnusError` if none can.
    """
    kept: list[Word] = []
    outlines: list[Outline] = []
    skipped: list[tuple[str, str]] = []
    features = features_of(ligatures)
    for word in words:
        try:
            outlines.append(outline_of(word.text, face, features))
        except VertumnusError as error:
            skipped.append((word.text, str(error)))
        else:
            kept.append(word)
    if not kept:
        raise VertumnusError(f"no word can be drawn: {skipped[0][1]}" if skipped else "there is no word")
    return kept, outlines, skipped


def features_of(ligatures: bool) -> dict[str, bool]:
    """The OpenType features that are switched on or off."""
    return {} if ligatures else {"liga": False, "clig": False, "dlig": False}


def shares(words: Sequence[Word], outlines: Sequence[Outline], size_by: str) -> NDArray[np.float64]:
    """The share of all ink that each word gets.

    area     in proportion to its weight
    height   its letters' height is in proportion to its weight
    log      their height is in proportion to the logarithm of e times its weight over the lightest's
    """
    weights = np.array([word.weight for word in words])
    ink = np.array([outline.area for outline in outlines])
    relative = weights / weights.min()
    if size_by == "area":
        found = relative
    elif size_by == "height":
        found = ink * relative**2
    else:
        found = ink * (1 + np.log(relative)) ** 2
    return found / found.sum()


def word_elements(
    words: Sequence[Word], outlines: Sequence[Outline], colors: Sequence[Color], share: NDArray[np.float64]
) -> list[Element]:
    """Words as elements that are packed like any other, their weights their shares of ink."""
    found = []
    # The mean weighs 1, as a picture does that nothing is said of.
    for word, outline, color, part in zip(words, outlines, colors, share * len(words), strict=True):
        side = ELEMENT_SIDE / max(outline.width, outline.height)
        drawn = draw_word(outline, side, 0.0, 0.0, 0.0, color, title_of(word))
        found.append(
            make_element(drawn.png, None, word.text, word.text, None, drawn.drawing).weighted(
                float(np.clip(part, 1e-6, 1e6))
            )
        )
    return found


def title_of(word: Word) -> str:
    """What a word says when it is pointed at."""
    return f"{word.text}: {word.weight:g}"
