"""What is asked of single tiles and cells: like ones apart, cells that matter, pins, dithering without a grid."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from skimage import data

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.duplicates import like_tiles
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.library.summary import mean_cells, perceptual_hash
from vertumnus.mosaic.match.assign import Colours, Rules, Wishes, assign
from vertumnus.mosaic.match.grid import adaptive_grid, regular_grid
from vertumnus.mosaic.match.importance import cell_importance, importance_map
from vertumnus.mosaic.mosaic import make_mosaic

GRID = regular_grid(200, 150, 12, 16)
CELLS = (np.random.default_rng(1).standard_normal((192, 6)) * 0.3).astype(np.float32)
TILES = (np.random.default_rng(2).standard_normal((240, 1, 6)) * 0.3).astype(np.float32)
MATTER = np.zeros(192, np.float32)
MATTER[60:90] = 1


def least(numbers, centres):
    away = squareform(pdist(centres))
    away[~np.equal.outer(numbers, numbers) | np.eye(len(numbers), dtype=bool)] = np.inf
    return away.min()


@pytest.mark.parametrize("rules", [Rules(min_distance=3.0), Rules("greedy", 3, 3.0), Rules("optimal", 3, 3.0)])
def test_like_tiles_keep_apart_as_equal_ones_do(rules):
    kinds = (np.arange(240) // 3).astype(np.int32)
    plain, _ = assign(CELLS, TILES, GRID.centres, rules)
    apart, _ = assign(CELLS, TILES, GRID.centres, rules, wishes=Wishes(kinds))
    assert least(plain.tile, GRID.centres) >= 3 - 1e-9 > least(kinds[plain.tile], GRID.centres)
    assert least(kinds[apart.tile], GRID.centres) >= 3 - 1e-9
    few = np.zeros(240, np.int32)  # all alike: equal ones keep apart all the same
    near, _ = assign(CELLS, TILES, GRID.centres, rules, wishes=Wishes(few))
    assert least(near.tile, GRID.centres) >= 3 - 1e-9


def test_pictures_of_a_series_are_alike():
    whole = Image.fromarray(data.coffee())
    series = [whole.crop((n, 0, 580 + n, 400)) for n in (0, 4, 9)]
    others = [Image.fromarray(getattr(data, name)()) for name in ("astronaut", "chelsea", "rocket")]
    cells = [mean_cells(one.convert("RGB")) for one in [*series, *others]]
    hashes = np.array([perceptual_hash(one) for one in cells])
    kinds = like_tiles(hashes, np.stack([one.mean(axis=(0, 1)) / 255 for one in cells]))
    assert len(set(kinds[:3])) == 1
    assert len(set(kinds)) == 4


@pytest.mark.parametrize(
    ("rules", "count"),
    [(Rules("optimal", 1), 200), (Rules("greedy", 2), 100), (Rules("even"), 200), (Rules("optimal", 2, 2.0), 110)],
)
def test_cells_that_matter_have_better_tiles_within_the_limits(rules, count):
    tiles = TILES[:count]
    plain, _ = assign(CELLS, tiles, GRID.centres, rules)
    asked, _ = assign(CELLS, tiles, GRID.centres, rules, wishes=Wishes(importance=MATTER))
    inside = MATTER > 0
    assert asked.cost[inside].mean() < 0.94 * plain.cost[inside].mean()
    assert asked.cost.sum() < 1.3 * plain.cost.sum()
    used = np.bincount(asked.tile, minlength=count)
    assert used.max() <= (rules.max_uses or 1)
    np.testing.assert_allclose(((CELLS - tiles[asked.tile, 0]) ** 2).sum(axis=1), asked.cost, rtol=1e-4, atol=1e-6)
    if rules.min_distance:
        assert least(asked.tile, GRID.centres) >= 2 - 1e-9


def test_repeats_are_farther_apart_where_it_matters():
    few = TILES[:60]
    found, _ = assign(CELLS, few, GRID.centres, Rules(min_distance=2.0), wishes=Wishes(importance=MATTER))
    inside = MATTER > 0
    assert least(found.tile[inside], GRID.centres[inside]) >= 3 - 1e-9
    assert least(found.tile, GRID.centres) >= 2 - 1e-9


@pytest.mark.parametrize("rules", [Rules("optimal", 1), Rules("even"), Rules(min_distance=2.0), Rules()])
def test_pinned_tiles_are_in_their_cells(rules):
    free, _ = assign(CELLS, TILES, GRID.centres, rules)
    other = int(free.tile[100])  # that another cell would have
    found, _ = assign(CELLS, TILES, GRID.centres, rules, wishes=Wishes(pinned={3: other, 7: 5}, importance=MATTER))
    assert (found.tile[3], found.tile[7]) == (other, 5)
    if rules.max_uses == 1:
        assert np.bincount(found.tile).max() == 1
    if rules.min_distance:
        assert least(found.tile, GRID.centres) >= 2 - 1e-9
    with pytest.raises(VertumnusError, match="`pin`: the limits"):
        assign(CELLS, TILES, GRID.centres, Rules("optimal", 1), wishes=Wishes(pinned={3: 5, 7: 5}))


def test_dithering_makes_no_checkerboard():
    """Middle greys of black and white tiles: the even and the odd diagonals of cells are about as dark."""
    grid = regular_grid(300, 300, 30, 30)
    tiles = np.array([[[0, 0, 0]], [[1, 1, 1]]], np.float32)
    y, x = np.divmod(np.arange(900), 30)
    for grey in (0.25, 0.5):
        cells = np.full((900, 3), grey, np.float32)
        found, _ = assign(cells, tiles, grid.centres, Rules(dither=True), Colours(cells, tiles, 1.0, 1.0))
        assert found.tile.mean() == pytest.approx(grey, abs=0.03)
        sheet = found.tile[np.lexsort((x, y))].reshape(30, 30)
        windows = np.lib.stride_tricks.sliding_window_view(sheet, (8, 8)).reshape(-1, 64).astype(float)
        board = np.where(np.indices((8, 8)).sum(axis=0) % 2, 1, -1).ravel() / 32
        assert np.abs(windows @ board).mean() < 0.25  # 1 is a whole checkerboard, as it was at .5


def test_dithering_does_not_carry_on_what_cannot_be_had():
    """Beside cells brighter than any tile, grey ones do not turn bright."""
    grid = regular_grid(300, 100, 10, 30)
    tiles = np.linspace(0, 0.6, 13, dtype=np.float32)[:, None, None] * np.ones(3, np.float32)
    cells = np.where((np.arange(300) % 30 < 15)[:, None], 1.0, 0.3).astype(np.float32) * np.ones(3, np.float32)
    found, _ = assign(cells, tiles, grid.centres, Rules(dither=True), Colours(cells, tiles, 1.0, 1.0))
    shown = tiles[found.tile, 0, 0].reshape(10, 30)
    assert np.abs(shown[:, 16:].mean() - 0.3) < 0.02
    assert (shown[:, :15] > 0.55).all()


def test_importance_is_of_faces_or_of_a_mask(tmp_path):
    portrait = Image.fromarray(data.astronaut())
    grid = regular_grid(512, 512, 8, 8)
    cells = cell_importance(importance_map(portrait, "faces"), grid).reshape(8, 8)
    assert cells[1, 3] > 0.9  # where the face is
    assert cells[4:].max() == 0
    mask = np.zeros((40, 40), np.uint8)
    mask[30:, :10] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    cells = cell_importance(importance_map(portrait, tmp_path / "mask.png"), grid).reshape(8, 8)
    assert cells[7, 0] == pytest.approx(1, abs=0.01)
    assert cells[:5].max() < 0.01
    assert importance_map(portrait, "none") is None
    assert importance_map(Image.fromarray(data.brick()), "faces") is None


def test_cells_are_smaller_where_it_matters():
    light = np.random.default_rng(0).random((240, 320, 3)).astype(np.float32)
    weight = np.ones((60, 80), np.float32)
    weight[:30, :40] = 6
    inside = []
    for heavy in (None, weight):
        boxes = adaptive_grid(light, 300, 1.0, heavy).boxes
        inside.append(np.count_nonzero(((boxes[:, :2] + boxes[:, 2:]) / 2 < [160, 120]).all(axis=1)))
    assert inside[1] > 1.4 * inside[0]


def test_pins_and_exclusions_by_name(reference, tiles):
    mosaic = make_mosaic(reference, [tiles], grid="4x6", pin=("2,5=0007.jpg", "0=0011"), exclude=("0003.jpg", "002*"))
    names = [layer.name for layer in mosaic.layers]
    assert (names[17], names[0]) == ("0007", "0011")
    assert not {"0003", *(f"002{n}" for n in range(10))} & set(names)
    assert mosaic.made_by.report["excluded"] == 11
    for wrong, said in (
        ({"pin": ("9,9=0007",)}, "no such cell"), ({"pin": ("x=0007",)}, "is not ROW,COLUMN=NAME"),
        ({"pin": ("1=nobody",)}, "no tile is named"), ({"exclude": ("nobody",)}, "no tile is named"),
        ({"pin": ("1,1=0007",), "cells": "hexagon"}, "have no rows and columns"),
    ):  # fmt: skip
        with pytest.raises(VertumnusError, match=said):
            make_mosaic(reference, [tiles], grid="4x6", **wrong)


def test_like_tiles_of_a_library(tiles):
    update_index(tiles)
    library = TileLibrary([tiles])
    assert library.kinds().shape == (len(library),)
