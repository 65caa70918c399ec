"""Where one piece overlaps least: places anywhere and near by, the best of them refined. Kernels.

The cost of a place is the depth, summed over some of the piece's points, that they have in other pieces and outside
of the container. The arguments are those of `vertumnus.strict.nesting.stamps`, and

wall     H x W int32, depth outside of the container and in what is locked
points, points_of   of the outlines, and how many each has
turns    N x 2, least and most turn, radians; infinite where free
angles   the only turns there are, radians; empty where `turns` says it
"""

from __future__ import annotations

import math

from vertumnus.jit import kernel

NO_COST = 1 << 60
REFINEMENTS = 60  # steps at most
SHIFT, SPIN = 0.08, 0.1  # first steps, of the root of the area and in radians
FINEST = 0.25  # raster pixels, where refining ends


@kernel
def cost_at(limit, total, wall, weight, x, y, cos, sin, mirror, points, first, n):
    """Depth of n points in what is there, in eighths; not all of it once it is above ``limit``.

    cos, sin   of the turn, times the piece's size
    weight     of the wall, in eighths
    first      the points' outline
    """
    height, width = total.shape
    cost = 0
    k = 0
    while k < n:
        stop = min(k + 8, n)
        while k < stop:
            px, py = points[first, k, 0] * mirror, points[first, k, 1]
            column = int(x + cos * px - sin * py)
            row = int(y + sin * px + cos * py)
            column = min(max(column, 0), width - 1)
            row = min(max(row, 0), height - 1)
            cost += 8 * total[row, column] + weight * wall[row, column]
            k += 1
        if cost > limit:
            return cost
    return cost


@kernel
def any_turn(i, turns, angles, rng):
    """A turn that the piece may take."""
    if len(angles):
        return angles[rng.integers(0, len(angles))]
    low, high = turns[i, 0], turns[i, 1]
    if high - low >= 2 * math.pi:
        return 2 * math.pi * rng.random()
    return low + (high - low) * rng.random()


@kernel
def refine(cost, x, y, turn, i, m, n, finest, weight, total, wall, size, which, points, turns, angles, rng):
    """Walks downhill by steps along the axes, the diagonals and around the centre. Returns (cost, x, y, turn,
    looks).
    """
    root = size[i]
    first = which[i]
    step_x = max(SHIFT * root, 2 * finest)
    spin = SPIN
    may_turn = len(angles) == 0 and turns[i, 1] > turns[i, 0]
    cos, sin = math.cos(turn) * root, math.sin(turn) * root
    looks = 0
    least_spin = 2 * finest / root
    for _ in range(REFINEMENTS):
        if cost == 0 or (step_x < finest and (not may_turn or spin < least_spin)):
            break
        shift = not may_turn or spin < least_spin or (step_x >= finest and rng.random() < 0.6)
        sign = 1.0 if rng.random() < 0.5 else -1.0
        nx, ny, nt, nc, ns = x, y, turn, cos, sin
        if shift:
            axis = rng.integers(0, 4)
            dx = step_x if axis != 1 else 0.0
            dy = step_x if axis == 1 or axis == 2 else (-step_x if axis == 3 else 0.0)
            if axis >= 2:
                dx, dy = 0.7071 * dx, 0.7071 * dy
            dx, dy = dx * sign, dy * sign
        found = False
        for _ in range(2):
            if shift:
                nx, ny = x + dx, y + dy
            else:
                nt = min(max(turn + sign * spin, turns[i, 0]), turns[i, 1])
                nc, ns = math.cos(nt) * root, math.sin(nt) * root
            looks += n
            other = cost_at(cost, total, wall, weight, nx, ny, nc, ns, m, points, first, n)
            if other < cost:
                found = True
                break
            if shift:
                dx, dy = -dx, -dy
            sign = -sign
        if found:
            cost, x, y, turn, cos, sin = other, nx, ny, nt, nc, ns
            if shift:
                step_x *= 1.1
            else:
                spin *= 1.1
        elif shift:
            step_x *= 0.5
        else:
            spin *= 0.5
    return cost, x, y, turn, looks


