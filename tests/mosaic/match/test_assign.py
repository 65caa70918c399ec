"""Rules are kept, whatever the method."""

import itertools

import numpy as np
import pytest

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.match.assign import APART, Colours, Rules, apart_by_itself, assign, use_statistics
from vertumnus.mosaic.match.grid import regular_grid
from vertumnus.mosaic.match.search import nearest

GRID = regular_grid(200, 150, 15, 20)


def features(count, seed, ways=None):
    rng = np.random.default_rng(seed)
    shape = (count, 12) if ways is None else (count, ways, 12)
    return (rng.standard_normal(shape) * np.linspace(1, 0.1, 12)).astype(np.float32)


CELLS, TILES = features(300, 1), features(120, 2, 2)


def least_distance(tile, centres):
    least = np.inf
    for a, b in itertools.combinations(range(len(tile)), 2):
        if tile[a] == tile[b]:
            least = min(least, np.hypot(*(centres[a] - centres[b])))
    return least


def test_without_limits_everybody_gets_the_best():
    chosen, report = assign(CELLS, TILES, GRID.centres, Rules())
    best = nearest(CELLS, TILES, 1)
    np.testing.assert_array_equal(chosen.tile, best.tile[:, 0])
    assert report["gap"] == 0
    assert report["cost"] == pytest.approx(float(best.cost.sum()), rel=1e-5)


@pytest.mark.parametrize("method", ["optimal", "greedy"])
@pytest.mark.parametrize(("uses", "distance"), [(3, 0), (None, 4), (5, 3), (4, 2.5)])
@pytest.mark.parametrize("dither", [False, True])
def test_limits_are_kept(method, uses, distance, dither):
    rules = Rules(method, uses, distance, dither)
    colours = Colours(CELLS[:, :3], TILES[:, :, :3], 1.0, 1.0) if dither else None
    chosen, report = assign(CELLS, TILES, GRID.centres, rules, colours)
    used = np.bincount(chosen.tile, minlength=120)
    assert used.sum() == 300
    assert used.max() <= (uses or 300)
    assert report["most_uses"] == used.max()
    assert report["tiles_used"] == (used > 0).sum()
    least = least_distance(chosen.tile, GRID.centres)
    assert least >= distance - 1e-6
    assert report["repeat_distance"] == pytest.approx(least, abs=1e-3)
    again, _ = assign(CELLS, TILES, GRID.centres, rules, colours)
    np.testing.assert_array_equal(chosen.tile, again.tile)


def test_optimal_beats_greedy():
    cost = {
        method: assign(CELLS, TILES, GRID.centres, Rules(method, 3))[1]["cost"] for method in ("optimal", "greedy")
    }
    assert cost["optimal"] < cost["greedy"]


@pytest.mark.parametrize("count", [7, 100, 299, 300, 500])
def test_even_use(count):
    tiles = features(count, 9, 1)
    chosen, _ = assign(CELLS, tiles, GRID.centres, Rules("even"))
    used = np.bincount(chosen.tile, minlength=count)
    assert used.max() - used.min() <= 1
    np.testing.assert_allclose(((CELLS - tiles[chosen.tile, 0]) ** 2).sum(axis=1), chosen.cost, rtol=1e-4)


def test_dithering_makes_up_for_colour():
    """Black and white tiles for a grey cell: alone all would be black, dithered half of them are."""
    cells = np.full((400, 3), 0.45, np.float32)
    tiles = np.array([[[0, 0, 0]], [[1, 1, 1]]], np.float32)
    grid = regular_grid(200, 200, 20, 20)
    colours = Colours(cells, tiles, 1.0, 1.0)
    plain, _ = assign(cells, tiles, grid.centres, Rules())
    dithered, _ = assign(cells, tiles, grid.centres, Rules(dither=True), colours)
    assert plain.tile.mean() == 0
    assert dithered.tile.mean() == pytest.approx(0.45, abs=0.03)
    for y in range(0, 20, 10):
        for x in range(0, 20, 10):
            assert dithered.tile.reshape(20, 20)[y : y + 10, x : x + 10].mean() == pytest.approx(0.45, abs=0.1)


def test_statistics_of_a_known_assignment():
    centres = np.array([[0, 0], [1, 0], [3, 0], [0, 4]], float)
    assert use_statistics(np.array([5, 5, 1, 5]), centres, 7) == {
        "tiles_used": 2, "most_uses": 3, "repeats": 2, "repeat_distance": 1.0,
    }  # fmt: skip
    assert use_statistics(np.arange(4), centres, 4)["repeat_distance"] is None
    for seed in range(5):
        rng = np.random.default_rng(seed)
        centres, tile = rng.random((300, 2)) * 20, rng.integers(0, 90, 300)
        assert use_statistics(tile, centres, 90)["repeat_distance"] == round(least_distance(tile, centres), 4)


@pytest.mark.parametrize(("rules", "words"), [
    (Rules(max_uses=2), "at most 2 times cannot fill 300 cells; the smallest limit that works is `max_uses` 3"),
    (Rules(max_uses=0), "`max_uses`: must be at least 1"),
    (Rules(min_distance=-1), "`min_distance`: must be"),
    (Rules(min_distance=float("nan")), "`min_distance`: must be"),
    (Rules("best"), "`assign`: 'best' is not one of"),
    (Rules("even", min_distance=3), "`assign` even: does not go together"),
])  # fmt: skip
def test_bad_rules(rules, words):
    with pytest.raises(VertumnusError, match=words):
        assign(CELLS, TILES, GRID.centres, rules)


def test_too_few_tiles_to_keep_apart_says_what_works():
    with pytest.raises(VertumnusError, match="cells apart; ") as caught:
        assign(CELLS, TILES, GRID.centres, Rules(min_distance=15))
    works = int(str(caught.value).split("apart; ")[1].split()[0])
    assert 1 <= works < 15
    chosen, _ = assign(CELLS, TILES, GRID.centres, Rules("greedy", min_distance=works))
    assert least_distance(chosen.tile, GRID.centres) >= works - 1e-6


def test_when_equal_tiles_need_not_touch():
    centres = regular_grid(40, 40, 20, 20).centres
    assert [apart_by_itself(centres, tiles) for tiles in (1, 8, 9, 99)] == [False, False, True, True]
    centres = np.random.default_rng(0).random((300, 2)) * 12  # as unlike as an adaptive grid's
    most = max(int((np.hypot(*(centres - centre).T) < 2).sum()) for centre in centres)
    assert [apart_by_itself(centres, most + n) for n in (-1, 0)] == [False, True]
    centres = regular_grid(40, 40, 20, 20).centres
    cells = np.zeros((400, 12), np.float32)  # all want the same tile
    _, report = assign(cells, TILES[:9], centres, Rules(min_distance=APART))
    assert report["repeat_distance"] == 2
