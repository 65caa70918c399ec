"""Moving pictures: flow, what is carried along it, and tiles that stay."""

import numpy as np
import pytest
import torch
from PIL import Image

from photographs import drawn
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.generate.film import carry, follow_generated
from vertumnus.mosaic.generate.flow import flow_back, follow_back, looked_at
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.job import GenerateJob
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.match.grid import regular_grid

pytest.importorskip("cv2")


def textured(side, shift=0):
    """A picture of soft noise, moved to the right."""
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 255, (16, 20, 3), dtype=np.uint8))
    whole = coarse.resize((side * 5 // 4, side), Image.Resampling.BICUBIC)
    return whole.crop((side // 4 - shift, 0, side * 5 // 4 - shift, side))


def test_flow_says_where_things_were():
    before, now = looked_at(textured(96)), looked_at(textured(96, 6))
    way = flow_back(now, before)
    assert way.shape == (96, 96, 2)
    assert np.median(way[20:-20, 20:-20, 0]) == pytest.approx(-6, abs=0.5)
    assert np.abs(np.median(way[20:-20, 20:-20, 1])) < 0.3
    assert looked_at(Image.new("RGB", (2048, 1024))).shape == (256, 512)


def test_two_ways_are_one():
    rng = np.random.default_rng(0)
    flow = np.repeat(np.repeat(rng.integers(-2, 3, (4, 5, 2)), 3, 0), 3, 1).astype(np.float32)
    carried = rng.normal(size=(12, 15, 2)).astype(np.float32)
    found = follow_back(flow, carried)
    for y in range(12):
        for x in range(15):
            there = np.clip(y + int(flow[y, x, 1]), 0, 11), np.clip(x + int(flow[y, x, 0]), 0, 14)
            assert found[y, x] == pytest.approx(flow[y, x] + carried[there], abs=1e-5)


def test_latents_are_carried_by_whole_places():
    latents = torch.rand((1, 2, 4, 8), generator=torch.Generator().manual_seed(1))
    ways = torch.zeros((1, 4, 8, 2))
    ways[..., 0], ways[..., 1] = -2 / 8, 1 / 4  # what was two to the left and one below
    found = carry(latents, ways)
    assert torch.allclose(found[:, :, :3, 2:], latents[:, :, 1:, :6], atol=1e-5)
    assert torch.allclose(found[:, :, :3, 0], latents[:, :, 1:, 0], atol=1e-5)  # beyond the edge


def film(model, **options):
    chosen = GenerateOptions(**{"steps": 2, "decoder": "linear", "batch": 2} | options)
    grid = regular_grid(80, 80, 2, 2)
    return GenerateJob(drawn(80, 80), "film", grid, ["a"] * 4, model, options=chosen, seed=3)


def frames():
    """Nothing moves; then the last cell turns half black and half white."""
    still = drawn(80, 80)
    changed = still.copy()
    changed.paste("white", (40, 40, 60, 80))
    changed.paste("black", (60, 40, 80, 80))
    return [still, still.copy(), changed, changed.copy()]


@pytest.mark.slow
def test_tiles_stay_until_their_part_changes_and_a_film_goes_on_where_it_was(model, tmp_path):
    one = film(model)
    steps = list(follow_generated(frames(), one, TileFolder(tmp_path / "a", one.identity()), coherence=0.0))
    assert [step.drawn for step in steps][:3] == [[0, 1, 2, 3], [], [3]]
    shown = [[layer.image for layer in step.collage.layers] for step in steps]
    assert shown[0] == shown[1]
    assert [a == b for a, b in zip(shown[1], shown[2], strict=True)] == [True, True, True, False]
    whole = {file.name: file.read_bytes() for file in (tmp_path / "a").glob("*.png")}
    assert len(whole) == 5

    folder = TileFolder(tmp_path / "b", one.identity())
    going = follow_generated(frames(), film(model), folder, coherence=0.0)
    next(going)
    going.close()  # as if it were killed
    list(follow_generated(frames(), film(model), TileFolder(tmp_path / "b", one.identity()), coherence=0.0))
    assert {file.name: file.read_bytes() for file in (tmp_path / "b").glob("*.png")} == whole

    lasting = follow_generated(frames(), film(model), TileFolder(tmp_path / "c", one.identity()), coherence=1e3)
    assert [step.drawn for step in lasting] == [[0, 1, 2, 3], [], [], []]


def test_films_that_cannot_be(model, tmp_path):
    with pytest.raises(VertumnusError, match="frame 2 is 40 x 80 pixels, the first is 80 x 80"):
        list(follow_generated([drawn(80, 80), drawn(40, 80)], film(model), TileFolder(tmp_path / "a", {})))
    with pytest.raises(VertumnusError, match="tone draws no tile for its cell"):
        list(follow_generated(frames(), film(model, method="tone"), TileFolder(tmp_path / "b", {})))
