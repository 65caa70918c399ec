"""Heaping: each piece is put down at the lowest of all places where it fits, found at once on a raster of bits.

The raster knows of every place whether the piece fits there, so nothing is called full that has room for it at one of
the turns tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.strict.bits import Stencil, fits, levels_of, make_stencil, raise_levels, taken_of, touching
from vertumnus.strict.drop import height_at
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import WHOLE_TURN, put, snap

LOOKS = 60  # of a silhouette's probes that are looked at everywhere; where they find room the others are
POINTS = 96  # around a silhouette that tell how much it touches
REACH = 0.06  # of a piece's size: how near counts as touching
SHOWN = 8  # pieces, after which one may look on
SNUG = 0.7  # of its size, that a piece would lie higher for touching all around


@kernel
def nearest(left, right, y, pull):
    """The least height of a row of points."""
    if pull[0] == 0.0:
        return min(height_at(left, y, pull), height_at(right, y, pull))
    return math.hypot(max(left - pull[1], pull[1] - right, 0.0), y - pull[2])


@kernel
def lowest(best, levels, free, across, probes, looks, around, origin, pull, snug):
    """The free place that is lowest, less ``snug`` times the share of what is around it that is taken.

    best     only what scores less is looked for
    free     rows x words to work in, where the box's left upper corner may lie
    across   how many columns of them there are
    looks    of the probes that are looked at everywhere
    origin   of the piece, from the box's left upper corner: what its height is told of
    Returns (score, x, y); x is -1 where there is none.
    """
    rows, words = free.shape
    best_x, best_y = -1, -1
    looks = min(looks, probes.shape[0])
    whole = np.uint64(0xFFFFFFFFFFFFFFFF)
    for row in range(rows):
        # From where gravity pulls: what is found first leaves little to be looked at.
        y = rows - 1 - row if pull[2] > 0.0 else row
        below = y + 1 if pull[2] > 0.0 else y - 1
        for i in range(words):
            free[y, i] = np.uint64(0)
            left = i * 64
            right = min(left + 63, across - 1)
            if nearest(left + origin[0], right + origin[0], y + origin[1], pull) - snug >= best:
                continue
            found = np.uint64(0) if left + 63 < across else whole << np.uint64(across - left)
            here = free[y, i] = ~taken_of(levels, y, i, probes, looks, found)
            # A place that is free on both sides and below is not where anything comes to rest, but at a point.
            rest = np.uint64(0)
            if pull[0] == 0.0 and 0 <= below < rows:
                rest = here << np.uint64(1) & here >> np.uint64(1) & free[below, i]
            v = here & ~rest
            bit = 0
            while v:
                while not v & np.uint64(1):
                    v >>= np.uint64(1)
                    bit += 1
                x = left + bit
                score = height_at(x + origin[0], y + origin[1], pull)
                if score - snug < best:
                    score -= snug * touching(levels, x, y, around) / max(around.shape[0], 1)
                    if score < best and fits(levels, x, y, probes):
                        best, best_x, best_y = score, x, y
                v >>= np.uint64(1)
                bit += 1
    return best, best_x, best_y


class Heap:
    """Puts pieces of ``grid`` down one after the other.

    pull     see `vertumnus.strict.drop.height_at`
    angles   how many turns are tried of a piece that may turn as it will
    """

    def __init__(
        self, grid: OccupancyGrid, pull: tuple[float, float, float], angles: int, rng: np.random.Generator
    ) -> None:
        self.grid, self.pull, self.angles, self.rng = grid, pull, angles, rng
        self.look()

    def look(self) -> None:
        """Takes over what is taken on the grid now."""
        self.levels = levels_of(self.grid.taken > 0)
        self.free = np.zeros(self.levels.shape[1:], np.uint64)

    def place(self, i: int, scale: float) -> bool:
        """Puts a piece down at the lowest place it has on the raster; whether there is one."""
        grid = self.grid
        height, width = grid.taken.shape
        unit = float(grid.problem.unit[i])
        best, pose = 1e18, None
        for turn in self._turns(i):
            found = self._stencil(i, scale, float(turn))
            if found is None:
                continue
            stencil, left, top = found
            rows, across = height - stencil.height + 1, width - stencil.width + 1
            if rows < 1 or across < 1:
                continue
            words = (across + 63) // 64
            free = self.free.ravel()[: rows * words].reshape(rows, words)
            score, x, y = lowest(
                best, self.levels, free, across, stencil.probes, LOOKS, stencil.around, np.array([left, top]),
                self.pull, SNUG * scale * unit,
            )  # fmt: skip
            if x >= 0:
                best, pose = score, snap(i, float(x + left), float(y + top), scale, float(turn), grid.quantum)
        if pose is None:
            return False
        grid.pose[i] = pose
        put(1, grid.taken, grid.pose, i, grid.flip, grid.which, grid.pictures, grid.gap)
        self._look_near(i)
        return True

    def fill(self, pieces: NDArray[np.intp], scale: NDArray[np.float64]) -> Iterator[int]:
        """Puts down those of some pieces that find a place; yields how many have been tried, now and then.

        scale   N, of all pieces
        """
        # Where one found none a copy of it finds none, since there is never more room than before.
        failed: dict[tuple[int, bool], float] = {}
        for number, i in enumerate(pieces):
            kind = int(self.grid.which[i]), bool(self.grid.flip[i])
            if scale[i] < failed.get(kind, np.inf) and not self.place(i, scale[i]):
                failed[kind] = scale[i]
            if number % SHOWN == SHOWN - 1:
                yield number + 1

    def _turns(self, i: int) -> NDArray[np.float64]:
        """Degrees that are tried of one piece."""
        low, high = self.grid.bounds[i, 2:]
        if high - low >= WHOLE_TURN:
            return WHOLE_TURN * ((self.rng.random() + np.arange(self.angles)) / self.angles - 0.5)
        number = 1 + int((high - low) * self.angles / WHOLE_TURN)
        return np.linspace(low, high, number) if number > 1 else np.array([np.clip(0.0, low, high)])

    def _stencil(self, i: int, scale: float, turn: float) -> tuple[Stencil, float, float] | None:
        """A piece as it is drawn, and where its middle is from its box's corner; None where it covers no pixel."""
        grid = self.grid
        half = self._half(i, scale)
        if half > sum(grid.taken.shape):
            return None
        drawn = np.zeros((2 * half, 2 * half), np.uint16)
        pose = np.array([[half, half, scale, turn]], np.float64)
        put(1, drawn, pose, 0, grid.flip[i : i + 1], grid.which[i : i + 1], grid.pictures, 0.0)
        rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
        if not len(rows):
            return None
        top, left = int(rows[0]), int(columns[0])
        mask = np.ascontiguousarray(drawn[top : rows[-1] + 1, left : columns[-1] + 1] > 0)
        reach = max(1, round(REACH * scale * float(grid.problem.unit[i])))
        return make_stencil(mask, 0.0, reach, POINTS, self.rng), half - left, half - top

    def _half(self, i: int, scale: float) -> int:
        """Raster pixels from a piece's middle within which it lies."""
        return int(np.ceil(0.5 * scale * float(np.hypot(*self.grid.pictures[2][self.grid.which[i]])))) + 2

    def _look_near(self, i: int) -> None:
        """Takes over the rows of the grid that a piece, or the gap around it, has come to."""
        _, y, scale, _ = self.grid.pose[i]
        reach = self._half(i, scale) + int(np.ceil(self.grid.gap)) + 1
        top, bottom = max(int(y) - reach, 0), min(int(y) + reach + 1, len(self.grid.taken))
        taken = self.grid.taken[top:bottom] > 0
        padded = np.ones((len(taken), 64 * self.levels.shape[2]), bool)
        padded[:, : taken.shape[1]] = taken
        self.levels[0, top:bottom] = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
        raise_levels(self.levels, top, bottom)
