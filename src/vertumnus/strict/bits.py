"""A raster of bits, in which every place where a silhouette fits is found at once.

A row of 64 pixels is one machine word, so a silhouette of r runs of pixels is tried at 64 places with some 2 r
operations. Level k of the raster holds, for each pixel, whether anything is taken in the 2^k pixels from it to the
right: a run of any length is two of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

LEVELS = 8
BLOCK = 16  # rows of a block, which is 64 pixels wide
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
Bits = NDArray[np.uint64]
Mask = NDArray[np.bool_]


class Stencil(NamedTuple):
    """A silhouette to be tried and stamped, in one box.

    height, width   of its box, pixels
    probes   N x 4: level, row, word and bit of what is looked at to know whether it is free, what says most first
    runs     N x 3: row, start and length of what is taken
    around   K x 2: (x, y) of pixels just outside
    """

    height: int
    width: int
    probes: NDArray[np.int64]
    runs: NDArray[np.int64]
    around: NDArray[np.int64]


def levels_of(taken: Mask) -> Bits:
    """The levels of a raster, K x H x (words a row); what lies right of it is taken."""
    height, width = taken.shape
    words = -(-width // 64) + 2
    padded = np.ones((height, words * 64), bool)
    padded[:, :width] = taken
    levels = np.zeros((LEVELS, height, words), np.uint64)
    levels[0] = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    raise_levels(levels, 0, height)
    return levels


@kernel
def raise_levels(levels, top, bottom):
    """Makes all levels follow from the first in some rows."""
    words = levels.shape[2]
    for k in range(1, levels.shape[0]):
        step = 1 << (k - 1)
        q, b = step >> 6, np.uint64(step & 63)
        c = np.uint64(64 - (step & 63))
        for y in range(top, bottom):
            below, row = levels[k - 1, y], levels[k, y]
            if q:
                for i in range(words - q):
                    row[i] = below[i] | below[i + q]
                for i in range(words - q, words):
                    row[i] = below[i] | ALL
            else:
                for i in range(words - 1):
                    row[i] = below[i] | (below[i] >> b) | (below[i + 1] << c)
                row[words - 1] = ALL


@kernel
def taken_of(levels, y, i, probes, looks, found):
    """Of 64 places in a row, ``found`` and those where one of the first probes meets what is taken."""
    for n in range(looks):
        line = levels[probes[n, 0], y + probes[n, 1]]
        q, b = i + probes[n, 2], np.uint64(probes[n, 3])
        # In two steps, for a shift by 64 is none.
        found |= (line[q] >> b) | ((line[q + 1] << np.uint64(1)) << (np.uint64(63) - b))
        if found == ALL:
            break
    return found


@kernel
def find_free(levels, blocks, reach, height, width, probes, looks, every, free):
    """Where the box's left upper corner may lie, bits in ``free``: rows x words.

    Only places near something taken, at most ``reach`` pixels from the box: those in the open touch nothing. Of the
    probes the first ``looks`` are looked at, so what is found is to be tried again; of the rows,
    one in ``every``.
    """
    rows, words = free.shape
    looks = min(looks, probes.shape[0])
    high, wide = blocks.shape
    across = (width + reach + 63) >> 6
    near = np.zeros(words, np.bool_)
    known = (-1, -1)
    for y in range(rows):
        if y % every:
            for i in range(words):
                free[y, i] = np.uint64(0)
            continue
        first, last = max(y - reach, 0) // BLOCK, min((y + height + reach) // BLOCK + 1, high)
        if known != (first, last):
            known = (first, last)
            for i in range(words):
                near[i] = False
                for row in range(first, last):
                    for column in range(max(i - 1, 0), min(i + across + 1, wide)):
                        near[i] |= blocks[row, column]
        for i in range(words):
            if not near[i]:
                free[y, i] = np.uint64(0)
                continue
            free[y, i] = ~taken_of(levels, y, i, probes, looks, np.uint64(0))


def blocks_of(levels: Bits) -> Mask:
    """Whether anything in each block is taken."""
    height, words = levels.shape[1:]
    padded = np.zeros((-(-height // BLOCK) * BLOCK, words), np.uint64)
    padded[:height] = levels[0]
    return (padded.reshape(-1, BLOCK, words) != 0).any(1)


@kernel
def stamp(levels, blocks, x, y, runs):
    """Takes the silhouette's pixels, the box's corner at (x, y)."""
    top, bottom = levels.shape[1], 0
    for n in range(runs.shape[0]):
        row = y + runs[n, 0]
        line = levels[0, row]
        top, bottom = min(top, row), max(bottom, row + 1)
        for pixel in range(x + runs[n, 1], x + runs[n, 1] + runs[n, 2]):
            line[pixel >> 6] |= np.uint64(1) << np.uint64(pixel & 63)
            blocks[row // BLOCK, pixel >> 6] = True
    raise_levels(levels, top, bottom)


@kernel
def fits(levels, x, y, probes):
    """Whether the silhouette is free of anything taken, the box's corner at (x, y)."""
    for n in range(probes.shape[0]):
        at = x + probes[n, 2] * 64 + probes[n, 3]
        if (levels[probes[n, 0], y + probes[n, 1], at >> 6] >> np.uint64(at & 63)) & np.uint64(1):
            return False
    return True


