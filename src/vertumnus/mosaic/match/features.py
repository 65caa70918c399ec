"""What cells and tiles are compared by: colour of the whole and of its parts, and the orientation of edges."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import Space, in_space
from vertumnus.mosaic.library.library import BLOCK, TileLibrary
from vertumnus.mosaic.library.summary import CELLS
from vertumnus.mosaic.match.crops import Variant, crop_boxes, oriented
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.sampling import sample_boxes, sample_cells

Floats = NDArray[np.float32]
MAX_SIDE = CELLS // 2


@dataclass(frozen=True)
class FeatureSpec:
    """How cells and tiles are compared; the squared distance of two features is the cost of a match.

    side     sub-cells along each side of a cell
    space    of colours
    colour, edges, mean   weights: of the colours of the parts, of edges, of the colour of the whole
    lightness   weight of lightness within colours, beside 1 for what they are besides; not of rgb
    """

    side: int = 4
    space: Space = "oklab"
    colour: float = 1.0
    edges: float = 0.1
    mean: float = 0.5
    lightness: float = 1.0

    def check(self) -> None:
        """Raises `VertumnusError` for values that make no sense."""
        if not 1 <= self.side <= MAX_SIDE:
            raise VertumnusError(f"`subcells`: must be 1 to {MAX_SIDE}, not {self.side}")
        for name, weight in (("colour", self.colour), ("edges", self.edges), ("mean", self.mean)):
            if not (np.isfinite(weight) and weight >= 0):
                raise VertumnusError(f"`{name}`: must be a number not below 0, not {weight}")
        if self.colour == self.edges == self.mean == 0:
            raise VertumnusError("`colour`, `edges`, `mean`: one of the weights must be above 0")

    @property
    def width(self) -> int:
        """How many numbers a feature has."""
        return self.side**2 * (3 * (self.colour > 0) + 2 * (self.edges > 0)) + 3 * (self.mean > 0)

    def of(self, samples: Floats, shares: Floats | None = None) -> Floats:
        """Features of pictures given as 2k x 2k mean sRGB values: N x 2k x 2k x 3 to N x D.

        shares   k x k: how much of each sub-cell belongs to the cell, 1 by default

        Colour is the mean of each sub-cell, and beside it that of the whole, which decides what is seen from afar.
        Edge orientation is the doubled-angle vector |g| (cos 2a, sin 2a) of the gradient of lightness g with angle
        a, averaged over each sub-cell: opposite gradients of one edge add up and perpendicular ones cancel (Bigün
        and Granlund, 1987). All are scaled so that the squared distance is a mean over sub-cells.
        """
        count, k = len(samples), self.side
        shares = np.ones((k, k), np.float32) if shares is None else shares
        weight = np.sqrt(shares / shares.sum())[None, :, :, None].astype(np.float32)
        pooled = samples.reshape(count, k, 2, k, 2, 3).mean(axis=(2, 4))
        parts = []
        if self.colour > 0:
            parts.append(self._seen(pooled) * weight * np.float32(self.colour**0.5))
        if self.mean > 0:
            whole = np.einsum("nyxc,yx->nc", pooled, weight[0, :, :, 0] ** 2)
            parts.append(self._seen(whole) * np.float32(self.mean**0.5))
        if self.edges > 0:
            lightness = in_space(samples, "oklab" if self.space == "rgb" else self.space)[..., 0]
            down = np.gradient(lightness, axis=1)
            across = np.gradient(lightness, axis=2)
            size = np.sqrt(down**2 + across**2) + np.float32(1e-6)
            double = np.stack([(across**2 - down**2) / size, 2 * across * down / size], axis=-1)
            double = double.reshape(count, k, 2, k, 2, 2).mean(axis=(2, 4))
            parts.append(double * weight * np.float32(self.edges**0.5))
        return np.concatenate([part.reshape(count, -1) for part in parts], axis=1).astype(np.float32)

    def _seen(self, colours: Floats) -> Floats:
        """Colours as they are compared."""
        found = in_space(colours, self.space)
        if self.lightness == 1 or self.space == "rgb":
            return found
        return found * np.array([self.lightness**0.5, 1, 1], np.float32)


def cell_features(picture: Image.Image, grid: Grid, spec: FeatureSpec) -> Floats:
    """Features of every cell of a reference, N x D."""
    scale = np.array([picture.width / grid.width, picture.height / grid.height] * 2)
    samples = sample_cells(np.asarray(picture, np.float32) / np.float32(255), grid.boxes * scale, 2 * spec.side)
    shares = cell_shares(grid, spec.side)
    return np.concatenate([spec.of(samples[n : n + BLOCK], shares) for n in range(0, len(samples), BLOCK)])


def mean_colours(features: Floats, spec: FeatureSpec, shares: Floats | None) -> Floats:
    """The mean colour that features (... x D) speak of, ... x 3; black where they speak of none."""
    parts = spec.side**2
    if spec.mean > 0:
        first = 3 * parts * (spec.colour > 0)
        return features[..., first : first + 3] / np.float32(spec.mean**0.5)
    if spec.colour == 0:
        return np.zeros((*features.shape[:-1], 3), np.float32)
    weight = np.full(parts, 1 / parts, np.float32) if shares is None else (shares / shares.sum()).ravel()
    colours = features[..., : 3 * parts].reshape(*features.shape[:-1], parts, 3)
    return np.einsum("...pc,p->...c", colours, np.sqrt(weight)).astype(np.float32) / np.float32(spec.colour**0.5)


def cell_shares(grid: Grid, side: int) -> Floats | None:
    """How much of each of side x side parts of a whole cell's box is its own; None for all."""
    if grid.kind != "hexagon":
        return None
    fine = 8 * side
    x = np.abs((np.arange(fine) + 0.5) / fine - 0.5)
    # A hexagon with a point at its top: its slanted sides rise by a quarter of its height over half its width.
    inside = x[:, None] <= 0.5 - x[None, :] * 0.5
    return inside.reshape(side, 8, side, 8).mean(axis=(1, 3)).astype(np.float32)


