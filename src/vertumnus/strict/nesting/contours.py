"""What compaction knows of a silhouette: its edge, to a small part of a raster pixel.

The search needs a rough outline at many places; compaction asks at few how far exactly a point is from an edge.
Lengths are in units of the root of the silhouette's area, as in `vertumnus.strict.nesting.outlines`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.elements.probes import farthest_first
from vertumnus.jit import kernel
from vertumnus.render.sprites import Sprites
from vertumnus.strict.nesting.outlines import Outlines

TEXELS = 128  # a side
POINTS = 256  # of an edge
NEAR = 0.12  # of the root of the area: how far from the edge distances are exact

Floats = NDArray[np.float64]


class Contours(NamedTuple):
    """M contours.

    values   M x T x T, signed distance to the edge, negative inside; extents as `Outlines.half`
    half     M x 2, half the texture's extent around the picture's centre
    centre   M x 2, the centroid from the picture's centre
    points   M x K x 2 on the edge, about the centroid
    number   M, how many of them there are
    reach    M, the farthest of them from the centroid
    """

    values: NDArray[np.float32]
    half: Floats
    centre: Floats
    points: Floats
    number: NDArray[np.int64]
    reach: Floats

    @classmethod
    def of(cls, outlines: Outlines, sprites: Sprites, unit: Floats) -> Contours:
        """The contours of the silhouettes that the sprites draw; ``unit``: M, the roots of their areas."""
        count = len(unit)
        half, box = outlines.half.astype(np.float64), outlines.box.astype(np.float64)
        centre = outlines.centre.astype(np.float64)
        values = np.empty((count, TEXELS, TEXELS), np.float32)
        points = np.zeros((count, POINTS, 2))
        number = np.zeros(count, np.int64)
        reach = np.zeros(count)
        for m, (start, rows, columns) in enumerate(sprites.table[:, 0].tolist()):
            alpha = sprites.texels[start : start + rows * columns].reshape(rows, columns)
            if alpha.size == 1:
                edge = _rim(*box[m])
                values[m] = _to_box(*half[m], *box[m])
            else:
                edge = _crossings(alpha, box[m])
                values[m] = _distances(outlines.values[m], alpha, edge, half[m], box[m])
            edge = edge[farthest_first(edge, POINTS, -1)] - centre[m]
            number[m] = len(edge)
            points[m, : len(edge)] = edge
            reach[m] = float(np.hypot(*edge.T).max()) if len(edge) else 0.0
        return cls(values, half, centre, points, number, reach)


def _rim(half_width: float, half_height: float) -> Floats:
    """Points on a rectangle's edge, its corners among them."""
    side = np.linspace(-1, 1, POINTS // 4, endpoint=False)
    one = np.ones_like(side)
    rim = [np.column_stack(edge) for edge in [(side, -one), (one, side), (-side, one), (-one, -side)]]
    return np.ascontiguousarray(np.concatenate(rim) * [half_width, half_height])


def _centres(half: float) -> Floats:
    return ((np.arange(TEXELS) + 0.5) / TEXELS * 2 - 1) * half


def _to_box(half_width: float, half_height: float, box_width: float, box_height: float) -> Floats:
    over_x = np.abs(_centres(half_width))[None, :] - box_width
    over_y = np.abs(_centres(half_height))[:, None] - box_height
    outside = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
    return outside + np.minimum(np.maximum(over_x, over_y), 0)


def _crossings(alpha: NDArray[np.uint8], box: Floats) -> Floats:
    """Where alpha is one half between neighbouring texels, from the picture's centre."""
    rows, columns = alpha.shape
    a = np.pad(alpha.astype(np.float64), 1)
    found = []
    for axis, (p, q) in enumerate(((a[:-1], a[1:]), (a[:, :-1], a[:, 1:]))):
        down, across = np.nonzero((p > 127) != (q > 127))
        share = (127.5 - p[down, across]) / (q[down, across] - p[down, across])
        found.append(np.column_stack([across + share * (axis == 1), down + share * (axis == 0)]))
    at = np.concatenate(found) - 0.5
    return np.ascontiguousarray((at / [columns, rows] * 2 - 1) * box)


def _distances(
    rough: NDArray[np.float32], alpha: NDArray[np.uint8], edge: Floats, half: Floats, box: Floats
) -> NDArray[np.float32]:
    """Distances to the points of the edge where they are near, those of the rough texture elsewhere."""
    at = (np.arange(TEXELS) + 0.5) / TEXELS * rough.shape[0] - 0.5
    values = ndimage.map_coordinates(rough, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    rows, columns = alpha.shape
    across = (_centres(half[0]) / box[0] + 1) / 2 * columns - 0.5
    down = (_centres(half[1]) / box[1] + 1) / 2 * rows - 0.5
    grid = np.meshgrid(down, across, indexing="ij")
    inside = ndimage.map_coordinates(alpha.astype(np.float32), grid, order=1, mode="grid-constant") > 127.5
    _measure_near(values, edge + half, 2 * half / TEXELS, inside)
    return values


@kernel
def _measure_near(values, edge, texel, inside):
    rows, columns = values.shape
    least = np.full(values.shape, np.float32(NEAR * NEAR))
    high, wide = int(NEAR / texel[1]) + 1, int(NEAR / texel[0]) + 1
    for k in range(len(edge)):
        c, r = int(edge[k, 0] / texel[0]), int(edge[k, 1] / texel[1])
        for row in range(max(0, r - high), min(rows, r + high + 1)):
            dy = (row + 0.5) * texel[1] - edge[k, 1]
            for column in range(max(0, c - wide), min(columns, c + wide + 1)):
                dx = (column + 0.5) * texel[0] - edge[k, 0]
                least[row, column] = min(least[row, column], np.float32(dx * dx + dy * dy))
    for row in range(rows):
        for column in range(columns):
            if least[row, column] < np.float32(0.9 * NEAR * NEAR):
                distance = np.sqrt(least[row, column])
                values[row, column] = -distance if inside[row, column] else distance
