"""The packing problem: how large each piece should be and may be, and where all start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.optimise.bounds import Bounds
from vertumnus.packing.apart import kinds_of_pieces, spread_apart
from vertumnus.packing.initialise import by_distance_field, by_medial_axis, in_order, random_within
from vertumnus.packing.options import PackOptions
from vertumnus.packing.order import sequence
from vertumnus.render.coverage import Textures
from vertumnus.render.placements import Placements
from vertumnus.strict.problem import RASTER, Problem, share_out
from vertumnus.strict.problem import make_problem as make_strict_problem

START_SIZE = 0.6  # of its fair share's side, at which an element starts
ATTAINABLE = 0.6  # share of the area that pieces of much the same size may fill
BLEED = 0.35  # of a piece's fair side, that pieces may bleed over the edge where they are cut there
START_PIXELS = 64  # raster pixels an element has where starting places are looked for


@dataclass
class PackProblem(Problem):
    """A problem of the strict finish, and what the soft stage needs beside.

    options    how elements fill the shape
    textures   distance to each element's silhouette
    """

    options: PackOptions
    textures: Textures


def make_problem(
    elements: Sequence[Element],
    mask: NDArray[np.bool_],
    size: tuple[int, int],
    options: PackOptions,
    locked: Sequence[float] = (),
    keep_places: bool = False,
) -> PackProblem:
    """Works out everything about a packing that does not depend on the seed.

    elements   one for each piece; the same object may come many times
    mask       the shape at RASTER times the canvas's ``size``
    locked     for each piece that is placed already and stays there its scale, 0 for the others; none by default
    keep_places   pieces start where they belong; so do those of an ordered initialisation

    Raises `VertumnusError` if there is no piece.
    """
    shares = share_out(elements, mask, locked)
    options = options.for_weights([element.weight for element in shares.elements])
    fair = shares.fair
    if options.fixed:
        side = options.element_size or np.sqrt(options.fill * shares.area / shares.free)
        fair = np.where(shares.locked, shares.taken, side * np.sqrt(shares.weight))
    largest = 1.0 if options.fixed else np.sqrt(options.range[1])
    keep_places = keep_places or options.init == "ordered"
    container, shown = mask, None
    if options.clip:
        container, shown = _with_bleed(mask, BLEED * float(np.sqrt(shares.area / shares.free)) * RASTER), mask
    made = make_strict_problem(shares, container, size, options.strict, fair, largest, keep_places)
    made.shown = shown
    parts: dict[str, Any] = {field.name: getattr(made, field.name) for field in fields(Problem)}
    textures = Textures.of([e.texture for e in made.elements], [e.unit for e in made.elements])
    return PackProblem(**parts, options=options, textures=textures)


def _with_bleed(mask: NDArray[np.bool_], reach: float) -> NDArray[np.bool_]:
    """A mask and what lies within so many pixels of it."""
    return np.asarray(ndimage.distance_transform_edt(~mask) <= reach) if not mask.all() else mask


def make_freedom(problem: PackProblem, start: Placements) -> Bounds:
    """What the options let each piece do, given where it starts."""
    options, count = problem.options, len(problem.pieces)
    fair = np.log(problem.fair / problem.unit)
    if options.fixed:
        low = high = fair
    elif options.sizes == "proportional":
        low, high = fair - 3.0, fair
    else:
        least, most = options.range
        # A narrow range around a share of all the area would be more than fits.
        common = min(1.0, ATTAINABLE / float(np.sqrt(least * most)))
        low = fair + 0.5 * np.log(least * common)
        high = fair + 0.5 * np.log(most * common)
    if options.overlap == "scatter":
        low, high = fair - 3.0, fair + 3.0
    if options.rotation in ("auto", "free") or options.overlap == "scatter":
        turn_low, turn_high = np.full(count, -np.inf), np.full(count, np.inf)
        if options.rotation == "auto" and options.overlap != "scatter":
            upright = np.array([element.opaque for element in problem.elements])[problem.pieces]
            # One that lay turned before, in a collage that was started from, stays so.
            turn_low[upright] = turn_high[upright] = start.rotation[upright]
    elif options.rotation == "random" or isinstance(options.rotation, tuple):
        turn_low = turn_high = start.rotation.copy()
    else:
        limit = np.deg2rad(options.rotation) if isinstance(options.rotation, float) else 0.0
        turn_low, turn_high = np.full(count, -limit), np.full(count, limit)
    return Bounds.of(
        ~problem.locked,
        problem.width,
        problem.height,
        one_scale=options.sizes == "proportional" and not options.fixed,
        log_scale=(low, high),
        rotation=(turn_low, turn_high),
    )


def start_placements(
    problem: PackProblem, rng: np.random.Generator, warm: Collage | None = None, placed: Sequence[int] = ()
) -> Placements:
    """Where every piece starts.

    warm     a collage to start from
    placed   for each piece the layer of ``warm`` it is, or -1 for one that is new
    """
    options, count = problem.options, len(problem.pieces)
    zoom = min(RASTER, np.sqrt(START_PIXELS * count / problem.area))
    mask = problem.target_shown(zoom) > 0.5
    if not mask.any():
        mask, zoom = problem.mask if problem.shown is None else problem.shown, RASTER
    order = np.arange(count)
    size = START_SIZE * problem.fair
    if options.init == "random" or options.fixed:
        points = random_within(mask, count, rng)
    elif options.init == "ordered":
        points = in_order(mask, count, options.axis, rng)
        order = sequence(problem, options.order or "given", rng)
    else:
        find = by_distance_field if options.init == "distance-field" else by_medial_axis
        points, room = find(mask, count, rng)
        # The heaviest pieces to the roomiest places; among equals at random.
        order = np.lexsort((rng.random(count), -problem.fair))
        points, room = points[np.argsort(-room, kind="stable")], np.sort(room)[::-1]
    places = np.empty((count, 2))
    places[order] = points / zoom
    if options.apart and options.init != "ordered":
        kinds = kinds_of_pieces(problem.elements, problem.pieces)
        places = places[spread_apart(places, kinds, problem.fair, ~problem.locked, rng)]
    if options.fixed:
        size = problem.fair.copy()
    turn = np.zeros(count)
    if options.rotation == "random":
        turn = rng.uniform(-np.pi, np.pi, count)
    elif isinstance(options.rotation, tuple):
        turn = np.deg2rad(rng.choice(options.rotation, count))
    start = Placements(
        x=places[:, 0],
        y=places[:, 1],
        log_scale=np.log(size / problem.unit),
        rotation=turn,
        flip=rng.random(count) < 0.5 if options.flip else np.zeros(count, bool),
        which=problem.pieces,
    )
    for piece, layer in enumerate(placed):
        if warm is not None and layer >= 0:
            at = warm.layers[layer].placement
            start.x[piece], start.y[piece] = at.x, at.y
            start.log_scale[piece], start.rotation[piece] = np.log(at.scale), np.deg2rad(at.rotation)
            start.flip[piece] = at.flip
    return start