class Further(Protocol):
    """Features beside those of colour and edges, as `vertumnus.mosaic.match.deep.DeepFeatures`."""

    def of_tiles(self, library: TileLibrary, first: int, last: int, aspect: float, ways: list[Variant]) -> Floats:
        """Of some tiles in every way they may be shown, tiles x ways x D."""


def tile_features(
    library: TileLibrary, grid: Grid, spec: FeatureSpec, ways: list[Variant], further: Further | None = None
) -> Floats:
    """Features of every tile in every way it may be shown, tiles x ways x D; further ones come last.

    Worked out block by block and kept in a temporary file that is memory-mapped, so memory does not grow with the
    library.
    """
    shares = cell_shares(grid, spec.side)
    features: Floats | None = None
    with tempfile.TemporaryFile(prefix="vertumnus-features-") as file:
        for first, last in library.blocks():
            found = block_features(library, first, last, grid.aspect, spec, ways, shares)
            if further is not None:
                found = np.concatenate([found, further.of_tiles(library, first, last, grid.aspect, ways)], axis=2)
            if features is None:
                shape = (len(library), len(ways), found.shape[2])
                features = np.memmap(file, np.float32, "w+", shape=shape)
            features[first:last] = found
    assert features is not None
    return features


def block_features(
    library: TileLibrary,
    first: int,
    last: int,
    aspect: float,
    spec: FeatureSpec,
    ways: list[Variant],
    shares: Floats | None,
) -> Floats:
    """Features of some tiles, tiles x ways x D."""
    cells = library.cells(first, last)
    aspects = library.aspects[first:last]
    crops: dict[tuple[int, bool], Floats] = {}
    out = []
    for way in ways:
        key = way.crop, way.turn % 2 == 1
        if key not in crops:
            boxes = crop_boxes(aspects, 1 / aspect if key[1] else aspect, way.crop)
            crops[key] = sample_boxes(cells, (boxes * CELLS).astype(np.float32), 2 * spec.side)
        out.append(spec.of(oriented(crops[key], way.turn, way.flip), shares))
    return np.stack(out, axis=1)
