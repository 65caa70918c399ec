"""The move of an open packing: pieces fall as far as they can.

The arguments are those of `vertumnus.strict.moves`.
"""

from __future__ import annotations

import math

from vertumnus.jit import kernel
from vertumnus.strict.moves import RADIAN, clipped, free_at, mean_radius, put, set_pose, snap


@kernel
def height_at(x, y, pull):
    """How far a point lies from where gravity pulls; ``pull`` is (kind, a, b): a direction or a point."""
    if pull[0] == 0.0:
        return -(x * pull[1] + y * pull[2])
    return math.sqrt((x - pull[1]) ** 2 + (y - pull[2]) ** 2)


@kernel
def drop(order, pull, trials, farthest, taken, pose, flip, which, bounds, pictures, gap, quantum, rng):
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
        e = mean_radius(pictures, which[i])
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
            nx, ny, ns, nt = snap(i, x + far * dx - aside * dy, y + far * dy + aside * dx, scale, nt, quantum)
            fall = high - height_at(nx, ny, pull)
            if fall > 1e-3 and free_at(taken, nx, ny, ns, nt, flip[i], which[i], pictures):
                set_pose(pose, i, nx, ny, ns, nt)
                fallen += fall
                far, failed = min(far * 2.0, farthest), 0
            else:
                far, failed = max(far * 0.7, 0.5), failed + 1
        put(1, taken, pose, i, flip, which, pictures, gap)
    return fallen
