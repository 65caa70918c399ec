"""The matrix agrees with SVG's transform, operation by operation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vertumnus.document.placement import Placement

finite = st.floats(-1000, 1000)


@given(finite, finite, st.floats(0.01, 50), st.floats(-720, 720), st.booleans(), st.integers(1, 900))
def test_matrix_is_the_product_of_the_svg_operations(x, y, scale, rotation, flip, width):
    height = 37
    turn = np.deg2rad(rotation)
    translate = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
    rotate = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    stretch = np.diag([-scale if flip else scale, scale, 1])
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    expected = translate @ rotate @ stretch @ centre
    np.testing.assert_allclose(Placement(x, y, scale, rotation, flip).matrix(width, height), expected, atol=1e-8)
