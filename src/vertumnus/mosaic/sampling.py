"""Area averages of pictures and of boxes within them, in linear light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.mosaic.colour import LINEAR

CELLS = 16  # a picture is summed up by CELLS x CELLS means


def mean_cells(pixels: NDArray[np.uint8], cells: int = CELLS) -> NDArray[np.float32]:
    """Mean linear light of each of cells x cells equal parts of a picture (H x W x 3 bytes): cells x cells x 3."""
    return _mean_cells(np.ascontiguousarray(pixels), LINEAR, cells)


@kernel
def _mean_cells(pixels, linear, cells):
    height, width, _ = pixels.shape
    out = np.zeros((cells, cells, 3), np.float32)
    line = np.zeros((cells, 3), np.float32)
    share_x, share_y = np.float32(cells / width), np.float32(cells / height)
    for y in range(height):
        line[:] = 0
        for x in range(width):
            left = x * share_x
            right = left + share_x
            first = min(int(left), cells - 1)
            last = min(int(right), cells - 1)
            r, g, b = linear[pixels[y, x, 0]], linear[pixels[y, x, 1]], linear[pixels[y, x, 2]]
            for c in range(first, last + 1):
                weight = min(right, np.float32(c + 1)) - max(left, np.float32(c))
                if weight > 0:
                    line[c, 0] += weight * r
                    line[c, 1] += weight * g
                    line[c, 2] += weight * b
        top = y * share_y
        bottom = top + share_y
        for c in range(min(int(top), cells - 1), min(int(bottom), cells - 1) + 1):
            weight = min(bottom, np.float32(c + 1)) - max(top, np.float32(c))
            if weight > 0:
                for x in range(cells):
                    for k in range(3):
                        out[c, x, k] += weight * line[x, k]
    return out


def sample_boxes(pictures: NDArray[np.float32], boxes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Side x side means of a box in each of many pictures.

    pictures   N x R x C x 3, linear light
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