@kernel
def best_place(
    i, n, anywhere, near, flips, finest, weight, stuck, spots, total, wall, pose, mirror, size, which, points,
    points_of, turns, angles, rng,
):  # fmt: skip
    """The best place found for one piece, whose stamp is not on the raster: (cost, x, y, turn, mirror, looks).

    n          points looked at
    anywhere   places tried with the deepest point on a pixel of ``spots`` (flat indices), free ones if they are found
    near       places tried around where it lies
    flips      whether it may be mirrored
    finest     raster pixels at which refining ends
    weight     of the wall, in eighths
    stuck      the largest weight of a pair it is in
    """
    root = size[i]
    first = which[i]
    width = total.shape[1]
    x, y, turn, m = pose[i, 0], pose[i, 1], pose[i, 2], mirror[i]
    here = cost_at(
        NO_COST, total, wall, weight, x, y, math.cos(turn) * root, math.sin(turn) * root, m, points, first, n
    )
    looks = n
    if here == 0 and n < points_of[first]:
        # What overlaps there lies between the points looked at: look at more of them.
        n = points_of[first]
        here = cost_at(
            NO_COST, total, wall, weight, x, y, math.cos(turn) * root, math.sin(turn) * root, m, points, first, n
        )
        looks += n
    bx, by, bt, bm, best = x, y, turn, m, here
    if best == 0:
        # A hair that crosses another between all points: shaken, the harder the longer it has been there.
        best = NO_COST
        shake = min(0.3 * root, finest * math.sqrt(stuck))
        for _ in range(near):
            t = turn
            if len(angles) == 0 and turns[i, 1] > turns[i, 0]:
                t = min(max(turn + shake / root * rng.standard_normal(), turns[i, 0]), turns[i, 1])
            ox, oy = x + shake * rng.standard_normal(), y + shake * rng.standard_normal()
            looks += n
            c, s = math.cos(t) * root, math.sin(t) * root
            cost = cost_at(best, total, wall, weight, ox, oy, c, s, m, points, first, n)
            if cost < best:
                best, bx, by, bt = cost, ox, oy, t
                if cost == 0:
                    break
        return best, bx, by, bt, bm, looks
    far, fx, fy, ft, fm = NO_COST, x, y, turn, m
    for _ in range(anywhere):
        spot = spots[rng.integers(0, len(spots))]
        for _ in range(2):
            if total[spot // width, spot % width] == 0:
                break
            spot = spots[rng.integers(0, len(spots))]
        t = any_turn(i, turns, angles, rng)
        om = m
        if flips and rng.random() < 0.5:
            om = -m
        c, s = math.cos(t) * root, math.sin(t) * root
        px, py = points[first, 0, 0] * om, points[first, 0, 1]
        ox = spot % width + rng.random() - (c * px - s * py)
        oy = spot // width + rng.random() - (s * px + c * py)
        looks += 8
        cost = cost_at(far, total, wall, weight, ox, oy, c, s, om, points, first, n)
        if cost < far:
            far, fx, fy, ft, fm = cost, ox, oy, t, om
            if cost == 0:
                return far, fx, fy, ft, fm, looks
    for _ in range(near):
        t = turn
        if len(angles):
            if rng.random() < 0.3:
                t = any_turn(i, turns, angles, rng)
        elif turns[i, 1] > turns[i, 0]:
            t = min(max(turn + 0.3 * rng.standard_normal(), turns[i, 0]), turns[i, 1])
        ox, oy = x + 0.25 * root * rng.standard_normal(), y + 0.25 * root * rng.standard_normal()
        c, s = math.cos(t) * root, math.sin(t) * root
        looks += 8
        cost = cost_at(best, total, wall, weight, ox, oy, c, s, m, points, first, n)
        if cost < best:
            best, bx, by, bt, bm = cost, ox, oy, t, m
    best, bx, by, bt, more = refine(
        best, bx, by, bt, i, bm, n, finest, weight, total, wall, size, which, points, turns, angles, rng
    )
    looks += more
    if far < NO_COST:
        far, fx, fy, ft, more = refine(
            far, fx, fy, ft, i, fm, n, finest, weight, total, wall, size, which, points, turns, angles, rng
        )
        looks += more
        if far < best:
            best, bx, by, bt, bm = far, fx, fy, ft, fm
    return best, bx, by, bt, bm, looks
