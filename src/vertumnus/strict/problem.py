"""The pieces and the ground of the strict finish as arrays: which pictures, how large, and what is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.render.sprites import Sprites, level_at
from vertumnus.strict.options import StrictOptions

RASTER = 2  # raster pixels to a canvas pixel where nothing may touch: twice the canvas size

REDUCED, LARGE_MASK = 2, 1 << 24  # times, and pixels of a mask from which coarse rasters are made of it reduced

Floats = NDArray[np.float64]


@dataclass
class Problem:
    """N pieces to be placed. A piece is one use of an element.

    pieces     index of each piece's element
    locked     N; placed already and staying there
    elements   the M different ones
    strict     what is kept between pieces, and how hard to try
    width, height   of the canvas
    mask       the container at RASTER times the canvas size
    fair       N, root of each piece's fair share of the container, canvas pixels
    unit       N, root of each piece's silhouette area at scale 1
    probes     the elements' probes: points, count and depth, each with the elements first
    keep_places   pieces start where they belong, and are only nudged
    shown      of the container what counts, at the same size, where pieces may bleed over its edge and are cut there
    """

    elements: list[Element]
    pieces: NDArray[np.int32]
    locked: NDArray[np.bool_]
    strict: StrictOptions
    width: int
    height: int
    mask: NDArray[np.bool_]
    fair: Floats
    unit: Floats
    sprites: Sprites
    probes: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
    keep_places: bool
    shown: NDArray[np.bool_] | None = field(default=None, kw_only=True)
    _reduced: dict[int, Image.Image] = field(default_factory=dict, kw_only=True, repr=False)

    @property
    def area(self) -> float:
        """Of the container, canvas pixels."""
        return float(np.count_nonzero(self.mask)) / RASTER**2

    def target(self, zoom: float) -> NDArray[np.float32]:
        """Share of each pixel in the container, on a raster of round(zoom * size)."""
        return self._drawn(self.mask, zoom)

    def target_shown(self, zoom: float) -> NDArray[np.float32]:
        """Share of each pixel in what is to be covered: the container, or what of it counts."""
        return self._drawn(self.mask if self.shown is None else self.shown, zoom)

    def _drawn(self, mask: NDArray[np.bool_], zoom: float) -> NDArray[np.float32]:
        size = max(1, round(self.width * zoom)), max(1, round(self.height * zoom))
        if size == (mask.shape[1], mask.shape[0]):
            return mask.astype(np.float32)
        whole = self._small(mask) if zoom < RASTER / REDUCED and mask.size > LARGE_MASK else _picture(mask)
        return np.asarray(whole.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)

    def _small(self, mask: NDArray[np.bool_]) -> Image.Image:
        """A large mask reduced, for all coarse rasters."""
        found = self._reduced.get(id(mask))
        if found is None:
            found = self._reduced[id(mask)] = _picture(mask).reduce(REDUCED)
        return found


def _picture(mask: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(mask.astype(np.uint8) * np.uint8(255))


@dataclass
class Shares:
    """What N pieces have of a container, before anything is placed.

    elements   the M different ones; pieces: index of each piece's
    locked     N
    unit       N, root of each silhouette's area at scale 1
    weight     N, of mean 1 over those that are not locked, where it is 0
    area       left for those, canvas pixels
    taken      N, root of the area that a locked piece takes
    """

    elements: list[Element]
    pieces: NDArray[np.int32]
    locked: NDArray[np.bool_]
    unit: Floats
    weight: Floats
    area: float
    taken: Floats

    @property
    def free(self) -> int:
        """How many pieces are not locked, at least 1."""
        return max(int(np.count_nonzero(~self.locked)), 1)

    @property
    def fair(self) -> Floats:
        """Root of each piece's share of what is left, by weight, canvas pixels."""
        return np.where(self.locked, self.taken, np.sqrt(self.weight * self.area / self.free))


def share_out(elements: Sequence[Element], mask: NDArray[np.bool_], locked: Sequence[float] = ()) -> Shares:
    """Works out what each piece may expect of a container.

    elements   one for each piece; the same object may come many times
    mask       the container at RASTER times the canvas size
    locked     for each piece that is placed already and stays there its scale, 0 for the others; none by default

    Raises `VertumnusError` if there is no piece.
    """
    if not elements:
        raise VertumnusError("there is no element to place")
    different: dict[int, int] = {}
    pieces = np.array([different.setdefault(id(e), len(different)) for e in elements], np.int32)
    by_index = {index: element for element, index in zip(elements, pieces, strict=True)}
    distinct = [by_index[index] for index in range(len(different))]
    stays = np.array(locked, np.float64) if len(locked) else np.zeros(len(pieces))
    fixed = stays > 0
    free = max(int(np.count_nonzero(~fixed)), 1)
    unit = np.array([element.unit for element in distinct])[pieces]
    weight = np.where(fixed, 0.0, [element.weight for element in elements])
    area = int(np.count_nonzero(mask)) / RASTER**2
    return Shares(
        elements=distinct,
        pieces=pieces,
        locked=fixed,
        unit=unit,
        weight=weight / max(float(weight.sum()), 1e-9) * free,
        area=max(area - float(((stays * unit) ** 2).sum()), 0.05 * area),
        taken=stays * unit,
    )


def make_problem(
    shares: Shares,
    mask: NDArray[np.bool_],
    size: tuple[int, int],
    strict: StrictOptions,
    fair: Floats | None = None,
    largest: Floats | float = 1.0,
    keep_places: bool = False,
) -> Problem:
    """The problem of putting pieces down.

    shares    see `share_out`
    mask      the container at RASTER times the canvas size
    size      (width, height) of the canvas, pixels
    fair      N, root of the area each piece should have; by default its share of the container by weight
    largest   factor of that, root of area again, up to which a piece may grow
    """
    wanted = shares.fair if fair is None else fair
    elements = shares.elements
    return Problem(
        elements=elements,
        pieces=shares.pieces,
        locked=shares.locked,
        strict=strict,
        width=size[0],
        height=size[1],
        mask=mask,
        fair=wanted,
        unit=shares.unit,
        sprites=_silhouettes(elements, shares.pieces, largest * wanted / shares.unit * RASTER),
        probes=(
            np.stack([element.probes.points for element in elements]),
            np.stack([element.probes.number for element in elements]),
            np.stack([element.probes.depth for element in elements]),
        ),
        keep_places=keep_places,
    )


def _silhouettes(elements: list[Element], pieces: NDArray[np.int32], scale: Floats) -> Sprites:
    """The elements' alpha, as fine as the largest scale each one may reach asks for."""
    most = np.full(len(elements), 1e-9)
    np.maximum.at(most, pieces, scale)
    levels = [element.fine_alpha(level_at(s)) for element, s in zip(elements, most, strict=True)]
    return Sprites.of(
        [alpha for alpha, _ in levels],
        [(element.width, element.height) for element in elements],
        [level for _, level in levels],
    )
