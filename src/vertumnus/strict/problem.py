"""The packing problem as arrays: which pictures, how large each may be, what is free, where all starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.optimise.bounds import Bounds
from vertumnus.packing.initialise import by_distance_field, by_medial_axis, in_order, random_within
from vertumnus.packing.options import PackOptions
from vertumnus.render.coverage import Textures
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at
from vertumnus.shapes import Shape

RASTER = 2  # raster pixels to a canvas pixel where nothing may touch: twice the canvas size
START_SIZE = 0.6  # of its fair share's side, at which an element starts
ATTAINABLE = 0.6  # share of the area that pieces of much the same size may fill
START_PIXELS = 64  # raster pixels an element has where starting places are looked for


@dataclass
class Problem:
    """N pieces to be placed. A piece is one use of an element.

    pieces     index of each piece's element
    locked     N; placed already and staying there
    elements   the M different ones
    mask       shape at RASTER times the canvas size
    fair       N, root of each piece's fair share of the shape, canvas pixels
    unit       N, root of each piece's silhouette area at scale 1
    probes     the elements' probes: points, count and depth, each with the elements first
    keep_places   pieces start where they belong, and are only nudged
    """

    elements: list[Element]
    pieces: NDArray[np.int32]
    locked: NDArray[np.bool_]
    options: PackOptions
    width: int
    height: int
    mask: NDArray[np.bool_]
    fair: NDArray[np.float64]
    unit: NDArray[np.float64]
    textures: Textures
    sprites: Sprites
    probes: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
    keep_places: bool

    @property
    def area(self) -> float:
        """Of the shape, canvas pixels."""
        return float(np.count_nonzero(self.mask)) / RASTER**2

    def target(self, zoom: float) -> NDArray[np.float32]:
        """Share of each pixel in the shape, on a raster of round(zoom * size)."""
        size = max(1, round(self.width * zoom)), max(1, round(self.height * zoom))
        if size == (self.mask.shape[1], self.mask.shape[0]):
            return self.mask.astype(np.float32)
        whole = Image.fromarray(self.mask.astype(np.uint8) * 255)
        return np.asarray(whole.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)


def make_problem(
    elements: Sequence[Element],
    shape: Shape,
    width: int,
    height: int,
    options: PackOptions,
    locked: Sequence[float] = (),
    keep_places: bool = False,
) -> Problem:
    """Works out everything about a packing that does not depend on the seed.

    elements   one for each piece; the same object may come many times
    locked     for each piece that is placed already and stays there its scale, 0 for the others; none by default

    keep_places   pieces start where they belong; so do those of an ordered initialisation

    Raises `VertumnusError` if there is no piece or the shape is empty.
    """
    if not elements:
        raise VertumnusError("there is no element to place")
    mask = shape.mask(width * RASTER, height * RASTER)
    different: dict[int, int] = {}
    pieces = np.array([different.setdefault(id(e), len(different)) for e in elements], np.int32)
    by_index = {index: element for element, index in zip(elements, pieces, strict=True)}
    distinct = [by_index[index] for index in range(len(different))]
    stays = np.array(locked, np.float64) if len(locked) else np.zeros(len(pieces))
    fixed = stays > 0
    free = max(int(np.count_nonzero(~fixed)), 1)
    unit = np.array([element.unit for element in distinct])[pieces]
    weight = np.where(fixed, 0.0, [element.weight for element in elements])
    share = weight / max(float(weight.sum()), 1e-9) * free  # mean 1 over the free ones
    area = int(np.count_nonzero(mask)) / RASTER**2
    area = max(area - float(((stays * unit) ** 2).sum()), 0.05 * area)
    if options.fixed:
        fair = (options.element_size or np.sqrt(options.fill * area / free)) * np.sqrt(share)
    else:
        fair = np.sqrt(share * area / free)
    fair = np.where(fixed, stays * unit, fair)
    largest = 1.0 if options.fixed else np.sqrt(options.size_range[1])
    return Problem(
        elements=distinct,
        pieces=pieces,
        locked=fixed,
        options=options,
        width=width,
        height=height,
        mask=mask,
        fair=fair,
        unit=unit,
        textures=Textures.of([e.texture for e in distinct], [e.unit for e in distinct]),
        sprites=_silhouettes(distinct, pieces, largest * fair / unit * RASTER),
        probes=(
            np.stack([element.probes.points for element in distinct]),
            np.stack([element.probes.number for element in distinct]),
            np.stack([element.probes.depth for element in distinct]),
        ),
        keep_places=keep_places or options.init == "ordered",
    )


def _silhouettes(elements: list[Element], pieces: NDArray[np.int32], scale: NDArray[np.float64]) -> Sprites:
    """The elements' alpha, as fine as the largest scale each one may reach asks for."""
    most = np.full(len(elements), 1e-9)
    np.maximum.at(most, pieces, scale)
    levels = [element.fine_alpha(level_at(s)) for element, s in zip(elements, most, strict=True)]
    return Sprites.of(
        [alpha for alpha, _ in levels],
        [(element.width, element.height) for element in elements],
        [level for _, level in levels],
    )


def make_freedom(problem: Problem, start: Placements) -> Bounds:
    """What the options let each piece do, given where it starts."""
    options, count = problem.options, len(problem.pieces)
    fair = np.log(problem.fair / problem.unit)
    if options.fixed:
        low = high = fair
    elif options.sizes == "proportional":
        low, high = fair - 3.0, fair
    else:
        least, most = options.size_range
        # A narrow range around a share of all the area would be more than fits.
        common = min(1.0, ATTAINABLE / float(np.sqrt(least * most)))
        low = fair + 0.5 * np.log(least * common)
        high = fair + 0.5 * np.log(most * common)
    if options.rotation == "free":
        turn_low, turn_high = np.full(count, -np.inf), np.full(count, np.inf)
    elif options.rotation == "random":
        turn_low = turn_high = start.rotation.copy()
    else:
        limit = 0.0 if options.rotation == "none" else np.deg2rad(options.rotation)
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
    problem: Problem, rng: np.random.Generator, warm: Collage | None = None, placed: Sequence[int] = ()
) -> Placements:
    """Where every piece starts.

    warm     a collage to start from
    placed   for each piece the layer of ``warm`` it is, or -1 for one that is new
    """
    options, count = problem.options, len(problem.pieces)
    zoom = min(RASTER, np.sqrt(START_PIXELS * count / problem.area))
    mask = problem.target(zoom) > 0.5
    if not mask.any():
        mask, zoom = problem.mask, RASTER
    order = np.arange(count)
    size = START_SIZE * problem.fair
    if options.init == "random" or options.fixed:
        points = random_within(mask, count, rng)
    elif options.init == "ordered":
        points = in_order(mask, count, options.axis, rng)
    else:
        find = by_distance_field if options.init == "distance-field" else by_medial_axis
        points, room = find(mask, count, rng)
        # The heaviest pieces to the roomiest places; among equals at random.
        order = np.lexsort((rng.random(count), -problem.fair))
        points, room = points[np.argsort(-room, kind="stable")], np.sort(room)[::-1]
    places = np.empty((count, 2))
    places[order] = points / zoom
    if options.fixed:
        size = problem.fair.copy()
    turn = np.zeros(count)
    if options.rotation == "random":
        turn = rng.uniform(-np.pi, np.pi, count)
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
