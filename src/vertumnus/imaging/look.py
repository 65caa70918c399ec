"""What a picture looks like in a few numbers: enough to tell two that look alike, and to order many by colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.decode import open_image
from vertumnus.imaging.light import in_space

ACROSS, DOWN = 9, 8  # cells of the grid whose neighbours are compared
SAME_BITS = 12  # of 64, that may differ in pictures that look alike
SAME_COLOUR = 0.1  # of OKLab, that their mean colours may differ by
SEEN = 64  # pixels of a JPEG's sides that are enough
FLAT = 2.0  # of 255: cells that differ by less are alike, whichever is lighter


class Look(NamedTuple):
    """A picture's fingerprint and mean colour.

    bits     64 of them: whether each cell of a grid is lighter than the one to its left (difference hash)
    colour   OKLab: lightness 0 to 1, green to red, blue to yellow
    """

    bits: int
    colour: tuple[float, float, float]

    @property
    def hue(self) -> float:
        """Of the mean colour, 0 to 1, from red over yellow, green and blue."""
        return math.atan2(self.colour[2], self.colour[1]) / (2 * math.pi) % 1.0

    @property
    def chroma(self) -> float:
        """How colourful the mean colour is; 0 is grey."""
        return math.hypot(self.colour[1], self.colour[2])


def look_of(picture: Image.Image) -> Look:
    """What a picture of any mode looks like. Where it is transparent it counts as middle grey, and for no colour."""
    small = np.asarray(
        picture.convert("RGBA").convert("RGBa").resize((ACROSS, DOWN), Image.Resampling.BOX), np.float64
    )
    colour, alpha = small[..., :3], small[..., 3:]
    shown = colour + (255 - alpha) * 0.5
    grey = shown @ [0.299, 0.587, 0.114]
    lighter = grey[:, 1:] > grey[:, :-1] + FLAT
    bits = int.from_bytes(np.packbits(lighter).tobytes(), "big")
    mean = colour.sum(axis=(0, 1)) / max(float(alpha.sum()), 1e-9)
    lab = in_space(np.clip(mean, 0, 1).astype(np.float32), "oklab")
    return Look(bits, (round(float(lab[0]), 4), round(float(lab[1]), 4), round(float(lab[2]), 4)))


def look_of_file(data: bytes, where: str) -> Look:
    """What an encoded picture looks like; a JPEG is decoded no larger than that takes.

    Raises `VertumnusError` if it cannot be decoded.
    """
    with open_image(data, where) as image:
        image.draft("RGB", (SEEN, SEEN))
        return look_of(image)


def alike(looks: Sequence[Look]) -> NDArray[np.bool_]:
    """Which pictures look alike, N x N: few bits of the fingerprints differ, and the mean colours little."""
    bits = np.array([look.bits for look in looks], np.uint64)
    colour = np.array([look.colour for look in looks], np.float32).reshape(-1, 3)
    out = np.empty((len(looks), len(looks)), bool)
    for n in range(len(looks)):
        differ = np.bitwise_count(bits ^ bits[n])
        out[n] = (differ <= SAME_BITS) & (((colour - colour[n]) ** 2).sum(axis=1) <= SAME_COLOUR**2)
    return out


def kinds_of(looks: Sequence[Look]) -> NDArray[np.intp]:
    """A number for each picture, the same for those that look alike, or like one that looks alike."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components(csr_matrix(alike(looks).astype(np.int8)), directed=False)[1], np.intp)
