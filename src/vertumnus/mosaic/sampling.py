"""Area averages of pictures and of boxes within them.

Averages are of sRGB values: a mosaic seen small is nearly always one that a screen or a program has made small, and
that is how they do it. Averages of linear light would match what an eye does far from a print; where tiles have
strong contrast they are brighter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.jit import kernel

CELLS = 16  # a picture is summed up by CELLS x CELLS means


def mean_cells(image: Image.Image) -> NDArray[np.uint8]:
    """Mean colour of each of CELLS x CELLS equal parts of an RGB picture, CELLS x CELLS x 3 bytes."""
    return np.asarray(image.resize((CELLS, CELLS), Image.Resampling.BOX))


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
