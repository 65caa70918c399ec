"""The end of nesting, on the full raster: no pixel in two silhouettes as the strict promise counts them."""

from __future__ import annotations

import numpy as np

from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import separate
from vertumnus.strict.nesting.compact import Compaction, step
from vertumnus.strict.nesting.layout import Layout
from vertumnus.strict.nesting.scene import NestingScene
from vertumnus.strict.nesting.search import Found, part
from vertumnus.strict.problem import RASTER

YIELD = 0.005  # of the density, less at a time where something crosses
CLEAR = 0.1  # canvas pixels more that are kept between two whose pixels meet
NUDGE = 0.35  # canvas pixels that a piece may then move
NUDGES = 5
HAIR = 7e-4  # of the density, less where nothing else helps


def part_exactly(scene: NestingScene, best: Found, rng: np.random.Generator) -> Found:
    """Parts the pieces on the full raster, by their exact silhouettes, at the factor that this takes."""
    factor, tried = best.factor * float(np.sqrt(1 - 2 * YIELD)), 0
    layout = Layout(scene.pieces, scene.ground(RASTER), best.pose, best.mirror, scene.size * factor, exact=True)
    while not part(layout, rng, 0.0, 8, np.inf):
        tried += 1
        factor *= float(np.sqrt(1 - YIELD * (1 + tried // 8)))
        layout.resize(scene.size * factor)
    return Found(layout.placed(), layout.mirror.copy(), factor)


def settle(scene: NestingScene, task: Compaction, best: Found) -> Found:
    """Nudges all pieces together so that those whose pixels still meet are clear of each other."""
    layout = Layout(scene.pieces, scene.ground(RASTER), best.pose, best.mirror, scene.size * best.factor, exact=True)
    task.clear.clear()
    for _ in range(NUDGES):
        if layout.bad == 0:
            break
        touching = [tuple(sorted(pair)) for pair in layout.pairs[: layout.found].tolist()]
        for pair in touching + [(-1, i) for i in np.flatnonzero(layout.wall_overlap).tolist()]:
            task.clear[pair] = task.clear.get(pair, 0.0) + CLEAR
        try:
            now = step(task, best.pose, best.mirror, best.factor, best.factor * (1 + HAIR), NUDGE)
        except ArithmeticError:
            break
        best = Found(now.pose, best.mirror, now.factor)
        layout.put(best.pose, scene.size * best.factor)
    task.clear.clear()
    return best


def seal(grid: OccupancyGrid, scene: NestingScene, best: Found, rng: np.random.Generator) -> float:
    """Parts the last pixels on the full raster, by exact silhouettes. Returns the factor that took."""
    factor = best.factor
    grid.lay(scene.placements(best.pose, best.mirror, factor))
    free = grid.movable
    scale = grid.pose[:, 2] / factor
    nowhere = np.empty((0, 2))
    while True:
        steps = grid.quantum
        for column, kind in ((0, 0), (1, 0), (3, 2)):
            grid.pose[free, column] = np.rint(grid.pose[free, column] * steps[free, kind]) / steps[free, kind]
        grid.pose[free, 2] = np.floor(scale[free] * factor * steps[free, 1]) / steps[free, 1]
        grid.bounds[free, :2] = grid.pose[free, 2:3]
        if len(scene.pieces.angles):
            grid.bounds[free, 2:] = grid.pose[free, 3:]
        grid.stamp()
        least, stale = np.inf, 0
        while stale < 2:
            over = separate(rng.permutation(free), 30, 0.03, 0, nowhere, *grid.arrays, rng)
            if over == 0:
                return factor
            stale = 0 if over < 0.9 * least else stale + 1
            least = min(over, least)
        factor *= float(np.sqrt(1 - HAIR))
