"""Swelling: pieces of free size are moved, turned and made larger all at once, each by a factor of its own.

As compaction (`vertumnus.strict.nesting.compact`), but with as many sizes as pieces: within a step's reach the
largest gain of area is a linear program. A piece that grows alone stops at its nearest neighbour; here that one gives
way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at
from vertumnus.strict.nesting.compact import NEAR, SHORTER, SMALL_STEP, Compaction, turns_within
from vertumnus.strict.nesting.contours import Contours
from vertumnus.strict.nesting.layout import Ground
from vertumnus.strict.nesting.outlines import Outlines
from vertumnus.strict.nesting.scene import NestingScene
from vertumnus.strict.problem import RASTER, Problem

Floats = NDArray[np.float64]

STEP, LAST_STEP = 0.04, 0.005  # how far a piece may move, of the mean root of the area
STEPS = 12  # at most
GAIN = 0.001  # of the area, below which the next step is shorter
GROWTH = 0.04  # of a piece's size, at most, in one step
PRICE = 3.0  # of a crossing by a pixel, to the growth of the largest piece by one
CROSSING = 0.05  # canvas pixels that hairs too thin for a pixel may cross by


class Swelling:
    """Pieces of free sizes where they lie.

    pose, mirror   of the moving pieces, N x 3 and N, canvas pixels
    size     N, root of each one's area
    low, high   N, the least and most that may be
    """

    def __init__(self, scene: NestingScene) -> None:
        self.scene = scene
        scale = np.exp(scene.start.log_scale)
        contours, which = _contours(scene.problem, scene.outlines, scale)
        stay = np.delete(which, scene.free)
        ground = scene.ground(RASTER)
        pieces = replace(scene.pieces, which=which[scene.free])
        fixed = (stay, *ground.fixed[1:])
        self.size = scale[scene.free] * scene.problem.unit[scene.free]
        self.task = Compaction(contours, pieces, Ground(ground.inside, ground.zoom, fixed), self.size)

    def lay(self, lying: Placements, low: Floats, high: Floats) -> None:
        """Takes over where the pieces lie, and the scales of all that they may have."""
        unit = self.scene.problem.unit[self.scene.free]
        self.scene.start = lying
        self.pose, self.mirror = self.scene.poses(lying)
        self.size = np.exp(lying.log_scale[self.scene.free]) * unit
        self.low, self.high = low[self.scene.free] * unit, high[self.scene.free] * unit

    @property
    def area(self) -> float:
        """Of the moving pieces, canvas pixels."""
        return float((self.size**2).sum())

    def placements(self) -> Placements:
        """Of all pieces."""
        return self.scene.placements(self.pose, self.mirror, self.size / self.scene.size)

    def swell(self) -> None:
        """Makes them larger until that gains little."""
        reach = STEP
        for _ in range(STEPS):
            before = self.area
            if not self._step(reach * self.task.mean) or self.area < (1 + GAIN) * before:
                reach *= SHORTER
            if reach < LAST_STEP:
                break

    def _step(self, reach: float) -> bool:
        """One linear program, if it has a solution.

        reach   how far a piece may move along each axis, and its farthest point by turning, canvas pixels
        """
        task, size, count = self.task, self.size, len(self.pose)
        place, normal, body = task.contacts(self.pose, self.mirror, size / task.size, NEAR * reach + CROSSING)
        out, mine, other = body[:, 0], body[:, 1].astype(np.int64), body[:, 2].astype(np.int64)
        radius = task.contours.reach[task.pieces.which] * size
        lie = np.concatenate([self.pose, task.fixed])
        rows, columns, entries = [], [], []
        for sign, who in ((1.0, mine), (-1.0, other)):
            k = np.flatnonzero((who >= 0) & (who < count))
            w = who[k]
            arm = place[k] - lie[w, :2]
            turn = (normal[k, 1] * arm[:, 0] - normal[k, 0] * arm[:, 1]) / radius[w]
            # What is larger by a part g has its edge farther out by g times how far out it is.
            grows = sign * (normal[k] * arm).sum(1) + (out[k] + task.pieces.gap if sign < 0 else 0.0)
            rows += [k] * 4
            columns += [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]
            entries += [sign * normal[k, 0], sign * normal[k, 1], sign * turn, grows / size[w]]
        # Pairs that cross may do so still, at a price.
        bodies = len(lie)
        pair = np.minimum(mine, other) * bodies + np.maximum(mine, other)
        over, at = np.unique(pair[out < -CROSSING]), np.zeros(len(out), np.int64)
        lax = np.zeros(len(out), bool)
        if len(over):
            at = np.minimum(np.searchsorted(over, pair), len(over) - 1)
            lax = over[at] == pair
        wide = 4 * count + len(over)
        rows.append(np.flatnonzero(lax))
        columns.append(4 * count + at[lax])
        entries.append(np.ones(np.count_nonzero(lax)))
        matrix = sparse.csr_array(
            (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(len(out), wide)
        )
        cost = np.full(wide, PRICE * size.max() / task.mean)
        cost[: 4 * count] = 0.0
        cost[3 : 4 * count : 4] = -size / task.mean
        far = reach * np.minimum(1.0, SMALL_STEP * size / task.mean)
        bounds = np.zeros((wide, 2))
        bounds[4 * count :, 1] = np.inf
        bounds[: 4 * count] = np.repeat(np.column_stack([-far, far]), 4, axis=0)
        bounds[2 : 4 * count : 4] = turns_within(task.pieces, self.pose[:, 2], far / radius) * radius[:, None]
        bounds[3 : 4 * count : 4, 0] = np.minimum(np.maximum(self.low - size, -GROWTH * size), 0.0)
        bounds[3 : 4 * count : 4, 1] = np.maximum(np.minimum(self.high - size, GROWTH * size), 0.0)
        room = out + np.where(lax, 0.0, CROSSING)
        found = linprog(cost, A_ub=-matrix, b_ub=room, bounds=bounds, method="highs-ipm")  # type: ignore[call-overload]
        if found.x is None:
            return False
        by = found.x[: 4 * count].reshape(count, 4)
        self.pose = self.pose + np.column_stack([by[:, :2], by[:, 2] / radius])
        self.size = size + by[:, 3]
        return True


def _contours(problem: Problem, outlines: Outlines, scale: Floats) -> tuple[Contours, NDArray[np.int32]]:
    """The contours as they are drawn at these scales, and which one each piece has."""
    sprites, last = problem.sprites, problem.sprites.table.shape[1] - 1
    level = [min(level_at(part * RASTER), last) for part in scale]
    kinds, which = np.unique(np.column_stack([problem.pieces, level]), axis=0, return_inverse=True)
    element = kinds[:, 0]
    table = sprites.table[element, kinds[:, 1]][:, None]
    drawn = Sprites(sprites.texels, table, sprites.size[element])
    some = Outlines(*(part[element] for part in outlines))
    unit = np.array([problem.elements[e].unit for e in element])
    return Contours.of(some, drawn, unit), which.ravel().astype(np.int32)
