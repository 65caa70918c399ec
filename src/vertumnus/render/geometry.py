"""Where a turned, scaled, perhaps mirrored rectangle lies on the pixel grid.

All kernels walk an element row by row: for each row of pixels, the run whose centres fall in the element's
rectangle. Coordinates are float32; a pixel (i, j) has its centre at (j + 1/2, i + 1/2).
"""

from __future__ import annotations

import numpy as np

from vertumnus.jit import kernel

f4 = np.float32
_FLAT = f4(1e-9)
_AHEAD = 1 << 20


@kernel
def floor(value):
    """The integer at or below a value of at most a million, without a call into the mathematics library."""
    return np.int64(np.float64(value) + _AHEAD) - _AHEAD


@kernel
def ceil(value):
    """The integer at or above a value of at most a million."""
    return _AHEAD - np.int64(_AHEAD - np.float64(value))


@kernel
def extent(centre, radius, size):
    """First and last pixel of ``size`` whose centre is within ``radius`` of ``centre``."""
    return max(0, ceil(centre - radius - f4(0.5))), min(size - 1, floor(centre + radius - f4(0.5)))


@kernel
def inverse(slope):
    """1 / slope, or 0 for one that is as good as 0."""
    return f4(1) / slope if abs(slope) > _FLAT else f4(0)


@kernel
def run(low, high, inverse_slope, offset, bottom, top):
    """The part of low <= x <= high where bottom <= offset + slope * x <= top; empty if low > high.

    Of a row of pixels give a low and a high half a pixel beyond the outermost centres, and limit to those afterwards:
    otherwise rounding may cut an outermost pixel off.
    """
    if inverse_slope != f4(0):
        a = (bottom - offset) * inverse_slope
        b = (top - offset) * inverse_slope
        return max(low, min(a, b)), min(high, max(a, b))
    if offset < bottom or offset > top:
        return f4(1), f4(0)
    return low, high


@kernel
def mip(scale, levels):
    """The mip level whose texels are nearest in size to pixels, for a picture drawn at ``scale``."""
    level = 0
    texels = f4(1) / scale  # of level 0, a pixel
    while texels > f4(1.4142135) and level < levels - 1:
        texels *= f4(0.5)
        level += 1
    return level
