"""Where cells lie. Units are those of the reference picture's pixels; a grid does not depend on the output's size."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import perceptual
from vertumnus.limits import MAX_CELLS

Kind = Literal["rectangle", "brick", "hexagon"]
COARSE = 8  # cells along the shorter side before any is divided
FINEST = 4  # pixels of the reference that a cell's shorter side keeps at least
UNEVEN = 0.7  # power of the area in what is divided first: 1 is by summed squared error, 0 by variance alone


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of one aspect that together cover a width x height canvas.

    boxes   N x 4: left, top, right, bottom. At the borders they may reach beyond the canvas, so that every cell
            shows a tile of the same aspect, cut there. A hexagon's box is the one around it.
    kind    of a cell; hexagons have a point at their top
    step    distance between the centres of hexagons beside each other and of rows, for hexagons
    """

    width: float
    height: float
    boxes: NDArray[np.float64]
    kind: Kind = "rectangle"
    step: tuple[float, float] = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def aspect(self) -> float:
        """Width over height of a cell."""
        left, top, right, bottom = self.boxes[0]
        return float((right - left) / (bottom - top))

    @property
    def centres(self) -> NDArray[np.float64]:
        """N x 2, in the unit of one average cell: the distance between neighbours is about 1."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2 / self._unit(sides)

    def _unit(self, sides: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(self.step) if self.kind == "hexagon" else sides.mean(axis=0)


def regular_grid(width: float, height: float, rows: int, columns: int, kind: Kind = "rectangle") -> Grid:
    """Rows x columns cells over a canvas.

    kind   rectangle: a plain grid. brick: every second row half a cell to the side. hexagon: every second row half
           a cell to the side, and each cell the pixels nearest its centre; rows then stand three quarters of a
           cell's height apart.

    Raises `VertumnusError` for fewer than 1 or more than `MAX_CELLS` cells.
    """
    if rows < 1 or columns < 1 or rows * columns > MAX_CELLS:
        raise VertumnusError(f"`grid`: {rows} x {columns} cells; there must be 1 to {MAX_CELLS:,}")
    # The straight sides of the outermost hexagons end on the border, so that nothing shows between their points.
    across, down = width / columns, height / (rows - (1 / 3 if kind == "hexagon" else 0))
    boxes = []
    for row in range(rows):
        odd = row % 2 if kind != "rectangle" else 0
        left = (np.arange(columns + odd) - 0.5 * odd) * across
        top = (row - (1 / 3 if kind == "hexagon" else 0)) * down
        bottom = top + (4 / 3 if kind == "hexagon" else 1.0) * down
        boxes.append(np.stack([left, np.full_like(left, top), left + across, np.full_like(left, bottom)], axis=1))
    return Grid(width, height, np.concatenate(boxes), kind, (across, down))


def level_grid(width: float, height: float, level: int, kind: Kind = "rectangle") -> Grid:
    """2^L x 2^L cells (Generative Photomosaic, section 4.2).

    Raises `VertumnusError` for a level below 0 or above 10.
    """
    if not 0 <= level <= 10:
        raise VertumnusError(f"`level`: must be 0 to 10, not {level}")
    return regular_grid(width, height, 2**level, 2**level, kind)


def count_grid(width: float, height: float, count: int, aspect: float = 1.0, kind: Kind = "rectangle") -> Grid:
    """About ``count`` cells of about the given aspect: the rows and columns that come nearest to both.

    Raises `VertumnusError` for a count below 1 or above `MAX_CELLS`.
    """
    if not 1 <= count <= MAX_CELLS:
        raise VertumnusError(f"`count`: must be 1 to {MAX_CELLS:,}, not {count}")
    # Hexagons stand three quarters of their height apart.
    ideal = (count * height / width * aspect * (4 / 3 if kind == "hexagon" else 1)) ** 0.5

    def miss(rows: int) -> tuple[float, int]:
        columns = max(1, round(count / rows))
        shape = (width / columns) / (height / rows) * (3 / 4 if kind == "hexagon" else 1)
        return abs(np.log(rows * columns / count)) + abs(np.log(shape / aspect)), rows

    near = range(max(1, int(0.8 * ideal) - 1), int(1.25 * ideal) + 2)
    rows = min(near, key=miss)
    return regular_grid(width, height, rows, max(1, round(count / rows)), kind)


def adaptive_grid(
    light: NDArray[np.float32], count: int, aspect: float = 1.0, weight: NDArray[np.float32] | None = None
) -> Grid:
    """About ``count`` cells; again and again the one with the most unevenness is divided in four.

    light    the reference, H x W x 3, linear light
    aspect   of the cells, width over height
    weight   h x w of any size: what unevenness counts there; the same everywhere by default

    Unevenness is the variance of perceptual colour within a cell, times a power of its area. Ties go to the cell
    higher up, then further left. Raises `VertumnusError` for a count below 1 or above `MAX_CELLS`.
    """
    if not 1 <= count <= MAX_CELLS:
        raise VertumnusError(f"`count`: must be 1 to {MAX_CELLS:,}, not {count}")
    height, width, _ = light.shape
    coarse = min(COARSE, max(1, int((count / 4) ** 0.5)))
    span = min(float(height), width / aspect) / coarse
    rows, columns = max(1, round(height / span)), max(1, round(width / aspect / span))
    seen = perceptual(light).astype(np.float64)
    heavy = None if weight is None else _summed(weight[..., None].astype(np.float64))
    sums = _summed(np.concatenate([seen, (seen**2).sum(axis=-1, keepdims=True)], axis=-1))

    def unevenness(box: tuple[float, float, float, float]) -> float:
        left, top, right, bottom = (round(edge) for edge in box)
        if min(box[2] - box[0], box[3] - box[1]) < 2 * FINEST:
            return 0.0
        total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        area = (bottom - top) * (right - left)
        uneven = max(total[3] / area - float(((total[:3] / area) ** 2).sum()), 0.0) * area**UNEVEN
        return uneven if heavy is None else uneven * _mean(heavy, box, width, height)

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


def _mean(sums: NDArray[np.float64], box: tuple[float, float, float, float], width: int, height: int) -> float:
    """The mean of a map, given summed up, over a box of a width x height picture."""
    rows, columns = sums.shape[0] - 1, sums.shape[1] - 1
    left, right = (round(x * columns / width) for x in (box[0], box[2]))
    top, bottom = (round(y * rows / height) for y in (box[1], box[3]))
    left, top = min(left, columns - 1), min(top, rows - 1)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return float(total[0]) / ((bottom - top) * (right - left))


def _summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Summed-area table with a row and a column of zeros before it."""
    out = np.zeros((values.shape[0] + 1, values.shape[1] + 1, values.shape[2]))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=out[1:, 1:])
    return out
