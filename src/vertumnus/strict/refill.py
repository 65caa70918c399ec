"""Moves that find a place for a piece elsewhere: in a void, anywhere at a given size, or where others make room.

The arguments are those of `vertumnus.strict.moves`.
"""

from __future__ import annotations

import numpy as np

from vertumnus.jit import kernel
from vertumnus.render.silhouette import NO_LIMIT
from vertumnus.strict.moves import (
    RADIAN,
    clipped,
    free_at,
    insert,
    mean_radius,
    overlap_count,
    put,
    random_turn,
    set_pose,
    snap,
)


@kernel
def grow_in(i, x, y, radius, mirror, starts, trials, taken, bounds, which, pictures, quantum, rng):
    """The largest placement found for one piece around a void: (x, y, scale, turn), scale 0 if none.

    starts   turns that are tried; trials: shifts of each
    """
    best = (x, y, 0.0, 0.0)
    e = mean_radius(pictures, which[i])
    for _ in range(starts):
        cx, cy, s, t = snap(
            i, x, y, clipped(0.8 * radius / e, bounds[i, 0], bounds[i, 1]), random_turn(i, bounds, rng), quantum
        )
        found = False
        for _ in range(4):
            if free_at(taken, cx, cy, s, t, mirror, which[i], pictures):
                found = True
                break
            cx, cy, s, t = snap(i, cx, cy, max(0.7 * s, bounds[i, 0]), t, quantum)
        if not found:
            continue
        far = 0.3 * radius
        for _ in range(trials):
            step = far / (e * s)
            ns = min(s * (1 + 0.7 * step * abs(rng.standard_normal())), bounds[i, 1])
            nt = clipped(t + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
            nx = cx + far * rng.standard_normal()
            ny = cy + far * rng.standard_normal()
            nx, ny, ns, nt = snap(i, nx, ny, ns, nt, quantum)
            if free_at(taken, nx, ny, ns, nt, mirror, which[i], pictures):
                cx, cy, s, t = nx, ny, ns, nt
                far = min(far * 1.5, radius)
            else:
                far = max(far * 0.93, 0.2)
        if s > best[2]:
            best = (cx, cy, s, t)
    return best


@kernel
def fill_voids(
    voids, radii, pool, tried, flips, area, taken, pose, flip, which, bounds, pictures, gap, quantum, rng
):  # fmt: skip
    """For each void, the piece of some drawn from ``pool`` that gains most by moving there moves there.

    pool    indices of pieces that may move, those not placed first
    tried   how many of them are drawn for a void
    flips   whether they may be mirrored
    area    M, each silhouette's area at scale 1
    Returns how many moved.
    """
    moved = 0
    missing = 0
    while missing < len(pool) and pose[pool[missing], 2] == 0.0:
        missing += 1
    for v in range(len(voids)):
        gain, mover = 0.0, -1
        best = (0.0, 0.0, 0.0, 0.0)
        best_mirror = False
        for t in range(tried):
            # Half of the draws among those not placed, while there are any.
            i = pool[rng.integers(0, missing if missing and t % 2 == 0 else len(pool))]
            mirror = rng.random() < 0.5 if flips else flip[i]
            found = grow_in(
                i,
                voids[v, 0],
                voids[v, 1],
                radii[v],
                mirror,
                4,
                60,
                taken,
                bounds,
                which,
                pictures,
                quantum,
                rng,
            )
            more = (found[2] ** 2 - pose[i, 2] ** 2) * area[which[i]]
            if found[2] > 0.0 and more > gain:
                gain, mover, best, best_mirror = more, i, found, mirror
        if mover >= 0:
            if pose[mover, 2] > 0.0:
                put(-1, taken, pose, mover, flip, which, pictures, gap)
            set_pose(pose, mover, best[0], best[1], best[2], best[3])
            flip[mover] = best_mirror
            put(1, taken, pose, mover, flip, which, pictures, gap)
            moved += 1
    return moved


@kernel
def find_placement(i, scale, spots, trials, taken, pose, flip, which, bounds, pictures, gap, quantum, rng):
    """Looks for a free place for one piece at a given scale, on spots (V x 2) drawn at random, at any turn
    it may take. Puts it there and returns True if it finds one.
    """
    if len(spots) == 0:
        return False
    for _ in range(trials):
        at = rng.integers(0, len(spots))
        x, y = spots[at, 0] + rng.random() - 0.5, spots[at, 1] + rng.random() - 0.5
        x, y, s, t = snap(i, x, y, scale, random_turn(i, bounds, rng), quantum)
        if free_at(taken, x, y, s, t, flip[i], which[i], pictures):
            set_pose(pose, i, x, y, s, t)
            put(1, taken, pose, i, flip, which, pictures, gap)
            return True
    return False


@kernel
def make_room(
    lost, scale, spots, trials, order, ground, taken, pose, flip, which, bounds, pictures, gap, quantum, rng
):  # fmt: skip
    """Puts each lost piece down where least is in its way, and what is there shrinks to make room.

    lost     indices; scale: N, the scale each is put down at
    spots    V x 2 places to try, ``trials`` draws for each piece
    order    the other movable pieces, in the order they are put down again
    ground   H x W counts, what can never move: the outside and what is locked
    Where what is in the way would become too small, nothing changes. Returns how many stay lost.
    """
    if len(spots) == 0:
        return len(lost)
    alone = np.zeros_like(taken)
    before = np.empty_like(pose)
    away = np.empty(len(order), np.int64)
    still = 0
    for i in lost:
        least = NO_LIMIT
        bx, by, bs, bt = 0.0, 0.0, 0.0, 0.0
        for _ in range(trials):
            at = rng.integers(0, len(spots))
            x, y = spots[at, 0] + rng.standard_normal(), spots[at, 1] + rng.standard_normal()
            x, y, s, t = snap(i, x, y, scale[i], random_turn(i, bounds, rng), quantum)
            if not free_at(ground, x, y, s, t, flip[i], which[i], pictures):
                continue
            over = overlap_count(least, taken, x, y, s, t, flip[i], which[i], pictures)
            if over < least:
                least, bx, by, bs, bt = over, x, y, s, t
        if least == NO_LIMIT:
            still += 1
            continue
        before[:] = pose
        set_pose(pose, i, bx, by, bs, bt)
        put(1, alone, pose, i, flip, which, pictures, gap)
        count = 0
        reach = mean_radius(pictures, which[i]) * bs * 2 + gap + 2
        for j in order:
            near = reach + mean_radius(pictures, which[j]) * pose[j, 2] * 2
            if j == i or pose[j, 2] == 0.0 or abs(pose[j, 0] - bx) > near or abs(pose[j, 1] - by) > near:
                continue
            if overlap_count(1, alone, pose[j, 0], pose[j, 1], pose[j, 2], pose[j, 3], flip[j], which[j], pictures):
                put(-1, taken, pose, j, flip, which, pictures, gap)
                away[count] = j
                count += 1
        put(-1, alone, pose, i, flip, which, pictures, gap)
        put(1, taken, pose, i, flip, which, pictures, gap)
        failed = insert(away[:count], 0.98, 0.5, 12, taken, pose, flip, which, bounds, pictures, gap, quantum, rng)
        if failed:
            put(-1, taken, pose, i, flip, which, pictures, gap)
            for k in range(count):
                if pose[away[k], 2] > 0.0:
                    put(-1, taken, pose, away[k], flip, which, pictures, gap)
            pose[:] = before
            for k in range(count):
                put(1, taken, pose, away[k], flip, which, pictures, gap)
            pose[i, 2] = 0.0
            still += 1
    return still
