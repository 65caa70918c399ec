"""How a placed sprite is sampled, worked out once a layer: what every kernel that draws sprites shares.

A pixel's centre d, from the layer's own, goes back into its picture by the inverse of the document's matrix: turned
back, sheared back, unscaled, mirrored (SVG's rotate, skewX, scale). Where a picture is squeezed or sheared a pixel's
distance to an edge is measured square to it, and its mip level is that of the root of its area.
"""

from __future__ import annotations

import math

import numpy as np

from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, extent, floor, inverse, mip, run
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites

f4 = np.float32
u8 = np.uint64


def frames(placements: Placements, sprites: Sprites, shape: tuple[int, ...], zoom: float, top: int = 0):  # type: ignore[no-untyped-def]
    """The layers' frames on a raster: N x 17 numbers as `frame` unpacks them, and N x 7 whole numbers: where the mip
    level starts, its rows and columns; the first and last row and column where the layer may show.

    top   the raster row of the whole picture that is the raster's first

    Raises `VertumnusError` for a placement that cannot be drawn.
    """
    form = placements.drawn("form", pictures=len(sprites.size))["form"]
    return _frames(
        placements.groups["pose"], form, float(zoom), float(top), placements.flip, placements.which, sprites.table,
        sprites.size, shape[0], shape[1],
    )  # fmt: skip


@kernel
def _frames(pose, form, zoom, top, flip, which, table, size, height, width):
    count = pose.shape[1]
    x, y = np.empty(count, np.float32), np.empty(count, np.float32)
    scale, rotation = np.empty(count, np.float32), np.empty(count, np.float32)
    squeeze, lean = np.empty(count, np.float32), np.empty(count, np.float32)
    for i in range(count):
        x[i], y[i], rotation[i] = pose[0, i] * zoom, pose[1, i] * zoom - top, pose[3, i]
        scale[i] = math.exp(pose[2, i]) * zoom
        squeeze[i], lean[i] = math.exp(form[0, i]), math.tan(form[1, i])
    half, one = f4(0.5), f4(1)
    found = np.empty((len(x), 17), np.float32)
    where = np.empty((len(x), 7), np.int64)
    for i in range(len(x)):
        e, q, t = which[i], squeeze[i], lean[i]
        area = scale[i] if q == one else scale[i] * f4(math.sqrt(q))
        level = mip(area, table.shape[1])
        coarse = f4(2.0**level)
        texel_u, texel_v = scale[i] * coarse, scale[i] * q * coarse  # pixels to a texel, along the picture's axes
        cos, sin = f4(math.cos(rotation[i])), f4(math.sin(rotation[i]))
        mirror = -one if flip[i] else one
        half_w, half_h = size[e, 0] * half * scale[i], size[e, 1] * half * (scale[i] * q)
        # A sheared picture is narrower square to its slanting edges.
        narrow = one / f4(math.sqrt(one + t * t))
        texel_w, edge_w = texel_u * narrow, half_w * narrow
        out_u, out_v = (edge_w + half) / texel_w, (half_h + half) / texel_v
        # How far it reaches: half the box around the parallelogram that its ramps end on.
        along_u, along_v = out_u * texel_u, out_v * texel_v
        reach_x = abs(cos) * along_u + abs(sin - t * cos) * along_v
        reach_y = abs(sin) * along_u + abs(cos + t * sin) * along_v
        where[i, 0], where[i, 1], where[i, 2] = table[e, level, 0], table[e, level, 1], table[e, level, 2]
        where[i, 3], where[i, 4] = extent(y[i], reach_y, height)
        where[i, 5], where[i, 6] = extent(x[i], reach_x, width)
        row = found[i]
        row[0], row[1] = x[i], y[i]
        row[2], row[3] = mirror * (cos + t * sin) / texel_u, mirror * (sin - t * cos) / texel_u
        row[4], row[5] = -sin / texel_v, cos / texel_v
        row[6], row[7] = half_w / texel_u - half, half_h / texel_v - half
        row[8], row[9], row[10], row[11] = edge_w, half_h, texel_w, texel_v
        row[12], row[13] = out_u, out_v
        row[14], row[15], row[16] = t, q, mirror
    return found, where


