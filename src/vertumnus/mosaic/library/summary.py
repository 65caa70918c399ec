"""What sums a picture up: the mean colours of its parts, and a perceptual hash.

Averages are of sRGB values: a mosaic seen small is nearly always one that a screen or a program has made small, and
that is how they do it. Averages of linear light would match what an eye does far from a print; where tiles have
strong contrast they are brighter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CELLS = 16  # a picture is summed up by CELLS x CELLS means
_LUMA = np.array([0.299, 0.587, 0.114])
# The lowest 8 frequencies of the orthonormal discrete cosine transform of 16 values.
_COSINES = np.cos(np.pi / CELLS * np.outer(np.arange(8), np.arange(CELLS) + 0.5)) * (2 / CELLS) ** 0.5
_COSINES[0] *= 0.5**0.5


def mean_cells(image: Image.Image) -> NDArray[np.uint8]:
    """Mean colour of each of CELLS x CELLS equal parts of an RGB picture, CELLS x CELLS x 3 bytes."""
    return np.asarray(image.resize((CELLS, CELLS), Image.Resampling.BOX))


def perceptual_hash(cells: NDArray[np.number]) -> int:
    """64 bits that change little when a picture is scaled, compressed or brightened.

    cells   16 x 16 x 3 mean sRGB values
    The signs of the 8 x 8 lowest frequencies of its lightness against their median, as in Zauner, "Implementation
    and benchmarking of perceptual image hash functions" (2010), section 3.2.
    """
    lightness = cells @ _LUMA
    low = (_COSINES @ lightness @ _COSINES.T).ravel()
    bits = low[1:] > np.median(low[1:])
    value = int.from_bytes(np.packbits(np.concatenate([[False], bits])).tobytes(), "big")
    return value - (1 << 64) if value >> 63 else value
