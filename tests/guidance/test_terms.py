"""Terms of the canvas: worked by hand, and by finite differences."""

import numpy as np
import pytest

from vertumnus.guidance import terms


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
