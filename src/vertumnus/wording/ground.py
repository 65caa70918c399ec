"""What words are placed on: a raster of a size that the words and the canvas's proportions alone decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.errors import VertumnusError
from vertumnus.shapes import Shape
from vertumnus.wording.glyphs import Outline
from vertumnus.wording.options import WordOptions

LETTER = 4.5  # raster pixels of the root of a small word's ink, a letter: what the raster is chosen for
RASTER = (90_000, 2_500_000)  # least and most pixels of it
INK = 0.45  # of the shape's area, about what is reached
HAIR = 0.12  # of the root of a small word's ink, a letter: the gap that is kept when none is asked for


class Ground(NamedTuple):
    """A raster to place words on.

    inside   H x W, which of its pixels are in the shape, whole
    zoom     its pixels to one of the canvas
    gap      kept between words, its pixels
    """

    inside: NDArray[np.bool_]
    zoom: float
    gap: float

    def offset(self, width: int, height: int) -> tuple[float, float]:
        """Where its left upper corner lies on the canvas, which it is centred on."""
        high, wide = self.inside.shape
        return (width - wide / self.zoom) / 2, (height - high / self.zoom) / 2


def make_ground(
    shape: Shape,
    width: int,
    height: int,
    share: NDArray[np.float64],
    outlines: Sequence[Outline],
    options: WordOptions,
) -> Ground:
    """The raster for words with their shares of all ink.

    Raises `VertumnusError` if the shape is empty.
    """
    letters = np.array([max(len(outline.text.replace(" ", "")), 1) for outline in outlines])
    small = float(np.quantile(np.sqrt(share / letters), 0.05))
    aspect = width / height
    pixels = float(np.clip((LETTER / small) ** 2 / INK, *RASTER))
    for _ in range(2):  # a shape that fills little of the canvas has a finer raster
        wide, high = max(16, round(np.sqrt(pixels * aspect))), max(16, round(np.sqrt(pixels / aspect)))
        inside = shape.coverage(wide, high) >= 250
        area = int(np.count_nonzero(shape.checked(inside)))
        pixels = float(np.clip(pixels * wide * high / area, *RASTER))
    zoom = min(wide / width, high / height)
    if options.border > 0:
        inside = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > options.border * zoom
        if not inside.any():
            raise VertumnusError(f"`border`: at {options.border:g} nothing is left of the shape {shape.spec}")
        shape.checked(inside)
    gap = options.gap * zoom if options.gap is not None else HAIR * small * np.sqrt(INK * area)
    return Ground(inside, zoom, float(gap))
