"""Optimal assignment of tiles to cells, each tile at most m times, without a matrix of all pairs.

The auction algorithm for transportation problems (Bertsekas and Castanon, "The auction algorithm for the
transportation problem", 1989): cells bid for tiles, a tile keeps its m highest bidders, and a tile's price is the
lowest bid it holds. Each cell looks at its list of nearest tiles only; since prices never fall, a tile outside the
list can be ignored as long as its cost alone is above what the list offers, and when it is not, the list is made
anew with the prices of the day. So what is left out never matters.

The prices prove how good the result is: the sum over cells of min_j (c_ij + p_j), less m times the sum of prices, is
a lower bound of the cost of any assignment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.mosaic.match.search import Candidates, nearest

Floats = NDArray[np.float32]
GAP = 0.02  # what is proved at least, of the total cost; what is reached is some five times better
SPARE = 0.5  # places to spare, of the number of cells, beyond which there is little to compete for
FIRST_STEP = 1.25  # of a bid, over the gap aimed at for one cell
FALL = 5.0  # steps shrink by this from phase to phase
LEAST_STEP = 1e-9
LISTED = 48  # tiles each cell looks at
FRESH = 96  # length of the lists made anew
EARLY = 16  # features that tell most of a distance
SMALL = 256  # problems that need no help to begin
Progress = Callable[[int, int], None]


class Auctioned(NamedTuple):
    """An assignment and its proof.

    tile, way, cost   N
    price   M
    bound   no assignment costs less than this
    """

    tile: NDArray[np.int32]
    way: NDArray[np.int16]
    cost: Floats
    price: NDArray[np.float64]
    bound: float


def auction(
    cells: Floats,
    tiles: Floats,
    candidates: Candidates | None,
    uses: int,
    gap: float = GAP,
    seed: int = 0,
    progress: Progress | None = None,
    turned: bool = False,
) -> Auctioned:
    """Assigns a tile to each cell, each tile at most ``uses`` times, at a cost within ``gap`` of the least.

    cells, tiles   features, as for `nearest`
    candidates     each cell's nearest tiles; None to look for them where they are needed
    progress       called with (cells that have a tile, cells)
    turned         the features are turned already, see `_rotated`

    There must be room: ``uses`` times the tiles not less than the cells.
    """
    count, total = len(cells), tiles.shape[0]
    uses = min(uses, count)
    spare = uses * total - count
    if spare > SPARE * count:
        # A tile nobody wants must stay free of charge, so there is one phase, from zero prices.
        candidates = candidates or nearest(cells, tiles, LISTED)
        step = max(gap * float(candidates.cost[:, 0].mean(dtype=np.float64)), LEAST_STEP)
        lists, state = _Lists(candidates, cells, tiles), _State(count, 0, np.zeros(total), uses)
        _run(state, lists, step, progress)
        return state.result(lists)
    # Spare places are taken by as many cells that any tile suits at no cost. Then every place is needed, prices may
    # begin anywhere, and steps can shrink from phase to phase.
    if not turned:
        cells, tiles = _rotated(cells, tiles)
    price, mean = _first_prices(cells, tiles, uses, gap, seed)
    step = max(FIRST_STEP * gap * (mean or float(nearest(cells, tiles, LISTED).cost.mean())), LEAST_STEP)
    lists = _Lists(nearest(cells, tiles, FRESH, price.astype(np.float32)), cells, tiles, near=True)
    while True:
        state = _State(count, spare, price, uses)
        _run(state, lists, step, progress)
        found = state.result(lists)
        cost = float(found.cost.sum(dtype=np.float64))
        if cost - found.bound <= gap * max(found.bound, 0.0) or step <= LEAST_STEP:
            return found
        step = max(step / FALL, LEAST_STEP)
        price = state.price


def _rotated(cells: Floats, tiles: Floats) -> tuple[Floats, Floats]:
    """Features turned so that the first few differ most: distances are the same, and most can be told early."""
    flat = np.ascontiguousarray(tiles, np.float32).reshape(-1, tiles.shape[2])
    middle = flat.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((flat - middle).T.astype(np.float64), bias=True).reshape(flat.shape[1], -1))
    turn = axes[:, ::-1].astype(np.float32)
    return (cells - middle) @ turn, ((flat - middle) @ turn).reshape(tiles.shape)


def _first_prices(
    cells: Floats, tiles: Floats, uses: int, gap: float, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Prices to begin with, those of a quarter of the problem carried over to all tiles; and the mean cost there.

    With u the least cost plus price of each cell of the quarter, p_j = max_i (u_i - c_ij) is the least price at which
    no such cell would rather have tile j: the c-transform of optimal transport.
    """
    count, total = len(cells), tiles.shape[0]
    if min(count, total) < SMALL:
        return np.zeros(total), 0.0
    rng = np.random.default_rng(seed)
    some_tiles = np.sort(rng.choice(total, total // 4, replace=False))
    some_cells = np.sort(rng.choice(count, len(some_tiles) * count // total, replace=False))
    part, few = cells[some_cells], np.asarray(tiles[some_tiles])
    solved = auction(part, few, nearest(part, few, LISTED), uses, gap, seed, turned=True)
    least = solved.cost + solved.price[solved.tile]
    ways = tiles.shape[1]
    turned = nearest(tiles.reshape(total * ways, -1), part[:, None], 1, -least.astype(np.float32))
    value = turned.cost[:, 0] - least[turned.tile[:, 0]]
    return -value.reshape(total, ways).min(axis=1), float(solved.cost.mean())


class _State:
    """Who holds what. Cells from ``count`` on take spare places."""

    def __init__(self, count: int, spare: int, price: NDArray[np.float64], uses: int) -> None:
        self.tile = np.full(count + spare, -1, np.int32)
        self.way = np.zeros(count + spare, np.int16)
        self.cost = np.zeros(count + spare, np.float32)
        self.held = np.repeat(price[:, None], uses, axis=1)  # what each holder bid, lowest first
        self.owner = np.full((len(price), uses), -1, np.int32)
        self.price = price.copy()
        self.count = count

    def result(self, lists: _Lists) -> Auctioned:
        """The assignment and what its prices prove."""
        n = self.count
        bound = float(_least(lists.tile, lists.cost, lists.bound, self.price))
        bound += (len(self.tile) - n) * float(self.price.min()) - self.held.shape[1] * float(self.price.sum())
        cost = float(self.cost[:n].sum(dtype=np.float64))
        return Auctioned(self.tile[:n], self.way[:n], self.cost[:n], self.price, min(bound, cost))


class _Lists:
    """Each cell's tiles; those of cells that need it are made anew now and then."""

    def __init__(self, candidates: Candidates, cells: Floats, tiles: Floats, near: bool = False) -> None:
        self.cells, self.tiles = cells, tiles
        # Whether one cell's list can be made anew at once; else it waits until others need that too.
        self.at_hand = tiles if near else np.zeros((0, *tiles.shape[1:]), np.float32)
        length = max(candidates.tile.shape[1], min(FRESH, tiles.shape[0]))
        pad = ((0, 0), (0, length - candidates.tile.shape[1]))
        self.tile = np.pad(candidates.tile, pad, constant_values=-1)
        self.way = np.pad(candidates.way, pad)
        self.cost = np.pad(candidates.cost, pad, constant_values=np.inf)
        self.bound = candidates.bound.astype(np.float64)

    def renew(self, chosen: NDArray[np.int32], price: NDArray[np.float64]) -> None:
        """Lists of the tiles that are best at today's prices."""
        fresh = nearest(self.cells[chosen], self.tiles, self.tile.shape[1], price.astype(np.float32))
        wide = fresh.tile.shape[1]
        self.tile[chosen, :wide], self.way[chosen, :wide] = fresh.tile, fresh.way
        # The best one counts even among equals, or a cell might wait for ever.
        best = fresh.cost[:, 0] + price[fresh.tile[:, 0]]
        self.cost[chosen, :wide], self.bound[chosen] = fresh.cost, np.maximum(fresh.bound, best)


def _run(state: _State, lists: _Lists, step: float, progress: Progress | None) -> None:
    waiting = np.arange(len(state.tile), dtype=np.int32)
    while len(waiting):
        waiting = _bid(
            waiting, lists.tile, lists.way, lists.cost, lists.bound, lists.cells, lists.at_hand, step,
            state.tile, state.way, state.cost, state.held, state.owner, state.price,
        )  # fmt: skip
        if progress is not None:
            progress(len(state.tile) - len(waiting), len(state.tile))
        if len(waiting):
            lists.renew(waiting, state.price)


@kernel
def _least(tile, cost, bound, price):
    """The sum over cells of the least cost plus price of any tile, listed or not."""
    total = 0.0
    for i in range(len(bound)):
        best = bound[i]
        for n in range(tile.shape[1]):
            if tile[i, n] >= 0:
                best = min(best, cost[i, n] + price[tile[i, n]])
        total += best
    return total


@kernel
def _bid(waiting, listed, ways, costs, bound, cells, features, step, tile, way, cost, held, owner, price):
    """Lets cells bid until all have a tile or need a new list; returns those that need one."""
    queue = np.empty(len(tile) + len(waiting), np.int32)
    queue[: len(waiting)] = waiting[::-1]
    size = len(waiting)
    stuck = np.empty(len(listed), np.int32)
    stopped = 0
    while size > 0:
        size -= 1
        i = queue[size]
        best, second, at = np.inf, np.inf, -1
        if i >= len(listed):
            for j in range(len(price)):
                if price[j] < best:
                    second = best
                    best, at = price[j], j
                elif price[j] < second:
                    second = price[j]
            if second == np.inf:
                second = best
            size = _take(at, second + step, i, tile, held, owner, price, queue, size)
            continue
        best, second, at = _look(i, listed, costs, price)
        if at < 0 or best > bound[i]:
            if len(features) == 0:
                stuck[stopped] = i
                stopped += 1
                continue
            bound[i] = _list_anew(cells[i], features, price, listed[i], ways[i], costs[i])
            best, second, at = _look(i, listed, costs, price)
            bound[i] = max(bound[i], best)
        second = min(second, bound[i])
        if second == np.inf:  # one tile in all
            second = best
        j = listed[i, at]
        size = _take(j, price[j] + (second - best) + step, i, tile, held, owner, price, queue, size)
        way[i], cost[i] = ways[i, at], costs[i, at]
    return np.sort(stuck[:stopped])


@kernel
def _look(i, listed, costs, price):
    """The least and second least cost plus price on a cell's list, and where the least stands."""
    best, second, at = np.inf, np.inf, -1
    for n in range(listed.shape[1]):
        j = listed[i, n]
        if j < 0:
            break
        value = costs[i, n] + price[j]
        if value < best:
            second = best
            best, at = value, n
        elif value < second:
            second = value
    return best, second, at


@kernel
def _list_anew(cell, features, price, listed, ways, costs):
    """Fills a cell's list with the tiles that are best at today's prices; returns the last one's value."""
    length = len(listed)
    total, variants, width = features.shape
    value = np.full(length, np.inf)
    worst = -np.inf
    for n in range(length):  # the list as it was tells how good its last one is at most
        worst = max(worst, costs[n] + price[listed[n]] if listed[n] >= 0 else np.inf)
    worst += 1e-6 + 1e-5 * abs(worst)
    for j in range(total):
        for w in range(variants):
            away = np.float32(0)
            for k in range(min(EARLY, width)):
                d = cell[k] - features[j, w, k]
                away += d * d
            if away + price[j] >= worst:
                continue
            for k in range(EARLY, width):
                d = cell[k] - features[j, w, k]
                away += d * d
            paid = away + price[j]
            if paid >= worst:
                continue
            at = length - 1
            if variants > 1:
                for n in range(length):  # another way to show the same tile
                    if value[n] == np.inf:
                        break
                    if listed[n] == j:
                        at = n if paid < value[n] else -1
                        break
            if at < 0:
                continue
            while at > 0 and value[at - 1] > paid:
                value[at], listed[at], ways[at], costs[at] = (
                    value[at - 1],
                    listed[at - 1],
                    ways[at - 1],
                    costs[at - 1],
                )
                at -= 1
            value[at], listed[at], ways[at], costs[at] = paid, j, w, away
            worst = min(worst, value[length - 1])
    for n in range(length):
        if value[n] == np.inf:
            listed[n], costs[n] = -1, np.inf
    return value[length - 1]


@kernel
def _take(j, paid, i, tile, held, owner, price, queue, size):
    """Gives cell i a place at tile j; the lowest bidder there waits again."""
    evicted = owner[j, 0]
    if evicted >= 0:
        tile[evicted] = -1
        queue[size] = evicted
        size += 1
    n = 0
    while n + 1 < held.shape[1] and held[j, n + 1] < paid:
        held[j, n] = held[j, n + 1]
        owner[j, n] = owner[j, n + 1]
        n += 1
    held[j, n], owner[j, n] = paid, i
    price[j] = held[j, 0]
    tile[i] = j
    return size
