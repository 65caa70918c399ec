"""The part of the reference under each tile, at the sizes that generating needs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.match.crops import crop_boxes
from vertumnus.mosaic.match.grid import Grid

Bytes = NDArray[np.uint8]
NEAR = 1.25  # a cell no further from square than this shows a square tile, cut


class Extent(NamedTuple):
    """Pixels of a tile."""

    width: int
    height: int


def tile_extent(text: str | None, resolution: int, multiple: int, aspect: float) -> Extent:
    """The size at which tiles are drawn.

    text        what was asked for, 768 or 768x512
    resolution  of the model's own, square pictures
    multiple    that sides must be of
    aspect      of the cells, width over height

    Cells that are nearly square show the model's own square pictures; others get pictures of about their aspect and
    of the same area. Raises `VertumnusError` for what is no size, or not one that the model can draw.
    """
    if text is None:
        if 1 / NEAR <= aspect <= NEAR:
            return Extent(resolution, resolution)
        across = max(1, round(resolution * math.sqrt(aspect) / multiple)) * multiple
        down = max(1, round(resolution / math.sqrt(aspect) / multiple)) * multiple
        return Extent(across, down)
    first, cross, second = text.lower().partition("x")
    try:
        extent = Extent(int(first), int(second if cross else first))
    except ValueError:
        raise VertumnusError(f"`tile_size`: {text!r} is not a size; write 768 or 768x512") from None
    for name, side in (("width", extent.width), ("height", extent.height)):
        if side < multiple or side % multiple or side > 8192:
            near = max(round(side / multiple), 1) * multiple
            raise VertumnusError(f"`tile_size`: a {name} of {side} is no multiple of {multiple}; try {near}")
    return extent


def shown_parts(grid: Grid, extent: Extent) -> NDArray[np.float64]:
    """The part of its tile that each cell shows: left, top, right, bottom as shares, N x 4."""
    return crop_boxes(np.full(len(grid), extent.width / extent.height), grid.aspect, 0)


def cut_blocks(reference: Image.Image, grid: Grid, extent: Extent, size: tuple[int, int]) -> Bytes:
    """What each whole tile stands for, N x height x width x 3.

    size   width and height of a block

    A tile of which a cell shows a part stands for more than the cell: for the reference around it, whose edge is
    repeated beyond it. Where a block has fewer pixels in the reference than asked for it is enlarged bicubically, and
    where it has more it is averaged.
    """
    pixels = np.asarray(reference)
    rows, columns = pixels.shape[:2]
    scale = np.array([columns / grid.width, rows / grid.height] * 2)
    cells = grid.boxes * scale
    part = shown_parts(grid, extent)
    across = (cells[:, 2] - cells[:, 0]) / (part[:, 2] - part[:, 0])
    down = (cells[:, 3] - cells[:, 1]) / (part[:, 3] - part[:, 1])
    left, top = cells[:, 0] - part[:, 0] * across, cells[:, 1] - part[:, 1] * down
    beyond = max(
        0, math.ceil(max(-left.min(), -top.min(), (left + across).max() - columns, (top + down).max() - rows))
    )
    if beyond:
        pixels = np.pad(pixels, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
    padded = Image.fromarray(pixels)
    blocks = np.empty((len(grid), size[1], size[0], 3), np.uint8)
    for n in range(len(grid)):
        x, y = float(left[n] + beyond), float(top[n] + beyond)
        box = (x, y, min(x + float(across[n]), padded.width), min(y + float(down[n]), padded.height))
        smaller = size[0] <= box[2] - box[0] and size[1] <= box[3] - box[1]
        kind = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        blocks[n] = np.asarray(padded.resize(size, kind, box))
    return blocks
