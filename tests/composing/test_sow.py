"""Sowing: pieces start anew over the wanted ink, large ones where it is wide, long ones along what is long."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.scene import make_scene
from vertumnus.composing.sow import AT, Sow
from vertumnus.composing.start import free_within, random_layout
from vertumnus.elements.collect import gather

SIDE, COUNT, TOTAL = 128, 12, round(10 / AT)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Six discs and six bars, upright."""
    folder = tmp_path_factory.mktemp("pieces")
    y, x = np.mgrid[:64, :64] + 0.5
    disc = np.hypot(x - 32, y - 32) < 30
    for name, alpha in (("disc", disc), ("bar", np.pad(np.ones((60, 12), bool), ((2, 2), (26, 26))))):
        picture = Image.new("RGBA", (64, 64), "red")
        picture.putalpha(Image.fromarray(alpha.astype(np.uint8) * 255))
        picture.save(folder / f"{name}.png")
    found = gather([folder]).elements
    return make_scene([found[n % 2] for n in range(COUNT)], (SIDE, SIDE), 64)


def wanted():
    """A disc at the left, and a narrow bar that lies, to the right of it."""
    y, x = np.mgrid[:64, :64] + 0.5
    return ((np.hypot(x - 18, y - 32) < 16) | ((np.abs(y - 32) < 2) & (x > 32) & (x < 62))).astype(np.float32)


def sown(scene, target, iteration=10, pinned=(), turning=True):
    rng = np.random.default_rng(4)
    start = random_layout(scene.which, scene.longer, scene.size, rng)
    movable = ~np.isin(np.arange(COUNT), pinned)
    optimiser = SimpleNamespace(
        iteration=iteration, total=TOTAL, placements=start, rng=rng, unit=scene.unit,
        freedom=free_within(start, movable, scene, ComposeOptions()),
        stage=SimpleNamespace(renderer=SimpleNamespace(zoom=scene.zoom)),
    )  # fmt: skip
    before = start.copy()
    moved = Sow(scene, SimpleNamespace(target_alpha=target), turning)(optimiser)
    return before, start, moved


def test_pieces_lie_in_the_ink_large_where_it_is_wide_and_long_ones_along_it(scene):
    _, after, moved = sown(scene, wanted())
    assert len(moved) == COUNT
    row, column = (np.clip(v * scene.zoom, 0, 63).astype(int) for v in (after.y, after.x))
    assert wanted()[row, column].all()
    size, in_bar = np.exp(after.log_scale) * scene.unit, after.x * scene.zoom > 35
    assert 1 <= in_bar.sum() < COUNT / 2
    assert size[in_bar].max() < size[~in_bar].max()
    bars = np.array(["bar" in scene.elements[which].name for which in after.which])
    assert bars[in_bar].all()
    # Upright bars lie down with it, either way round.
    assert np.allclose(np.abs(after.rotation[in_bar]), np.pi / 2, atol=0.2)
    untouched = sown(scene, wanted(), turning=False)[1]
    assert np.abs(untouched.rotation).max() < 0.11


def test_it_happens_once_and_only_where_it_is_decided_what_is_wanted(scene):
    for target, iteration in ((wanted(), 30), (0.5 * wanted(), 10), (None, 10), (0 * wanted(), 10)):
        before, after, moved = sown(scene, target, iteration)
        assert not len(moved)
        assert (before["pose"] == after["pose"]).all()


def test_what_is_pinned_stays(scene):
    before, after, moved = sown(scene, wanted(), pinned=(0, 5))
    assert sorted(set(range(COUNT)) - set(moved.tolist())) == [0, 5]
    assert (before["pose"][:, [0, 5]] == after["pose"][:, [0, 5]]).all()
