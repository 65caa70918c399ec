"""Photographs as tiles where one matches well enough; the model draws the rest.

What Generative Photomosaic names as future work (sec. C): real pictures in a generated mosaic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.mosaic.collage import Cells, canvas_size, make_collage
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.mosaic import MosaicMaker
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import draw_mosaic

SEEN = 8  # values a side of a cell that are compared


@dataclass(frozen=True)
class Photographs:
    """A matched mosaic of which some cells are used.

    chosen  what every cell would show
    cells   those whose photograph is near enough
    """

    chosen: Cells
    reference: Image.Image
    cells: frozenset[int]

    def collage(self, size: tuple[int, int]) -> Collage:
        """The matched mosaic, all of it, on a canvas of a size."""
        return make_collage(self.chosen, self.reference, size, {})


def match_photographs(
    reference: Image.Image,
    where: str,
    folders: Sequence[Path],
    options: MosaicOptions,
    nearest: float,
    *,
    seed: int = 0,
    index: str | Path | None = None,
) -> Photographs:
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
    return Photographs(chosen, reference, frozenset(np.flatnonzero(errors <= nearest).tolist()))


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
