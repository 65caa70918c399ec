"""The strict finish for pieces of given size: each finds a place or is named; and pouring, for open packing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.render.silhouette import HALF_DIAGONAL
from vertumnus.strict.drop import drop, height_at
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.moves import insert, polish, separate
from vertumnus.strict.nesting.nest import nest
from vertumnus.strict.options import DIRECTIONS
from vertumnus.strict.problem import RASTER, Problem
from vertumnus.strict.refill import find_placement

SEARCH = {
    "fast": 500,
    "normal": 3000,
    "high": 15000,
    "best": 60000,
}  # places tried for a piece that collides where it lies
SEPARATE = {"fast": 6, "normal": 20, "high": 60, "best": 200}  # sweeps of moving pieces apart
SWEEPS = {"fast": 6, "normal": 16, "high": 50, "best": 150}  # of falling
MOST_NESTED = 2_000  # pieces, that guided search is tried for
LATE, LATE_ROUNDS = 10, 4  # times as many places are tried for what is left when all has settled; how often
SHAKES = 30  # shifts tried for each piece before it falls on


def finish_fixed(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Moves pieces apart, then puts them down where they lie or near, largest first.

    Yields the grid when those that lie well are down, and when places were sought for the others.
    """
    grid = OccupancyGrid(problem, freedom, RASTER)
    grid.lay(placements)
    size = grid.pose[:, 2].copy()
    grid.stamp()
    # Pieces larger together than the container are never apart, and to find that out takes long.
    area = float(((size * problem.unit)[grid.movable] ** 2).sum())
    room = area <= np.count_nonzero(problem.mask)
    for _ in range(SEPARATE[problem.strict.quality] if room else 0):
        spots = grid.free_spots()
        jumps = 20 if len(spots) else 0
        if separate(rng.permutation(grid.movable), 40, 0.5, jumps, spots, *grid.arrays, rng) == 0:
            break
    grid.clear()
    order = grid.largest_first()
    insert(order, 0.5, 1.0, 60, *grid.arrays, rng)
    yield grid
    _find_places(grid, order, size, rng)
    yield grid
    if grid.placed[grid.movable].all() or len(grid.movable) > MOST_NESTED:
        return grid
    # Moved apart by guided search, all may fit yet; else it says at what size they would.
    nested = yield from _behind(nest(problem, freedom, placements, rng, 1.0), grid)
    if nested.factor >= 1:
        yield nested
        return nested
    grid.factor = nested.factor
    yield grid
    return grid


def _behind(finishing: Finishing, grid: OccupancyGrid) -> Finishing:
    """Runs a finisher, showing another grid the while."""
    hurry = None
    while True:
        try:
            finishing.send(hurry)
        except StopIteration as end:
            return end.value
        hurry = yield grid


def _find_places(
    grid: OccupancyGrid,
    order: NDArray[np.intp],
    size: NDArray[np.float64],
    rng: np.random.Generator,
    times: int = 1,
) -> None:
    tries = times * SEARCH[grid.problem.strict.quality]
    for i in order[~grid.placed[order]]:
        find_placement(i, size[i], grid.free_spots(), tries, *grid.arrays, rng)


def pour(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Lets pieces of given size fall into the shape, the lowest first, and shakes them down.

    Yields the grid after each sweep; it keeps the strict promise at every moment.
    """
    grid = OccupancyGrid(problem, freedom, RASTER)
    grid.lay(placements)
    size = grid.pose[:, 2].copy()
    direction = pull_of(problem, RASTER)
    farthest = 0.25 * max(grid.taken.shape)
    order = _lowest_first(grid, direction)
    for i in order:
        insert(np.array([i]), 0.5, 1.0, 40, *grid.arrays, rng)
        drop(_heavy(grid, np.array([i])), direction, 12, farthest, *grid.arrays, rng)
    yield grid
    for sweep in range(SWEEPS[problem.strict.quality]):
        if sweep % 4 == 0:
            _find_places(grid, order, size, rng)
        # Shaken a little, a heap settles more closely.
        grid.bounds[:, 1] = np.maximum(grid.pose[:, 2], 1e-9)
        polish(rng.permutation(grid.movable), SHAKES, np.full(len(size), 2.0), *grid.arrays, rng)
        grid.bounds[:, 1] = np.inf
        drop(_heavy(grid, _lowest_first(grid, direction)), direction, 24, farthest, *grid.arrays, rng)
        yield grid
    for _ in range(LATE_ROUNDS):
        # Settled, a heap has room above it. What finds none now finds none anywhere: only then is the shape full.
        missing = order[~grid.placed[order]]
        if not len(missing):
            break
        _find_places(grid, order, size, rng, LATE)
        drop(_heavy(grid, _lowest_first(grid, direction)), direction, 24, farthest, *grid.arrays, rng)
        yield grid
        if not grid.placed[missing].any():
            break
    return grid


def _heavy(grid: OccupancyGrid, pieces: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of some pieces that cover the centre of a pixel wherever they lie: a circle of half its diagonal fits in.

    Any other could fall between the pixels, out of the shape and for ever.
    """
    depth = grid.problem.probes[2].max(axis=1)[grid.which[pieces]]
    return pieces[depth * grid.pose[pieces, 2] >= HALF_DIAGONAL]


def pull_of(problem: Problem, zoom: float) -> tuple[float, float, float]:
    """Where gravity pulls, as `vertumnus.strict.drop.height_at` takes it."""
    pull = problem.strict.pull
    if isinstance(pull, str):
        return (0.0, *DIRECTIONS[pull])
    return (1.0, pull[0] * zoom, pull[1] * zoom)


def _lowest_first(grid: OccupancyGrid, pull: tuple[float, float, float]) -> NDArray[np.intp]:
    height = [height_at(grid.pose[i, 0], grid.pose[i, 1], pull) for i in grid.movable]
    return grid.movable[np.argsort(height, kind="stable")]
