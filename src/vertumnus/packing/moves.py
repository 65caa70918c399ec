"""The moves of the strict finish: kernels that put, grow and shift pieces so that none ever touches another.

Whether a place is free is asked of `vertumnus.render.silhouette`; here is only the search. Lengths are raster
pixels. The arguments they share:

taken     H x W counts, the ground of the raster; see `silhouette`
pose      N x 4: x, y, scale, and rotation in degrees; a piece of scale 0 is not placed
flip, which   N each
bounds    N x 4: least and most scale, least and most rotation
pictures  (texels, table, size, probes, count, depth) as `fits` takes them
gap       kept between silhouettes
grain     N x 3: steps to a pixel, to a unit of scale and to a degree. Every pose tried lies on these steps, so
          that what was tested is what the document writes, in few digits
rng       the run is a function of it
"""

from __future__ import annotations

import math

import numpy as np

from vertumnus.jit import kernel
from vertumnus.render.silhouette import COUNT, EVERYWHERE, NO_LIMIT, fits, stamp, walk

JITTER = 0.02  # of a piece's size: how far it is shifted about when it is put down
STUCK = 22  # trials in a row that fail before a piece is left alone for this sweep
RADIAN = math.pi / 180
WHOLE_TURN = 360.0


@kernel
def free_at(taken, x, y, scale, turn, flip, which, pictures):
    """Whether one piece fits there."""
    texels, table, size, probes, count, depth = pictures
    return fits(taken, x, y, scale, turn * RADIAN, flip, which, texels, table, size, probes, count, depth)


@kernel
def put(amount, taken, pose, i, flip, which, pictures, gap):
    """Marks (1) or clears (-1) a piece on the ground."""
    texels, table, size = pictures[0], pictures[1], pictures[2]
    x, y, scale, turn = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
    stamp(amount, gap, taken, x, y, scale, turn * RADIAN, flip[i], which[i], texels, table, size)


@kernel
def clash(limit, taken, x, y, scale, turn, flip, which, pictures):
    """How many pixels of one piece's silhouette are taken there, counted up to ``limit``."""
    texels, table, size = pictures[0], pictures[1], pictures[2]
    cos, sin = math.cos(turn * RADIAN), math.sin(turn * RADIAN)
    return walk(COUNT, limit, EVERYWHERE, taken, x, y, scale, cos, sin, flip, which, texels, table, size)


@kernel
def snap(i, x, y, scale, turn, grain):
    """The nearest pose on the grain."""
    steps = grain[i, 0]
    return (
        np.rint(x * steps) / steps,
        np.rint(y * steps) / steps,
        np.rint(scale * grain[i, 1]) / grain[i, 1],
        np.rint(turn * grain[i, 2]) / grain[i, 2],
    )


@kernel
def set_pose(pose, i, x, y, scale, turn):
    """Writes one pose."""
    pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3] = x, y, scale, turn


@kernel
def rim(pictures, which):
    """How far a picture's rim is from its centre on the whole, in its own pixels."""
    size = pictures[2]
    return max(0.25 * (size[which, 0] + size[which, 1]), 0.5)


@kernel
def random_turn(i, bounds, rng):
    """A turn that a piece may take, in degrees."""
    if bounds[i, 3] - bounds[i, 2] >= WHOLE_TURN:
        return WHOLE_TURN * (rng.random() - 0.5)
    return bounds[i, 2] + (bounds[i, 3] - bounds[i, 2]) * rng.random()


@kernel
def clipped(value, low, high):
    """``value`` brought between ``low`` and ``high``."""
    return min(max(value, low), high)