@kernel
def touching(levels, x, y, around):
    """How many of the points around the silhouette are taken."""
    height, width = levels.shape[1], levels.shape[2] * 64
    found = 0
    for n in range(around.shape[0]):
        column, row = x + around[n, 0], y + around[n, 1]
        if (
            row < 0
            or row >= height
            or column < 0
            or column >= width
            or (levels[0, row, column >> 6] >> np.uint64(column & 63)) & np.uint64(1)
        ):
            found += 1
    return found


@kernel
def count_bits(free):
    """How many bits are set in each row."""
    rows, words = free.shape
    found = np.zeros(rows, np.int64)
    for y in range(rows):
        count = 0
        for i in range(words):
            v = free[y, i]
            while v:
                v &= v - np.uint64(1)
                count += 1
        found[y] = count
    return found


@kernel
def _edge(free, y, i):
    """Of 64 places, those free ones that have one beside them that is not."""
    here = free[y, i]
    left = here << np.uint64(1)
    if i > 0:
        left |= free[y, i - 1] >> np.uint64(63)
    right = here >> np.uint64(1)
    if i + 1 < free.shape[1]:
        right |= free[y, i + 1] << np.uint64(63)
    above = free[y - 1, i] if y > 0 else np.uint64(0)
    below = free[y + 1, i] if y + 1 < free.shape[0] else np.uint64(0)
    return here & ~(left & right & above & below)


@kernel
def most_touching(levels, free, widest, probes, around, tries, pull, centre, shuffled, around_by):
    """The free place at which most around is taken, nearer the centre where that is equal.

    tries      places at the edge of what is free that are looked at, spread over all there are
    pull       what it counts to be a pixel nearer the centre, in points
    widest     the largest x there is
    shuffled   random numbers from 0 to 1 to spread them by, and to choose among equals
    around_by  pixels about the best of them that are looked at as well

    Returns x, y and the points taken; x is -1 where nothing is free.
    """
    rows, words = free.shape
    total = 0
    for y in range(rows):
        for i in range(words):
            if free[y, i]:
                v = _edge(free, y, i)
                while v:
                    v &= v - np.uint64(1)
                    total += 1
    best_x, best_y, best, best_score = -1, -1, 0, -1e18
    if total == 0:
        return best_x, best_y, best
    every = max(1.0, total / tries)
    due = shuffled[0] * every
    seen, used = 0, 0
    for y in range(rows):
        for i in range(words):
            if not free[y, i]:
                continue
            v = _edge(free, y, i)
            bit = 0
            while v:
                while not v & np.uint64(1):
                    v >>= np.uint64(1)
                    bit += 1
                if seen >= due:
                    used += 1
                    due = (used + shuffled[used % shuffled.shape[0]]) * every
                    x = i * 64 + bit
                    count = touching(levels, x, y, around)
                    # Of places that are as good, any.
                    score = count - pull * np.hypot(x - centre[0], y - centre[1])
                    score += shuffled[(7 * used) % shuffled.shape[0]]
                    if score > best_score and fits(levels, x, y, probes):
                        best_x, best_y, best, best_score = x, y, count, score
                seen += 1
                v >>= np.uint64(1)
                bit += 1
    # Near by there may be a better one that was passed over.
    improved = best_x >= 0
    best_score = best - pull * np.hypot(best_x - centre[0], best_y - centre[1])
    while improved:
        improved = False
        for dy in range(-around_by, around_by + 1):
            for dx in range(-around_by, around_by + 1):
                x, y = best_x + dx, best_y + dy
                if x < 0 or y < 0 or y >= rows or x > widest:
                    continue
                count = touching(levels, x, y, around)
                score = count - pull * np.hypot(x - centre[0], y - centre[1])
                if score > best_score + 1e-9 and fits(levels, x, y, probes):
                    best_x, best_y, best, best_score = x, y, count, score
                    improved = True
    return best_x, best_y, best


