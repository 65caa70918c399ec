"""The strict finish for pieces of given size: each finds a place or is named; and pouring, for open packing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.packing.options import DIRECTIONS
from vertumnus.render.placements import Placements
from vertumnus.strict.drop import height_at, sink
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import insert, polish, separate
from vertumnus.strict.problem import RASTER, Problem
from vertumnus.strict.refill import seek

SEARCH = {"fast": 500, "normal": 3000, "high": 15000}  # places tried for a piece that collides where it lies
SEPARATE = {"fast": 6, "normal": 20, "high": 60}  # sweeps of moving pieces apart
SWEEPS = {"fast": 6, "normal": 16, "high": 50}  # of falling
SHAKES = 30  # shifts tried for each piece before it falls on


def finish_fixed(
    problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Moves pieces apart, then puts them down where they lie or near, largest first.

    Yields the ground when those that lie well are down, and when places were sought for the others.
    """
    ground = OccupancyGrid(problem, freedom, RASTER)
    ground.lay(placements)
    size = ground.pose[:, 2].copy()
    ground.pile()
    for _ in range(SEPARATE[problem.options.quality]):
        spots = ground.free_spots()
        jumps = 20 if len(spots) else 0
        if separate(rng.permutation(ground.movable), 40, 0.5, jumps, spots, *ground.arrays, rng) == 0:
            break
    ground.clear()
    order = ground.largest_first()
    insert(order, 0.5, 1.0, 60, *ground.arrays, rng)
    yield ground
    _seek_places(ground, order, size, rng)
    yield ground


def _seek_places(
    ground: OccupancyGrid, order: NDArray[np.intp], size: NDArray[np.float64], rng: np.random.Generator
) -> None:
    for i in order[~ground.placed[order]]:
        seek(i, size[i], ground.free_spots(), SEARCH[ground.problem.options.quality], *ground.arrays, rng)


def pour(
    problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Lets pieces of given size fall into the shape, the lowest first, and shakes them down.

    Yields the ground after each sweep; it keeps the strict promise at every moment.
    """
    ground = OccupancyGrid(problem, freedom, RASTER)
    ground.lay(placements)
    size = ground.pose[:, 2].copy()
    direction = pull_of(problem, RASTER)
    farthest = 0.25 * max(ground.taken.shape)
    order = _lowest_first(ground, direction)
    for i in order:
        insert(np.array([i]), 0.5, 1.0, 40, *ground.arrays, rng)
        sink(np.array([i]), direction, 12, farthest, *ground.arrays, rng)
    yield ground
    for sweep in range(SWEEPS[problem.options.quality]):
        if sweep % 4 == 0:
            _seek_places(ground, order, size, rng)
        # Shaken a little, a heap settles more closely.
        ground.bounds[:, 1] = np.maximum(ground.pose[:, 2], 1e-9)
        polish(rng.permutation(ground.movable), SHAKES, np.full(len(size), 2.0), *ground.arrays, rng)
        ground.bounds[:, 1] = np.inf
        sink(_lowest_first(ground, direction), direction, 24, farthest, *ground.arrays, rng)
        yield ground


def pull_of(problem: Problem, zoom: float) -> tuple[float, float, float]:
    """Where gravity pulls, as `vertumnus.strict.drop.height_at` takes it."""
    pull = problem.options.pull
    if isinstance(pull, str):
        return (0.0, *DIRECTIONS[pull])
    return (1.0, pull[0] * zoom, pull[1] * zoom)


def _lowest_first(ground: OccupancyGrid, pull: tuple[float, float, float]) -> NDArray[np.intp]:
    height = [height_at(ground.pose[i, 0], ground.pose[i, 1], pull) for i in ground.movable]
    return ground.movable[np.argsort(height, kind="stable")]
