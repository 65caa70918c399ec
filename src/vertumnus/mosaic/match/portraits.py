"""Faces in tiles: of a photograph that is cut to its cell what is kept has the face whole."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.faces import Face, crop_around, find_faces
from vertumnus.mosaic.library.library import TileLibrary

LOOKED_FOR = 0.03  # share of a tile cut away, from which faces are looked for in it
SEEN = 96  # pixels of a tile's shorter side that faces are looked for in: those of a quarter of it and more
KNOWN = 1 << 16  # tiles whose faces are kept in mind
Boxes = NDArray[np.float64]

_known: dict[str, list[Face]] = {}


def keep_faces(library: TileLibrary, numbers: Iterable[int], aspect: float, boxes: Boxes) -> int:
    """Moves crops of tiles to where their faces are, in place, and returns how many.

    numbers   of tiles of the library
    aspect    width over height of the crops, in the tiles' own pixels
    boxes     N x 4: left, top, right, bottom as shares of the tile, the largest in its middle

    Faces are looked for in the thumbnails of tiles that lose more than `LOOKED_FOR`.
    """
    numbers = list(numbers)
    cut = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) < 1 - LOOKED_FOR
    moved = 0
    some = np.flatnonzero(cut)
    for n, tile in zip(some.tolist(), library.tiles([numbers[n] for n in some.tolist()]), strict=True):
        if tile.digest not in _known:
            if len(_known) >= KNOWN:
                _known.clear()
            picture = Image.fromarray(library.thumbnail(numbers[n]))
            _known[tile.digest] = find_faces(picture, round(SEEN * max(picture.size) / min(picture.size)))
        faces = _known[tile.digest]
        if faces:
            size = _thumbnail_size(library, numbers[n])
            left, top, wide, tall = crop_around(size, aspect, faces)
            # As large as it was; only where it lies is new.
            across, down = boxes[n, 2:] - boxes[n, :2]
            x = min(max((left + wide / 2) / size[0] - across / 2, 0.0), 1 - across)
            y = min(max((top + tall / 2) / size[1] - down / 2, 0.0), 1 - down)
            moved += bool(abs(x - boxes[n, 0]) * size[0] >= 1 or abs(y - boxes[n, 1]) * size[1] >= 1)
            boxes[n] = x, y, x + across, y + down
    return moved


def _thumbnail_size(library: TileLibrary, number: int) -> tuple[int, int]:
    down, across, _ = library.thumbnail(number).shape
    return across, down