def make_stencil(mask: Mask, gap: float, reach: int, points: int, rng: np.random.Generator) -> Stencil:
    """A silhouette that keeps a gap, pixels, to what is taken.

    reach    how far around it counts as touching, pixels beyond the gap
    points   most points around it
    """
    margin = int(np.ceil(gap)) if gap > 0 else 0
    wide = np.pad(mask, margin + reach)
    ring = grown(wide, float(gap + reach))
    kept = grown(wide, float(gap)) if gap > 0 else wide
    inner = slice(reach, wide.shape[0] - reach), slice(reach, wide.shape[1] - reach)
    own, kept = np.ascontiguousarray(wide[inner]), np.ascontiguousarray(kept[inner])
    ring[inner] &= ~kept
    rows, columns = np.nonzero(ring)
    if len(rows) > points:
        chosen = np.sort(rng.choice(len(rows), points, replace=False))
        rows, columns = rows[chosen], columns[chosen]
    around = np.column_stack([columns, rows]) - reach
    height, width = kept.shape
    return Stencil(height, width, _probes(_runs(kept), rng), _runs(own), around)


def _probes(runs: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Two looks for each run, more for one beyond twice the longest level; long ones first, neighbours apart."""
    row, start, length = runs.T
    level = np.minimum(np.log2(np.maximum(length, 1)).astype(np.int64), LEVELS - 1)
    step = 1 << level
    looks = np.maximum(-(-length // step), 1)
    which = np.repeat(np.arange(len(runs)), looks)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(looks) - looks, looks)
    at = start[which] + np.minimum(nth * step[which], length[which] - step[which])
    found = np.column_stack([level[which], row[which], at >> 6, at & 63])
    order = rng.permutation(len(found))
    return np.ascontiguousarray(found[order[np.argsort(-found[order, 0] // 2, kind="stable")]])


@kernel
def _runs(mask):
    """Row, start and length of each run of a mask, N x 3."""
    height, width = mask.shape
    count = 0
    for y in range(height):
        before = False
        for x in range(width):
            if mask[y, x] and not before:
                count += 1
            before = mask[y, x]
    runs = np.zeros((count, 3), np.int64)
    n = -1
    for y in range(height):
        before = False
        for x in range(width):
            if mask[y, x]:
                if not before:
                    n += 1
                    runs[n, 0], runs[n, 1] = y, x
                runs[n, 2] += 1
            before = mask[y, x]
    return runs


@kernel
def grown(mask, radius):
    """The mask and all pixels whose centres are within ``radius`` of one of its."""
    height, width = mask.shape
    reach = int(radius)
    found = mask.copy()
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            inner = (
                0 < y < height - 1
                and 0 < x < width - 1
                and mask[y - 1, x]
                and mask[y + 1, x]
                and mask[y, x - 1]
                and mask[y, x + 1]
            )
            if inner:
                continue
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    if dx * dx + dy * dy <= radius * radius and 0 <= y + dy < height and 0 <= x + dx < width:
                        found[y + dy, x + dx] = True
    return found
