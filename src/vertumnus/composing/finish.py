"""The end of a composition: pieces that overlap are moved apart; where ink is wanted they are packed into that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.composing.scene import Scene
from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.finish import (
    LAST_PIXELS,
    LOWERINGS,
    coarse_zoom,
    finish_free,
    place_missing,
    settle,
)
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.moves import insert, separate
from vertumnus.strict.options import StrictOptions
from vertumnus.strict.problem import RASTER, make_problem, share_out

SMALLEST = 0.3  # of its scale, to which a piece may be shrunk to find a place
LARGEST = np.sqrt(3.0)  # of a fair share, root of area, up to which silhouettes are kept fine
SWEEPS = 10  # of moving pieces apart
NUDGE = 0.06  # of a piece's size, about, that it is moved at a time
NOWHERE = np.empty((0, 2))  # pieces only move about where they lie
EDGE = 0.35  # wanted ink from which on it is packed: a little beyond the outline, which pieces never reach everywhere
LEAST_INK = 0.01  # of the canvas; less than that is no place to be packed into
LOWER = 0.8  # of the least size, again and again, where a piece finds no place
LEAST, MOST = 0.25, 2.0  # of its share of the ink, root of area, that a piece may be made
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
    ground: OccupancyGrid,
    target_alpha: NDArray[np.float32] | None,
    rng: np.random.Generator,
    stay: bool = False,
) -> Iterator[OccupancyGrid]:
    """Puts pieces down so that none overlaps another.

    Where the guidance says what ink it wants, that is a shape, and the pieces are packed into it from where they lie
    (`vertumnus.strict.finish.finish_free`): sizes are free, so that a handful has crisp outlines, too. Where it does
    not, each is put down where it lies, moved and shrunk only as far as it must be. Yields the ground, at the end the
    one of the full raster.

    target_alpha   h x w, the ink that is wanted, 0 to 1; None where nobody knows
    stay           whether pieces belong where they are, for their colour or name, so that small ones do not move to
                   where room is
    """
    packed = _into_ink(ground, target_alpha, stay) if target_alpha is not None else None
    if packed is not None:
        yield from _pack(packed, rng)
        return
    _cut_down(ground)
    ground.stamp()
    _part(ground, rng)
    ground.clear()
    insert(ground.largest_first(), 0.98, SMALLEST, 12, *ground.arrays, rng)
    place_missing(ground, rng)
    yield ground
    yield from settle(ground, rng)


def _into_ink(ground: OccupancyGrid, target_alpha: NDArray[np.float32], stay: bool) -> OccupancyGrid | None:
    """The same pieces on the ink that is wanted; None where there is hardly any."""
    problem, movable = ground.problem, ground.freedom.movable
    mask = problem.mask & (_wanted(problem.mask.shape, target_alpha) >= EDGE)
    area = np.count_nonzero(mask) / RASTER**2
    if area < LEAST_INK * problem.width * problem.height:
        return None
    fair = np.where(movable, np.sqrt(area / max(int(np.count_nonzero(movable)), 1)), problem.fair)
    inked = replace(problem, mask=mask, fair=fair, keep_places=stay, _reduced={})
    size = np.log(fair / problem.unit)
    freedom = ground.freedom.changed(log_scale=(size + np.log(LEAST), size + np.log(MOST)))
    there = OccupancyGrid(inked, freedom, ground.zoom)
    there.lay(ground.placements())
    there.pose[there.movable, 2] = np.clip(there.pose[:, 2], *there.bounds[:, :2].T)[there.movable]
    _cut_down(there)
    return there


def _pack(ground: OccupancyGrid, rng: np.random.Generator) -> Iterator[OccupancyGrid]:
    """Packs pieces into their ground; one that still finds no place is put down smaller, where there is any."""
    ground = yield from finish_free(ground.problem, ground.freedom, ground.placements(), rng)
    for _ in range(LOWERINGS):
        if ground.placed[ground.movable].all():
            return
        ground.bounds[ground.movable[~ground.placed[ground.movable]], :2] *= LOWER
        place_missing(ground, rng)
        yield ground


def _wanted(shape: tuple[int, ...], target_alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink that is wanted, on a raster."""
    height, width = shape
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
