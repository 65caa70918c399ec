"""The strict finish for pieces of free size: no raster pixel in two silhouettes, none outside the shape.

Pieces that overlap are moved apart, put down one by one, each shrunk only as far as it must be, and then grow into
what is free; small ones and those that found no place are moved to the largest voids. From the first yield on the
layout keeps the promise at every moment, so it may be stopped at any.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.moves import insert, polish, separate
from vertumnus.strict.nesting.scene import NestingScene
from vertumnus.strict.nesting.swell import Swelling
from vertumnus.strict.problem import RASTER, Problem
from vertumnus.strict.refill import fill_voids, make_room
from vertumnus.strict.voids import largest_voids

PIECE_PIXELS = 4500  # raster pixels of a piece on which moves are tried first
LAST_PIXELS = 24_000  # on which they are tried last: a larger raster is only looked at for what touches there
SWEEPS = {
    "fast": (6, 1, 3),
    "normal": (8, 2, 4),
    "high": (12, 4, 6),
    "best": (16, 8, 8),
}  # first, rounds of voids, after each
MANY = 30_000  # pieces, of which each sweep takes seconds
TRIALS = 60
FINER = 2.5  # times as fine, at most, is a raster as the one before, where a layout is only settled
HAIR, SLACK, SETTLING_TRIALS, SETTLED_PIXELS = 0.9985, 0.97, 20, 100_000
LOWER, LOWERINGS = 0.95, 12  # of the scale, where pieces are left that found no place
SWELLINGS = {"fast": 0, "normal": 0, "high": 5, "best": 20}  # times, at most, that all pieces are swollen
SWOLLEN = 0.9985  # of its scale, that a piece is shrunk to at a time until it fits
SWEEPS_APART = 6
LESS = 0.97  # of the range of sizes while they are put down, for those that are as small as they may be
SWOLLEN_TOGETHER = 150  # pieces, at most: the programs of more take longer, and gain little
NEAREST = 6  # voids tried first for a piece that belongs where it is
SMALL = 0.5  # of its fair share of area, below which a piece is put down early
REDUCED = 0.7  # of its scale, at which it is then put down


def finish_free(
    problem: Problem,
    freedom: Bounds,
    placements: Placements,
    rng: np.random.Generator,
) -> Finishing:
    """Makes a soft layout strict, pieces of free size. Yields the grid after each sweep."""
    first, rounds, after = SWEEPS[problem.strict.quality]
    zoom = coarse_zoom(problem)
    grid = OccupancyGrid(problem, freedom, zoom or RASTER)
    grid.lay(placements)
    grid.pose[grid.movable, 2] = np.maximum(0.96 * grid.pose[:, 2], grid.bounds[:, 0])[grid.movable]
    grid.stamp()
    for _ in range(8 if len(problem.pieces) < MANY else 4):
        separate(rng.permutation(grid.movable), 40, 0.5, 0, grid.free_spots()[:1], *grid.arrays, rng)
    grid.clear()
    yield from _sweeps(grid, rng, 0.98, first, rounds, after)
    for _ in range(LOWERINGS):
        if grid.placed[grid.movable].all():
            break
        lower_sizes(grid)
        yield from _sweeps(grid, rng, 0.99, 2, 1, 1)
    if not zoom:
        return (yield from _swell(grid, rng))
    # The rasters differ at the edges: put down again on a finer one, each shrunk by a hair.
    last = coarse_zoom(problem, LAST_PIXELS)
    grid = finer(grid, last or RASTER)
    yield from _sweeps(grid, rng, 0.997, 2, 1, 1)
    grid = yield from settle(grid, rng)
    return (yield from _swell(grid, rng))


def _swell(grid: OccupancyGrid, rng: np.random.Generator) -> Finishing:
    """Moves and grows all pieces at once, puts them down again and lets each grow alone, while that helps."""
    problem, free = grid.problem, grid.movable
    if not swells(problem) or not grid.placed[free].all():
        return grid
    nowhere = np.empty((0, 2))
    swelling = Swelling(NestingScene(problem, grid.freedom, grid.placements()))
    for _ in range(SWELLINGS[problem.strict.quality]):
        before = grid.pose.copy(), grid.flip.copy(), grid.bounds.copy()
        covered = grid.coverage()
        swelling.lay(grid.placements(), *(grid.bounds[:, :2] / grid.zoom).T)
        swelling.swell()
        grid.lay(swelling.placements())
        grid.pose[free, 2] *= SWOLLEN
        grid.bounds[free, :2] *= LESS
        grid.stamp()
        for _ in range(SWEEPS_APART):
            if separate(rng.permutation(free), 40, 0.03, 0, nowhere, *grid.arrays, rng) == 0:
                break
        # The small ones first: a large one hardly notices a hair.
        order = grid.largest_first()[::-1]
        grid.clear()
        insert(order, SWOLLEN, 0.25, 12, *grid.arrays, rng)
        place_missing(grid, rng)
        for _ in grow(grid, rng, 2, 0, 2):
            pass
        if not grid.placed[free].all() or grid.coverage() < covered:
            grid.pose[:], grid.flip[:], grid.bounds[:] = before
            grid.stamp()
            break
        yield grid
    return grid


def swells(problem: Problem) -> bool:
    """Whether pieces of free size are in the end moved and made larger all at once."""
    few = 0 < int(np.count_nonzero(~problem.locked)) <= SWOLLEN_TOGETHER
    return few and SWELLINGS[problem.strict.quality] > 0 and not problem.keep_places and problem.shown is None


def finer(grid: OccupancyGrid, zoom: float) -> OccupancyGrid:
    """The same layout, not yet put down, on a finer raster."""
    other = OccupancyGrid(grid.problem, grid.freedom, zoom)
    other.bounds[:, :2] = grid.bounds[:, :2] * (zoom / grid.zoom)
    other.lay(grid.placements(), grid.placed)
    return other


def settle(grid: OccupancyGrid, rng: np.random.Generator) -> Finishing:
    """Puts a layout down on finer and finer rasters up to the full one, where it has touched there shrunk by hairs.

    Edges lie elsewhere by a pixel of the coarser raster, so there is little to mend, and little is tried.
    """
    while not grid.final:
        pixels = grid.zoom**2 * grid.problem.area / max(len(grid.pose), 1)
        # Where pieces are as large as that, what is lost by hairs is not worth looking for.
        last = pixels >= SETTLED_PIXELS or grid.zoom * FINER >= RASTER
        slack = SLACK  # what lies well is not to be lost for a pixel
        for _ in range(LOWERINGS):
            other = finer(grid, RASTER if last else grid.zoom * FINER)
            other.bounds[other.movable, 0] *= slack
            insert(other.largest_first(), HAIR, 0.25, 4, *other.arrays, rng)
            place_missing(other, rng)
            if np.count_nonzero(other.placed) >= np.count_nonzero(grid.placed):
                break
            slack *= SLACK
        if pixels < SETTLED_PIXELS:
            polish(other.movable, SETTLING_TRIALS, np.full(len(other.pose), 1.0), *other.arrays, rng)
        grid = other
        yield grid
    return grid


def lower_sizes(grid: OccupancyGrid) -> None:
    """Lowers the range of sizes of all pieces alike, and takes them up to be put down again."""
    grid.bounds[grid.movable, :2] *= LOWER
    grid.pose[:, 2] = np.minimum(grid.pose[:, 2], grid.bounds[:, 1])
    grid.clear()


def raise_sizes(grid: OccupancyGrid) -> None:
    """Raises the range of sizes of all pieces alike as far as the smallest allows, once all are placed."""
    free = grid.movable
    if len(free) and grid.placed[free].all():
        grid.bounds[free, :2] *= max(1.0, float((grid.pose[free, 2] / grid.bounds[free, 0]).min()))


def coarse_zoom(problem: Problem, pixels: int | None = None) -> float:
    """Raster pixels to a canvas pixel at so many to a piece; 0 where that is hardly coarser than the full raster."""
    zoom = float(np.sqrt((pixels or PIECE_PIXELS) * max(len(problem.pieces), 1) / problem.area))
    return zoom if zoom < 0.7 * RASTER else 0.0


def _sweeps(
    grid: OccupancyGrid, rng: np.random.Generator, shrink: float, first: int, rounds: int, after: int
) -> Iterator[OccupancyGrid]:
    put_down(grid, rng, shrink)
    yield grid
    yield from grow(grid, rng, first, rounds, after)


def grow(
    grid: OccupancyGrid, rng: np.random.Generator, first: int, rounds: int, after: int
) -> Iterator[OccupancyGrid]:
    """Sweeps over pieces that are put down: they grow, and small and unplaced ones move to voids."""
    for sweeps in [first] + [after] * rounds:
        reach = np.full(len(grid.pose), 1.5)
        for _ in range(sweeps):
            polish(rng.permutation(grid.movable), TRIALS, reach, *grid.arrays, rng)
            yield grid
        into_voids(grid, rng)
        place_missing(grid, rng)
        raise_sizes(grid)
    yield grid


def put_down(grid: OccupancyGrid, rng: np.random.Generator, shrink: float) -> None:
    """Puts every piece down near where it lies: small ones first, a little smaller, then the large ones.

    A small piece among large ones loses what they take of it, all of it if it comes last; a large one
    hardly notices. A piece that finds no place is put where least is in its way, and its neighbours shrink.
    """
    order = grid.largest_first()
    share = grid.pose[:, 2] * grid.problem.unit / grid.zoom / grid.problem.fair
    small = order[share[order] ** 2 < SMALL]
    grid.pose[small, 2] = np.maximum(grid.pose[small, 2] * REDUCED, grid.bounds[small, 0])
    insert(small, 0.95, 0.25, 30, *grid.arrays, rng)
    insert(order[share[order] ** 2 >= SMALL], shrink, 0.25, 12, *grid.arrays, rng)
    place_missing(grid, rng)


def place_missing(grid: OccupancyGrid, rng: np.random.Generator) -> None:
    """Puts pieces that found no place where least is in their way, at their least size; neighbours shrink.

    Pieces that have a place where they belong are first tried in the voids nearest to it.
    """
    lost = grid.movable[~grid.placed[grid.movable]]
    if not len(lost):
        return
    spots, _ = largest_voids(grid.free, max(60, 2 * len(lost)))
    scale = np.minimum(grid.bounds[:, 0] * 1.02, grid.bounds[:, 1])
    order = np.concatenate([grid.largest_first(), lost])  # one put down here may be in the next one's way
    if grid.problem.keep_places:
        for piece in lost:
            home = grid.pose[piece, :2]
            near = spots[np.argsort(np.hypot(*(spots - home).T))[:NEAREST]]
            make_room(lost[lost == piece], scale, np.vstack([home, near]), 300, order, grid.fixed, *grid.arrays, rng)
        lost = lost[~grid.placed[lost]]
    make_room(lost, scale, spots, 300, order, grid.fixed, *grid.arrays, rng)


def into_voids(grid: OccupancyGrid, rng: np.random.Generator) -> int:
    """Moves unplaced and small pieces to the largest voids, where that gains area; returns how many."""
    movable = grid.movable
    area = (grid.pose[movable, 2] * grid.problem.unit[movable]) ** 2
    order = movable[np.argsort(area, kind="stable")]
    missing = int(np.count_nonzero(area == 0))
    few = 0 if grid.problem.keep_places else max(10, len(order) // 3)
    pool = order[: max(missing, few)]
    most = max(20, len(movable) // 10, 2 * missing)
    voids, radii = largest_voids(grid.free, most, 3.0)
    if not len(voids) or not len(pool):
        return 0
    unit = np.zeros(len(grid.problem.elements))
    unit[grid.which] = grid.problem.unit
    return int(fill_voids(voids, radii, pool, 6, grid.problem.strict.flip, unit**2, *grid.arrays, rng))
