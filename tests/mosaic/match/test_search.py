"""The blocked search against a plain sort of all pairs."""

import numpy as np
import pytest

from vertumnus.mosaic.match import search
from vertumnus.mosaic.match.search import nearest


@pytest.mark.parametrize("cells", [3, 90])  # few are scanned, many multiplied
@pytest.mark.parametrize("ways", [1, 3])
@pytest.mark.parametrize("priced", [False, True])
def test_all_pairs(cells, ways, priced, monkeypatch):
    monkeypatch.setattr(search, "BLOCK_VALUES", 900)
    rng = np.random.default_rng(cells + ways)
    asked, tiles = rng.random((cells, 12)).astype(np.float32), rng.random((700, ways, 12)).astype(np.float32)
    price = rng.random(700).astype(np.float32) if priced else None
    found = nearest(asked, tiles, 9, price)
    cost = ((asked[:, None, None] - tiles[None]) ** 2).sum(axis=3)
    best = cost.min(axis=2) + (0 if price is None else price)
    order = np.argsort(best, axis=1, kind="stable")
    np.testing.assert_array_equal(found.tile, order[:, :9])
    np.testing.assert_array_equal(found.way, np.take_along_axis(cost.argmin(axis=2), order[:, :9], axis=1))
    np.testing.assert_allclose(found.cost, np.take_along_axis(cost.min(axis=2), order[:, :9], axis=1), rtol=1e-5)
    left_out = np.take_along_axis(best, order[:, 9:10], axis=1)[:, 0]
    assert (found.bound <= left_out).all()


def test_fewer_tiles_than_asked_for():
    tiles = np.random.default_rng(6).random((3, 1, 4)).astype(np.float32)
    found = nearest(tiles[:, 0], tiles, 48)
    assert found.tile.shape == (3, 3)
    assert found.tile[:, 0].tolist() == [0, 1, 2]
    assert np.isinf(found.bound).all()
