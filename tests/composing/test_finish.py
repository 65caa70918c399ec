"""The end of a composition: packed into the ink that is wanted, or moved apart where nobody knows."""

import numpy as np
import pytest
from PIL import Image

from vertumnus.composing.compose import live_compose
from vertumnus.composing.finish import EDGE, make_ground, move_apart
from vertumnus.strict.problem import RASTER

SIDE, COUNT = 120, 8


@pytest.fixture(scope="module")
def live():
    """A run at its beginning: pieces lie anywhere, over each other."""
    return live_compose(["icon:leaf", "icon:lemon"], "a heart", size=SIDE, count=COUNT, iterations=2)


def disc(radius: float) -> np.ndarray:
    """Ink in the middle of 64 x 64."""
    y, x = np.mgrid[:64, :64] + 0.5
    return np.clip(radius + 0.5 - np.hypot(x - 32, y - 32), 0, 1).astype(np.float32)


def finished(live, target, stay=False):
    o = live.optimiser
    ground = make_ground(live.scene, o.placements.copy(), o.freedom, None, 0.0)
    last = list(move_apart(ground, target, np.random.default_rng(3), stay))[-1]
    assert last.final
    return last


@pytest.mark.parametrize("stay", [False, True])
def test_pieces_are_packed_into_the_ink_that_is_wanted(live, stay):
    target = disc(20)
    last = finished(live, target, stay)
    assert last.placed.all()
    assert last.problem.keep_places == stay
    covered = (last.taken > 0) & ~last.outside
    side = SIDE * RASTER
    ink = np.asarray(Image.fromarray(target).resize((side, side), Image.Resampling.BICUBIC))
    assert last.taken.max() == 1  # nothing on anything, nothing outside
    assert (last.outside == (ink < EDGE)).all()
    assert 0.5 < covered.sum() / (ink >= 0.5).sum() < 1.1
    sizes = last.pose[:, 2] * last.problem.unit
    assert sizes.max() / sizes.min() > 1.2  # free, so that corners are filled


def test_where_hardly_any_ink_is_wanted_pieces_stay_about_where_they_lie(live):
    before = live.optimiser.placements
    for target in (None, disc(1)):
        last = finished(live, target)
        assert last.taken.max() == 1
        assert last.placed.all()
        after = last.placements()
        assert np.median(np.hypot(after.x - before.x, after.y - before.y)) < 0.2 * SIDE
