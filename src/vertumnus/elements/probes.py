"""Probes: a few points inside a silhouette that tell most placements that do not fit.

A probe that lies at least half a pixel's diagonal inside the silhouette lies in a pixel of the silhouette; if
that pixel is taken, the element does not fit. So probes are kept in rings of growing depth, and a placement is
tried with the outermost ring that is deep enough at its scale. Thin parts are missing from deep rings: what
probes let pass is looked at in full.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.elements.distance import small_mask
from vertumnus.jit import kernel

DEPTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0)  # of the rings, texels of the mask
MASK_SIDE = 256
POINTS = 128  # of a ring, at most


class Probes(NamedTuple):
    """R rings of up to K points, from the picture's centre in its own pixels.

    points   R x K x 2 (x, y), the farthest apart first
    number   R, how many of them there are
    depth    R, how deep inside the silhouette they lie, the picture's pixels
    """

    points: NDArray[np.float32]
    number: NDArray[np.int64]
    depth: NDArray[np.float32]


def make_probes(alpha: NDArray[np.uint8], level: int, width: int, height: int) -> Probes:
    """The probes of a picture of width x height pixels, given mip level ``level`` of its alpha."""
    mask, texels = small_mask(alpha, level, MASK_SIDE)
    solid = mask.all()
    texel = max(width, height) / MASK_SIDE if solid else float(texels)
    points = np.zeros((len(DEPTHS), POINTS, 2), np.float32)
    count = np.zeros(len(DEPTHS), np.int64)
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] - 0.5
    for ring, depth in enumerate(DEPTHS):
        if solid:
            found = _rectangle(width / 2 - depth * texel, height / 2 - depth * texel)
        else:
            rows, columns = np.nonzero((inside >= depth - 1e-3) & (inside < depth + 1))
            found = (np.column_stack([columns, rows]) + 0.5) * texel - [width / 2, height / 2]
        chosen = farthest_first(np.ascontiguousarray(found, np.float64), POINTS, -1)
        count[ring] = len(chosen)
        points[ring, : len(chosen)] = found[chosen]
    return Probes(points, count, np.array(DEPTHS, np.float32) * np.float32(texel))


def _rectangle(half_width: float, half_height: float) -> NDArray[np.float64]:
    if min(half_width, half_height) <= 0:
        return np.empty((0, 2))
    side = np.linspace(-1, 1, POINTS // 4, endpoint=False)
    one = np.ones_like(side)
    rim = [np.column_stack(edge) for edge in [(side, -one), (one, side), (-side, one), (-one, -side)]]
    return np.concatenate(rim) * [half_width, half_height]


@kernel
def farthest_first(points, most, start):
    """Indices of up to ``most`` points, each the farthest from those before it.

    start   the first of them; below 0 the one farthest from the origin
    """
    count = min(len(points), most)
    chosen = np.empty(count, np.int64)
    distance = np.full(len(points), np.inf)
    at, farthest = 0, -1.0
    for k in range(len(points)):
        away = points[k, 0] ** 2 + points[k, 1] ** 2
        if away > farthest:
            at, farthest = k, away
    if start >= 0:
        at = start
    for n in range(count):
        chosen[n] = at
        x, y = points[at, 0], points[at, 1]
        farthest = -1.0
        for k in range(len(points)):
            away = (points[k, 0] - x) ** 2 + (points[k, 1] - y) ** 2
            distance[k] = min(distance[k], away)
            if distance[k] > farthest:
                at, farthest = k, distance[k]
    return chosen
