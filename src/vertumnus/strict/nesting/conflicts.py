"""Which pieces overlap, how much, and how heavily each such pair counts from then on. Kernels.

Guided local search (Voudouris and Tsang 1999), with the weights of Gardeyn and others, "An open-source heuristic to
reboot 2D nesting research" (2025): a pair that stays in conflict counts more and more, until it is worth more to part
it than to keep others apart. A piece keeps its heaviest pairs only, so the memory grows with the pieces alone.

partner    N x PARTNERS, the other piece of each pair, -1 where there is none
weight     N x PARTNERS, at least 1; of the wall N
"""

from __future__ import annotations

import numpy as np

from vertumnus.jit import kernel

PARTNERS = 24
LEAST_GROWTH, MOST_GROWTH, DECAY = 1.2, 2.0, 0.95
HEAVIEST = 4_000.0
LIGHTEST = 1.1  # below which a pair is let go of


@kernel
def find_conflicts(owner, owner_depth, spans, wall, pairs, overlap, wall_overlap, loss):
    """Goes over all stamps. Returns (pairs found, pixels in conflict, pixels in all).

    owner, owner_depth   H x W, scratch: the last piece on each pixel and its depth
    pairs          P x 2, overlap: P; written
    wall_overlap   N, loss: N; written: depth in the wall, and pixels of each piece in any conflict
    """
    top_of, rows_of, row_at, column_of, length_of, pixel_at, depths = spans
    owner[:] = -1
    pieces = len(top_of)
    found = 0
    bad = 0
    pixels = 0
    loss[:] = 0
    wall_overlap[:] = 0
    begin = 0
    for i in range(pieces):
        row = row_at[i]
        begin = found
        for k in range(rows_of[i]):
            r = top_of[i] + k
            left, at = column_of[row + k], pixel_at[row + k]
            for p in range(length_of[row + k]):
                depth = depths[at + p]
                if depth == 0:
                    continue
                c = left + p
                pixels += 1
                if wall[r, c] > 0:
                    wall_overlap[i] += min(np.int64(depth), np.int64(wall[r, c]))
                    loss[i] += 1
                    bad += 1
                j = owner[r, c]
                if j >= 0:
                    both = min(depth, owner_depth[r, c])
                    at_pair = found - 1
                    while at_pair >= begin and pairs[at_pair, 1] != j:
                        at_pair -= 1
                    if at_pair < begin:
                        if found == len(pairs):
                            at_pair = found - 1
                        else:
                            pairs[found, 0], pairs[found, 1] = i, j
                            overlap[found] = 0
                            at_pair = found
                            found += 1
                    overlap[at_pair] += both
                    loss[i] += 1
                    loss[j] += 1
                    bad += 1
                owner[r, c] = i
                owner_depth[r, c] = depth
    return found, bad, pixels


@kernel
def reweigh(found, pairs, overlap, wall_overlap, partner, weight, wall_weight):
    """Raises the weights of what is in conflict, by how much it is, and lowers all others."""
    most = 1.0
    for p in range(found):
        most = max(most, float(overlap[p]))
    for i in range(len(wall_overlap)):
        most = max(most, float(wall_overlap[i]))
    for i in range(len(wall_weight)):
        for k in range(partner.shape[1]):
            if partner[i, k] >= 0:
                weight[i, k] *= DECAY
        if wall_overlap[i] > 0:
            growth = LEAST_GROWTH + (MOST_GROWTH - LEAST_GROWTH) * wall_overlap[i] / most
            wall_weight[i] = min(wall_weight[i] * growth, HEAVIEST)
        else:
            wall_weight[i] = max(wall_weight[i] * DECAY, 1.0)
    for p in range(found):
        growth = (LEAST_GROWTH + (MOST_GROWTH - LEAST_GROWTH) * overlap[p] / most) / DECAY
        for side in range(2):
            i, j = pairs[p, side], pairs[p, 1 - side]
            at = -1
            lightest = 0
            for k in range(partner.shape[1]):
                if partner[i, k] == j:
                    at = k
                if partner[i, k] < 0 or (partner[i, lightest] >= 0 and weight[i, k] < weight[i, lightest]):
                    lightest = k
            if at < 0:
                at = lightest
                partner[i, at] = j
                weight[i, at] = DECAY
            weight[i, at] = min(weight[i, at] * growth, HEAVIEST)
    for i in range(len(wall_weight)):
        for k in range(partner.shape[1]):
            if partner[i, k] >= 0 and weight[i, k] < LIGHTEST:
                partner[i, k] = -1
