"""Stamps: how deep each pixel of a raster lies in the pieces put down on it. Kernels.

A raster holds for each pixel the sum over pieces of their depth there, in whole numbers, so that taking a stamp off
again leaves exactly what was there before. A piece's stamp is kept as one span a row. Arguments they share:

total     H x W int32, the sum of all stamps
pose      N x 3: x and y of the centroid, raster pixels; turn, radians
mirror    N, 1 or -1
size      N, root of each silhouette's area, raster pixels
which     N, the outline of each
outlines  (values, half, box, points, reach of an outline) as `vertumnus.strict.nesting.outlines` has them, with the
          centroid between box and points
spans     (first row, rows, where its rows start) N each; (column, length, where its pixels start) of each row;
          depths of the pixels, int16
"""

from __future__ import annotations

import math

import numpy as np

from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, floor
from vertumnus.render.silhouette import stamp

DEPTH = 32.0  # steps of depth to a raster pixel
RIM = 2.0  # raster pixels that count beside the depth, so that a pixel just touched counts, too
DEEPEST = 32_000
EMPTY = 1e30


@kernel
def render_stamp(i, x, y, turn, gap, mirror, size, which, outlines, spans, shape):
    """Works out the stamp of one piece at a place, and keeps it. Returns how many pixels that took.

    gap     kept around the piece, raster pixels
    shape   (rows, columns) of the raster; what lies beyond is left out
    """
    values, half, box, centre = outlines[0], outlines[1], outlines[2], outlines[3]
    top_of, rows_of, row_at, column_of, length_of, pixel_at, depths = spans
    w = which[i]
    root = np.float32(size[i])
    m = np.float32(mirror[i])
    cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    # The picture's centre on the raster, from the centroid's.
    ox, oy = centre[w, 0] * m * root, centre[w, 1] * root
    cx, cy = np.float32(x) - (cos * ox - sin * oy), np.float32(y) - (sin * ox + cos * oy)
    g = np.float32(gap)
    hw, hh = box[w, 0] * root + g, box[w, 1] * root + g
    wide, tall = abs(cos) * hw + abs(sin) * hh, abs(sin) * hw + abs(cos) * hh
    top, bottom = max(0, floor(cy - tall)), min(shape[0] - 1, ceil(cy + tall))
    side = values.shape[1]
    to_u, to_v = np.float32(0.5 * side) / (half[w, 0] * root), np.float32(0.5 * side) / (half[w, 1] * root)
    middle = np.float32(0.5 * side - 0.5)
    last = np.float32(side - 1.001)
    ux, uy = m * cos * to_u, m * sin * to_u
    vx, vy = -sin * to_v, cos * to_v
    texels_u, texels_v = hw * to_u, hh * to_v  # of the box, half
    scale = -root * np.float32(DEPTH)
    add = np.float32(DEPTH) * g
    rim = np.float32(RIM * DEPTH)
    row = row_at[i]
    at = pixel_at[row]
    room = pixel_at[row_at[i + 1]]
    most_rows = row_at[i + 1] - row
    first_row = -1
    count = 0
    worked = 0
    picture = values[w]
    for py in range(top, bottom + 1):
        dy = np.float32(py) + np.float32(0.5) - cy
        bu, bv = dy * uy, dy * vy
        low, high = np.float32(-wide), np.float32(wide)
        if abs(ux) > np.float32(1e-6):
            a, b = (-texels_u - bu) / ux, (texels_u - bu) / ux
            low, high = max(low, min(a, b)), min(high, max(a, b))
        elif abs(bu) > texels_u:
            continue
        if abs(vx) > np.float32(1e-6):
            a, b = (-texels_v - bv) / vx, (texels_v - bv) / vx
            low, high = max(low, min(a, b)), min(high, max(a, b))
        elif abs(bv) > texels_v:
            continue
        if low > high:
            continue
        left = max(0, floor(low + cx - np.float32(0.5)))
        right = min(shape[1] - 1, ceil(high + cx - np.float32(0.5)))
        if right < left:
            continue
        if right - left + 1 > room - at:
            right = left + (room - at) - 1
        begin, end = -1, -1
        worked += right - left + 1
        for px in range(left, right + 1):
            dx = np.float32(px) + np.float32(0.5) - cx
            u = min(max(dx * ux + bu + middle, np.float32(0)), last)
            v = min(max(dx * vx + bv + middle, np.float32(0)), last)
            iu, iv = int(u), int(v)
            fu, fv = u - np.float32(iu), v - np.float32(iv)
            upper = picture[iv, iu] + (picture[iv, iu + 1] - picture[iv, iu]) * fu
            lower = picture[iv + 1, iu] + (picture[iv + 1, iu + 1] - picture[iv + 1, iu]) * fu
            depth = (upper + (lower - upper) * fv) * scale + add
            value = 0
            if depth > np.float32(0):
                value = min(int(depth + rim), DEEPEST)
                if begin < 0:
                    begin = px
                end = px
            if begin >= 0:
                depths[at + px - begin] = value
        if begin < 0:
            continue
        if first_row < 0:
            first_row = py
        # A row without any pixel between two others keeps its place.
        while first_row + count < py:
            if count >= most_rows:
                break
            column_of[row + count], length_of[row + count] = 0, 0
            pixel_at[row + count] = at
            count += 1
        if count >= most_rows:
            break
        column_of[row + count], length_of[row + count] = begin, end - begin + 1
        pixel_at[row + count] = at
        at += end - begin + 1
        count += 1
    top_of[i], rows_of[i] = max(first_row, 0), count
    return worked


