"""Whole numbers within kernels against NumPy's own."""

import numpy as np

from vertumnus.strict.chance import whole


def test_whole_numbers_are_numpys():
    ours, numpys = np.random.default_rng(3), np.random.default_rng(3)
    counts = [1, 2, 3, 7, 1000, 12345, (1 << 31) + 1, (1 << 32) - 1]
    for count in counts * 20:
        assert whole(ours, count) == numpys.integers(0, count)
    assert ours.bit_generator.state == numpys.bit_generator.state
