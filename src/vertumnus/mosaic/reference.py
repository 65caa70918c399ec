"""The picture to be rebuilt, and the parts that cells see of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture
from vertumnus.jit import kernel
from vertumnus.mosaic.colour import LINEAR
from vertumnus.mosaic.grid import Grid

SEEN, MOST, LEAST = 32, 4096, 512  # pixels of the reference: to a cell, and of a side at most and at least


def read_reference(path: Path) -> tuple[Image.Image, list[str]]:
    """A reference picture, upright, RGB, and what should be said about it.

    Raises `VertumnusError` naming the file if it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    picture = decode_picture(data, str(path))
    notes = [f"{path}: an animation of {picture.frames} frames; the first is used"] if picture.frames > 1 else []
    return picture.image, notes


def shrink_reference(image: Image.Image, grid: Grid) -> Image.Image:
    """The reference no larger than it is looked at: some `SEEN` pixels to the side of its smallest cell."""
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) / [grid.width, grid.height]
    most = np.maximum(np.minimum(SEEN / sides.min(axis=0), MOST), LEAST)
    size = np.minimum(image.size, np.ceil(most)).astype(int)
    return image if tuple(size) == image.size else image.resize((int(size[0]), int(size[1])), Image.Resampling.BOX)


def linear_light(image: Image.Image) -> NDArray[np.float32]:
    """H x W x 3 linear light of an RGB picture."""
    return LINEAR[np.asarray(image)]


def check_resolution(grid: Grid, width: int, height: int, where: str) -> None:
    """Raises `VertumnusError` unless every cell sees at least one pixel of a width x height reference."""
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * [width / grid.width, height / grid.height]
    if sides.min() < 1 - 1e-9:
        columns, rows = (
            round(side / across) for side, across in zip((width, height), sides.min(axis=0), strict=True)
        )
        raise VertumnusError(
            f"{where}: {width} x {height} pixels is smaller than the grid of {rows} x {columns} cells;"
            " use fewer cells or a larger picture"
        )


def sample_cells(picture: NDArray[np.float32], boxes: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """Side x side area means of each box of a picture, N x side x side x 3; beyond its border the border repeats."""
    table = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1, 3))
    np.cumsum(picture, axis=0, out=table[1:, 1:])
    np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
    return _sample_cells(table, np.ascontiguousarray(boxes, np.float64), side)


@kernel
def _sample_cells(table, boxes, side):
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    out = np.empty((len(boxes), side, side, 3), np.float32)
    for n in range(len(boxes)):
        left, top, right, bottom = boxes[n]
        for j in range(side):
            y0, y1 = _span(top + (bottom - top) * j / side, top + (bottom - top) * (j + 1) / side, rows)
            for i in range(side):
                x0, x1 = _span(left + (right - left) * i / side, left + (right - left) * (i + 1) / side, columns)
                for k in range(3):
                    total = (
                        _at(table, y1, x1, k) - _at(table, y0, x1, k) - _at(table, y1, x0, k) + _at(table, y0, x0, k)
                    )
                    out[n, j, i, k] = max(total / ((y1 - y0) * (x1 - x0)), 0.0)
    return out


@kernel
def _span(start, end, size):
    """A span cut to the picture; one that lies outside becomes its outermost pixel."""
    if end <= 0.5:
        return 0.0, min(1.0, float(size))
    if start >= size - 0.5:
        return max(float(size) - 1, 0.0), float(size)
    return max(start, 0.0), min(end, float(size))


@kernel
def _at(table, y, x, k):
    """The summed-area table between its points."""
    i, j = min(int(y), table.shape[0] - 2), min(int(x), table.shape[1] - 2)
    v, u = y - i, x - j
    above = table[i, j, k] * (1 - u) + table[i, j + 1, k] * u
    below = table[i + 1, j, k] * (1 - u) + table[i + 1, j + 1, k] * u
    return above * (1 - v) + below * v
