"""The ways a tile may be shown in a cell: which part of it, mirrored or not, upright or turned."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

ZOOM = 0.8  # of the closer crops
# Position of a crop in the room it has, across and down, and its size; the first is the picture's middle.
CROPS = (
    (0.5, 0.5, 1.0), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.5, 0.5, ZOOM), (0.0, 0.0, ZOOM), (1.0, 0.0, ZOOM),
    (0.0, 1.0, ZOOM), (1.0, 1.0, ZOOM), (0.25, 0.25, 1.0), (0.75, 0.75, 1.0),
)  # fmt: skip
MAX_CROPS = len(CROPS)


class Variant(NamedTuple):
    """One way to show a tile: mirrored first, then turned, as a collage's layers are.

    crop   index into `CROPS`
    turn   quarter turns clockwise
    flip   mirrored left to right
    """

    crop: int
    turn: int
    flip: bool


def variants(crops: int, turns: bool, flips: bool) -> list[Variant]:
    """All ways allowed; the plain one first."""
    return [
        Variant(crop, turn, flip)
        for crop in range(crops)
        for turn in (range(4) if turns else (0,))
        for flip in ((False, True) if flips else (False,))
    ]


def crop_boxes(aspects: NDArray[np.float64], aspect: float, crop: int) -> NDArray[np.float64]:
    """The part of each tile that a crop shows: left, top, right, bottom as shares of the tile, N x 4.

    aspects   width over height of each tile
    aspect    of the crop in the tile's own pixels
    """
    x, y, size = CROPS[crop]
    across = np.minimum(1.0, aspect / aspects) * size
    down = np.minimum(1.0, aspects / aspect) * size
    left, top = (1 - across) * x, (1 - down) * y
    return np.stack([left, top, left + across, top + down], axis=-1)


def oriented(samples: NDArray[Scalar], turn: int, flip: bool) -> NDArray[Scalar]:
    """Pictures (... x H x W x channels) mirrored and then turned clockwise."""
    if flip:
        samples = samples[..., ::-1, :]
    return np.rot90(samples, -turn, axes=(-3, -2)) if turn else samples
