"""Whole numbers at random, within kernels."""

from __future__ import annotations

import numpy as np
from numba.np.random.generator_core import next_uint32

from vertumnus.jit import kernel

LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


@kernel
def whole(rng, count):
    """A whole number from 0 to ``count`` - 1, the one that ``rng.integers(0, count)`` gives; less than 2^32 of them.

    By D. Lemire, Fast random integer generation in an interval, ACM TOMACS 29(1), 2019, algorithm 5, as NumPy has it.
    Numba's own goes by an array of one, which took a tenth of compiling all kernels of a first run.
    """
    if count <= 1:
        return 0
    most = np.uint64(count)
    product = np.uint64(next_uint32(rng.bit_generator)) * most  # type: ignore[no-untyped-call]
    if product & LOW < most:
        least = np.uint64((1 << 32) - count) % most
        while product & LOW < least:
            product = np.uint64(next_uint32(rng.bit_generator)) * most  # type: ignore[no-untyped-call]
    return np.int64(product >> SHIFT)
