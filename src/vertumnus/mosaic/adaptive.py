"""Cells of several sizes: a quadtree that is fine where the reference has detail."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.colour import perceptual
from vertumnus.mosaic.grid import MAX_CELLS, Grid

COARSE = 8  # cells along the shorter side before any is divided
FINEST = 4  # pixels of the reference that a cell's shorter side keeps at least
UNEVEN = 0.7  # power of the area in what is divided first: 1 is by summed squared error, 0 by variance alone


def adaptive_grid(light: NDArray[np.float32], count: int, aspect: float = 1.0) -> Grid:
    """About ``count`` cells; again and again the one with the most unevenness is divided in four.

    light    the reference, H x W x 3, linear light
    aspect   of the cells, width over height

    Unevenness is the variance of perceptual colour within a cell, times a power of its area. Ties go to the cell
    higher up, then further left. Raises `VertumnusError` for a count below 1 or above `MAX_CELLS`.
    """
    if not 1 <= count <= MAX_CELLS:
        raise VertumnusError(f"--count: must be 1 to {MAX_CELLS:,}, not {count}")
    height, width, _ = light.shape
    coarse = min(COARSE, max(1, int((count / 4) ** 0.5)))
    span = min(float(height), width / aspect) / coarse
    rows, columns = max(1, round(height / span)), max(1, round(width / aspect / span))
    seen = perceptual(light).astype(np.float64)
    sums = _summed(np.concatenate([seen, (seen**2).sum(axis=-1, keepdims=True)], axis=-1))

    def unevenness(box: tuple[float, float, float, float]) -> float:
        left, top, right, bottom = (round(edge) for edge in box)
        if min(box[2] - box[0], box[3] - box[1]) < 2 * FINEST:
            return 0.0
        total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        area = (bottom - top) * (right - left)
        return max(total[3] / area - float(((total[:3] / area) ** 2).sum()), 0.0) * area**UNEVEN

    xs, ys = np.linspace(0, width, columns + 1), np.linspace(0, height, rows + 1)
    waiting = []
    for y in range(rows):
        for x in range(columns):
            box = (float(xs[x]), float(ys[y]), float(xs[x + 1]), float(ys[y + 1]))
            waiting.append((-unevenness(box), box[1], box[0], box))
    heapq.heapify(waiting)
    while len(waiting) + 3 <= count and waiting[0][0] < 0:
        _, top, left, (_, _, right, bottom) = heapq.heappop(waiting)
        middle, level = (left + right) / 2, (top + bottom) / 2
        for box in (
            (left, top, middle, level), (middle, top, right, level),
            (left, level, middle, bottom), (middle, level, right, bottom),
        ):  # fmt: skip
            heapq.heappush(waiting, (-unevenness(box), box[1], box[0], box))
    boxes = np.array([box for *_, box in sorted(waiting, key=lambda item: item[1:3])])
    return Grid(float(width), float(height), boxes)


def _summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Summed-area table with a row and a column of zeros before it."""
    out = np.zeros((values.shape[0] + 1, values.shape[1] + 1, values.shape[2]))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=out[1:, 1:])
    return out
