"""`nest`: pieces of given proportions as large as they fit, or of given sizes, none touching another.

How it goes: `explore` on a coarse raster finds how the pieces lie; on finer ones they are parted again, a hair
smaller where they must be; on the full raster they are counted by their exact silhouettes, as the strict promise is.
"""

from __future__ import annotations

import numpy as np

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.moves import separate
from vertumnus.strict.nesting.layout import Layout
from vertumnus.strict.nesting.scene import Scene
from vertumnus.strict.nesting.search import Found, explore, part
from vertumnus.strict.problem import RASTER, Problem

EXPLORE = 1_000.0  # raster pixels of the container to a piece, on which layouts are looked for
FINER = ((3_000.0, 0.2),)  # on which they are mended, and the work of that to exploring's
TOLERANCE = 4e-4
WORK = {"fast": 1e8, "normal": 3e8, "high": 8e8, "best": 4e9}  # of exploring, for 100 pieces
START = 0.42  # of the container's area, that pieces have at first
COMPRESS = 0.004  # of the density, by which it grows there
YIELD = 0.997  # of the density, where finer rasters do not part it
HAIR = 0.9993  # of the density, where the full raster does not


def nest(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Moves pieces to where none overlaps another and all are as large as they can be, in given proportions.

    problem      `problem.fair` has the proportions
    placements   where they start; they are shuffled unless `problem.keep_places`
    Yields the grid after every try; it keeps the strict promise once it is final. Send it True to come to an end.
    """
    scene = Scene(problem, freedom, placements)
    if not len(scene.free):
        grid = OccupancyGrid(problem, freedom, RASTER)
        grid.lay(placements)
        grid.stamp()
        yield grid
        return grid
    count = len(scene.free)
    area = float((scene.size**2).sum())
    zoom = min(float(np.sqrt(EXPLORE * count / problem.area)), RASTER)
    pose, mirror = scene.poses(placements)
    layout = Layout(scene.pieces, scene.ground(zoom), pose, mirror, scene.size)
    if not problem.keep_places:
        at = layout.spots[rng.integers(0, len(layout.spots), count)]
        width = layout.wall.shape[1]
        layout.pose[:, 0], layout.pose[:, 1] = at % width + 0.5, at // width + 0.5
        free = np.isinf(scene.pieces.turns[:, 0])
        layout.pose[free, 2] = rng.uniform(-np.pi, np.pi, int(free.sum()))
    start = float(np.sqrt(START * max(len(layout.spots) / zoom**2, 1e-9) / area))
    until = WORK[problem.strict.quality] * np.sqrt(count / 100)
    shown = OccupancyGrid(problem, freedom, zoom)
    best: Found | None = None
    for found in explore(layout, scene.size, start, np.inf, TOLERANCE, until, rng):
        best = found
        hurry = yield _laid(shown, scene.placements(found.pose, found.mirror, found.factor))
        if hurry:
            break
    assert best is not None
    for pixels, share in FINER:
        finer = float(np.sqrt(pixels * count / problem.area))
        if finer >= 0.9 * RASTER:
            break
        layout = Layout(scene.pieces, scene.ground(finer), best.pose, best.mirror, scene.size)
        more = explore(layout, scene.size, best.factor, np.inf, 0.25 * TOLERANCE, share * until, rng, COMPRESS, YIELD)
        for found in more:
            best = found
            hurry = yield _laid(shown, scene.placements(found.pose, found.mirror, found.factor))
            if hurry:
                break
    layout = Layout(scene.pieces, scene.ground(RASTER), best.pose, best.mirror, scene.size * best.factor, exact=True)
    factor = best.factor
    while not part(layout, rng, 0.0, 12, np.inf):
        factor *= float(np.sqrt(HAIR))
        layout.resize(scene.size * factor)
    best = Found(layout.placed(), layout.mirror.copy(), factor)
    grid = OccupancyGrid(problem, freedom, RASTER)
    _exactly(grid, scene, best, rng)
    yield grid
    return grid


def _laid(grid: OccupancyGrid, placements: Placements) -> OccupancyGrid:
    grid.lay(placements)
    grid.stamp()
    return grid


def _exactly(grid: OccupancyGrid, scene: Scene, best: Found, rng: np.random.Generator) -> None:
    """Parts the last pixels on the full raster, by exact silhouettes."""
    factor = best.factor
    grid.lay(scene.placements(best.pose, best.mirror, factor))
    free = grid.movable
    scale = grid.pose[:, 2] / factor
    nowhere = np.empty((0, 2))
    while True:
        steps = grid.quantum
        for column, step in ((0, 0), (1, 0), (3, 2)):
            grid.pose[free, column] = np.rint(grid.pose[free, column] * steps[free, step]) / steps[free, step]
        grid.pose[free, 2] = np.floor(scale[free] * factor * steps[free, 1]) / steps[free, 1]
        grid.bounds[free, :2] = grid.pose[free, 2:3]
        grid.stamp()
        least, stale = np.inf, 0
        while stale < 3:
            over = separate(rng.permutation(free), 30, 0.03, 0, nowhere, *grid.arrays, rng)
            if over == 0:
                return
            stale = 0 if over < 0.9 * least else stale + 1
            least = min(over, least)
        factor *= np.sqrt(HAIR)
