"""`nest`: pieces of given proportions as large as they fit, or of given sizes, none touching another.

How it goes: `explore` on a coarse raster finds how the pieces lie. `compact` moves all of them at once, by their
exact edges, to where all are as large as they can be without changing places. What is crossed by a hair that the
coarse raster did not show is parted on the full raster, a little smaller, and compacted again. Cut-outs of like size
are then made larger than that, parted on the coarse raster and compacted, a few times. In the end the pieces are
counted by their exact silhouettes, as the strict promise is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.grid import Finishing, OccupancyGrid
from vertumnus.strict.nesting.compact import Compaction, compact
from vertumnus.strict.nesting.contours import Contours
from vertumnus.strict.nesting.exact import part_exactly, seal, settle
from vertumnus.strict.nesting.layout import Layout
from vertumnus.strict.nesting.scene import NestingScene
from vertumnus.strict.nesting.search import PATIENCE, Found, explore, part
from vertumnus.strict.problem import RASTER, Problem

EXPLORE = 1_000.0  # raster pixels of the container to a piece, on which layouts are looked for
TOLERANCE = 4e-4
WORK = {"fast": 1e8, "normal": 2.7e8, "high": 8e8, "best": 4e9}  # of exploring, for 100 pieces
ALIKE, LONGER = 2.0, 1.5  # times as long, where no piece is so many times another's size: nothing fills what is left
START = 0.42  # of the container's area, that pieces have at first
FINER, FINER_WORK = 3_000.0, 0.3  # the same for pieces that do not turn, and its work to that of exploring
COMPRESS, LOWER = 0.004, 0.997  # of the density there, by which it grows, and where it could not be parted
FIRST_STEPS, STEPS = 4, 30  # of compaction, before and after that is parted
ROUNDS = 4  # of both
KICKS = {"fast": 0, "normal": 5, "high": 15, "best": 60}  # times that such pieces are made larger and parted again
KICK, KICK_WORK = 0.015, 0.2  # by how much of the density, and for how much of the work of exploring
COMPACTED = 1_000  # pieces, at most: the programs of more take too long
CROSSED = 0.2  # canvas pixels of overlap that compaction leaves, from which something crosses
HELD = 0.994  # of the factor, that is kept where the last pixels are cleared of each other
SPARE = 1.002  # times the factor wanted that is looked for, for what finer rasters take
ALONE, FEW = 20_000.0, 12  # raster pixels on which long pieces are tried alone, and how many of them


def nest(
    problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator, most: float = np.inf
) -> Finishing:
    """Moves pieces to where none overlaps another and all are as large as they can be, in given proportions.

    To call it for pieces of any kind, drawn words say: make an `Element` of each (its alpha is its silhouette, its
    weight its share of the area), and then `vertumnus.pack(elements, shape, sizes="proportional")`; or `share_out`
    and `make_problem` of `vertumnus.strict.problem`, and `Bounds` that say how each may turn.

    problem      `problem.fair` has the proportions: the root of each piece's area at a factor of 1, canvas pixels
    freedom      what moves and how it turns; its sizes do not matter
    placements   where they start; turns are drawn anew unless `problem.keep_places`
    most         the largest factor wanted; 1 for fixed sizes

    Yields the grid after every try; it keeps the strict promise once it is final, and then says by `factor` how large
    the pieces are and by `limit` which one the container holds no larger, if one is that large. Send it True to come
    to an end soon.
    """
    scene = NestingScene(problem, freedom, placements)
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
    free = np.isinf(scene.pieces.turns[:, 0])
    if not problem.keep_places:
        pose[free, 2] = rng.uniform(-np.pi, np.pi, int(free.sum()))
    layout = Layout(scene.pieces, scene.ground(zoom), pose, mirror, scene.size)
    start = float(np.sqrt(START * max(len(layout.spots) / zoom**2, 1e-9) / area))
    widest, alone = largest_alone(scene, start, rng)
    above = min(most * SPARE, alone)
    until = WORK[problem.strict.quality] * np.sqrt(count / 100)
    alike = not scene.outlines.rectangular and bool(scene.size.max() <= ALIKE * scene.size.min())
    if alike or not scene.may_turn:
        until *= LONGER
    shown = OccupancyGrid(problem, freedom, zoom)
    best: Found | None = None
    hurry: bool | None = False
    for found in explore(layout, scene.size, min(start, 0.97 * above), above, TOLERANCE, until, rng):
        best = found
        hurry = yield _laid(shown, scene.placements(found.pose, found.mirror, found.factor))
        if hurry:
            break
    assert best is not None
    finer = min(float(np.sqrt(FINER * count / problem.area)), RASTER)
    if not scene.may_turn and finer > zoom and not hurry:
        # Pieces that cannot turn touch along whole edges, which a coarse raster puts a pixel off.
        layout = Layout(scene.pieces, scene.ground(finer), best.pose, best.mirror, scene.size)
        work = FINER_WORK * until
        for found in explore(layout, scene.size, best.factor, above, TOLERANCE / 4, work, rng, COMPRESS, LOWER):
            best = found
            hurry = yield _laid(shown, scene.placements(found.pose, found.mirror, found.factor))
            if hurry:
                break
    contours = Contours.of(scene.outlines, problem.sprites, scene.unit)
    task = Compaction(contours, scene.pieces, scene.ground(RASTER), scene.size)
    if hurry or count > COMPACTED:
        best = part_exactly(scene, best, rng)
    else:
        for found in _tighten(task, best, above, rng, scene):
            best = found
            hurry = yield _laid(shown, scene.placements(found.pose, found.mirror, found.factor))
            if hurry:
                break
        kicked = Layout(scene.pieces, scene.ground(zoom), best.pose, best.mirror, scene.size)
        # Gaps make the parting on the full raster, that many kicks end in, several times as dear.
        for _ in range(KICKS[problem.strict.quality] if alike and not problem.strict.gap else 0):
            if hurry or best.factor >= above * (1 - 1e-9):
                break
            kicked.mirror[:] = best.mirror
            factor = best.factor * float(np.sqrt(1 + KICK))
            kicked.put(best.pose, scene.size * factor)
            if part(kicked, rng, TOLERANCE, PATIENCE, kicked.work + KICK_WORK * until):
                tried = Found(kicked.placed(), kicked.mirror.copy(), factor)
                for found in _tighten(task, tried, above, rng, scene):
                    tried = found
                if tried.factor > best.factor:
                    best = tried
            hurry = yield _laid(shown, scene.placements(best.pose, best.mirror, best.factor))
    if not hurry and count <= COMPACTED:
        settled = settle(scene, task, best)
        if settled.factor < HELD * best.factor:  # something is hooked into something else
            settled = settle(scene, task, part_exactly(scene, best, rng))
        best = settled
    best.factor = min(best.factor, most)
    grid = OccupancyGrid(problem, freedom, RASTER)
    grid.factor = seal(grid, scene, best, rng)
    if widest >= 0 and grid.factor > 0.9 * alone:
        grid.limit = int(scene.free[widest])
    yield grid
    return grid


def _tighten(
    task: Compaction, found: Found, above: float, rng: np.random.Generator, scene: NestingScene
) -> Iterator[Found]:
    """Compaction, and parting of what it leaves crossed."""
    steps = FIRST_STEPS
    for _ in range(ROUNDS):
        moved = compact(task, found.pose, found.mirror, found.factor, above, steps)
        found = Found(moved.pose, found.mirror, moved.factor)
        crossed = moved.overlap > CROSSED
        if crossed:
            found = part_exactly(scene, found, rng)
        yield found
        if not crossed and steps > FIRST_STEPS:
            return
        steps = STEPS


def largest_alone(scene: NestingScene, typical: float, rng: np.random.Generator) -> tuple[int, float]:
    """(which moving piece, factor): of all the one that must be smallest to be in the container with nothing else.

    Only pieces that at a typical factor are half as long as the container are tried; (-1, infinity) if none is.
    """
    rows, columns = np.nonzero(scene.problem.mask)
    across = float(np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1)) / RASTER
    long = 2 * scene.outlines.box[scene.pieces.which].max(axis=1) * scene.size * typical
    ground = scene.ground(min(float(np.sqrt(ALONE / scene.problem.area)), RASTER))
    least, which = np.inf, -1
    for i in np.argsort(-long, kind="stable")[:FEW]:
        if long[i] < 0.5 * across:
            break
        one = np.array([i])
        pieces = replace(scene.pieces, which=scene.pieces.which[one], turns=scene.pieces.turns[one])
        pose, mirror = scene.poses(scene.start)
        layout = Layout(pieces, ground, pose[one], mirror[one], scene.size[one] * typical)
        high, low = min(least, 2.0 * typical), 0.05 * typical
        for _ in range(10):
            middle = 0.5 * (low + high)
            layout.resize(scene.size[one] * middle)
            if part(layout, rng, TOLERANCE, 8, np.inf):
                low = middle
            else:
                high = middle
        if high < least and high < 1.9 * typical:
            least, which = high, int(i)
    return which, least


def _laid(grid: OccupancyGrid, placements: Placements) -> OccupancyGrid:
    grid.lay(placements)
    grid.stamp()
    return grid
