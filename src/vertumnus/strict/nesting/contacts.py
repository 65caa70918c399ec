"""Contacts: points of one piece's edge that are near another piece or the container's edge. Kernels.

Bodies are the N pieces that move and after them the L that do not; the container is body -1.
"""

from __future__ import annotations

import math

import numpy as np

from vertumnus.jit import kernel

THIN = 2.0
MOST = 512  # of one piece with one body


@kernel
def find_contacts(moving, pose, mirror, size, which, contours, wall, zoom, gap, margin, apart, place, normal, body):
    """Looks at all pieces that are near each other. Returns how many contacts there are.

    moving   N
    pose     (N + L) x 3: x, y of the centroid and turn; mirror, size (root of the area), which: N + L
    contours   of `Contours`
    wall     H x W, how far within the container each raster pixel is, raster pixels; negative outside
    zoom     raster pixels to a unit of length
    gap      kept between pieces; margin: how near is near
    apart    how far apart two contacts of one pair are, at least; the nearest come first
    place    C x 2, normal: C x 2, body: C x 3, written: where; the way out of the other body; how far out of it that
             is, less the gap, the piece whose point it is, and the other body
    """
    values, half, centre, points, number, reach = contours
    bodies = len(size)
    side = values.shape[1]
    found = 0
    near = np.empty((MOST, 2))
    away = np.empty((MOST, 2))
    far = np.empty(MOST)
    for i in range(bodies):
        cos_i, sin_i = math.cos(pose[i, 2]) * size[i], math.sin(pose[i, 2]) * size[i]
        a = which[i]
        for j in range(-1, bodies):
            if j == i or (i >= moving and (j < 0 or j >= moving)):
                continue
            reaching = margin + (gap if j >= 0 else 0.0)
            if j >= 0:
                between = math.hypot(pose[i, 0] - pose[j, 0], pose[i, 1] - pose[j, 1])
                if between > reach[a] * size[i] + reach[which[j]] * size[j] + reaching:
                    continue
                b = which[j]
                cos_j, sin_j = math.cos(pose[j, 2]), math.sin(pose[j, 2])
                to_u, to_v = side / (2 * half[b, 0]), side / (2 * half[b, 1])
            some = 0
            for k in range(number[a]):
                px, py = points[a, k, 0] * mirror[i], points[a, k, 1]
                x, y = pose[i, 0] + cos_i * px - sin_i * py, pose[i, 1] + sin_i * px + cos_i * py
                if j >= 0:
                    dx, dy = (x - pose[j, 0]) / size[j], (y - pose[j, 1]) / size[j]
                    across = (cos_j * dx + sin_j * dy) * mirror[j] + centre[b, 0]
                    down = cos_j * dy - sin_j * dx + centre[b, 1]
                    beyond = reaching / size[j]
                    if abs(across) > half[b, 0] + beyond or abs(down) > half[b, 1] + beyond:
                        continue
                    u, v = (across + half[b, 0]) * to_u - 0.5, (down + half[b, 1]) * to_v - 0.5
                    distance, du, dv = sampled(values[b], u, v)
                    out = distance * size[j] - gap
                    du, dv = du * to_u * mirror[j], dv * to_v
                    nx, ny = cos_j * du - sin_j * dv, sin_j * du + cos_j * dv
                else:
                    distance, nx, ny = sampled(wall, x * zoom - 0.5, y * zoom - 0.5)
                    out = distance / zoom
                steep = math.hypot(nx, ny)
                if out > margin or steep < 1e-3 or some == MOST:
                    continue
                near[some, 0], near[some, 1] = x, y
                away[some, 0], away[some, 1] = nx / steep, ny / steep
                far[some] = out
                some += 1
            first = found
            for k in np.argsort(far[:some]):
                if found == len(place):
                    break
                alone = True
                room = apart * (1.0 + THIN * max(far[k], 0.0) / margin)
                for q in range(first, found):
                    if (place[q, 0] - near[k, 0]) ** 2 + (place[q, 1] - near[k, 1]) ** 2 < room * room:
                        alone = False
                        break
                if alone:
                    place[found] = near[k]
                    normal[found] = away[k]
                    body[found, 0], body[found, 1], body[found, 2] = far[k], i, j
                    found += 1
    return found


@kernel
def sampled(values, u, v):
    """A texture at a point, bilinear, and its slopes; texel centres at whole numbers, its edge goes on outside."""
    rows, columns = values.shape
    u, v = min(max(u, 0.0), columns - 1.001), min(max(v, 0.0), rows - 1.001)
    column, row = int(u), int(v)
    fu, fv = u - column, v - row
    upper = values[row, column] + (values[row, column + 1] - values[row, column]) * fu
    lower = values[row + 1, column] + (values[row + 1, column + 1] - values[row + 1, column]) * fu
    left = values[row, column + 1] - values[row, column]
    right = values[row + 1, column + 1] - values[row + 1, column]
    return upper + (lower - upper) * fv, left + (right - left) * fv, lower - upper