@kernel
def insert(order, shrink, least, tries, taken, pose, flip, which, bounds, pictures, gap, grain, rng):
    """Puts pieces down where they are, one after the other, each a little shifted or smaller if need be.

    shrink   factor of the scale after ``tries`` shifts that did not fit
    least    no piece is made smaller than this share of the scale it came with, nor than its bound
    Returns how many could not be put down; their scale is 0.
    """
    lost = 0
    for i in order:
        x, y, scale, turn = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
        low = max(bounds[i, 0], least * scale) * (1 - 1e-5)
        s = min(scale, bounds[i, 1])
        pose[i, 2] = 0.0
        while s >= low and pose[i, 2] == 0.0:
            reach = JITTER * 2 * rim(pictures, which[i]) * s
            for t in range(tries):
                nx, ny, nt = x, y, turn
                if t > 0:
                    nx += reach * rng.standard_normal()
                    ny += reach * rng.standard_normal()
                    nt = clipped(turn + JITTER / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
                nx, ny, ns, nt = snap(i, nx, ny, s, nt, grain)
                if free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                    set_pose(pose, i, nx, ny, ns, nt)
                    put(1, taken, pose, i, flip, which, pictures, gap)
                    break
            s *= shrink
        lost += pose[i, 2] == 0.0
    return lost


@kernel
def polish(order, trials, reach, taken, pose, flip, which, bounds, pictures, gap, grain, rng):
    """Lets each piece in turn shift, turn and grow into the free ground around it, never shrink.

    reach   N, how far each is shifted, raster pixels; grows with success and falls with failure
    """
    for i in order:
        if pose[i, 2] == 0.0:
            continue
        put(-1, taken, pose, i, flip, which, pictures, gap)
        far, e, failed = reach[i], rim(pictures, which[i]), 0
        for _ in range(trials):
            if failed == STUCK:
                break
            x, y, scale, turn = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
            step = far / (e * scale)
            ns = max(min(scale * (1 + 0.5 * step * abs(rng.standard_normal())), bounds[i, 1]), scale)
            nt = clipped(turn + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
            nx = x + far * rng.standard_normal()
            ny = y + far * rng.standard_normal()
            nx, ny, ns, nt = snap(i, nx, ny, ns, nt, grain)
            if free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                set_pose(pose, i, nx, ny, ns, nt)
                far, failed = min(far * 1.5, 8.0), 0
            else:
                far, failed = max(far * 0.97, 0.15), failed + 1
        reach[i] = far
        put(1, taken, pose, i, flip, which, pictures, gap)


@kernel
def grow_in(i, x, y, radius, mirror, starts, trials, taken, bounds, which, pictures, grain, rng):
    """The largest placement found for one piece around a void: (x, y, scale, turn), scale 0 if none.

    starts   turns that are tried; trials: shifts of each
    """
    best = (x, y, 0.0, 0.0)
    e = rim(pictures, which[i])
    for _ in range(starts):
        cx, cy, s, t = snap(
            i, x, y, clipped(0.8 * radius / e, bounds[i, 0], bounds[i, 1]), random_turn(i, bounds, rng), grain
        )
        found = False
        for _ in range(4):
            if free_at(taken, cx, cy, s, t, mirror, which[i], pictures):
                found = True
                break
            cx, cy, s, t = snap(i, cx, cy, max(0.7 * s, bounds[i, 0]), t, grain)
        if not found:
            continue
        far = 0.3 * radius
        for _ in range(trials):
            step = far / (e * s)
            ns = min(s * (1 + 0.7 * step * abs(rng.standard_normal())), bounds[i, 1])
            nt = clipped(t + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
            nx = cx + far * rng.standard_normal()
            ny = cy + far * rng.standard_normal()
            nx, ny, ns, nt = snap(i, nx, ny, ns, nt, grain)
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
    voids, radii, pool, tried, flips, area, taken, pose, flip, which, bounds, pictures, gap, grain, rng
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
                grain,
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
def seek(i, scale, spots, trials, taken, pose, flip, which, bounds, pictures, gap, grain, rng):
    """Looks for a free place for one piece at a given scale, on spots (V x 2) drawn at random, at any turn
    it may take. Puts it there and returns True if it finds one.
    """
    if len(spots) == 0:
        return False
    for _ in range(trials):
        at = rng.integers(0, len(spots))
        x, y = spots[at, 0] + rng.random() - 0.5, spots[at, 1] + rng.random() - 0.5
        x, y, s, t = snap(i, x, y, scale, random_turn(i, bounds, rng), grain)
        if free_at(taken, x, y, s, t, flip[i], which[i], pictures):
            set_pose(pose, i, x, y, s, t)
            put(1, taken, pose, i, flip, which, pictures, gap)
            return True
    return False


@kernel
def make_room(
    lost, scale, spots, trials, order, ground, taken, pose, flip, which, bounds, pictures, gap, grain, rng
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
            x, y, s, t = snap(i, x, y, scale[i], random_turn(i, bounds, rng), grain)
            if not free_at(ground, x, y, s, t, flip[i], which[i], pictures):
                continue
            over = clash(least, taken, x, y, s, t, flip[i], which[i], pictures)
            if over < least:
                least, bx, by, bs, bt = over, x, y, s, t
        if least == NO_LIMIT:
            still += 1
            continue
        before[:] = pose
        set_pose(pose, i, bx, by, bs, bt)
        put(1, alone, pose, i, flip, which, pictures, gap)
        count = 0
        reach = rim(pictures, which[i]) * bs * 2 + gap + 2
        for j in order:
            near = reach + rim(pictures, which[j]) * pose[j, 2] * 2
            if j == i or pose[j, 2] == 0.0 or abs(pose[j, 0] - bx) > near or abs(pose[j, 1] - by) > near:
                continue
            if clash(1, alone, pose[j, 0], pose[j, 1], pose[j, 2], pose[j, 3], flip[j], which[j], pictures):
                put(-1, taken, pose, j, flip, which, pictures, gap)
                away[count] = j
                count += 1
        put(-1, alone, pose, i, flip, which, pictures, gap)
        put(1, taken, pose, i, flip, which, pictures, gap)
        failed = insert(away[:count], 0.98, 0.5, 12, taken, pose, flip, which, bounds, pictures, gap, grain, rng)
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


@kernel
def separate(order, trials, jumps, spots, taken, pose, flip, which, bounds, pictures, gap, grain, rng):
    """Moves each piece that overlaps something, at its scale, to where it overlaps least. Pieces are stamped
    on top of each other here; the layout is good when nothing overlaps.

    trials   shifts and turns tried around where it lies, from half its size down
    jumps    places tried anywhere, drawn from ``spots`` (V x 2)
    Returns how many pixels still overlapped when the pieces were looked at.
    """
    total = 0
    for i in order:
        if pose[i, 2] == 0.0:
            continue
        put(-1, taken, pose, i, flip, which, pictures, gap)
        x, y, s, t = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
        least = clash(NO_LIMIT, taken, x, y, s, t, flip[i], which[i], pictures)
        if least > 0:
            size = rim(pictures, which[i]) * s
            for _ in range(jumps):
                at = rng.integers(0, len(spots))
                jx, jy, js, jt = snap(i, spots[at, 0], spots[at, 1], s, random_turn(i, bounds, rng), grain)
                over = clash(least, taken, jx, jy, js, jt, flip[i], which[i], pictures)
                if over < least:
                    least = over
                    set_pose(pose, i, jx, jy, js, jt)
            for k in range(trials):
                if least == 0:
                    break
                step = 0.5 * 0.02 ** (k / trials)
                nx = pose[i, 0] + step * size * rng.standard_normal()
                ny = pose[i, 1] + step * size * rng.standard_normal()
                nt = clipped(pose[i, 3] + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
                nx, ny, ns, nt = snap(i, nx, ny, s, nt, grain)
                over = clash(least + 1, taken, nx, ny, ns, nt, flip[i], which[i], pictures)
                if over <= least:
                    least = over
                    set_pose(pose, i, nx, ny, ns, nt)
        total += least
        put(1, taken, pose, i, flip, which, pictures, gap)
    return total


@kernel
def height_at(x, y, pull):
    """How far a point lies from where gravity pulls; ``pull`` is (kind, a, b): a direction or a point."""
    if pull[0] == 0.0:
        return -(x * pull[1] + y * pull[2])
    return math.sqrt((x - pull[1]) ** 2 + (y - pull[2]) ** 2)


@kernel
def sink(order, pull, trials, farthest, taken, pose, flip, which, bounds, pictures, gap, grain, rng):
    """Lets each piece in turn fall as far as it can, sliding and turning a little on the way.

    pull      see `height_at`
    trials    moves in a row that fail before a piece lies still
    farthest  raster pixels it may fall at a time
    Returns how far all fell together.
    """
    fallen = 0.0
    for i in order:
        if pose[i, 2] == 0.0:
            continue
        put(-1, taken, pose, i, flip, which, pictures, gap)
        e = rim(pictures, which[i])
        far, failed = farthest, 0
        while failed < trials:
            x, y, scale, turn = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
            high = height_at(x, y, pull)
            if pull[0] == 0.0:
                dx, dy = pull[1], pull[2]
            else:
                dx, dy = (pull[1] - x) / max(high, 1e-9), (pull[2] - y) / max(high, 1e-9)
            aside = 0.0 if failed % 4 == 0 else 0.8 * far * rng.standard_normal()
            spin = 0.0 if failed % 2 == 0 else 0.5 * far / (e * scale) / RADIAN * rng.standard_normal()
            nt = clipped(turn + spin, bounds[i, 2], bounds[i, 3])
            nx, ny, ns, nt = snap(i, x + far * dx - aside * dy, y + far * dy + aside * dx, scale, nt, grain)
            drop = high - height_at(nx, ny, pull)
            if drop > 1e-3 and free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                set_pose(pose, i, nx, ny, ns, nt)
                fallen += drop
                far, failed = min(far * 2.0, farthest), 0
            else:
                far, failed = max(far * 0.7, 0.5), failed + 1
        put(1, taken, pose, i, flip, which, pictures, gap)
    return fallen
