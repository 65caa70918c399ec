"""Cells and tiles compared by what a classifier of photographs sees in them, beside their colours.

Features of EfficientNet-Lite0 at strides 8 to 32, of unit length at every place, averaged over 4 x 4 or 2 x 2 parts:
the squared distance of two is about that of `vertumnus.models.classifier.Classifier.distance`, the form of LPIPS
(Zhang et al., 2018, eq. 1). They are thousands of numbers, so they are taken along the principal axes of the cells,
of which `AXES` are kept; what of a tile no axis holds is one number more, so that the distance from a cell that lies
within the axes is the whole one. A tile is first made as coarse as a cell, which has few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.models.classifier import Classifier
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.crops import Variant, crop_boxes, oriented
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.sampling import sample_cells

Floats = NDArray[np.float32]
SIDE = 64  # pixels of a side of what the network is shown
COARSEST, FINEST = 8, 32  # pixels of a side that a cell or tile keeps
PARTS = (4, 4, 2)  # along each side that strides 8, 16 and 32 are averaged over
AXES = 64
LEARNED = 512  # cells that the axes are of, at most
AT_ONCE = 64


@dataclass(frozen=True)
class DeepFeatures:
    """How cells and tiles look to the network, learned of one reference's cells.

    side    pixels of a side that pictures are compared at
    mean, axes   D and D x A
    scale   what features are multiplied by: two cells are then on average as far apart as by colour, times a weight
    """

    model: Classifier
    side: int
    mean: Floats
    axes: Floats
    scale: float

    @classmethod
    def of(cls, picture: Image.Image, grid: Grid, colours: Floats, weight: float, model: Classifier) -> DeepFeatures:
        """Of a reference's cells.

        colours   N x D, the cells' other features, whose distances say how much these count
        weight    of these beside them
        """
        side = resolution(picture, grid)
        some = np.unique(np.linspace(0, len(grid) - 1, min(len(grid), LEARNED)).astype(int))
        found = describe(model, cells(picture, grid, side)[some])
        mean = found.mean(0)
        _, _, across = np.linalg.svd(found - mean, full_matrices=False)
        apart = 2 * float((found - mean).var(0).sum())
        wanted = 2 * float(colours.var(0).sum())
        scale = float(np.sqrt(weight * (wanted if wanted > 0 else 1.0) / max(apart, 1e-9)))
        return cls(model, side, mean, np.ascontiguousarray(across[:AXES].T), scale)

    def of_cells(self, picture: Image.Image, grid: Grid) -> Floats:
        """N x (A + 1)."""
        return self._along(describe(self.model, cells(picture, grid, self.side)), False)

    def of_tiles(self, library: TileLibrary, first: int, last: int, aspect: float, ways: list[Variant]) -> Floats:
        """Of some tiles in every way they may be shown, tiles x ways x (A + 1)."""
        aspects = library.aspects[first:last]
        pictures = [library.thumbnail(number) for number in range(first, last)]
        found = []
        for way in ways:
            boxes = crop_boxes(aspects, 1 / aspect if way.turn % 2 else aspect, way.crop)
            shown = np.stack([self._cut(picture, box) for picture, box in zip(pictures, boxes, strict=True)])
            found.append(self._along(describe(self.model, oriented(shown, way.turn, way.flip)), True))
        return np.stack(found, axis=1)

    def _cut(self, picture: NDArray[np.uint8], box: NDArray[np.float64]) -> Floats:
        height, width = picture.shape[:2]
        part = tuple(np.asarray(box) * [width, height, width, height])
        small = Image.fromarray(picture).resize((self.side, self.side), Image.Resampling.BOX, box=part)
        return np.asarray(small, np.float32) / np.float32(255)

    def _along(self, found: Floats, beyond: bool) -> Floats:
        centred = found - self.mean
        along = centred @ self.axes
        rest = np.square(centred).sum(1) - np.square(along).sum(1) if beyond else np.zeros(len(found))
        return (np.column_stack([along, np.sqrt(np.maximum(rest, 0))]) * self.scale).astype(np.float32)


def resolution(picture: Image.Image, grid: Grid) -> int:
    """Pixels of a side that a reference's cells have, within bounds."""
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * [picture.width / grid.width, picture.height / grid.height]
    return int(np.clip(round(float(np.sqrt(sides.prod(1).mean()))), COARSEST, FINEST))


def cells(picture: Image.Image, grid: Grid, side: int) -> Floats:
    """The cells of a reference, N x side x side x 3 from 0 to 1."""
    scale = np.array([picture.width / grid.width, picture.height / grid.height] * 2)
    return sample_cells(np.asarray(picture, np.float32) / np.float32(255), grid.boxes * scale, side)


def describe(model: Classifier, pictures: Floats) -> Floats:
    """What the network sees in pictures, N x side x side x 3: N x D, apart by the square of a distance."""
    found = [
        np.concatenate([_parts(level, parts) for level, parts in zip(levels[1:], PARTS, strict=True)], axis=1)
        for first in range(0, len(pictures), AT_ONCE)
        for levels in [model.seen_features(pictures[first : first + AT_ONCE], SIDE)]
    ]
    return (np.concatenate(found) / np.sqrt(len(PARTS))).astype(np.float32)


def _parts(level: Floats, parts: int) -> Floats:
    """N x C x h x w, of unit length at every place, averaged over parts x parts: N x D of at most unit length."""
    unit = level / np.sqrt(np.square(level).sum(1, keepdims=True) + np.float32(1e-10))
    count, channels, rows, columns = unit.shape
    parts = min(parts, rows)
    pooled = unit.reshape(count, channels, parts, rows // parts, parts, columns // parts).mean((3, 5))
    return (pooled.reshape(count, -1) / np.float32(parts)).astype(np.float32)
