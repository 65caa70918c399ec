"""Guidances mixed by weight."""

import numpy as np
import pytest

from vertumnus.guidance.mixture import Mixture, areas, resized, resized_back
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.registry import open_named


class Known:
    """A guidance whose answers are given."""

    def __init__(self, value, slope, target=None):
        self.value, self.slope, self.target_alpha = np.array(value, float), slope, target
        self.skipped, self.kept, self.shapes = 1, None, []

    def __call__(self, canvases, progress):
        self.shapes.append(canvases.shape)
        return self.value, np.full_like(canvases, self.slope)

    def state(self):
        return {"slope": self.slope}

    def restore(self, state):
        self.kept = state

    def close(self):
        self.closed = True


def canvases(shape=(2, 8, 6, 5)):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def test_values_and_gradients_are_weighted_sums():
    ones, halves = np.ones((2, 8, 6), np.float32), np.full((2, 8, 6), 0.5, np.float32)
    mixture = Mixture([(Known([1, 2], 3, ones), 2.0, (8, 6)), (Known([4, np.nan], -1, halves), 0.5, (8, 6))])
    values, gradients = mixture(canvases(), 0.1)
    assert values.tolist() == [2 * 1 + 0.5 * 4, 2 * 2]
    np.testing.assert_allclose(gradients, 2 * 3 - 0.5)
    np.testing.assert_allclose(mixture.target_alpha, (2 * 1 + 0.5 * 0.5) / 2.5)
    assert mixture.skipped == 2
    assert mixture.state() == {"0.slope": 3, "1.slope": -1}
    mixture.restore(mixture.state())
    assert [part.kept for part, _, _ in mixture.parts] == [{"slope": 3}, {"slope": -1}]
    mixture.close()


def test_a_canvas_that_nobody_has_an_answer_for_has_none():
    mixture = Mixture([(Known([1, np.nan], 1), 1.0, (8, 6)), (Known([1, np.nan], 1), 1.0, (8, 6))])
    assert np.isnan(mixture(canvases(), 0.0)[0]).tolist() == [False, True]
    assert mixture.target_alpha is None


def test_areas_are_means_by_a_slow_plain_loop():
    fine = np.random.default_rng(1).random(7)
    for to in (1, 2, 3, 5, 7):
        slow = [np.mean(np.repeat(fine, to).reshape(to, 7)[n]) for n in range(to)]
        np.testing.assert_allclose(areas(7, to) @ fine, slow, rtol=1e-5)


def test_a_part_of_a_lower_resolution_gets_its_own_canvas_and_its_gradient_comes_back():
    """Resizing and its way back are adjoint: <resize a, b> = <a, back b>."""
    rng = np.random.default_rng(2)
    a = rng.standard_normal((2, 9, 13, 5)).astype(np.float32)
    b = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)
    assert float((resized(a, (4, 6)) * b).sum()) == pytest.approx(
        float((a * resized_back(b, (9, 13))).sum()), rel=1e-4
    )
    part = Known([0, 0], 1.0, np.ones((2, 4, 3), np.float32))
    mixture = Mixture([(part, 1.0, (4, 3)), (Known([0, 0], 0.0), 1.0, (8, 6))])
    assert mixture(canvases(), 0.0)[1].shape == (2, 8, 6, 5)
    assert part.shapes == [(2, 4, 3, 5)]
    assert mixture.target_alpha.shape == (2, 8, 6)


def test_a_mixture_s_gradient_is_that_of_finite_differences():
    source = open_named(["shape:heart", "shape:circle=0.4"], shape_loss="filling")
    guidance = source.guidance(Request("", (14, 20), np.random.default_rng(0)))
    canvas = canvases((1, 14, 20, 5)) * 1.7
    _, gradients = guidance(canvas, 0.2)
    way = np.random.default_rng(3).standard_normal(canvas.shape).astype(np.float32)
    ends = [guidance(canvas + step * way, 0.2)[0][0] for step in (1e-3, -1e-3)]
    assert float((gradients * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=0.02)
