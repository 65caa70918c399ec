"""Justified rows in a shape of any outline: each row goes from edge to edge, wherever the shape is as high as it is.

A row is cut by the shape into chords, the runs of columns that lie within at all of the row's height. Pictures fill
the chords in order. How many go to which is chosen by dynamic programming, and how high the rows are by trying.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.packing.arrange import Cells

Floats = NDArray[np.float64]

HEIGHTS = np.geomspace(1.06, 0.6, 36)  # of the height at which rows would fill the whole area, tried in turn
LOWER = 0.95  # where all of those are too high for all pictures
STARTS = 4  # places of the first row that are tried for each
ENOUGH = 6  # heights at which all pictures have had a place
CROPPED = 0.3  # what cropping counts to leaving free
LEAST = 20.0  # canvas pixels of a row, from which cells end on whole ones


def justified_within(aspects: Floats, inside: NDArray[np.bool_], zoom: int, gap: float, crop: float) -> Cells | None:
    """Rows of pictures, in order, each as wide as the shape is there; None if they would be below a pixel.

    aspects   N, width over height
    inside    H x W, the shape, less its border
    zoom      its pixels to a canvas pixel
    gap       between pictures, canvas pixels
    crop      largest share of a picture's width or height that may be cut away; where that is not enough, pictures
              lie in the middle of their chord
    """
    blocked = np.zeros((inside.shape[0] + 1, inside.shape[1]), np.int32)
    np.cumsum(~inside, axis=0, out=blocked[1:])
    rows = np.flatnonzero(inside.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    area = float(np.count_nonzero(inside)) / zoom**2
    ideal = math.sqrt(area / float(aspects.sum()))
    sums = np.concatenate([[0.0], np.cumsum(aspects)])
    best: tuple[float, float, Floats, NDArray[np.int64]] | None = None
    tried, wanted, good = 0, ideal, 0
    while best is None or (good < ENOUGH and tried < len(HEIGHTS)):
        wanted = ideal * float(HEIGHTS[tried]) if tried < len(HEIGHTS) else wanted * LOWER
        tried += 1
        unit = zoom if wanted >= LEAST else 1
        tall = int(wanted * zoom) // unit * unit
        if tall < 1:
            return None
        known = best
        for start in range(STARTS):
            first = -(-top // unit) * unit + start * tall // STARTS // unit * unit
            chords = _chords(blocked, first, bottom, tall, gap * zoom, unit) / zoom
            height = tall / zoom
            if (chords[:, 2] - chords[:, 1]).sum() < height * sums[-1] * (1 - crop):
                continue
            cost, ends = _share_out(sums, np.ascontiguousarray(chords[:, 1:]), height, gap, crop, area)
            if cost < np.inf and (best is None or cost < best[0]):
                best = cost, height, chords, ends
        good += known is not None
    _, height, chords, ends = best
    return _cells(aspects, chords, ends, height, gap, crop, 1.0 if height >= LEAST else 1.0 / zoom)


def _chords(blocked: NDArray[np.int32], first: int, bottom: int, tall: int, gap: float, unit: int) -> Floats:
    """M x 3: top, left and right of every chord, pixels of the raster, on multiples of a unit."""
    found: list[tuple[float, int, int]] = []
    number = 0
    while True:
        # The first row at or below where it would be, so that all lie on whole units.
        y = first + -(-round(number * (tall + gap)) // unit) * unit
        if y + tall > bottom:
            return np.array(found, float).reshape(-1, 3)
        free = np.concatenate([[False], blocked[y + tall] == blocked[y], [False]])
        edges = np.flatnonzero(np.diff(free))
        for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            left, right = -(-left // unit) * unit, right // unit * unit
            if right > left:
                found.append((y, left, right))
        number += 1


@kernel
def _share_out(sums, chords, height, gap, crop, area):
    """How many pictures have been used at the end of each chord, and what is left free and cropped of the area.

    sums     N + 1, of the aspects before each picture
    chords   M x 2, left and right
    """
    count = len(sums) - 1
    many = len(chords)
    cost = np.full((many + 1, count + 1), np.inf)
    before = np.zeros((many + 1, count + 1), np.int64)
    cost[0, 0] = 0.0
    most = 1.0 / (1.0 - crop) if crop < 1.0 else 1e9
    for m in range(many):
        width = chords[m, 1] - chords[m, 0]
        for begin in range(count + 1):
            if cost[m, begin] == np.inf:
                continue
            end = begin
            while True:
                here = cost[m, begin]
                fits = True
                if end > begin:
                    room = width - gap * (end - begin - 1)
                    natural = height * (sums[end] - sums[begin])
                    factor = room / natural
                    fits = factor >= 1.0 - crop
                    used = natural * min(factor, most)
                    here += CROPPED * height * used / area * abs(math.log(max(min(factor, most), 1e-9)))
                    here -= height * used / area
                if not fits:
                    break
                if here < cost[m + 1, end]:
                    cost[m + 1, end], before[m + 1, end] = here, begin
                if end == count:
                    break
                end += 1
    ends = np.zeros(many, np.int64)
    at = count
    if cost[many, count] < np.inf:
        for m in range(many, 0, -1):
            ends[m - 1] = at
            at = before[m, at]
    return cost[many, count], ends


def _cells(
    aspects: Floats, chords: Floats, ends: NDArray[np.int64], height: float, gap: float, crop: float, step: float
) -> Cells:
    """Where the pictures lie, their sides on multiples of a step."""
    cells = np.empty((4, len(aspects)))
    begin = 0
    for (top, left, right), end in zip(chords, ends, strict=True):
        if end == begin:
            continue
        wide = aspects[begin:end] * height
        room = right - left - gap * (end - begin - 1)
        factor = room / wide.sum()
        wide *= min(factor, 1 / (1 - crop)) if crop < 1 else factor
        at = left + 0.5 * (room - wide.sum()) + np.concatenate([[0.0], np.cumsum(wide[:-1] + gap)])
        begins = np.rint(at / step) * step
        finishes = np.append(begins[1:] - gap, min(np.rint((at[-1] + wide[-1]) / step) * step, right))
        cells[:, begin:end] = begins, np.full(end - begin, top), finishes, np.full(end - begin, top + height)
        begin = end
    return Cells(*cells)
