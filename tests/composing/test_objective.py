"""The joint loss: the weighted sum of its parts."""

import numpy as np
import pytest

from vertumnus.composing.objective import JointLoss
from vertumnus.composing.options import RenderLoss
from vertumnus.guidance import terms


class Scripted:
    """A guidance whose gradient is known."""

    target_alpha, target_colour, target_things, skipped = None, None, (), 0

    def __init__(self, grad):
        self.grad = grad

    def __call__(self, canvases, progress):
        return np.array([2.0]), np.concatenate([self.grad, np.zeros_like(self.grad[..., :1])], axis=-1)[None]


def test_the_joint_loss_is_the_weighted_sum():
    rng = np.random.default_rng(3)
    canvas = rng.uniform(0, 1.4, (12, 10, 5)).astype(np.float32)
    grad = rng.standard_normal((12, 10, 4)).astype(np.float32)
    weights = RenderLoss(overlap=0.7, floor=2.0, floor_share=0.9, containment=3.0, harmony=-0.4)
    within = (rng.random((12, 10)) < 0.5).astype(np.float32)
    guidance = JointLoss(Scripted(grad), weights, (0.0, 0.0), within, (0.2, 0.4, 0.6))
    value, found = guidance(canvas, 0.25)
    a = canvas[..., 4]
    parts = [terms.overlap(a), terms.floor(a, 0.9), terms.containment(a, within)]
    tint = terms.harmony(canvas[..., :4], (0.2, 0.4, 0.6))
    factors = (0.7 * 0.25, 2.0, 3.0)  # eq. (8): the overlap term ramps up with the run
    assert value == pytest.approx(2 + sum(f * p[0] for f, p in zip(factors, parts, strict=True)) - 0.4 * tint[0])
    np.testing.assert_allclose(found[..., 4], sum(f * p[1] for f, p in zip(factors, parts, strict=True)), atol=1e-6)
    np.testing.assert_allclose(found[..., :4], grad - 0.4 * tint[1], atol=1e-5)


def test_the_render_loss_as_a_whole_has_a_weight():
    """Eq. (6): w_r, the guidance's own where none is given."""
    weights = RenderLoss(overlap=0.7, geometry=3.0, floor=2.0, containment=0.5, harmony=-0.4)
    doubled = weights.times(2.0)
    assert (doubled.overlap, doubled.geometry, doubled.floor) == (1.4, 6.0, 4.0)
    assert (doubled.containment, doubled.harmony, doubled.scale_limit) == (1.0, -0.8, weights.scale_limit)
    assert RenderLoss(overlap=0.7, render=3.0).times(2.0).overlap == pytest.approx(2.1)


def test_blur_spreads_the_guidance_s_gradient():
    grad = np.zeros((21, 21, 4), np.float32)
    grad[10, 10, 3] = 1
    near = JointLoss(Scripted(grad), RenderLoss(overlap=0), (4.0, 0.5))
    canvas = np.zeros((21, 21, 5), np.float32)
    assert near(canvas, 0.0)[1][10, 4, 3] > 1e-3
    assert near(canvas, 1.0)[1][10, 4, 3] == 0
    assert near(canvas, 0.5)[1].sum() == pytest.approx(2, rel=1e-3)
