"""The start that knows the reference, and pieces that rebuild it."""

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from vertumnus import compose
from vertumnus.composing.compose import live_compose
from vertumnus.composing.structure import cells, detail, matched
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.guidance.photo import PhotoGuidance
from vertumnus.live.commands import Move, Pin


def picture():
    """Stripes at the right, nothing at the left."""
    found = np.full((64, 64, 3), 0.5, np.float32)
    found[:, 36::6] = 0.9
    found[:, 39::6] = 0.1
    return found


def test_more_and_smaller_cells_where_there_is_detail():
    reference = picture()
    assert detail(reference).mean() == pytest.approx(1, rel=1e-6)
    points, area, colour = cells(reference, 120, np.random.default_rng(0))
    right = points[:, 0] > 32
    assert right.sum() > 2 * (~right).sum()
    assert area[right].mean() < 0.6 * area[~right].mean()
    assert area.sum() == pytest.approx(64 * 64, abs=2)
    np.testing.assert_allclose(colour[points[:, 0] < 20], 0.5, atol=1e-6)


def test_pieces_go_where_their_colours_suit():
    rng = np.random.default_rng(1)
    pieces = rng.uniform(0, 1, (6, 3))
    mixed = rng.permutation(6)
    found = matched(pieces, pieces[mixed] + 0.01)
    np.testing.assert_array_equal(found, mixed)


@pytest.fixture(scope="module")
def dots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dots")
    y, x = np.mgrid[:48, :48] / 23.5 - 1
    for n, narrow in enumerate((1.0, 0.6)):
        dot = np.full((48, 48, 4), 255, np.uint8)
        dot[..., 3] = np.clip((1 - np.hypot(x, y / narrow)) * 8, 0, 1) * 255
        Image.fromarray(dot).save(folder / f"{n}.png")
    return folder


def test_icons_take_the_colours_of_a_photograph(tmp_path):
    """Icons are black elsewhere, which no gain could make another colour."""
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    collage = compose(["icon:star", "icon:heart"], like=path, size=(96, 64), count=150, iterations=40, resolution=96)
    reference = np.asarray(Image.fromarray(data.chelsea()).resize((96, 64), Image.Resampling.BOX))
    found = np.asarray(collage.render().convert("RGB"))
    flat = np.broadcast_to(reference.mean((0, 1)), reference.shape).astype(np.uint8)
    assert peak_signal_noise_ratio(reference, found) - peak_signal_noise_ratio(reference, flat) > 3
    own = compose(["icon:star"], like=path, size=(48, 32), count=20, iterations=2, resolution=48, colour="own")
    assert np.asarray(own.pictures.image(own.layers[0].image))[..., :3].max() == 0


def test_dots_rebuild_a_photograph(dots, tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    collage = compose(str(dots), like=path, size=(96, 64), count=250, iterations=60, resolution=96)
    reference = np.asarray(Image.fromarray(data.chelsea()).resize((96, 64), Image.Resampling.BOX))
    found = np.asarray(collage.render().convert("RGB"))
    flat = np.broadcast_to(reference.mean((0, 1)), reference.shape).astype(np.uint8)
    gained = peak_signal_noise_ratio(reference, found) - peak_signal_noise_ratio(reference, flat)
    assert gained > 4.5  # decibels over one colour
    assert collage.made_by.report["layers"] == 250
    collage.save(tmp_path / "cat.collage")
    again = np.asarray(Collage.load(tmp_path / "cat.collage").render().convert("RGB"))
    np.testing.assert_array_equal(again, found)


def test_a_piece_is_dragged_while_it_runs_and_the_rest_goes_on(dots, tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    fields = {"like": path, "size": (96, 64), "count": 40, "iterations": 40, "resolution": 96}
    live = live_compose(str(dots), **fields)
    for step in live:
        if step.step == 15:
            step.send(Move(piece=7, x=80.0, y=50.0))
            step.send(Pin(piece=7))
            before, loss = step.snapshot(), step.loss
    after = live.snapshot()
    assert (after.x[7], after.y[7]) == pytest.approx((80.0, 50.0))
    moved = np.hypot(after.x - before.x, after.y - before.y)
    assert (np.delete(moved, 7) > 0.05).mean() > 0.8
    assert live.loss < loss
    layer = live.document().layers[7]
    assert layer.locked
    assert (layer.x, layer.y) == pytest.approx((80.0, 50.0))


def test_a_network_that_fails_for_good_leaves_its_checkpoint(dots, tmp_path, monkeypatch):
    path = tmp_path / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    judge = PhotoGuidance.judge
    asked = []

    def failing(self, picture):
        asked.append(0)
        value, by = judge(self, picture)
        return (np.nan if len(asked) > 12 else value), by

    monkeypatch.setattr(PhotoGuidance, "judge", failing)
    fields = {"like": path, "size": (48, 32), "count": 9, "iterations": 40, "resolution": 48}
    with pytest.raises(VertumnusError, match="not finite 10 times in a row"):
        compose(str(dots), checkpoint=tmp_path / "c.npz", **fields)
    monkeypatch.setattr(PhotoGuidance, "judge", judge)
    resumed = compose(str(dots), checkpoint=tmp_path / "c.npz", resume=True, **fields)
    assert len(resumed.layers) == 9


def test_a_structure_needs_a_photograph(dots):
    with pytest.raises(VertumnusError, match="initial: structure needs a photograph to guide"):
        compose(str(dots), "a heart", size=64, initial="structure", iterations=2)


def test_what_counts_of_a_photograph_is_as_told(tmp_path):
    path = tmp_path / "reference.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(path)
    live = live_compose(["icon:star"], like=path, size=32, count=4, iterations=2, resolution=24, ssim=0.5, mse=0.2)
    kept = live.source.options
    assert (kept.resolution, kept.ssim, kept.mse, kept.l1) == (24, 0.5, 0.2, 0.0)
    with pytest.raises(VertumnusError, match="guidance photo: resolution"):
        live_compose(["icon:star"], like=path, resolution=3)
