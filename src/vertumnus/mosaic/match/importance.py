"""Where people look: how much each cell of a mosaic matters, by the faces in the reference or by a mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.decode import decode_picture
from vertumnus.imaging.faces import Face, find_faces
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.sampling import sample_cells
from vertumnus.reading import read_named

FACES, NONE = "faces", "none"
SEEN = 512  # pixels of the longer side of the map
FADES = 0.35  # of a face's size, over which what is around it matters less and less
FAVOUR = 12.0  # what the cost of a cell counts where it matters most, beside one where it does not
DETAIL = 6.0  # the same for how uneven a cell of an adaptive grid is
VARIETY = 1.0  # cells more that equal tiles keep apart there

Map = NDArray[np.float32]


def importance_map(picture: Image.Image, by: str | Path) -> Map | None:
    """How much each part of a picture matters, 0 to 1, H x W, `SEEN` pixels a side at most; None where nothing does.

    by   "faces", "none", or a picture that is light where it matters, of any size

    Raises `VertumnusError` if the mask cannot be read.
    """
    if by == NONE:
        return None
    factor = min(1.0, SEEN / max(picture.size))
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    if by != FACES:
        mask = decode_picture(read_named(Path(by)), str(by)).image.convert("L").resize(size, Image.Resampling.BOX)
        found = np.asarray(mask, np.float32) / np.float32(255)
    else:
        found = _around(find_faces(picture), picture.size, size)
    return found if found.any() else None


def _around(faces: list[Face], whole: tuple[int, int], size: tuple[int, int]) -> Map:
    """1 within the ellipse of each face and its hair, falling to 0 around it."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    x, y = x * whole[0] / size[0], y * whole[1] / size[1]
    found = np.zeros((size[1], size[0]), np.float32)
    for face in faces:
        left, top, right, bottom = face.with_hair()
        wide, tall = (right - left) / 2, (bottom - top) / 2
        away = np.hypot((x - (left + right) / 2) / wide, (y - (top + bottom) / 2) / tall)
        found = np.maximum(found, np.clip(1 - (away - 1) / FADES, 0, 1).astype(np.float32))
    return found


def cell_importance(found: Map, grid: Grid) -> NDArray[np.float32]:
    """The mean of a map over each cell, N."""
    scale = np.array([found.shape[1] / grid.width, found.shape[0] / grid.height] * 2)
    channels = np.repeat(found[..., None], 3, axis=2)
    return sample_cells(channels, grid.boxes * scale, 1)[:, 0, 0, 0]
