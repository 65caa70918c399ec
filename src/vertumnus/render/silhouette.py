"""Silhouettes on a raster: does an element, put here, touch what is taken? Feasibility, apart from search.

A pixel belongs to an element's silhouette where its sampled alpha (see `vertumnus.render.sprites`) is above
one half. ``taken`` counts, for each pixel of a raster, what it is taken by: the ground outside the shape and
the elements stamped on it.
"""

from __future__ import annotations

import math

import numpy as np

from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, floor, inverse, mip, run

f4 = np.float32
u8 = np.uint64

COUNT, PUT, TAKE = 0, 1, 2  # what `walk` does with the silhouette's pixels
NO_LIMIT = 1 << 60
EVERYWHERE = (-NO_LIMIT, NO_LIMIT, -NO_LIMIT, NO_LIMIT)
HALF_DIAGONAL = 0.7072  # of a pixel
AHEAD = 1 << 24  # added before truncation, which then rounds down everywhere near the raster


@kernel
def walk(task, limit, window, taken, x, y, scale, cos, sin, flip, which, texels, table, size):
    """Goes over the pixels of one silhouette, in raster coordinates.

    COUNT returns how many of them are taken, and stops counting at ``limit``; what lies beyond the raster is
    taken. PUT adds 1 to each and TAKE takes 1 off; both return how many there are and leave out what lies beyond.

    cos, sin   of the rotation
    window     (first row, last row, first column, last column); no pixel beyond is looked at
    """
    height, width = taken.shape
    half, zero, one = f4(0.5), f4(0), f4(1)
    x, y, scale, cos, sin = f4(x), f4(y), f4(scale), f4(cos), f4(sin)
    level = mip(scale, table.shape[1])
    texel = scale * f4(2.0**level)
    start, rows, columns = table[which, level, 0], table[which, level, 1], table[which, level, 2]
    mirror = -one if flip else one
    ux, uy = mirror * cos / texel, mirror * sin / texel
    vx, vy = -sin / texel, cos / texel
    half_w, half_h = size[which, 0] * half * scale, size[which, 1] * half * scale
    mid_u, mid_v = half_w / texel - half, half_h / texel - half
    tall, wide = abs(sin) * half_w + abs(cos) * half_h, abs(cos) * half_w + abs(sin) * half_h
    top, bottom = ceil(y - tall - half), floor(y + tall - half)
    left, right = ceil(x - wide - half), floor(x + wide - half)
    top, bottom = max(top, window[0]), min(bottom, window[1])
    left, right = max(left, window[2]), min(right, window[3])
    within = top >= 0 and left >= 0 and bottom < height and right < width
    if task != COUNT and not within:
        top, bottom = max(top, 0), min(bottom, height - 1)
        left, right = max(left, 0), min(right, width - 1)
    out_u, out_v = half_w / texel, half_h / texel
    by_u, by_v = inverse(ux), inverse(vx)
    last_u, last_v = f4(columns - 1), f4(rows - 1)
    solid = rows == 1 and columns == 1 and texels[start] == 255
    found = 0
    for py in range(top, bottom + 1):
        dy = f4(py) + half - y
        at_u, at_v = dy * uy + mid_u, dy * vy + mid_v
        low, high = run(f4(left) - x, f4(right + 1) - x, by_u, at_u, mid_u - out_u, mid_u + out_u)
        low, high = run(low, high, by_v, at_v, mid_v - out_v, mid_v + out_v)
        first = max(left, ceil(low + x - half))
        final = min(right, floor(high + x - half))
        on_raster = within or (0 <= py < height)
        line = taken[py if on_raster else 0]
        if task == COUNT and within:
            some = 0
            for px in range(first, final + 1):
                some |= line[u8(px)]
            if some == 0:
                continue
        for px in range(first, final + 1):
            if task == COUNT and on_raster and (within or 0 <= px < width) and line[u8(px)] == 0:
                continue
            dx = f4(px) + half - x
            u, v = at_u + dx * ux, at_v + dx * vx
            inside = min(half_w - abs(u - mid_u) * texel + half, one)
            inside *= min(half_h - abs(v - mid_v) * texel + half, one)
            if not solid:
                u, v = min(max(u, zero), last_u), min(max(v, zero), last_v)
                iu, iv = np.int64(u), np.int64(v)
                fu, fv = u - f4(iu), v - f4(iv)
                a = u8(start + iv * columns + iu)
                b = a + u8(1 if iu + 1 < columns else 0)
                below = u8(columns if iv + 1 < rows else 0)
                t00, t01 = f4(texels[a]), f4(texels[b])
                t10, t11 = f4(texels[a + below]), f4(texels[b + below])
                upper = t00 + (t01 - t00) * fu
                inside *= (upper + (t10 + (t11 - t10) * fu - upper) * fv) * f4(1 / 255)
            if inside > half:
                found += 1
                if task == PUT:
                    line[u8(px)] += 1
                elif task == TAKE:
                    line[u8(px)] -= 1
                elif found >= limit:
                    return found
    return found


