"""The strict finish for pieces of given size: each finds a place or is named; and pouring, for open packing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.render.silhouette import HALF_DIAGONAL
from vertumnus.strict.drop import drop, height_at
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.heap import Heap
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
SHAKEN = {"fast": 2, "normal": 4, "high": 12, "best": 40}  # the same for what was heaped
ANGLES = {"fast": 12, "normal": 36, "high": 72, "best": 180}  # turns tried of each of a hundred pieces
HEAPED = 12_000.0  # raster pixels of the container to a piece, on which a heap is laid
HAIR = 1.5  # pixels of a raster that is not the full one, kept between pieces lest they touch on that
SIZES = 4  # steps of size to twice the size, within which pieces are of about a size
MOST_NESTED = 2_000  # pieces, that guided search is tried for
LATE_ROUNDS = 3  # how often what is left is tried when all has settled, at twice as many turns each time
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
) -> None:
    tries = SEARCH[grid.problem.strict.quality]
    for i in order[~grid.placed[order]]:
        find_placement(i, size[i], grid.free_spots(), tries, *grid.arrays, rng)


def pour(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Heaps pieces of given size in the shape, large ones first, and shakes them down. Where pieces start in their
    places they fall from there.

    Yields the grid now and then; the last one keeps the strict promise, and no piece that it lacks would fit at any
    turn that was tried.
    """
    grid = OccupancyGrid(problem, freedom, RASTER)
    grid.lay(placements)
    size = grid.pose[:, 2].copy()
    direction = pull_of(problem, RASTER)
    farthest = 0.25 * max(grid.taken.shape)
    order = _lowest_first(grid, direction)
    if problem.keep_places:
        for i in order:
            insert(np.array([i]), 0.5, 1.0, 40, *grid.arrays, rng)
            drop(_heavy(grid, np.array([i])), direction, 12, farthest, *grid.arrays, rng)
    else:
        # Those of about a size in the order in which they lie.
        about = np.round(np.log2(np.maximum(size * problem.unit, 1e-9)) * SIZES)
        order = order[np.argsort(-about[order], kind="stable")]
        for i in order:
            grid.pose[i, 2] = 0.0
    heap = _heap_for(grid, direction, rng)
    if not problem.keep_places:
        yield from _find_lowest(heap, grid, order, size, rng)
    yield grid
    for _ in range((SWEEPS if problem.keep_places else SHAKEN)[problem.strict.quality]):
        # Shaken a little, a heap settles more closely.
        grid.bounds[:, 1] = np.maximum(grid.pose[:, 2], 1e-9)
        polish(rng.permutation(grid.movable), SHAKES, np.full(len(size), 2.0), *grid.arrays, rng)
        grid.bounds[:, 1] = np.inf
        drop(_heavy(grid, _lowest_first(grid, direction)), direction, 24, farthest, *grid.arrays, rng)
        yield from _find_lowest(heap, grid, order, size, rng)
        yield grid
    for _ in range(LATE_ROUNDS):
        # Settled, a heap has room above it. What finds none now finds none anywhere: only then is the shape full.
        missing = order[~grid.placed[order]]
        if not len(missing):
            break
        heap.angles *= 2
        yield from _find_lowest(heap, grid, order, size, rng)
        drop(_heavy(grid, _lowest_first(grid, direction)), direction, 24, farthest, *grid.arrays, rng)
        yield grid
        if not grid.placed[missing].any():
            break
    return grid


def _heap_for(grid: OccupancyGrid, direction: tuple[float, float, float], rng: np.random.Generator) -> Heap:
    """A heap on a raster that is fine enough for the pieces of a grid, and no finer than its own."""
    problem = grid.problem
    zoom = float(np.sqrt(HEAPED * len(grid.movable) / problem.area))
    if zoom >= RASTER:
        return Heap(grid, direction, _angles(grid), rng)
    coarse = OccupancyGrid(problem, grid.freedom, zoom)
    coarse.gap += HAIR
    return Heap(coarse, pull_of(problem, zoom), _angles(grid), rng)


def _find_lowest(
    heap: Heap, grid: OccupancyGrid, order: NDArray[np.intp], size: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Puts down what has no place yet where it lies lowest, as the heap's raster shows it."""
    missing = order[~grid.placed[order]]
    if not len(missing):
        return
    coarse = heap.grid
    if coarse is not grid:
        coarse.lay(grid.placements(), grid.placed)
        coarse.stamp()
    heap.look()
    share = coarse.zoom / grid.zoom
    for _ in heap.fill(missing, size * share):
        yield coarse
    if coarse is not grid:
        found = missing[coarse.placed[missing]]
        grid.pose[found] = coarse.pose[found] / (share, share, share, 1.0)
        insert(found, 0.5, 1.0, 60, *grid.arrays, rng)


def _angles(grid: OccupancyGrid) -> int:
    """How many turns of a piece are tried: fewer for many pieces, so that the time grows slowly."""
    share = min(np.sqrt(100 / max(len(grid.movable), 1)), 1.0)
    return max(4, round(ANGLES[grid.problem.strict.quality] * share))


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
