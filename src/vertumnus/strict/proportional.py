"""The strict finish for sizes in given proportions: the largest common scale at which all pieces still fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.finish import SWEEPS as SWEEPS_OF_GROWTH
from vertumnus.strict.finish import coarse_zoom, grow
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import separate
from vertumnus.strict.problem import RASTER, Problem

SWEEPS = {"fast": 8, "normal": 20, "high": 60}  # of separating, at one scale
FIRST_STEP, LAST_STEP = 0.02, {"fast": 0.01, "normal": 0.003, "high": 0.001}  # growth of the scale at a time
PATIENCE = 6  # sweeps without progress after which a scale is given up


def finish_proportional(
    problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Makes a soft layout strict, one scale for all. Yields the ground whenever all pieces are apart.

    The scale is lowered until the pieces can be separated, then raised a little at a time, each time separating
    them anew from where they lay.
    """
    zoom = coarse_zoom(problem)
    ground = OccupancyGrid(problem, freedom, zoom or RASTER)
    ground.lay(placements)
    yield from _grow_together(ground, 0.95, rng)
    if zoom:
        fine = OccupancyGrid(problem, freedom, RASTER)
        fine.lay(ground.placements(), ground.placed)
        yield from _grow_together(fine, 0.995, rng)


def finish_narrow(
    problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Makes a soft layout strict, sizes free in a narrow range. Yields the ground whenever all pieces are apart.

    With little room to shrink alone, pieces are moved apart at sizes that keep their ratios, as large as will do,
    and then grow, each as far as the range allows.
    """
    first, rounds, after = SWEEPS_OF_GROWTH[problem.options.quality]
    zoom = coarse_zoom(problem)
    ground = OccupancyGrid(problem, freedom, zoom or RASTER)
    ground.lay(placements)
    spread = ground.bounds[:, 1] / ground.bounds[:, 0]
    share = ground.bounds[:, 0].copy()
    for lower in (0.95, 0.995) if zoom else (0.95,):
        yield from _grow_together(ground, lower, rng)
        free = ground.movable
        least = float((ground.pose[free, 2] / share[free]).min()) if len(free) else 1.0
        ground.bounds[free, 0] = share[free] * least * (1 - 1e-4)
        ground.bounds[free, 1] = ground.bounds[free, 0] * spread[free]
        yield from grow(ground, rng, first, rounds, after)
        if lower == 0.95 and zoom:
            fine = OccupancyGrid(problem, freedom, RASTER)
            fine.lay(ground.placements(), ground.placed)
            ground, share = fine, share * (RASTER / zoom)


def _grow_together(ground: OccupancyGrid, lower: float, rng: np.random.Generator) -> Iterator[OccupancyGrid]:
    quality = ground.problem.options.quality
    free = ground.movable
    ground.bounds[free, 0], ground.bounds[free, 1] = 0.0, np.inf
    scale, pose = ground.pose[:, 2].copy(), ground.pose.copy()
    factor = 1.0
    while not _apart(ground, pose, scale * factor, SWEEPS[quality], rng):
        pose = ground.pose.copy()  # less crowded than before, if not yet apart
        factor *= lower
    pose = ground.pose.copy()
    yield ground
    step = min(FIRST_STEP, 1 - lower)
    while step >= LAST_STEP[quality]:
        if _apart(ground, pose, scale * factor * (1 + step), SWEEPS[quality], rng):
            factor *= 1 + step
            pose = ground.pose.copy()
            yield ground
        else:
            step *= 0.5
    ground.pose[:] = pose
    ground.pile()
    yield ground


def _apart(
    ground: OccupancyGrid,
    pose: NDArray[np.float64],
    scale: NDArray[np.float64],
    sweeps: int,
    rng: np.random.Generator,
) -> bool:
    """Whether the pieces, taken from ``pose`` at ``scale``, could be moved apart."""
    free = ground.movable
    ground.pose[free] = pose[free]
    ground.pose[free, 2] = np.rint(scale[free] * ground.grain[free, 1]) / ground.grain[free, 1]
    ground.pile()
    fewest, stale = np.inf, 0
    for _ in range(sweeps):
        spots = ground.free_spots()
        over = separate(rng.permutation(free), 40, 0.5, 20 if len(spots) else 0, spots, *ground.arrays, rng)
        if over == 0:
            return True
        stale = 0 if over < fewest else stale + 1
        fewest = min(fewest, over)
        if stale > PATIENCE:
            break
    return False
