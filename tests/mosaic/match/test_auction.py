"""The auction against exact assignments of the whole matrix."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from vertumnus.mosaic.match.auction import GAP, auction
from vertumnus.mosaic.match.search import nearest


def problem(cells, tiles, ways=1, seed=0, spread=0.6):
    """Features like those of photographs: few directions matter, and cells differ less than tiles."""
    rng = np.random.default_rng(seed)
    turn = rng.standard_normal((6, 24))
    many = rng.standard_normal((cells + tiles * ways, 6)) * [1, 0.6, 0.4, 0.3, 0.2, 0.1]
    many[:cells] *= spread
    features = (many @ turn * 0.1 + 0.02 * rng.standard_normal((len(many), 24))).astype(np.float32)
    return features[:cells], features[cells:].reshape(tiles, ways, 24)


def exact(cells, tiles, uses):
    cost = ((cells[:, None, None].astype(float) - tiles[None]) ** 2).sum(axis=3).min(axis=2)
    cost = np.repeat(cost, uses, axis=1)
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns].sum()


@pytest.mark.parametrize(("cells", "tiles", "uses", "ways"), [
    (600, 600, 1, 1), (500, 520, 1, 1), (400, 1500, 1, 1), (600, 200, 3, 1), (590, 200, 3, 1), (300, 330, 1, 4),
    (40, 40, 1, 1), (1, 1, 1, 1), (7, 1, 7, 2), (300, 100, 50, 1),
])  # fmt: skip
def test_within_two_percent_of_the_optimum_and_of_its_own_proof(cells, tiles, uses, ways):
    asked, offered = problem(cells, tiles, ways, seed=cells)
    found = auction(asked, offered, nearest(asked, offered, 16), uses)
    cost = float(found.cost.sum(dtype=float))
    best = exact(asked, offered, uses)
    assert np.bincount(found.tile, minlength=tiles).max() <= uses
    assert (found.tile >= 0).all()
    assert best * (1 - 1e-5) <= cost <= 1.02 * best
    assert found.bound <= best * (1 + 1e-5)
    assert cost <= (1 + 2 * GAP) * found.bound + 1e-6
    np.testing.assert_allclose(
        ((asked - offered[found.tile, found.way]) ** 2).sum(axis=1), found.cost, rtol=1e-3, atol=1e-5
    )


def test_a_smaller_gap_comes_closer():
    asked, offered = problem(300, 300)
    best = exact(asked, offered, 1)
    found = auction(asked, offered, nearest(asked, offered, 16), 1, gap=1e-4)
    assert float(found.cost.sum(dtype=float)) <= 1.0001 * best
    assert found.bound >= best * (1 - 2e-4)


def test_many_equal_tiles():
    asked, offered = problem(200, 200)
    offered[:150] = offered[0]
    found = auction(asked, offered, nearest(asked, offered, 8), 1)
    assert len(set(found.tile.tolist())) == 200
    assert float(found.cost.sum(dtype=float)) <= 1.02 * exact(asked, offered, 1)


def test_the_same_every_time():
    asked, offered = problem(500, 500)
    listed = nearest(asked, offered, 16)
    first, second = (auction(asked, offered, listed, 1).tile for _ in range(2))
    np.testing.assert_array_equal(first, second)
