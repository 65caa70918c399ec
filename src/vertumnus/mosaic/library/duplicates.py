"""Near-duplicates among pictures, told by their perceptual hashes and mean colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

DISTANCE = 3  # bits that may differ; four bands of 16 bits then always share one
COLOUR = 0.06  # of sRGB values: a recoloured copy is another tile
LIKE, LIKE_COLOUR = 10, 0.12  # the same for pictures that only look alike
LOOKED_AT = 400
WINDOW = 64  # neighbours compared in a crowded bucket, so that nothing is quadratic


def near_duplicates(hashes: NDArray[np.int64], means: NDArray[np.floating]) -> NDArray[np.int64]:
    """For each picture the first one of which it is a near-duplicate: itself where there is none earlier.

    hashes   N, of `vertumnus.mosaic.library.summary.perceptual_hash`
    means    N x 3 mean sRGB colour, 0 to 1
    Hashes are compared only within buckets that agree in 16 of 64 bits: time grows as N log N.
    """
    count = len(hashes)
    root = np.arange(count)
    bits = hashes.view(np.uint64)
    colour = np.ascontiguousarray(means, np.float32)
    for band in range(4):
        part = (bits >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.lexsort((bits, part))
        _link(order, part[order], bits, colour, root, DISTANCE, np.float32(COLOUR), WINDOW)
    for n in range(count):
        root[n] = root[root[n]]  # links go to earlier pictures only, so one pass flattens them
    return root


def like_tiles(hashes: NDArray[np.int64], means: NDArray[np.floating]) -> NDArray[np.int32]:
    """A number for each picture, the same for those that look alike, as the pictures of a series do.

    Each takes the number of the first before it that is like it, among those whose mean colours are next to its own
    in lightness, `LOOKED_AT` of them at most: the time grows as N log N.
    """
    bits = hashes.view(np.uint64)
    colour = np.ascontiguousarray(means, np.float32)
    order = np.argsort(colour @ np.array([0.299, 0.587, 0.114], np.float32), kind="stable")
    return np.asarray(_number(order, bits, colour, LIKE, np.float32(LIKE_COLOUR), LOOKED_AT), np.int32)


@kernel
def _alike(i, j, bits, colour, distance, most):
    """Whether no more bits than ``distance`` differ, and no channel of the mean colours by more than ``most``."""
    differ, ones = bits[i] ^ bits[j], 0
    while differ and ones <= distance:
        differ &= differ - np.uint64(1)
        ones += 1
    if ones > distance:
        return False
    far = np.abs(colour[i] - colour[j])
    return max(far[0], far[1], far[2]) <= most


@kernel
def _number(order, bits, colour, distance, most, window):
    kind = np.full(len(order), -1, np.int64)
    for a in range(len(order)):
        i = order[a]
        if kind[i] >= 0:
            continue
        kind[i] = i
        for b in range(a + 1, min(a + 1 + window, len(order))):
            j = order[b]
            if kind[j] >= 0:
                continue
            if _alike(i, j, bits, colour, distance, most):
                kind[j] = i
    return kind


@kernel
def _link(order, part, bits, colour, root, distance, most, window):
    for a in range(len(order)):
        for b in range(a + 1, min(a + 1 + window, len(order))):
            if part[b] != part[a]:
                break
            i, j = order[a], order[b]
            if not _alike(i, j, bits, colour, distance, most):
                continue
            while root[i] != i:
                i = root[i]
            while root[j] != j:
                j = root[j]
            if i < j:
                root[j] = i
            else:
                root[i] = j
