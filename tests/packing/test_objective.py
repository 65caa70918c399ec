"""Every term of the packing loss against its definition and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertumnus.packing.objective import (
    PackingGuidance,
    containment,
    gap,
    gravity,
    height_map,
    overlap,
    pointwise,
    uniformity,
)
from vertumnus.packing.options import LossWeights

f4 = np.float32


@given(st.floats(0, 4), st.floats(0, 1))
def test_pointwise_terms(c, m):
    assert gap.py_func(f4(c), f4(m))[0] == pytest.approx(m * max(1 - c, 0), abs=1e-6)
    assert overlap.py_func(f4(c))[0] == pytest.approx(max(c - 1, 0) ** 2, rel=1e-5, abs=1e-6)
    assert containment.py_func(f4(c), f4(m))[0] == pytest.approx((1 - m) * c, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("c", [0.0, 0.3, 0.99, 1.2, 2.5])
@pytest.mark.parametrize("m", [0.0, 0.4, 1.0])
def test_slopes_of_the_pointwise_terms(c, m):
    step = 1e-3
    for term in (lambda v: gap.py_func(v, m), lambda v: overlap.py_func(v), lambda v: containment.py_func(v, m)):
        if c == 0.99 and term(c + step)[1] != term(c - step)[1]:
            continue
        slope = (float(term(c + step)[0]) - float(term(c - step)[0])) / (2 * step)
        assert float(term(c)[1]) == pytest.approx(slope, abs=2e-3)


def canvas_and_target(seed=0, shape=(23, 31)):
    rng = np.random.default_rng(seed)
    canvas = rng.uniform(0, 2.2, shape).astype(f4)
    canvas[np.abs(canvas - 1) < 0.02] = 0.5  # away from the kink
    return canvas, rng.uniform(0, 1, shape).astype(f4)


def finite_difference(loss, canvas, step=1e-2):
    grad = np.empty(canvas.shape)
    for index in np.ndindex(canvas.shape):
        ahead, behind = canvas.astype(np.float64), canvas.astype(np.float64)
        ahead[index] += step
        behind[index] -= step
        grad[index] = (loss(ahead.astype(f4)) - loss(behind.astype(f4))) / (2 * step)
    return grad


def test_the_sum_and_its_gradient():
    canvas, target = canvas_and_target()
    grad = np.empty_like(canvas)
    total = pointwise(canvas, target, target, f4(1.5), f4(3), f4(20), grad)
    c, m = canvas.astype(np.float64), target.astype(np.float64)
    expected = (1.5 * m * np.maximum(1 - c, 0) + 3 * np.maximum(c - 1, 0) ** 2 + 20 * (1 - m) * c).sum()
    assert total == pytest.approx(expected, rel=1e-5)
    slopes = -1.5 * m * (c < 1) + 6 * np.maximum(c - 1, 0) + 20 * (1 - m)
    np.testing.assert_allclose(grad, slopes, atol=1e-4)


@pytest.mark.parametrize("radii", [(1.0,), (0.8, 2.5), (5.0,)])
def test_uniformity(radii):
    canvas, target = canvas_and_target(1)
    _, grad = uniformity(canvas, target, radii)
    expected = finite_difference(lambda c: uniformity(c, target, radii)[0], canvas)
    np.testing.assert_allclose(grad, expected, atol=2e-3 * np.abs(expected).max() + 1e-4)


def test_uniformity_prefers_many_narrow_gaps_to_one_wide_one():
    target = np.ones((40, 40), f4)
    wide, narrow = np.ones((40, 40), f4), np.ones((40, 40), f4)
    wide[10:20] = 0
    narrow[::4] = 0
    assert (1 - wide).sum() == (1 - narrow).sum()
    assert uniformity(wide, target, (2.0,))[0] > 2 * uniformity(narrow, target, (2.0,))[0]


@pytest.mark.parametrize(("pull", "low"), [("down", (39, 5)), ("up", (0, 5)), ("left", (5, 0)), ("right", (5, 59))])
def test_height_is_zero_where_gravity_pulls(pull, low):
    height = height_map(pull, (40, 60), 1.0)
    assert height[low] == pytest.approx(0, abs=1e-6)
    assert height.max() == pytest.approx(1)


def test_height_over_a_point_and_its_energy():
    height = height_map((15.0, 10.0), (40, 60), 2.0)
    assert height[20, 30] == height.min()
    canvas, _ = canvas_and_target(2, (40, 60))
    value, slope = gravity(canvas, height)
    assert value == pytest.approx((canvas.astype(np.float64) * height).sum(), rel=1e-6)
    np.testing.assert_array_equal(slope, height)


def test_the_guidance_is_the_weighted_sum():
    canvas, target = canvas_and_target(3)
    height = height_map("down", canvas.shape, 1.0)
    weights = LossWeights(gap=0.7, overlap=(2, 32), containment=5, uniformity=0.3, gravity=0.2)
    guidance = PackingGuidance(target, weights, (1.5,), height)
    for progress, strict in ((0.0, 2.0), (0.5, 8.0), (1.0, 32.0)):
        total, grad = guidance(canvas, progress)
        apart = np.empty_like(canvas)
        expected = pointwise(canvas, target, target, f4(0.7), f4(strict), f4(5), apart)
        even, even_grad = uniformity(canvas, target, (1.5,))
        assert total == pytest.approx(expected + 0.3 * even + 0.2 * gravity(canvas, height)[0], rel=1e-5)
        np.testing.assert_allclose(grad, apart + 0.3 * even_grad + 0.2 * height, rtol=1e-4, atol=1e-5)
