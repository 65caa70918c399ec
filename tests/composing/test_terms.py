"""The render loss: worked by hand, and by finite differences."""

import numpy as np
import pytest

from vertumnus.composing import terms
from vertumnus.composing.guidance import ComposeGuidance
from vertumnus.composing.options import RenderLoss
from vertumnus.render.placements import Placements


def slope(function, array, index, step=1e-3):
    up, down = array.copy(), array.copy()
    up[index] += step
    down[index] -= step
    return (function(up) - function(down)) / (2 * step)


def check_slopes(function, array, places, **tolerance):
    grad = function(array)[1]
    for index in places:
        expected = slope(lambda changed: function(changed)[0], array, index)
        assert grad[index] == pytest.approx(expected, **(tolerance or {"rel": 0.02, "abs": 1e-7}))


CANVAS = np.random.default_rng(0).uniform(0, 2, (12, 10)).astype(np.float32)
PLACES = [(0, 0), (3, 4), (7, 1), (11, 9)]


def test_initial_scale_is_equation_5():
    assert terms.initial_scale(16) == pytest.approx(0.26)
    assert terms.initial_scale(100) == pytest.approx(0.11)


def test_geometry_is_equation_9():
    centers = np.array([[0.5, -1.2], [0.0, 0.9]])
    scales = np.array([0.2, 0.45])
    value, by_centers, by_scales = terms.geometry(centers, scales, 1.0, 0.25, 0.1)
    # Only |-1.2| exceeds 1, by .2; only .45 is farther than .1 from .25, by .1.
    assert value == pytest.approx(0.2**2 + 0.1**2)
    np.testing.assert_allclose(by_centers, [[0, -0.4], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(by_scales, [0, 0.2], atol=1e-12)


def test_geometry_of_placements_by_finite_differences():
    penalty = terms.GeometryPenalty((80, 60), np.array([20.0, 30.0]), 3.0, 0.8, np.array([0.3, 0.4]), 0.2)
    p = Placements(
        x=np.array([-5.0, 40.0, 78.0]),
        y=np.array([30.0, 66.0, 2.0]),
        log_scale=np.log([0.5, 1.4, 0.9]),
        rotation=np.zeros(3),
        flip=np.zeros(3, bool),
        which=np.array([0, 1, 1], np.int32),
    )
    gradients = penalty(p)[1]
    for name in ("x", "y", "log_scale"):
        for index in range(3):

            def value(array, name=name):
                moved = p.copy()
                setattr(moved, name, array)
                return penalty(moved)[0]

            expected = slope(value, getattr(p, name), index, 1e-5)
            assert getattr(gradients, name)[index] == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert np.abs(gradients.x).max() > 0
    assert np.abs(gradients.log_scale).max() > 0


def test_overlap_is_equation_11():
    accumulated = np.array([[0.0, 0.5, 1.0], [1.5, 3.0, 0.0]], np.float32)
    value, grad = terms.overlap(accumulated)
    # Four pixels have ink; two of them exceed 1, by .5 and by 2.
    assert value == pytest.approx(2.5 / 4)
    np.testing.assert_allclose(grad, [[0, 0, 0], [0.25, 0.25, 0]])
    check_slopes(terms.overlap, CANVAS, PLACES)


def test_floor_counts_what_is_missing():
    assert terms.floor(np.full((4, 4), 0.1, np.float32), 0.3)[0] == pytest.approx(0.04)
    assert terms.floor(np.full((4, 4), 0.4, np.float32), 0.3)[0] == 0
    check_slopes(lambda c: terms.floor(c, 1.5), CANVAS, PLACES)


def test_containment_counts_what_is_outside():
    target = np.zeros((12, 10), np.float32)
    target[:6] = 1
    assert terms.containment(CANVAS, target)[0] == pytest.approx(CANVAS[6:].sum() / 120, rel=1e-5)
    check_slopes(lambda c: terms.containment(c, target), CANVAS, PLACES)


def test_harmony_is_zero_in_the_background_s_colour():
    background = (0.2, 0.5, 0.8)
    rgba = np.empty((3, 3, 4), np.float32)
    rgba[..., 3] = 0.5
    rgba[..., :3] = 0.5 * np.array(background)
    assert terms.harmony(rgba, background)[0] == pytest.approx(0, abs=1e-12)
    canvas = np.random.default_rng(1).uniform(0, 1, (5, 6, 4)).astype(np.float32)
    check_slopes(lambda c: terms.harmony(c, background), canvas, [(0, 0, 0), (2, 3, 1), (4, 5, 3)])


class Scripted:
    """A prior whose gradient is known."""

    wanted, skipped = None, 0

    def __init__(self, grad):
        self.grad = grad

    def __call__(self, picture, progress):
        return 2.0, self.grad


def test_the_joint_loss_is_the_weighted_sum():
    rng = np.random.default_rng(3)
    canvas = rng.uniform(0, 1.4, (12, 10, 5)).astype(np.float32)
    grad = rng.standard_normal((12, 10, 4)).astype(np.float32)
    weights = RenderLoss(overlap=0.7, floor=2.0, floor_share=0.9, containment=3.0, harmony=-0.4)
    within = (rng.random((12, 10)) < 0.5).astype(np.float32)
    guidance = ComposeGuidance(Scripted(grad), weights, (0.0, 0.0), within, "#336699")
    value, found = guidance(canvas, 0.25)
    a = canvas[..., 4]
    parts = [terms.overlap(a), terms.floor(a, 0.9), terms.containment(a, within)]
    tint = terms.harmony(canvas[..., :4], (0.2, 0.4, 0.6))
    factors = (0.7 * 0.25, 2.0, 3.0)  # eq. (8): the overlap term ramps up with the run
    assert value == pytest.approx(2 + sum(f * p[0] for f, p in zip(factors, parts, strict=True)) - 0.4 * tint[0])
    np.testing.assert_allclose(found[..., 4], sum(f * p[1] for f, p in zip(factors, parts, strict=True)), atol=1e-6)
    np.testing.assert_allclose(found[..., :4], grad - 0.4 * tint[1], atol=1e-5)


def test_the_render_loss_as_a_whole_has_a_weight():
    """Eq. (6): w_r, the prior's own where none is given."""
    weights = RenderLoss(overlap=0.7, geometry=3.0, floor=2.0, containment=0.5, harmony=-0.4)
    doubled = weights.times(2.0)
    assert (doubled.overlap, doubled.geometry, doubled.floor) == (1.4, 6.0, 4.0)
    assert (doubled.containment, doubled.harmony, doubled.scale_limit) == (1.0, -0.8, weights.scale_limit)
    assert RenderLoss(overlap=0.7, render=3.0).times(2.0).overlap == pytest.approx(2.1)


def test_reach_spreads_the_prior_s_gradient():
    grad = np.zeros((21, 21, 4), np.float32)
    grad[10, 10, 3] = 1
    near = ComposeGuidance(Scripted(grad), RenderLoss(overlap=0), (4.0, 0.5))
    canvas = np.zeros((21, 21, 5), np.float32)
    assert near(canvas, 0.0)[1][10, 4, 3] > 1e-3
    assert near(canvas, 1.0)[1][10, 4, 3] == 0
    assert near(canvas, 0.5)[1].sum() == pytest.approx(2, rel=1e-3)