@kernel
def frame(numbers, i):
    """What the sampling of one layer needs: texel coordinates to a step of one pixel across and down; the texel
    coordinates of the centre; half width and half height, and pixels to a texel, square to the edges.
    """
    n = numbers[i]
    return n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11]


@kernel
def row_run(numbers, where, i, py):
    """Of one layer on one row: the first pixel, how many, the way from the layer's centre to the first (across, down)
    and the texel coordinates there.
    """
    half = f4(0.5)
    n = numbers[i]
    cx, cy, ux, uy, vx, vy, mid_u, mid_v, out_u, out_v = n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[12], n[13]
    left, right = where[i, 5], where[i, 6]
    dy = f4(py) + half - cy
    # Half a pixel wider at both ends than the outermost centres, which rounding must not cut off.
    at_u, at_v = dy * uy + mid_u, dy * vy + mid_v
    low, high = run(f4(left) - cx, f4(right + 1) - cx, inverse(ux), at_u, mid_u - out_u, mid_u + out_u)
    low, high = run(low, high, inverse(vx), at_v, mid_v - out_v, mid_v + out_v)
    first = max(left, ceil(low + cx - half))
    count = min(right, floor(high + cx - half)) - first + 1
    dx = f4(first) + half - cx
    return first, count, dx, dy, at_u + dx * ux, at_v + dx * vx


@kernel
def corners(u, v, start, rows, columns):
    """The four texels around texel coordinates, the shares of the way between them, and whether u and v are on the
    picture.
    """
    zero = f4(0)
    in_u, in_v = min(max(u, zero), f4(columns - 1)), min(max(v, zero), f4(rows - 1))
    iu, iv = np.int64(in_u), np.int64(in_v)
    a = u8(start + (iv * columns + iu) * 4)
    b = a + u8(4 if iu + 1 < columns else 0)
    below = u8(columns * 4 if iv + 1 < rows else 0)
    return a, b, a + below, b + below, in_u - f4(iu), in_v - f4(iv), u == in_u, v == in_v


@kernel
def pose_slopes(
    to_u, to_v, ramp_u, ramp_v, u, v, px, dy, ux, uy, vx, vy, mid_u, mid_v, edge_w, edge_h, texel_w, texel_h,
    lean, squeeze, mirror,
):  # fmt: skip
    """The chain rule from one sample to its layer's pose and form.

    to_u, to_v       how the loss moves with the texel coordinates, by the picture
    ramp_u, ramp_v   how it moves with the two edge ramps, where they are not flat
    px, dy           from the layer's centre to the pixel

    Returns the slopes by x, y, log-scale, rotation, log-squeeze and shear.
    """
    one = f4(1)
    off_u, off_v = u - mid_u, v - mid_v
    all_u = to_u + ramp_u * texel_w * (one if off_u < f4(0) else -one)
    all_v = to_v + ramp_v * texel_h * (one if off_v < f4(0) else -one)
    along_x = all_u * ux + all_v * vx  # as the sampled point moves
    along_y = all_u * uy + all_v * vy
    by_squeeze = ramp_v * edge_h - to_v * off_v
    by_scale = by_squeeze + ramp_u * edge_w - to_u * off_u
    # The tangent of the shear grows by 1 + its square; the width square to the edges shrinks by the tangent.
    by_shear = -all_u * mirror * squeeze * (one + lean * lean) * off_v - ramp_u * lean * (
        edge_w - abs(off_u) * texel_w
    )
    return -along_x, -along_y, by_scale, along_x * dy - along_y * px, by_squeeze, by_shear
