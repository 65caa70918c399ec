"""A silhouette as guidance."""

import numpy as np
import pytest

from vertumnus.guidance.options import ShapeOptions
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.shape import ShapeGuidance, ShapeSource


@pytest.mark.parametrize("loss", ["matching", "filling"])
def test_the_value_is_by_hand_and_the_gradient_by_finite_differences(loss):
    rng = np.random.default_rng(0)
    target = rng.random((5, 7)).astype(np.float32)
    canvases = rng.uniform(0, 1.8, (3, 5, 7, 5)).astype(np.float32)
    guidance = ShapeGuidance(target, loss)
    values, gradients = guidance(canvases, 0.3)
    for n, canvas in enumerate(canvases):
        total = 0.0
        for row in range(5):
            for column in range(7):
                m, a, c = target[row, column], canvas[row, column, 3], canvas[row, column, 4]
                total += 0.5 * (a - m) ** 2 if loss == "matching" else m * max(1 - c, 0) + (1 - m) * c
        assert values[n] == pytest.approx(total / 35, rel=1e-5)
    for place in [(0, 0, 0), (1, 4, 2), (2, 3, 6)]:
        for channel in range(5):
            ends = []
            for step in (1e-3, -1e-3):
                moved = canvases.copy()
                moved[(*place, channel)] += step
                ends.append(guidance(moved, 0.3)[0][place[0]])
            assert gradients[(*place, channel)] == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=0.01, abs=1e-6)
    np.testing.assert_array_equal(guidance.target_alpha[1], target)


def test_the_target_is_the_shape_on_the_canvas():
    guidance = ShapeSource(ShapeOptions(shape="circle")).guidance(Request("", (30, 60), np.random.default_rng(0)))
    assert guidance.target.shape == (30, 60)
    assert guidance.target[15, 30] == 1
    assert guidance.target[0, 0] == 0
    assert ((guidance.target > 0) & (guidance.target < 1)).any()


def test_shapes_are_told_apart_by_what_they_show():
    found = {
        ShapeSource(ShapeOptions(shape=spec)).inputs().popitem()[1] for spec in ("circle", "heart", "icon:heart")
    }
    assert len(found) == 3
