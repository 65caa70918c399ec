"""The moves of the strict finish: kernels that put pieces down, and let them grow, shift and part.

Whether a place is free is asked of `vertumnus.render.silhouette`; here is only the search. Lengths are raster
pixels. The arguments they share:

taken     H x W counts, the ground of the raster; see `silhouette`
pose      N x 4: x, y, scale, and rotation in degrees; a piece of scale 0 is not placed
flip, which   N each
bounds    N x 4: least and most scale, least and most rotation
pictures  (texels, table, size, probes, count, depth) as `fits` takes them
gap       kept between silhouettes
quantum     N x 3: steps to a pixel, to a unit of scale and to a degree. Every pose tried lies on these steps, so
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
def overlap_count(limit, taken, x, y, scale, turn, flip, which, pictures):
    """How many pixels of one piece's silhouette are taken there, counted up to ``limit``."""
    texels, table, size = pictures[0], pictures[1], pictures[2]
    cos, sin = math.cos(turn * RADIAN), math.sin(turn * RADIAN)
    return walk(COUNT, limit, EVERYWHERE, taken, x, y, scale, cos, sin, flip, which, texels, table, size)


@kernel
def snap(i, x, y, scale, turn, quantum):
    """The nearest pose on the quantum."""
    steps = quantum[i, 0]
    return (
        np.rint(x * steps) / steps,
        np.rint(y * steps) / steps,
        np.rint(scale * quantum[i, 1]) / quantum[i, 1],
        np.rint(turn * quantum[i, 2]) / quantum[i, 2],
    )


@kernel
def set_pose(pose, i, x, y, scale, turn):
    """Writes one pose."""
    pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3] = x, y, scale, turn


@kernel
def mean_radius(pictures, which):
    """How far a picture's rim is from its centre in the mean, in its own pixels."""
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
def insert(order, shrink, least, tries, taken, pose, flip, which, bounds, pictures, gap, quantum, rng):
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
            reach = JITTER * 2 * mean_radius(pictures, which[i]) * s
            for t in range(tries):
                nx, ny, nt = x, y, turn
                if t > 0:
                    nx += reach * rng.standard_normal()
                    ny += reach * rng.standard_normal()
                    nt = clipped(turn + JITTER / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
                nx, ny, ns, nt = snap(i, nx, ny, s, nt, quantum)
                if free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                    set_pose(pose, i, nx, ny, ns, nt)
                    put(1, taken, pose, i, flip, which, pictures, gap)
                    break
            s *= shrink
        lost += pose[i, 2] == 0.0
    return lost


@kernel
def polish(order, trials, reach, taken, pose, flip, which, bounds, pictures, gap, quantum, rng):
    """Lets each piece in turn shift, turn and grow into the free ground around it, never shrink.

    reach   N, how far each is shifted, raster pixels; grows with success and falls with failure
    """
    for i in order:
        if pose[i, 2] == 0.0:
            continue
        put(-1, taken, pose, i, flip, which, pictures, gap)
        far, e, failed = reach[i], mean_radius(pictures, which[i]), 0
        for _ in range(trials):
            if failed == STUCK:
                break
            x, y, scale, turn = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
            step = far / (e * scale)
            ns = max(min(scale * (1 + 0.5 * step * abs(rng.standard_normal())), bounds[i, 1]), scale)
            nt = clipped(turn + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
            nx = x + far * rng.standard_normal()
            ny = y + far * rng.standard_normal()
            nx, ny, ns, nt = snap(i, nx, ny, ns, nt, quantum)
            if free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                set_pose(pose, i, nx, ny, ns, nt)
                far, failed = min(far * 1.5, 8.0), 0
            else:
                far, failed = max(far * 0.97, 0.15), failed + 1
        reach[i] = far
        put(1, taken, pose, i, flip, which, pictures, gap)


@kernel
def separate(order, trials, reach, jumps, spots, taken, pose, flip, which, bounds, pictures, gap, quantum, rng):
    """Moves each piece that overlaps something, at its scale, to where it overlaps least. Pieces are stamped
    on top of each other here; the layout is good when nothing overlaps.

    trials   shifts and turns tried around where it lies
    reach    share of its size that the first of them go; the last go a fiftieth of that
    jumps    places tried anywhere, drawn from ``spots`` (V x 2)
    Returns how many pixels still overlapped when the pieces were looked at.
    """
    total = 0
    for i in order:
        if pose[i, 2] == 0.0:
            continue
        put(-1, taken, pose, i, flip, which, pictures, gap)
        x, y, s, t = pose[i, 0], pose[i, 1], pose[i, 2], pose[i, 3]
        least = overlap_count(NO_LIMIT, taken, x, y, s, t, flip[i], which[i], pictures)
        if least > 0:
            size = mean_radius(pictures, which[i]) * s
            for _ in range(jumps):
                at = rng.integers(0, len(spots))
                jx, jy, js, jt = snap(i, spots[at, 0], spots[at, 1], s, random_turn(i, bounds, rng), quantum)
                over = overlap_count(least, taken, jx, jy, js, jt, flip[i], which[i], pictures)
                if over < least:
                    least = over
                    set_pose(pose, i, jx, jy, js, jt)
            for k in range(trials):
                if least == 0:
                    break
                step = reach * 0.02 ** (k / trials)
                nx = pose[i, 0] + step * size * rng.standard_normal()
                ny = pose[i, 1] + step * size * rng.standard_normal()
                nt = clipped(pose[i, 3] + step / RADIAN * rng.standard_normal(), bounds[i, 2], bounds[i, 3])
                nx, ny, ns, nt = snap(i, nx, ny, s, nt, quantum)
                over = overlap_count(least + 1, taken, nx, ny, ns, nt, flip[i], which[i], pictures)
                if over <= least:
                    least = over
                    set_pose(pose, i, nx, ny, ns, nt)
        total += least
        put(1, taken, pose, i, flip, which, pictures, gap)
    return total