@kernel
def fits(taken, x, y, scale, rotation, flip, which, texels, table, size, probes, count, depth):
    """Whether no pixel of the silhouette is taken or beyond the raster.

    probes   M x R x K x 2, count: M x R, depth: M x R, as `vertumnus.elements.probes` says; they are asked
             first, since most placements that do not fit are told by a few
    """
    height, width = taken.shape
    c, s = math.cos(rotation), math.sin(rotation)
    cos, sin = c * scale, s * scale
    mirror = -1.0 if flip else 1.0
    fx, fy = x + AHEAD, y + AHEAD
    deep = 1
    while deep < depth.shape[1] - 1 and depth[which, deep] * scale < HALF_DIAGONAL:
        deep += 1
    # A deep probe on a taken pixel decides at once ...
    if depth[which, deep] * scale >= HALF_DIAGONAL:
        for k in range(count[which, deep]):
            px, py = probes[which, deep, k, 0] * mirror, probes[which, deep, k, 1]
            column, row = (
                np.int64(fx + cos * px - sin * py) - AHEAD,
                np.int64(fy + sin * px + cos * py) - AHEAD,
            )
            if row < 0 or column < 0 or row >= height or column >= width:
                return False
            if taken[u8(row), u8(column)] != 0:
                return False
    # ... one on the very edge only if its pixel is in the silhouette.
    for k in range(count[which, 0]):
        px, py = probes[which, 0, k, 0] * mirror, probes[which, 0, k, 1]
        column, row = np.int64(fx + cos * px - sin * py) - AHEAD, np.int64(fy + sin * px + cos * py) - AHEAD
        if 0 <= row < height and 0 <= column < width and taken[u8(row), u8(column)] == 0:
            continue
        pixel = (row, row, column, column)
        if walk(COUNT, 1, pixel, taken, x, y, scale, c, s, flip, which, texels, table, size):
            return False
    return walk(COUNT, 1, EVERYWHERE, taken, x, y, scale, c, s, flip, which, texels, table, size) == 0


@kernel
def stamp(amount, gap, taken, x, y, scale, rotation, flip, which, texels, table, size):
    """Adds ``amount`` (1 or -1) to every pixel within ``gap`` raster pixels of the silhouette.

    The distance is between pixel centres. Stamping the same placement with 1 and then -1 changes nothing.
    """
    cos, sin = math.cos(rotation), math.sin(rotation)
    if gap <= 0:
        task = PUT if amount > 0 else TAKE
        walk(task, NO_LIMIT, EVERYWHERE, taken, x, y, scale, cos, sin, flip, which, texels, table, size)
        return
    height, width = taken.shape
    reach = int(gap)
    wide = (abs(cos) * size[which, 0] + abs(sin) * size[which, 1]) * 0.5 * scale
    tall = (abs(sin) * size[which, 0] + abs(cos) * size[which, 1]) * 0.5 * scale
    # Of a piece that is larger than the raster, what is farther away than the gap does not matter.
    top, left = max(floor(y - tall), -reach) - reach - 1, max(floor(x - wide), -reach) - reach - 1
    bottom, right = min(y + tall, height + reach), min(x + wide, width + reach)
    if bottom < top or right < left:
        return
    patch = np.zeros((int(bottom) - top + reach + 3, int(right) - left + reach + 3), np.uint16)
    walk(
        PUT, NO_LIMIT, EVERYWHERE, patch, x - left, y - top, scale, cos, sin, flip, which, texels, table, size
    )  # fmt: skip
    # Each run of silhouette pixels on a row covers a longer or shorter run on the rows around it: a disc's.
    edges = np.zeros((patch.shape[0], patch.shape[1] + 1), np.int32)
    for row in range(reach, patch.shape[0] - reach):
        column = 0
        while column < patch.shape[1]:
            if patch[row, column] == 0:
                column += 1
                continue
            end = column
            while end < patch.shape[1] and patch[row, end] != 0:
                end += 1
            for away in range(-reach, reach + 1):
                chord = int(math.sqrt(gap * gap - away * away))
                edges[row + away, max(column - chord, 0)] += 1
                edges[row + away, min(end + chord, patch.shape[1])] -= 1
            column = end
    for row in range(patch.shape[0]):
        depth = 0
        if 0 <= top + row < height:
            for column in range(patch.shape[1]):
                depth += edges[row, column]
                if depth > 0 and 0 <= left + column < width:
                    taken[top + row, left + column] += amount
