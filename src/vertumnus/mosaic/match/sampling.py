"""Area averages of boxes, in many small pictures or in one large one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel


def sample_boxes(pictures: NDArray[np.float32], boxes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Side x side means of a box in each of many pictures.

    pictures   N x R x C x 3
    boxes      N x 4: left, top, right, bottom, in pixels of the picture; parts outside repeat its border
    Returns N x side x side x 3.
    """
    return _sample_boxes(np.ascontiguousarray(pictures, np.float32), np.ascontiguousarray(boxes, np.float32), side)


@kernel
def _sample_boxes(pictures, boxes, side):
    count, rows, columns, _ = pictures.shape
    out = np.zeros((count, side, side, 3), np.float32)
    lines = np.zeros((rows, side, 3), np.float32)
    for n in range(count):
        left, top, right, bottom = boxes[n]
        step_x, step_y = (right - left) / side, (bottom - top) / side
        first_row = min(max(int(np.floor(top)), 0), rows - 1)
        last_row = min(max(int(np.ceil(bottom)), 1), rows)
        for y in range(first_row, last_row):
            for i in range(side):
                _mean_line(pictures[n, y], left + i * step_x, left + (i + 1) * step_x, columns, lines[y, i])
        for j in range(side):
            for i in range(side):
                _mean_line(lines[:, i], top + j * step_y, top + (j + 1) * step_y, rows, out[n, j, i])
    return out


@kernel
def _mean_line(line, start, end, size, out):
    """The mean of a line of colours from ``start`` to ``end``; beyond its ends the outermost colour goes on."""
    start = min(max(start, np.float32(0)), np.float32(size) - np.float32(1e-3))
    end = min(max(end, start + np.float32(1e-3)), np.float32(size))
    first, last = int(start), min(int(np.ceil(end)), size)
    r = g = b = np.float32(0)
    for x in range(first, last):
        weight = min(end, np.float32(x + 1)) - max(start, np.float32(x))
        r += weight * line[x, 0]
        g += weight * line[x, 1]
        b += weight * line[x, 2]
    span = end - start
    out[0], out[1], out[2] = r / span, g / span, b / span


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