@kernel
def render_exactly(i, x, y, turn, gap, mirror, size, which, outlines, spans, shape, sprites):
    """As `render_stamp`, with exactly the pixels that `vertumnus.render.silhouette` counts.

    sprites   (texels, table, size, unit) of the pictures; unit is the root of each silhouette's area
    """
    values, half, box, centre = outlines[0], outlines[1], outlines[2], outlines[3]
    top_of, rows_of, row_at, column_of, length_of, pixel_at, depths = spans
    texels, table, extent, unit = sprites
    w = which[i]
    root, m = size[i], mirror[i]
    cos, sin = math.cos(turn), math.sin(turn)
    ox, oy = centre[w, 0] * m * root, centre[w, 1] * root
    cx, cy = x - (cos * ox - sin * oy), y - (sin * ox + cos * oy)
    wide = (abs(cos) * box[w, 0] + abs(sin) * box[w, 1]) * root + gap + 1
    tall = (abs(sin) * box[w, 0] + abs(cos) * box[w, 1]) * root + gap + 1
    top, bottom = max(0, floor(cy - tall)), min(shape[0] - 1, ceil(cy + tall))
    left, right = max(0, floor(cx - wide)), min(shape[1] - 1, ceil(cx + wide))
    row = row_at[i]
    at = pixel_at[row]
    room = pixel_at[row_at[i + 1]]
    top_of[i], rows_of[i] = max(top, 0), 0
    if bottom < top or right < left:
        return 1
    patch = np.zeros((bottom - top + 1, right - left + 1), np.uint16)
    stamp(1, gap, patch, cx - left, cy - top, root / unit[w], turn, m < 0, w, texels, table, extent)
    side = values.shape[1]
    to_u, to_v = 0.5 * side / (half[w, 0] * root), 0.5 * side / (half[w, 1] * root)
    picture = values[w]
    count = 0
    for r in range(min(len(patch), row_at[i + 1] - row)):
        begin, end = -1, -1
        for c in range(patch.shape[1]):
            if patch[r, c] != 0:
                if begin < 0:
                    begin = c
                end = c
        if begin < 0:
            column_of[row + r], length_of[row + r], pixel_at[row + r] = 0, 0, at
            count += 1
            continue
        end = min(end, begin + room - at - 1)
        column_of[row + r], length_of[row + r], pixel_at[row + r] = left + begin, end - begin + 1, at
        dy = top + r + 0.5 - cy
        for c in range(begin, end + 1):
            value = 0
            if patch[r, c] != 0:
                dx = left + c + 0.5 - cx
                u = int(min(max(m * (cos * dx + sin * dy) * to_u + 0.5 * side, 0.0), side - 1.0))
                v = int(min(max((cos * dy - sin * dx) * to_v + 0.5 * side, 0.0), side - 1.0))
                depth = max(gap - picture[v, u] * root, 0.0)
                value = int(min((depth + RIM) * DEPTH, DEEPEST))
            depths[at + c - begin] = value
        at += end - begin + 1
        count += 1
    rows_of[i] = count
    return 8 * patch.size


@kernel
def add_stamp(i, times, total, spans):
    """Adds a piece's stamp, ``times`` eighths of it, rounded down. Returns how many pixels it has."""
    top_of, rows_of, row_at, column_of, length_of, pixel_at, depths = spans
    row = row_at[i]
    worked = 0
    for k in range(rows_of[i]):
        line = total[top_of[i] + k]
        left, length, at = column_of[row + k], length_of[row + k], pixel_at[row + k]
        worked += 1 + (length >> 3)  # eight pixels are added while one is looked at
        if times == 8:
            for p in range(length):
                line[left + p] += np.int32(depths[at + p])
        elif times == -8:
            for p in range(length):
                line[left + p] -= np.int32(depths[at + p])
        elif times >= 0:
            for p in range(length):
                line[left + p] += (np.int32(depths[at + p]) * np.int32(times)) >> np.int32(3)
        else:
            for p in range(length):
                line[left + p] -= (np.int32(depths[at + p]) * np.int32(-times)) >> np.int32(3)
    return worked
