"""The nearest tiles of each cell, by blocks: no matrix of all cells and all tiles ever exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.mosaic.library.library import release

Floats = NDArray[np.float32]
BLOCK_VALUES = 1 << 22  # distances held at once
FEW = 24  # cells
Progress = Callable[[int, int], None]


class Candidates(NamedTuple):
    """The best tiles of each cell, best first.

    tile    N x K, -1 where there are fewer
    way     N x K, how each is shown
    cost    N x K squared feature distance, infinite where there is none
    bound   N: no tile that is not listed has a smaller cost (plus price, where prices were given)
    """

    tile: NDArray[np.int32]
    way: NDArray[np.int16]
    cost: Floats
    bound: Floats

    def of(self, cells: NDArray[np.integer] | slice, width: int | None = None) -> Candidates:
        """The lists of some cells, the first ``width`` of each."""
        some = slice(width)
        return Candidates(
            self.tile[cells][:, some], self.way[cells][:, some], self.cost[cells][:, some], self.bound[cells]
        )


def nearest(
    cells: Floats,
    tiles: Floats,
    count: int,
    price: Floats | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """The ``count`` tiles of least cost plus price for each cell, in the best way of showing each.

    cells   N x D features
    tiles   M x ways x D features, memory-mapped or not
    price   M, added to costs for the choice, 0 by default

    Ties go to the tile that comes first. The same result for any number of threads.
    """
    total, ways, width = tiles.shape
    count = min(count, total)
    best = np.full((len(cells), count), np.inf, np.float32)
    which = np.full((len(cells), count), -1, np.int64)
    price = np.zeros(total, np.float32) if price is None else np.asarray(price, np.float32)
    rows = max(1, min(total, 8192 // ways))
    for first in range(0, total, rows):
        last = min(first + rows, total)
        if len(cells) <= FEW:
            _scan(cells, tiles[first:last], price[first:last], first, best, which)
            release(tiles)
            continue
        block = np.ascontiguousarray(tiles[first:last]).reshape(-1, width)
        release(tiles)
        norm = np.einsum("ij,ij->i", block, block)
        step = max(1, BLOCK_VALUES // len(block))
        for start in range(0, len(cells), step):
            part = cells[start : start + step]
            # |c - t|^2 less |c|^2, which is the same for all tiles of a cell
            away = part @ block.T
            away *= -2
            away += norm
            _keep_best(away, ways, price[first:last], first, best[start : start + step], which[start : start + step])
        if progress is not None:
            progress(last, total)
    bound = best[:, -1] if count < total else np.full(len(cells), np.inf)
    if len(cells) > FEW:
        bound = bound + np.einsum("ij,ij->i", cells, cells)
    return _exact(cells, tiles, which, price, np.asarray(bound, np.float32))


@kernel
def _scan(cells, tiles, price, first, best, which):
    """The same as a matrix product and `_keep_best`, quicker for a few cells."""
    total, ways, width = tiles.shape
    count = best.shape[1]
    for n in range(len(cells)):
        for t in range(total):
            least, way = np.float32(np.inf), 0
            for w in range(ways):
                away = np.float32(0)
                for k in range(width):
                    d = cells[n, k] - tiles[t, w, k]
                    away += d * d
                if away < least:
                    least, way = away, w
            _insert(best[n], which[n], count, least + price[t], (first + t) * ways + way)


@kernel
def _insert(best, which, count, value, index):
    """Puts a value into a sorted list if it is better than its last."""
    if value >= best[count - 1]:
        return
    at = count - 1
    while at > 0 and best[at - 1] > value:
        best[at] = best[at - 1]
        which[at] = which[at - 1]
        at -= 1
    best[at] = value
    which[at] = index


@kernel
def _keep_best(away, ways, price, first, best, which):
    """Merges a block of distances into each row's sorted list of the best."""
    count = best.shape[1]
    for n in range(away.shape[0]):
        row = away[n]
        for t in range(len(price)):
            least, way = row[t * ways], 0
            for w in range(1, ways):
                if row[t * ways + w] < least:
                    least, way = row[t * ways + w], w
            least += price[t]
            if least < best[n, count - 1]:
                _insert(best[n], which[n], count, least, (first + t) * ways + way)


def _exact(cells: Floats, tiles: Floats, which: NDArray[np.int64], price: Floats | None, bound: Floats) -> Candidates:
    """Costs without the rounding of the blocked search, sorted by them and then by tile."""
    ways = tiles.shape[1]
    cost = np.full(which.shape, np.inf, np.float32)
    step = max(1, (BLOCK_VALUES * 4) // (which.shape[1] * cells.shape[1]))
    for start in range(0, len(cells), step):
        chosen = which[start : start + step]
        there = chosen >= 0
        tile, way = np.divmod(np.maximum(chosen, 0), ways)
        values = ((tiles[tile, way] - cells[start : start + step, None]) ** 2).sum(axis=2)
        cost[start : start + step] = np.where(there, values, np.inf)
    release(tiles)
    tile, way = np.divmod(which, ways)
    tile[which < 0] = -1
    paid = cost + (price[np.maximum(tile, 0)] if price is not None else 0)
    order = np.lexsort((tile, paid), axis=1)
    cost, tile, way = (np.take_along_axis(values, order, axis=1) for values in (cost, tile, way))
    # What was left out was compared with rounding; the bound allows for that.
    slack = np.float32(2e-6) * (1 + np.einsum("ij,ij->i", cells, cells))
    return Candidates(tile.astype(np.int32), way.astype(np.int16), cost, bound - slack)
