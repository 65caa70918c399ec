"""The matrix agrees with SVG's transform, operation by operation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError

finite = st.floats(-1000, 1000)


@given(
    finite, finite, st.floats(0.01, 50), st.floats(-720, 720), st.booleans(), st.integers(1, 900),
    st.floats(0.1, 8), st.floats(-80, 80),
)  # fmt: skip
def test_matrix_is_the_product_of_the_svg_operations(x, y, scale, rotation, flip, width, squeeze, shear):
    height = 37
    turn = np.deg2rad(rotation)
    translate = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
    rotate = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    skew = np.array([[1, np.tan(np.deg2rad(shear)), 0], [0, 1, 0], [0, 0, 1]])
    stretch = np.diag([-scale if flip else scale, scale * squeeze, 1])
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    expected = translate @ rotate @ skew @ stretch @ centre
    placement = Placement(x, y, scale, rotation, flip, squeeze, shear)
    np.testing.assert_allclose(placement.matrix(width, height), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", 0.0), ("scale", -1.0), ("x", np.nan), ("y", np.inf), ("rotation", 1e308), ("scale", 1e39),
     ("shear", 90.0), ("squeeze", -1.0)],
)  # fmt: skip
def test_what_is_no_place_is_refused(field, value):
    with pytest.raises(VertumnusError, match=f"^{field}: must be "):
        Placement(**{"x": 1.0, "y": 2.0, "scale": 1.0} | {field: value})
    with pytest.raises(VertumnusError, match=f"^{field}: must be "):
        Placement(1.0, 2.0, 1.0)._replace(**{field: value})
