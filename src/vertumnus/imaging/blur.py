"""A wide Gaussian blur in the time of a narrow one: halved some times, blurred, and drawn large again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.jit import kernel

FINE = 1.5  # standard deviation, pixels of what it is shrunk to, that is still blurred well

Canvas = NDArray[np.float32]


def wide_blur(image: Canvas, sigma: float) -> Canvas:
    """The blur of an H x W x C image by a Gaussian; beyond its edges it goes on mirrored.

    sigma   standard deviation, pixels

    Halving by the weights 1 3 3 1 each way, k times to the 2^k = f-th of its size, and interpolating linearly are
    blurs themselves, of variances (f^2 - 1) / 4 and (f^2 - 1) / 6; they are taken off the Gaussian's. Channels of
    zeros are left alone.
    """
    halvings = max(0, int(np.log2(max(sigma / FINE, 1.0))))
    factor = 2**halvings
    narrow = float(np.sqrt(sigma**2 - (factor**2 - 1) * 5 / 12)) / factor
    blurred = np.zeros_like(image)
    for channel in range(image.shape[-1]):
        plane = np.ascontiguousarray(image[..., channel])
        if not plane.any():
            continue
        for _ in range(halvings):
            plane = _halved(plane)
        small = ndimage.gaussian_filter(plane, narrow, mode="reflect", truncate=3.0)
        _enlarge(small, factor, blurred[..., channel])
    return blurred


@kernel
def _halved(plane):  # type: ignore[no-untyped-def]
    """Every second pixel, each way, of the plane under the weights 1 3 3 1."""
    height, width = plane.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    half = np.empty((height, columns), np.float32)
    for y in range(height):
        for x in range(columns):
            at = 2 * x
            right, far = min(at + 1, width - 1), min(at + 2, width - 1)
            half[y, x] = 0.125 * (plane[y, max(at - 1, 0)] + plane[y, far]) + 0.375 * (plane[y, at] + plane[y, right])
    small = np.empty((rows, columns), np.float32)
    for y in range(rows):
        at = 2 * y
        above, below, far = max(at - 1, 0), min(at + 1, height - 1), min(at + 2, height - 1)
        for x in range(columns):
            small[y, x] = 0.125 * (half[above, x] + half[far, x]) + 0.375 * (half[at, x] + half[below, x])
    return small


@kernel
def _enlarge(small, factor, plane):  # type: ignore[no-untyped-def]
    """Linear interpolation of what was halved, into ``plane``."""
    rows, columns = small.shape
    for y in range(plane.shape[0]):
        v = min(max((y + 0.5) / factor - 0.5, 0.0), rows - 1.0)
        top = min(int(v), max(rows - 2, 0))
        below = min(top + 1, rows - 1)
        down = np.float32(v - top)
        for x in range(plane.shape[1]):
            u = min(max((x + 0.5) / factor - 0.5, 0.0), columns - 1.0)
            left = min(int(u), max(columns - 2, 0))
            right = min(left + 1, columns - 1)
            across = np.float32(u - left)
            upper = small[top, left] * (1 - across) + small[top, right] * across
            lower = small[below, left] * (1 - across) + small[below, right] * across
            plane[y, x] = upper * (1 - down) + lower * down
