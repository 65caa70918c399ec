"""Heaps: the lowest of all places, against one loop over all of them."""

from __future__ import annotations

import numpy as np
import pytest

from vertumnus.strict.bits import levels_of, make_stencil, touching
from vertumnus.strict.drop import height_at
from vertumnus.strict.heap import lowest


@pytest.mark.parametrize("pull", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (1.0, 90.0, 20.0)])
@pytest.mark.parametrize("snug", [0.0, 6.0])
def test_the_lowest_place_is_the_one_that_a_plain_loop_finds(pull, snug):
    rng = np.random.default_rng(5)
    taken = np.zeros((40, 150), bool)
    for y, x in zip(rng.integers(0, 36, 25), rng.integers(0, 145, 25), strict=True):
        taken[y : y + 4, x : x + 5] = True
    piece = np.ones((7, 9), bool)
    piece[:4, :5] = False
    stencil = make_stencil(piece, 0.0, 2, 50, rng)
    levels = levels_of(taken)
    across = 150 - 9 + 1
    free = np.zeros((40 - 7 + 1, (across + 63) // 64), np.uint64)
    origin = np.array([4.5, 3.5])
    score, x, y = lowest(1e18, levels, free, across, stencil.probes, 5, stencil.around, origin, pull, snug)
    best = np.inf
    for row in range(40 - 7 + 1):
        for column in range(across):
            if not (taken[row : row + 7, column : column + 9] & piece).any():
                share = touching(levels, column, row, stencil.around) / len(stencil.around)
                best = min(best, height_at(column + 4.5, row + 3.5, pull) - snug * share)
    assert score == pytest.approx(best)
    assert not (taken[y : y + 7, x : x + 9] & piece).any()
    # Nothing is found that is no better than what is known.
    assert lowest(best, levels, free, across, stencil.probes, 5, stencil.around, origin, pull, snug)[1] == -1
