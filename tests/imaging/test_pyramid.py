"""Mip levels against their definition."""

import numpy as np
import pytest

from reference import mip_chain
from vertumnus.imaging.pyramid import mip_level, shrink_below


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 4), (16, 16), (13, 9, 4)])
def test_levels(shape):
    texture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    for level, expected in enumerate(mip_chain(texture)):
        np.testing.assert_array_equal(mip_level(texture, level), expected)


def test_shrink_below():
    small, level = shrink_below(np.zeros((100, 33), np.uint8), 30)
    assert small.shape == (25, 9)
    assert level == 2
