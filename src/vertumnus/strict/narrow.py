"""The strict finish for sizes that are free in a narrow range."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.finish import LAST_PIXELS, coarse_zoom, grow, settle
from vertumnus.strict.finish import SWEEPS as SWEEPS_OF_GROWTH
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.moves import separate
from vertumnus.strict.problem import RASTER, Problem

SWEEPS = {"fast": 8, "normal": 20, "high": 60, "best": 60}  # of separating, at one scale
FIRST_STEP, LAST_STEP = (
    0.02,
    {"fast": 0.01, "normal": 0.003, "high": 0.001, "best": 0.001},
)  # growth of the scale at a time
PATIENCE = 6  # sweeps without progress after which a scale is given up


def finish_narrow(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Makes a soft layout strict, sizes free in a narrow range. Yields the grid whenever all pieces are apart.

    With little room to shrink alone, pieces are moved apart at sizes that keep their ratios, as large as will do,
    and then grow, each as far as the range allows.
    """
    first, rounds, after = SWEEPS_OF_GROWTH[problem.strict.quality]
    zoom = coarse_zoom(problem)
    grid = OccupancyGrid(problem, freedom, zoom or RASTER)
    grid.lay(placements)
    spread = grid.bounds[:, 1] / grid.bounds[:, 0]
    share = grid.bounds[:, 0].copy()
    last = coarse_zoom(problem, LAST_PIXELS)
    for lower in (0.95, 0.995) if zoom else (0.95,):
        yield from _grow_together(grid, lower, rng)
        free = grid.movable
        least = float((grid.pose[free, 2] / share[free]).min()) if len(free) else 1.0
        grid.bounds[free, 0] = share[free] * least * (1 - 1e-4)
        grid.bounds[free, 1] = grid.bounds[free, 0] * spread[free]
        yield from grow(grid, rng, first, rounds, after)
        if lower == 0.95 and zoom:
            fine = OccupancyGrid(problem, freedom, last or RASTER)
            fine.lay(grid.placements(), grid.placed)
            grid, share = fine, share * (fine.zoom / zoom)
    return (yield from settle(grid, rng))


def _grow_together(grid: OccupancyGrid, lower: float, rng: np.random.Generator) -> Iterator[OccupancyGrid]:
    quality = grid.problem.strict.quality
    free = grid.movable
    grid.bounds[free, 0], grid.bounds[free, 1] = 0.0, np.inf
    scale, pose = grid.pose[:, 2].copy(), grid.pose.copy()
    factor = 1.0
    while not _apart(grid, pose, scale * factor, SWEEPS[quality], rng):
        pose = grid.pose.copy()  # less crowded than before, if not yet apart
        factor *= lower
    pose = grid.pose.copy()
    yield grid
    step = min(FIRST_STEP, 1 - lower)
    while step >= LAST_STEP[quality]:
        if _apart(grid, pose, scale * factor * (1 + step), SWEEPS[quality], rng):
            factor *= 1 + step
            pose = grid.pose.copy()
            yield grid
        else:
            step *= 0.5
    grid.pose[:] = pose
    grid.stamp()
    yield grid


def _apart(
    grid: OccupancyGrid,
    pose: NDArray[np.float64],
    scale: NDArray[np.float64],
    sweeps: int,
    rng: np.random.Generator,
) -> bool:
    """Whether the pieces, taken from ``pose`` at ``scale``, could be moved apart."""
    free = grid.movable
    grid.pose[free] = pose[free]
    grid.pose[free, 2] = np.rint(scale[free] * grid.quantum[free, 1]) / grid.quantum[free, 1]
    grid.stamp()
    fewest, stale = np.inf, 0
    for _ in range(sweeps):
        spots = grid.free_spots()
        over = separate(rng.permutation(free), 40, 0.5, 20 if len(spots) else 0, spots, *grid.arrays, rng)
        if over == 0:
            return True
        stale = 0 if over < fewest else stale + 1
        fewest = min(fewest, over)
        if stale > PATIENCE:
            break
    return False
