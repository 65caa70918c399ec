"""One sweep: each piece in conflict moves to where it overlaps least, pairs counted by their weights. Kernels."""

from __future__ import annotations

from vertumnus.jit import kernel
from vertumnus.strict.nesting.places import best_place
from vertumnus.strict.nesting.stamps import add_stamp, render_exactly, render_stamp


@kernel
def render(i, x, y, turn, gap, mirror, size, which, outlines, spans, shape, exact, sprites):
    """Works out one stamp, by the distance texture or by the exact silhouette."""
    if exact:
        return render_exactly(i, x, y, turn, gap, mirror, size, which, outlines, spans, shape, sprites)
    return render_stamp(i, x, y, turn, gap, mirror, size, which, outlines, spans, shape)


@kernel
def stamp_all(gap, total, pose, mirror, size, which, outlines, spans, exact, sprites):
    """Works out every stamp, and their sum."""
    total[:] = 0
    worked = 0
    for i in range(len(size)):
        x, y, turn = pose[i, 0], pose[i, 1], pose[i, 2]
        worked += render(i, x, y, turn, gap, mirror, size, which, outlines, spans, total.shape, exact, sprites)
        worked += add_stamp(i, 8, total, spans)
    return worked


@kernel
def sweep(
    order, n, anywhere, near, flips, finest, gap, spots, total, wall, pose, mirror, size, which, outlines, points,
    spans, turns, angles, partner, weight, wall_weight, exact, sprites, rng,
):  # fmt: skip
    """Moves pieces in turn. Returns how much work that was, in pixels looked at or written."""
    worked = 0
    for i in order:
        worked += add_stamp(i, -8, total, spans)
        for k in range(partner.shape[1]):
            if partner[i, k] >= 0:
                worked += add_stamp(partner[i, k], int((weight[i, k] - 1) * 8), total, spans)
        stuck = wall_weight[i]
        for k in range(partner.shape[1]):
            if partner[i, k] >= 0:
                stuck = max(stuck, weight[i, k])
        count = min(n, points[1][which[i]])
        _, x, y, turn, m, looks = best_place(
            i, count, anywhere, near, flips, finest, int(wall_weight[i] * 8), stuck, spots, total, wall, pose, mirror,
            size, which, points[0], points[1], turns, angles, rng,
        )  # fmt: skip
        for k in range(partner.shape[1]):
            if partner[i, k] >= 0:
                worked += add_stamp(partner[i, k], -int((weight[i, k] - 1) * 8), total, spans)
        if x != pose[i, 0] or y != pose[i, 1] or turn != pose[i, 2] or m != mirror[i]:
            pose[i, 0], pose[i, 1], pose[i, 2], mirror[i] = x, y, turn, m
            worked += render(i, x, y, turn, gap, mirror, size, which, outlines, spans, total.shape, exact, sprites)
        worked += add_stamp(i, 8, total, spans) + looks
    return worked
