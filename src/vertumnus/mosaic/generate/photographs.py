"""Photographs as tiles where one matches well enough; the model draws the rest.

What Generative Photomosaic names as future work (sec. C): real pictures in a generated mosaic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.mosaic.collage import QUALITY, Cells, canvas_size, encoded, make_collage
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.mosaic import MosaicMaker
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import draw_mosaic

LONGEST = 8192  # pixels of a side of the picture that tiles begin with
SEEN = 8  # values a side of a cell that are compared


class Photographs(Protocol):
    """Cells that show photographs."""

    @property
    def cells(self) -> frozenset[int]:
        """Which they are."""

    def collage(self, size: tuple[int, int]) -> Collage:
        """Their layers, in the order of their numbers, on a canvas of a size."""


@dataclass(frozen=True)
class Matched:
    """A matched mosaic of which some cells are used.

    chosen  what every cell would show
    cells   those whose photograph is near enough
    """

    chosen: Cells
    reference: Image.Image
    cells: frozenset[int]

    def collage(self, size: tuple[int, int]) -> Collage:
        """See `Photographs.collage`."""
        whole = self.whole(size)
        return _of_layers(whole, [whole.layers[n] for n in sorted(self.cells)])

    def whole(self, size: tuple[int, int]) -> Collage:
        """The matched mosaic of all cells."""
        return make_collage(self.chosen, self.reference, size, {})

    def structure(self, side: int) -> bytes:
        """The matched mosaic as a JPEG, a cell's side about so many pixels: what tiles may begin with."""
        grid = self.chosen.grid
        area = float(np.mean((grid.boxes[:, 2:] - grid.boxes[:, :2]).prod(axis=1)))
        scale = min(side / area**0.5, LONGEST / max(grid.width, grid.height))
        size = max(1, round(grid.width * scale)), max(1, round(grid.height * scale))
        return encoded(draw_mosaic(self.whole(size)), QUALITY)


@dataclass(frozen=True)
class Kept:
    """The photographs of a document, which has a layer for each cell."""

    document: Collage
    cells: frozenset[int]

    def collage(self, size: tuple[int, int]) -> Collage:
        """See `Photographs.collage`: on their own canvas, whatever the size."""
        layers = [self.document.layers[n].model_copy(update={"id": ""}) for n in sorted(self.cells)]
        return _of_layers(self.document, layers)


def _of_layers(collage: Collage, layers: list[Layer]) -> Collage:
    part = Collage(width=collage.width, height=collage.height)
    part.layers = layers
    for layer in layers:
        part.pictures.take_from(collage.pictures, layer.image)
    return part


def match_photographs(
    reference: Image.Image,
    where: str,
    folders: Sequence[Path],
    options: MosaicOptions,
    nearest: float,
    *,
    seed: int = 0,
    index: str | Path | None = None,
) -> Matched:
    """Matches photographs to all cells and keeps those that are near enough.

    options  the grid, and how photographs are matched and toned
    nearest  root of the mean squared difference from the reference, sRGB values from 0 to 1 at 8 x 8 places of a
             cell, up to which a photograph is taken

    Raises `VertumnusError` for folders without pictures, or rules that cannot be kept.
    """
    for folder in folders:
        update_index(folder, index=index)
    library = TileLibrary(list(folders), index)
    library.require()
    maker = MosaicMaker(library, reference.size, where, options, seed)
    chosen = maker.choose(reference)
    errors = cell_errors(make_collage(chosen, reference, canvas_size(chosen.grid, None), {}), reference, chosen.grid)
    return Matched(chosen, reference, frozenset(np.flatnonzero(errors <= nearest).tolist()))


def cell_errors(collage: Collage, reference: Image.Image, grid: Grid) -> np.ndarray:
    """How far each cell is from the reference, root of the mean squared difference, values from 0 to 1."""
    drawn = draw_mosaic(collage)
    wanted = reference.resize(drawn.size, Image.Resampling.BOX)
    errors = np.empty(len(grid))
    boxes = np.round(grid.boxes * ([drawn.width / grid.width, drawn.height / grid.height] * 2)).astype(int)
    for n, (left, top, right, bottom) in enumerate(boxes.tolist()):
        box = (max(left, 0), max(top, 0), min(right, drawn.width), min(bottom, drawn.height))
        small = [
            np.asarray(picture.crop(box).resize((SEEN, SEEN), Image.Resampling.BOX), float) / 255
            for picture in (drawn, wanted)
        ]
        errors[n] = np.sqrt(((small[0] - small[1]) ** 2).mean())
    return errors
