"""The end of a composition: pieces that overlap a little are moved apart, as after packing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.composing.scene import Scene
from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.finish import LAST_PIXELS, coarse_zoom, place_missing, settle
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import insert, polish, separate
from vertumnus.strict.options import StrictOptions
from vertumnus.strict.problem import RASTER, make_problem, share_out

SMALLEST = 0.3  # of its scale, to which a piece may be shrunk to find a place
LARGEST = np.sqrt(3.0)  # of a fair share, root of area, up to which silhouettes are kept fine
SWEEPS = 10  # of moving pieces apart
NUDGE = 0.06  # of a piece's size, about, that it is moved at a time
GROWTH, GROWING = 1.4, 6  # of its scale, as far as a piece grows at the end; sweeps of that
NOWHERE = np.empty((0, 2))  # pieces only move about where they lie
FRINGE = 0.25  # wanted ink below which no piece is put down
CROWDED = 2.0  # times the container that pieces may add up to before they are moved apart
TRIALS = 40  # of moving one piece, in a sweep
LOOKED_AT = 200_000_000  # pixels where pieces overlap, over all sweeps; more is not to be parted
PORTION = 2_000_000  # raster pixels of the pieces that are moved in one go


def make_ground(
    scene: Scene, placements: Placements, freedom: Bounds, container: Shape | None, gap: float
) -> OccupancyGrid:
    """The grid that pieces are moved apart on, with the pieces where they lie: no finer than their number asks for.

    container   the shape to stay in; the canvas by default
    gap         kept between pieces, canvas pixels
    """
    scale = np.exp(placements.log_scale)
    width, height = scene.size
    mask = (container or parse_shape("canvas")).mask(width * RASTER, height * RASTER)
    shares = share_out(
        [scene.elements[n] for n in placements.which], mask, np.where(freedom.movable, 0.0, scale).tolist()
    )
    problem = make_problem(shares, mask, scene.size, StrictOptions(gap=gap), largest=LARGEST, keep_places=True)
    bounds = freedom.changed(log_scale=(placements.log_scale + np.log(SMALLEST), placements.log_scale))
    ground = OccupancyGrid(problem, bounds, coarse_zoom(problem, LAST_PIXELS) or RASTER)
    # The problem counts its pictures anew; here each piece keeps its own.
    ground.lay(placements.showing(problem.pieces))
    return ground


def move_apart(
    ground: OccupancyGrid, target_alpha: NDArray[np.float32] | None, rng: np.random.Generator
) -> Iterator[OccupancyGrid]:
    """Moves overlapping pieces apart, and puts each down where it then lies, shrunk only as far as it must be.

    Nothing is moved far, so the whole still reads as it did. Where the guidance says what ink it wants, pieces draw
    back to where there is some, `FRINGE`, so that outlines are crisp, and then grow into what is free of that, and no
    further. Yields the ground, at the end the one of the full raster.

    target_alpha   h x w, the ink that is wanted, 0 to 1; None where nobody knows
    """
    ink = _wanted(ground, target_alpha) if target_alpha is not None else None
    if ink is not None:
        ground.outside |= ink < FRINGE
    _cut_down(ground)
    ground.stamp()
    _part(ground, rng)
    ground.clear()
    insert(ground.largest_first(), 0.98, SMALLEST, 12, *ground.arrays, rng)
    if ink is not None:
        # What is put down stays; from here on nothing goes where no ink is wanted.
        ground.taken[(ink < 0.5) & (ground.taken == 0)] = 1
    place_missing(ground, rng)
    yield ground
    if ink is None:
        yield from settle(ground, rng)
        return
    ground.bounds[:, 1] = np.maximum(GROWTH * ground.bounds[:, 1], ground.pose[:, 2])
    reach = np.full(len(ground.pose), 1.5)
    for _ in range(GROWING):
        polish(rng.permutation(ground.movable), 60, reach, *ground.arrays, rng)
        yield ground
    yield from settle(ground, rng)


def _wanted(ground: OccupancyGrid, target_alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink that is wanted, on the ground's raster."""
    height, width = ground.taken.shape
    return np.asarray(Image.fromarray(target_alpha).resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _areas(ground: OccupancyGrid) -> NDArray[np.float64]:
    """Of the silhouettes that can move, raster pixels."""
    movable = ground.movable
    return (ground.pose[movable, 2] * ground.problem.unit[movable]) ** 2


def _cut_down(ground: OccupancyGrid) -> None:
    """Makes the largest pieces smaller where all of them are far more than there is room for, in place.

    No silhouette is left larger than the area c for which the sum of min(area, c) is `CROWDED` times the container.
    """
    areas = _areas(ground)
    room = CROWDED * ground.problem.area * ground.zoom**2
    if areas.sum() <= room:
        return
    ascending = np.sort(areas)
    smaller = np.concatenate([[0.0], np.cumsum(ascending)[:-1]])
    caps = (room - smaller) / np.arange(len(areas), 0, -1)  # if these and all larger ones are cut to the same
    cap = caps[np.argmax(caps <= ascending)]
    ground.pose[ground.movable, 2] *= np.sqrt(np.minimum(1.0, cap / np.maximum(areas, 1e-9)))


def _part(ground: OccupancyGrid, rng: np.random.Generator) -> None:
    """Sweeps over the pieces, in portions, until none overlaps or enough has been tried."""
    seen = 0
    for _ in range(SWEEPS):
        order, over = rng.permutation(ground.movable), 0
        gone = np.cumsum((ground.pose[order, 2] * ground.problem.unit[order]) ** 2)
        for portion in np.split(order, np.flatnonzero(np.diff(gone // PORTION)) + 1):
            over += separate(portion, TRIALS, NUDGE, 0, NOWHERE, *ground.arrays, rng)
            if seen + TRIALS * over > LOOKED_AT:
                return
        seen += TRIALS * over
        if over == 0:
            return
