"""Sowing: pieces of given sizes put down largest first, each where it touches most, at the largest scale at which all
find a place.

What is drawn of a piece is every pixel that it touches at all. So pieces that share no pixel do not overlap at any
resolution, and a layout can be drawn at another size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vertumnus.strict.bits import (
    Bits,
    Mask,
    blocks_of,
    find_free,
    levels_of,
    make_stencil,
    most_touching,
    stamp,
)

LOOKS = 100  # of a silhouette's probes that are looked at everywhere; where they find room the others are
POINTS = 160  # around a silhouette that tell how much it touches
TRIES = 400  # places at which they are counted
STRIDE = 24.0  # raster pixels of a piece's size from which on every other row is enough, and so on
REACH = 0.08  # of a piece's size: how near counts as touching
COARSE = 0.2  # of the raster's pixels: a raster on which the scale is looked for first
LEAST = 60_000  # pixels of it
WAYS = 400  # pieces put down at one density, in several ways, times the rounds
NOTHING = 1e-6  # of density, below which there is no use in looking
NEARLY = 1.05  # of density: how near the largest that works is to be known when the rounds are over
MOST_ROUNDS = 3  # times as many, where it is not
HOPELESS = 0.03  # of all ink without a place: a density at which no other way is tried
CENTRED = 0.12  # of all ink: the largest pieces, which go to the middle
PULL = 10.0  # points to a pixel that these are nearer the centre
FINER = 1.05  # of density, that fits on the full raster beside what fits on the coarse one
COARSE_STEP, STEP = 1.03, 1.012  # of density: how near the largest that works is found


class Silhouette(Protocol):
    """What can be drawn at any scale and turn."""

    def draw(self, scale: float, degrees: float) -> tuple[Mask, float, float]:
        """Every pixel it touches, and where its origin lies from the left upper corner of them."""


class Sown(NamedTuple):
    """Where a piece lies: its origin in raster pixels, its scale to raster pixels, degrees clockwise."""

    x: float
    y: float
    scale: float
    degrees: float


@dataclass(frozen=True)
class Seeds:
    """What is sown.

    pieces   that can be drawn
    size     of each, the root of its area at scale 1
    share    of each, the root of the area it gets of all, summing to 1 when squared
    bulk     of each, how hard it is to place: the bulkiest goes first
    angles   degrees that each may be turned, the one tried first at the front
    """

    pieces: Sequence[Silhouette]
    size: NDArray[np.float64]
    share: NDArray[np.float64]
    bulk: NDArray[np.float64]
    angles: Sequence[Sequence[float]]


@dataclass
class Field:
    """What they are sown on.

    inside   H x W pixels that may be taken
    gap      kept between pieces, pixels
    """

    inside: Mask
    gap: float = 0.0
    levels: Bits = field(init=False, repr=False)
    blocks: Mask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.area = int(np.count_nonzero(self.inside))
        rows, columns = np.nonzero(self.inside)
        self.centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) if len(rows) else np.zeros(2)
        self.clear()

    def clear(self) -> None:
        """Takes everything up."""
        self.levels = levels_of(~self.inside)
        self.blocks = blocks_of(self.levels)

    def smaller(self, share: float) -> Field:
        """The same with a share of the pixels; a pixel is inside if all of those it stands for are."""
        zoom = np.sqrt(share)
        height, width = (max(1, round(zoom * side)) for side in self.inside.shape)
        rows = np.linspace(0, self.inside.shape[0], height + 1).astype(int)[:-1]
        columns = np.linspace(0, self.inside.shape[1], width + 1).astype(int)[:-1]
        within = np.logical_and.reduceat(np.logical_and.reduceat(self.inside, rows, 0), columns, 1)
        return Field(within, self.gap * zoom)


class Step(NamedTuple):
    """What is known after a round.

    density   the pieces' area over the container's, at which all are placed; 0 where there is none yet
    layout    the best so far
    limits    pieces that found no place at the least density at which not all did
    final     whether it is the last
    """

    density: float
    placed: int
    layout: list[Sown | None]
    limits: list[int]
    final: bool


def sow(seeds: Seeds, ground: Field, seed: int, rounds: int = 6, start: float = 0.45) -> Iterator[Step]:
    """Yields after each round the best layout so far on the full raster, from the first on.

    rounds   on the full raster, after the scale is about known from a coarse one
    start    density that is tried first: the pieces' area over the container's

    A round places every piece once, at one density. Where all find a place the next is denser, where some do not it
    is less dense by about the share that found none.
    """
    order = np.argsort(-seeds.bulk, kind="stable")
    # Few pieces are put down so quickly that several ways of doing it can be tried.
    tries = int(np.clip(WAYS * rounds / max(len(order), 1), 1, 12))
    coarse = ground.smaller(min(1.0, max(COARSE, LEAST / max(ground.area, 1))))
    search = _Search(start, COARSE_STEP, 1)
    limits: list[int] = []
    while coarse.area and not search.done:
        layout = one_round(seeds, coarse, order, search.density, seed)
        limits = search.tell(layout, seeds) or limits
    likely = search.low
    search = _Search(max(likely, 1e-4) * FINER, STEP, tries, likely)
    best: list[Sown | None] | None = None
    for number in count():
        layout = one_round(seeds, ground, order, search.density, seed, search.tried)
        limits = search.tell(layout, seeds) or limits
        if None not in layout:
            best = layout
        shown = best if best is not None else layout
        near = search.high < NEARLY * search.low or search.low > 0.99 * FINER * likely > 0
        enough = number + 1 >= rounds * tries and near
        done = best is not None and (enough or search.done or number + 1 >= MOST_ROUNDS * rounds * tries)
        done = done or search.high < NOTHING  # more pieces than pixels, say
        yield Step(search.low, sum(one is not None for one in shown), shown, limits, done)
        if done:
            return


MOST_FALL = 0.5  # of density, from one round to the next


class _Search:
    """Looks for the largest density that works, to within a factor.

    density   to be tried next; low and high: the largest that worked, the smallest that did not
    tried     how often it has been without success, of the tries that each gets
    likely    one that will work, as far as is known; 0 for none
    """

    def __init__(self, start: float, factor: float, tries: int, likely: float = 0.0) -> None:
        self.density, self.factor, self.tries = start, factor, tries
        self.low, self.high = 0.0, np.inf
        self.fall = 0.008
        self.tried = 0
        self.likely = 0.99 * likely

    @property
    def done(self) -> bool:
        """Whether it is found, or there is none worth looking for."""
        return self.high < self.factor * self.low or self.high < NOTHING

    def tell(self, layout: Sequence[Sown | None], seeds: Seeds) -> list[int]:
        """What was reached at the density; returns the pieces that found no place."""
        lost = [number for number, place in enumerate(layout) if place is None]
        if not lost:
            self.tried = 0
            self.low = self.density
            self.density *= 1.12 if self.factor == COARSE_STEP else self.factor**2
            if np.isfinite(self.high):
                self.density = float(np.sqrt(self.low * self.high))
            return []
        missing = float((seeds.share[lost] ** 2).sum())
        self.tried += 1
        if self.tried < self.tries and missing < HOPELESS:
            return lost
        self.tried = 0
        self.high = self.density
        if self.low:
            self.density = float(np.sqrt(self.low * self.high))
        else:
            lower = self.density * (1 - min(max(missing, self.fall), MOST_FALL)) * 0.995
            # A large piece that does not fit by a hair says little by its share.
            self.density = max(lower, self.likely) if self.likely < 0.999 * self.density else lower
            self.likely *= 0.97
            self.fall = min(1.7 * self.fall, MOST_FALL)
        return lost


def one_round(
    seeds: Seeds, ground: Field, order: NDArray[np.intp], density: float, seed: int, way: int = 0
) -> list[Sown | None]:
    """Puts every piece down once at a density, in order; None for one that finds no place."""
    ground.clear()
    rng = np.random.default_rng([seed, way])
    shuffled = rng.random(1024)
    layout: list[Sown | None] = [None] * len(seeds.pieces)
    down = 0.0
    free: Bits = np.zeros(ground.levels.shape[1:], np.uint64)
    for piece in order:
        side = seeds.share[piece] * np.sqrt(density * ground.area)
        scale = side / seeds.size[piece]
        central = down < CENTRED
        where = shuffled[int(rng.integers(0, 512)) :]
        for degrees in seeds.angles[piece]:
            found = _put(seeds.pieces[piece], ground, scale, degrees, side, central, free, where, rng)
            if found is not None:
                layout[piece] = found
                down += float(seeds.share[piece]) ** 2
                break
    return layout


def _put(
    piece: Silhouette,
    ground: Field,
    scale: float,
    degrees: float,
    side: float,
    central: bool,
    free: Bits,
    shuffled: NDArray[np.float64],
    rng: np.random.Generator,
) -> Sown | None:
    """Puts a piece where it touches most, if it has room anywhere."""
    height, width = ground.inside.shape
    limit = 2 * max(height, width)
    if scale * 1e-3 > limit:
        return None
    mask, x, y = piece.draw(scale, degrees)
    if mask.shape[0] > height or mask.shape[1] > width:
        return None
    reach = max(1, round(REACH * side))
    stencil = make_stencil(mask, ground.gap, reach, POINTS, rng)
    # The gap may reach over the raster's edge, where there is nothing to keep it to.
    margin = (stencil.width - mask.shape[1]) // 2
    rows, words = height - stencil.height + 1, (width - stencil.width) // 64 + 1
    if rows < 1 or width < stencil.width:
        return None
    here = free.ravel()[: rows * words].reshape(rows, words)
    middle = ground.centre - (stencil.width / 2, stencil.height / 2)
    for looks in (LOOKS, len(stencil.probes)):
        near = height + width if central else reach
        every = 1 if looks > LOOKS else min(1 + int(side / STRIDE), 4)
        find_free(
            ground.levels, ground.blocks, near, stencil.height, stencil.width, stencil.probes, looks, every, here
        )
        column, row, _ = most_touching(
            ground.levels, here, width - stencil.width, stencil.probes, stencil.around, TRIES,
            PULL if central else 0.0, middle, shuffled, 2 + every,
        )  # fmt: skip
        if column >= 0:
            stamp(ground.levels, ground.blocks, column, row, stencil.runs)
            return Sown(column + margin + x, row + margin + y, scale, degrees)
        if looks >= len(stencil.probes):
            break
    return None
