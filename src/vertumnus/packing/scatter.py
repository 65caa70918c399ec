"""Scattering: pieces spread over a shape as photographs on a page, overlapping by so much, tilted a little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.packing.problem import PackProblem
from vertumnus.render.placements import Placements
from vertumnus.render.silhouette import EVERYWHERE, NO_LIMIT, PUT, walk
from vertumnus.strict.problem import RASTER

ROUNDS = 30  # of moving places to the middle of what is nearest to them
PIXELS = 60  # raster pixels to a piece where that is done
HALVINGS = 9  # of the range that the size of all is looked for in
NARROWEST, WIDEST = 0.4, 4.0  # of its fair size

Floats = NDArray[np.float64]


def scatter(problem: PackProblem, start: Placements, rng: np.random.Generator) -> Placements:
    """Where pieces lie: even over the shape, each tilted by the seed, all of such a size that the share of them that
    lies under others is what the options ask for.

    start   their order and flips, and where they began: who is near whom stays

    A piece that is locked stays where it is.
    """
    found = start.copy()
    free = np.flatnonzero(~problem.locked)
    zoom = min(1.0, float(np.sqrt(PIXELS * len(problem.pieces) / problem.area)))
    wanted = problem.target_shown(zoom) > 0.5
    rows, columns = np.nonzero(wanted)
    if len(rows) and len(free):
        ground = np.asarray((np.column_stack([columns, rows]) + 0.5) / zoom, np.float64)
        places = np.array([found.x, found.y], np.float64).T
        found.x[:], found.y[:] = _evened(places, ground, free).T
    tilt = np.deg2rad(problem.options.tilt)
    found.rotation[free] = np.clip(rng.standard_normal(len(free)) * 0.6, -1, 1) * tilt
    low, high = NARROWEST, WIDEST
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        found.log_scale[free] = np.log(middle * problem.fair / problem.unit)[free]
        low, high = (low, middle) if hidden_share(problem, found) > problem.options.scatter else (middle, high)
    found.log_scale[free] = np.log(low * problem.fair / problem.unit)[free]
    return found


def _evened(places: Floats, ground: Floats, free: NDArray[np.intp]) -> Floats:
    """Places each in the middle of the ground that is nearer to it than to any other (Lloyd, 1982)."""
    from scipy.spatial import cKDTree  # a tenth of a second, which other packings need not wait for

    places = places.copy()
    for _ in range(ROUNDS):
        nearest = cKDTree(places).query(ground)[1]
        count = np.bincount(nearest, minlength=len(places))
        sums = [np.bincount(nearest, ground[:, axis], len(places)) for axis in (0, 1)]
        moved = free[count[free] > 0]
        places[moved] = np.stack(sums, axis=-1)[moved] / count[moved, None]
    return places


def hidden_share(problem: PackProblem, placements: Placements) -> float:
    """Share of what the pieces take of the canvas that lies under others."""
    taken = np.zeros(problem.mask.shape, np.uint16)
    sprites = problem.sprites
    for n, which in enumerate(problem.pieces.tolist()):
        x, y, log_scale, turn = (float(value) for value in placements["pose"][:, n])
        walk(
            PUT, NO_LIMIT, EVERYWHERE, taken, x * RASTER, y * RASTER, np.exp(log_scale) * RASTER, np.cos(turn),
            np.sin(turn), bool(placements.flip[n]), which, sprites.texels, sprites.table, sprites.size,
        )  # fmt: skip
    total = int(taken.sum(dtype=np.int64))
    return 1 - int(np.count_nonzero(taken)) / max(total, 1)
