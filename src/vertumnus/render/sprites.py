"""Sprites: pictures as premultiplied mip levels in one flat array, as the kernels read them.

How a sprite is sampled, in every kernel and in the oracle: at the mip level whose texels are nearest in size
to the raster's pixels, bilinearly, its edge texels repeated outwards; times how much of the pixel lies inside
the picture's rectangle, a ramp one pixel wide across each of its four edges. So an opaque photograph has a
sharp, smooth edge at any scale, as in a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.pyramid import halve, mip_level

MAX_LEVELS = 24


@dataclass(frozen=True)
class Sprites:
    """The mip levels of M pictures with C channels.

    texels   flat, uint8; RGBA is premultiplied. C is 4, or 1 for alpha alone
    table    M x levels x 3: where a level starts in ``texels``, its rows and its columns
    size     M x 2: width and height of the pictures, in their own pixels
    """

    texels: NDArray[np.uint8]
    table: NDArray[np.int64]
    size: NDArray[np.float32]

    @classmethod
    def of(
        cls, pictures: Sequence[NDArray[np.uint8]], size: Sequence[tuple[float, float]], first: Sequence[int]
    ) -> Sprites:
        """From one mip level of each picture.

        pictures  h x w x 4 premultiplied, or h x w alpha
        size      (width, height) of each whole picture
        first     which mip level each array is; finer ones are not there and are never read
        """
        levels: list[list[NDArray[np.uint8]]] = []
        for picture in pictures:
            chain = [np.ascontiguousarray(picture)]
            while max(chain[-1].shape[:2]) > 1:
                chain.append(halve(chain[-1]))
            levels.append(chain)
        count = max((len(chain) + k for chain, k in zip(levels, first, strict=True)), default=1)
        table = np.zeros((len(levels), count, 3), np.int64)
        parts: list[NDArray[np.uint8]] = []
        start = 0
        for row, chain, skipped in zip(table, levels, first, strict=True):
            for level in range(count):
                step = min(max(level - skipped, 0), len(chain) - 1)
                rows, columns = chain[step].shape[:2]
                row[level] = (start + sum(part.size for part in chain[:step]), rows, columns)
            parts.extend(part.ravel() for part in chain)
            start += sum(part.size for part in chain)
        flat = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        return cls(flat, table, np.array(size, np.float32).reshape(-1, 2))


def premultiplied(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an RGBA picture, H x W x 4, colours multiplied by alpha."""
    return np.asarray(image.convert("RGBa"))


def alpha_sprite(alpha: NDArray[np.uint8], level: int) -> tuple[NDArray[np.uint8], int]:
    """Mip level ``level`` of a picture's alpha, and its number; one texel stands for an opaque picture."""
    if alpha.min() == 255:
        return np.full((1, 1), 255, np.uint8), 0
    return mip_level(alpha, level), level


def level_at(scale: float, least: int = 0) -> int:
    """The mip level that a picture drawn at ``scale`` raster pixels to its own is read from.

    least   0, or the number, below it, of a level finer than the picture: of what can be drawn anew at any size

    >>> [level_at(s) for s in (2.0, 1.0, 0.8, 0.7, 0.5, 0.1)]
    [0, 0, 0, 1, 1, 3]
    >>> level_at(5.0, -8)
    -2
    """
    level, texels = 0, np.float32(1) / np.float32(scale)
    while texels > np.float32(1.4142135) and level < MAX_LEVELS:
        texels *= np.float32(0.5)
        level += 1
    while texels < np.float32(0.70710677) and level > least:
        texels *= np.float32(2)
        level -= 1
    return level
