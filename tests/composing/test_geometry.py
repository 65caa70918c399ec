"""Sizes and places: worked by hand, and by finite differences."""

import numpy as np
import pytest

from vertumnus.composing import geometry as terms
from vertumnus.render.placements import Placements


def slope(function, array, index, step=1e-3):
    up, down = array.copy(), array.copy()
    up[index] += step
    down[index] -= step
    return (function(up) - function(down)) / (2 * step)


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
