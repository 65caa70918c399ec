"""Cells that move along with the picture: where the camera pans, the grid pans with what it shows."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.mosaic.match.grid import Grid

SEEN = 256  # pixels of the longer side that motion is told from
BETTER = 0.6  # of the difference of two frames, that is left at most where one is the other moved
LEAST = 0.1  # pixels of those: less is none
FARTHEST = 0.25  # of the frame's sides: more is a cut
STEPS = 16  # to a pixel of those

Floats = NDArray[np.float64]


class Eye:
    """Sees how far the whole picture has moved from one frame to the next."""

    def __init__(self) -> None:
        self._before: Floats | None = None

    def moved(self, frame: Image.Image) -> tuple[float, float]:
        """Pixels of the frame that everything went to the right and down since the last one; 0, 0 where only parts
        moved, nothing did, or it was a cut.
        """
        factor = min(1.0, SEEN / max(frame.size))
        size = max(1, round(frame.width * factor)), max(1, round(frame.height * factor))
        now = np.asarray(frame.convert("L").resize(size, Image.Resampling.BOX), np.float64)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or min(size) < 16:
            return 0.0, 0.0
        down, across = self._shift(before, now)
        if max(abs(down), abs(across)) < LEAST or abs(down) > FARTHEST * size[1] or abs(across) > FARTHEST * size[0]:
            return 0.0, 0.0
        rim = math.ceil(max(abs(down), abs(across))) + 1
        inner = (slice(rim, -rim), slice(rim, -rim))
        moved = ndimage.shift(before, (down, across), order=1, mode="nearest")
        if np.abs(moved - now)[inner].mean() > BETTER * np.abs(before - now)[inner].mean():
            return 0.0, 0.0
        return across * frame.width / size[0], down * frame.height / size[1]

    @staticmethod
    def _shift(before: Floats, now: Floats) -> tuple[float, float]:
        """How far the second picture is the first moved, rows and columns, by the peak of their correlation."""
        from skimage.registration import phase_cross_correlation

        window = np.outer(np.hanning(now.shape[0]), np.hanning(now.shape[1]))
        pair = [(one - one.mean()) * window for one in (before, now)]
        shift, _, _ = phase_cross_correlation(pair[1], pair[0], upsample_factor=STEPS)
        return float(shift[0]), float(shift[1])


class Panned(NamedTuple):
    """The cells that show of a grid that goes on without end.

    grid   their boxes on the canvas; at its rim they reach beyond
    keys   N x 2: column and row of each in the endless grid
    """

    grid: Grid
    keys: NDArray[np.int64]


def panned(grid: Grid, rows: int, columns: int, across: float, down: float) -> Panned:
    """A grid of rows x columns rectangles, moved to the right and down by so many pixels of the reference."""
    wide, tall = grid.width / columns, grid.height / rows
    first, count = _span(across, wide, columns)
    upper, high = _span(down, tall, rows)
    keys = np.stack(np.meshgrid(np.arange(first, first + count), np.arange(upper, upper + high)), -1).reshape(-1, 2)
    side = np.array([wide, tall])
    corner = keys * side + np.array([across, down])
    return Panned(Grid(grid.width, grid.height, np.concatenate([corner, corner + side], axis=1)), keys)


def _span(offset: float, side: float, count: int) -> tuple[int, int]:
    """The first cell that shows, and how many do."""
    first = math.floor(-offset / side + 1e-9)
    return first, count if abs(first * side + offset) < 1e-6 * side else count + 1


def carried(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.intp]:
    """For each cell of one frame the same cell's place in the frame before, -1 for one that has come into sight."""
    known = {key: n for n, key in enumerate(map(tuple, before.tolist()))}
    return np.array([known.get(key, -1) for key in map(tuple, now.tolist())], np.intp)
