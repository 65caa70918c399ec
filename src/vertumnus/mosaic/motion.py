"""Cells that move along with the picture: where the camera pans or zooms, the grid goes with what it shows.

The motion from one frame to the next is a shift, found by phase correlation, or a shift and a change of scale, found
by Gauss-Newton steps from there (Lucas and Kanade, "An iterative image registration technique", 1981; Baker and
Matthews, "Lucas-Kanade 20 years on", 2004, sec. 3.1), with the weights of a Cauchy distribution, so that parts which
move by themselves count for little.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.mosaic.match.grid import Grid

SEEN = 256  # pixels of the longer side that motion is told from
COARSE = 4  # times smaller, where the search for a change of scale begins
BETTER = 0.6  # of the difference of two frames, that is left at most where one is the other moved
ZOOMED = 0.9  # of what is left by a shift, that is left at most where the scale has changed too
LEAST = 0.1  # pixels of those, at a corner: less is none
FARTHEST = 0.25  # of the frame's sides: more is a cut
LARGEST = 0.1  # change of scale from one frame to the next: more is a cut
STEPS = 16  # to a pixel of those
ITERATIONS = 12
SETTLED = 1e-3  # pixels that a step moves the corners by at least
LARGER = math.sqrt(2)  # times their first size, or a part of it, that cells are before they are laid anew

Floats = NDArray[np.float64]


class Motion(NamedTuple):
    """What lay at p lies at scale * p + (across, down), in pixels of the frame."""

    scale: float = 1.0
    across: float = 0.0
    down: float = 0.0


STILL = Motion()


class Eye:
    """Sees how the whole picture has moved from one frame to the next."""

    def __init__(self) -> None:
        self._before: Floats | None = None

    def moved(self, frame: Image.Image) -> Motion:
        """How everything went since the last frame; `STILL` where only parts moved, nothing did, or it was a cut."""
        factor = min(1.0, SEEN / max(frame.size))
        size = max(1, round(frame.width * factor)), max(1, round(frame.height * factor))
        now = np.asarray(frame.convert("L").resize(size, Image.Resampling.BOX), np.float64)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or min(size) < 16:
            return STILL
        best = 1.0, *_shift(before, now)
        left = _left(before, now, best)
        zoomed = _zoom(before, now, best if left < BETTER else (1.0, 0.0, 0.0))
        if _left(before, now, zoomed) < ZOOMED * min(left, 1.0):
            best, left = zoomed, _left(before, now, zoomed)
        if left > BETTER:
            return STILL
        scale, down, across = best
        # From the middle of the frame, and in its own pixels.
        by = frame.width / size[0], frame.height / size[1]
        return Motion(
            scale,
            (across + (1 - scale) * size[0] / 2) * by[0],
            (down + (1 - scale) * size[1] / 2) * by[1],
        )


def _shift(before: Floats, now: Floats) -> tuple[float, float]:
    """How far the second picture is the first moved, rows and columns, by the peak of their correlation."""
    from skimage.registration import phase_cross_correlation

    window = np.outer(np.hanning(now.shape[0]), np.hanning(now.shape[1]))
    pair = [(one - one.mean()) * window for one in (before, now)]
    shift, _, _ = phase_cross_correlation(pair[1], pair[0], upsample_factor=STEPS)
    return float(shift[0]), float(shift[1])


def _left(before: Floats, now: Floats, motion: tuple[float, float, float]) -> float:
    """The share of the difference of two pictures that a motion about their middle leaves; without end for none."""
    scale, down, across = motion
    half = np.array(now.shape) / 2
    reach = abs(scale - 1) * half + np.abs([down, across])
    if (reach < LEAST).all() or abs(scale - 1) > LARGEST or (np.abs([down, across]) > FARTHEST * 2 * half).any():
        return math.inf
    rim = math.ceil(reach.max()) + 1
    if 2 * rim >= min(now.shape):
        return math.inf
    inner = (slice(rim, -rim), slice(rim, -rim))
    middle = half - 0.5
    went = ndimage.affine_transform(
        before, [1 / scale, 1 / scale], middle - (middle + np.array([down, across])) / scale, order=1, mode="nearest"
    )
    all_of_it = np.abs(before - now)[inner].mean()
    return float(np.abs(went - now)[inner].mean() / all_of_it) if all_of_it > 0 else math.inf


def _zoom(before: Floats, now: Floats, start: tuple[float, float, float]) -> tuple[float, float, float]:
    """Scale and shift, rows and columns, about the middle, that take the first picture to the second."""
    found = np.array([start[0] - 1, start[1], start[2]])
    for times in (COARSE, 1):
        pair = [_smaller(one, times) for one in (before, now)]
        if min(pair[0].shape) < 16:
            continue
        found[1:] /= times
        found = _refined(pair[0], pair[1], found)
        found[1:] *= times
    return 1 + float(found[0]), float(found[1]), float(found[2])


def _smaller(picture: Floats, times: int) -> Floats:
    rows, columns = (side // times * times for side in picture.shape)
    trimmed = picture[:rows, :columns].reshape(rows // times, times, columns // times, times)
    return ndimage.gaussian_filter(trimmed.mean(axis=(1, 3)), 1.0)


def _refined(before: Floats, now: Floats, found: Floats) -> Floats:
    """Gauss-Newton: before(x) = now(x + a (x - middle) + t), for (a, t) near those given."""
    rows, columns = before.shape
    middle = np.array([rows - 1, columns - 1])[:, None] / 2
    at = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")).reshape(2, -1).astype(float)
    away = at - middle
    slopes = np.gradient(now)
    for _ in range(ITERATIONS):
        places = at + found[0] * away + found[1:, None]
        inside = ((places >= 0) & (places <= [[rows - 1], [columns - 1]])).all(axis=0)
        if inside.sum() < 0.25 * inside.size:
            break
        seen = [ndimage.map_coordinates(one, places[:, inside], order=1) for one in (now, *slopes)]
        rest = before.ravel()[inside] - seen[0]
        weight = 1 / (1 + (rest / (2 * np.median(np.abs(rest)) + 1e-6)) ** 2)
        by = np.stack([seen[1] * away[0, inside] + seen[2] * away[1, inside], seen[1], seen[2]])
        step = np.linalg.lstsq((by * weight) @ by.T, (by * weight) @ rest, rcond=None)[0]
        found = found + step
        if abs(step[0]) * max(rows, columns) / 2 + np.abs(step[1:]).max() < SETTLED:
            break
    return found


class Panned(NamedTuple):
    """The cells that show of a grid that goes on without end.

    grid   their boxes on the canvas; at its rim they reach beyond
    keys   N x 2: column and row of each in the endless grid
    """

    grid: Grid
    keys: NDArray[np.int64]


class Lattice(NamedTuple):
    """A grid of rectangles that goes on without end, in pixels of the reference.

    corner   the upper left corner of the cell of column 0 and row 0
    side     width and height of a cell
    """

    corner: tuple[float, float]
    side: tuple[float, float]

    @classmethod
    def of(cls, grid: Grid) -> Lattice:
        """That of a plain grid."""
        wide, tall = (grid.boxes[0, 2:] - grid.boxes[0, :2]).tolist()
        return cls((0.0, 0.0), (wide, tall))

    def moved(self, motion: Motion) -> Lattice:
        """Where it is after a motion."""
        scale, across, down = motion
        x, y = self.corner
        return Lattice((scale * x + across, scale * y + down), (scale * self.side[0], scale * self.side[1]))

    def shown(self, width: float, height: float) -> Panned:
        """What shows of it on a canvas."""
        (first, count), (upper, high) = (
            _span(offset, side, length)
            for offset, side, length in zip(self.corner, self.side, (width, height), strict=True)
        )
        keys = np.stack(np.meshgrid(np.arange(first, first + count), np.arange(upper, upper + high)), -1)
        keys = keys.reshape(-1, 2)
        corner = keys * np.array(self.side) + np.array(self.corner)
        return Panned(Grid(width, height, np.concatenate([corner, corner + np.array(self.side)], axis=1)), keys)

    def lasts(self, first: Lattice) -> bool:
        """Whether its cells are still nearly as large as those of the grid that it was first."""
        return 1 / LARGER <= self.side[0] / first.side[0] <= LARGER


def _span(offset: float, side: float, length: float) -> tuple[int, int]:
    """The first cell that shows, and how many do."""
    first = math.floor(-offset / side + 1e-9)
    return first, max(1, math.ceil((length - offset) / side - first - 1e-6))


def carried(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.intp]:
    """For each cell of one frame the same cell's place in the frame before, -1 for one that has come into sight."""
    known = {key: n for n, key in enumerate(map(tuple, before.tolist()))}
    return np.array([known.get(key, -1) for key in map(tuple, now.tolist())], np.intp)


def laid_anew(old: Lattice, before: NDArray[np.int64], now: Grid) -> NDArray[np.intp]:
    """As `carried`, for another grid: what a cell showed goes to the one cell that is now nearest over its middle."""
    centres = (now.boxes[:, :2] + now.boxes[:, 2:]) / 2
    place = (centres - old.corner) / old.side
    keys = np.floor(place).astype(np.int64)
    found = carried(before, keys)
    off = ((place - keys - 0.5) ** 2).sum(axis=1)
    nearest = np.lexsort((off, found))
    first = np.ones(len(found), bool)
    first[1:] = found[nearest][1:] != found[nearest][:-1]
    kept = np.full(len(found), -1, np.intp)
    kept[nearest[first]] = found[nearest[first]]
    return kept
