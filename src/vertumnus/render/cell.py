"""Layers that snap to whole pixels, as a mosaic's cells do: their pixels are made once, by a good filter.

Where a layer's `snap` is set and it stands upright (turned by quarters at most, not sheared), its edges are rounded
to whole pixels of whatever size is drawn: two that share an edge on the canvas share it there too, without a seam and
without a pixel that both or neither cover. The part of the picture shown is resampled to just those pixels (Lanczos,
as photographs want it), so nothing is sampled twice.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.layer import Layer
from vertumnus.imaging.decode import HALVINGS
from vertumnus.render.tone import byte_table, srgb_byte_table

Bytes = NDArray[np.uint8]
DIGITS = 6  # decimals of a pixel that count: two layers may know the edge they share as slightly different numbers
LATTICE = 4096.0  # a hexagon's corners lie on multiples of 1 / LATTICE pixel
MOST = 1 << 26  # pixels that are made at once; what is larger is drawn by its placement, strip by strip
Edges = tuple[float, float, float, float]


class Cell(NamedTuple):
    """Where a snapped layer is drawn.

    box     left, top, right, bottom, whole pixels; may reach beyond the canvas
    edges   the same before they were rounded
    turn    quarter turns clockwise
    """

    box: tuple[int, int, int, int]
    edges: Edges
    turn: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture's pixels, before it is turned."""
        left, top, right, bottom = self.box
        across, down = right - left, bottom - top
        return (down, across) if self.turn % 2 else (across, down)


def snapped(layer: Layer, size: tuple[int, int], zoom: float) -> Cell | None:
    """The cell of a layer drawn at ``zoom`` pixels to a canvas pixel, or None if it is drawn by its placement.

    size   of what the layer shows, in the picture's pixels
    """
    turn = round(layer.rotation / 90)
    if not layer.snap or layer.shear != 0 or layer.rotation != 90 * turn:
        return None
    wide, tall = size[0] * layer.scale / 2, size[1] * layer.scale * layer.squeeze / 2
    if turn % 2:
        wide, tall = tall, wide
    edges = (
        round((layer.x - wide) * zoom, DIGITS),
        round((layer.y - tall) * zoom, DIGITS),
        round((layer.x + wide) * zoom, DIGITS),
        round((layer.y + tall) * zoom, DIGITS),
    )
    if layer.outline == "hexagon":
        box = (math.floor(edges[0]), math.floor(edges[1]), math.ceil(edges[2]), math.ceil(edges[3]))
    else:
        left, top, right, bottom = (math.floor(edge + 0.5) for edge in edges)
        box = (left, top, right, bottom)
    if (box[2] - box[0]) * (box[3] - box[1]) > MOST:
        return None
    return Cell(box, edges, turn % 4)


def halvings_for(cell: Cell, shown: tuple[int, int]) -> int:
    """How often the picture may be halved and still be no smaller than the cell needs.

    shown   width and height of the part that is shown, in the picture's pixels
    """
    across, down = cell.size
    share = max(across / shown[0], down / shown[1])
    return max(0, min(HALVINGS, math.floor(-math.log2(share)))) if share > 0 else HALVINGS


def cell_pixels(layer: Layer, cell: Cell, picture: Image.Image, box: Edges) -> Bytes:
    """What a cell shows: h x w x 3, or x 4 with straight alpha where the picture has any.

    picture   RGB or RGBA, at least about as large as needed
    box       the part of it that is shown: left, top, right, bottom
    """
    size = cell.size
    # Where a picture is smaller than it is said to be, the last digit of the product may lie beyond its edge.
    box = (box[0], box[1], min(box[2], picture.width), min(box[3], picture.height))
    if picture.mode == "RGBA":  # colours of what is transparent must not bleed
        resized = (
            picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0).convert("RGBA")
        )
    else:
        resized = picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0)
    pixels = np.asarray(resized)
    if layer.flip:
        pixels = pixels[:, ::-1]
    if cell.turn:
        pixels = np.rot90(pixels, -cell.turn)
    if layer.toned:
        table = (byte_table if layer.light == "linear" else srgb_byte_table)(layer.gain, layer.offset)
        toned = [table[k][pixels[..., k]] for k in range(3)]
        pixels = np.stack([*toned, pixels[..., 3]] if pixels.shape[2] == 4 else toned, axis=-1)
    return np.ascontiguousarray(pixels)


def hexagon_mask(cell: Cell) -> NDArray[np.bool_]:
    """Which pixels of a cell's box lie in the hexagon that fills its edges, a point at its top.

    A pixel belongs to where its centre is. Cells that share a side find it from the same two corners, so every pixel
    along it is in exactly one.
    """
    left, top, right, bottom = cell.box
    x0, y0, x1, y1 = cell.edges
    middle = _lattice((x0 + x1) / 2)
    x0, x1 = _lattice(x0), _lattice(x1)
    corners = [_lattice(y) for y in (y0, y0 + (y1 - y0) / 4, y1 - (y1 - y0) / 4, y1)]
    rows = np.arange(top, bottom, dtype=np.float64) + 0.5
    first = _side(rows, corners, (middle, x0, x0, middle))
    last = _side(rows, corners, (middle, x1, x1, middle))
    columns = np.arange(left, right) + 0.5
    return (columns[None, :] >= first[:, None]) & (columns[None, :] < last[:, None])


def _lattice(value: float) -> float:
    return round(value * LATTICE) / LATTICE


def _side(rows: NDArray[np.float64], corners: list[float], xs: tuple[float, ...]) -> NDArray[np.float64]:
    """Where one side of a hexagon crosses rows of pixel centres; beyond its ends, nothing is inside."""
    found = np.full(len(rows), np.nan)
    for above, below, start, end in zip(corners, corners[1:], xs, xs[1:], strict=False):
        here = (rows >= above) & (rows < below)
        if below > above:
            found[here] = start + (rows[here] - above) * ((end - start) / (below - above))
    return found
