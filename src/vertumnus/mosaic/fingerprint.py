"""Perceptual hashes, and the near-duplicates they betray."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.mosaic.sampling import CELLS

DISTANCE = 3  # bits that may differ; four bands of 16 bits then always share one
COLOUR = 0.06  # of sRGB values: a recoloured copy is another tile
WINDOW = 64  # neighbours compared in a crowded bucket, so that nothing is quadratic
_LUMA = np.array([0.299, 0.587, 0.114])
# The lowest 8 frequencies of the orthonormal discrete cosine transform of 16 values.
_COSINES = np.cos(np.pi / CELLS * np.outer(np.arange(8), np.arange(CELLS) + 0.5)) * (2 / CELLS) ** 0.5
_COSINES[0] *= 0.5**0.5


def perceptual_hash(cells: NDArray[np.number]) -> int:
    """64 bits that change little when a picture is scaled, compressed or brightened.

    cells   16 x 16 x 3 mean sRGB values
    The signs of the 8 x 8 lowest frequencies of its lightness against their median, as in Zauner, "Implementation
    and benchmarking of perceptual image hash functions" (2010), section 3.2.
    """
    lightness = cells @ _LUMA
    low = (_COSINES @ lightness @ _COSINES.T).ravel()
    bits = low[1:] > np.median(low[1:])
    value = int.from_bytes(np.packbits(np.concatenate([[False], bits])).tobytes(), "big")
    return value - (1 << 64) if value >> 63 else value


def near_duplicates(hashes: NDArray[np.int64], means: NDArray[np.floating]) -> NDArray[np.int64]:
    """For each picture the first one of which it is a near-duplicate: itself where there is none earlier.

    hashes   N, of `perceptual_hash`
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


@kernel
def _link(order, part, bits, colour, root, distance, most, window):
    for a in range(len(order)):
        for b in range(a + 1, min(a + 1 + window, len(order))):
            if part[b] != part[a]:
                break
            i, j = order[a], order[b]
            differ = bits[i] ^ bits[j]
            ones = 0
            while differ and ones <= distance:
                differ &= differ - np.uint64(1)
                ones += 1
            if ones > distance:
                continue
            if (
                max(
                    abs(colour[i, 0] - colour[j, 0]),
                    abs(colour[i, 1] - colour[j, 1]),
                    abs(colour[i, 2] - colour[j, 2]),
                )
                > most
            ):
                continue
            while root[i] != i:
                i = root[i]
            while root[j] != j:
                j = root[j]
            if i < j:
                root[j] = i
            else:
                root[i] = j
