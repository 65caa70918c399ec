"""Assigning tiles one pair at a time: cheapest first, or cell by cell with the residual dithered."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.mosaic.match.search import Candidates, nearest

Floats = NDArray[np.float32]
CHUNK = 1 << 22  # pairs looked at together
MOST_CARRIED = 0.3  # of perceptual colour: a residual is not carried further than tiles can make good
SWEEPS = 12
SHAKEN = 0.8  # share that the weights of error diffusion differ by at random
NEIGHBOURS = 1.6  # cells: residuals are carried this far


class Chosen(NamedTuple):
    """A tile, a way to show it and a cost for each cell; tile -1 where none was allowed."""

    tile: NDArray[np.int32]
    way: NDArray[np.int16]
    cost: Floats


class _State(NamedTuple):
    """What kernels know of a placement, and change: see `Placer`."""

    tile: NDArray[np.int32]
    way: NDArray[np.int16]
    cost: Floats
    centres: NDArray[np.float64]
    uses: int
    distance: Any
    used: NDArray[np.int32]
    last: NDArray[np.int32]
    before: NDArray[np.int32]
    around: Any
    like: Any


class Placer:
    """Keeps count of uses and distances while tiles are given to cells.

    centres    N x 2, cells
    uses       of one tile at most
    distance   between equal tiles at least, cells; one for all or N
    kinds      M, the same number for tiles that look alike and keep the distance, too; by default none do
    """

    def __init__(
        self,
        centres: NDArray[np.float64],
        total: int,
        uses: int,
        distance: float | NDArray[np.float64],
        kinds: NDArray[np.int32] | None = None,
    ) -> None:
        count = len(centres)
        self.chosen = Chosen(np.full(count, -1, np.int32), np.zeros(count, np.int16), np.zeros(count, np.float32))
        self.centres = np.ascontiguousarray(centres)
        far = np.broadcast_to(np.asarray(distance, np.float64), count) - 1e-9
        self.uses, self.distance = uses, (np.ascontiguousarray(far), float(far.max(initial=0.0)))
        self.used = np.zeros(total, np.int32)
        kinds = np.arange(total, dtype=np.int32) if kinds is None else kinds.astype(np.int32)
        self.like = (kinds, np.zeros(int(kinds.max(initial=0)) + 1, np.int32))  # of each tile, and uses of each kind
        self.last = np.full(len(self.like[1]), -1, np.int32)  # the cell that took one of a kind last ...
        self.before = np.full(count, -1, np.int32)  # ... and the one that took one of the same kind before it
        # Cells sorted by the unit square they lie in, where each square begins among them, and the squares' columns.
        origin = self.centres.min(axis=0)
        column, row = np.floor(self.centres - origin).astype(np.int64).T
        columns, rows = int(column.max()) + 1, int(row.max()) + 1
        square = row * columns + column
        order = np.argsort(square, kind="stable")
        self.around = (order, np.searchsorted(square[order], np.arange(rows * columns + 1)), columns, origin)

    def _state(self) -> _State:
        return _State(
            *self.chosen, self.centres, self.uses, self.distance, self.used, self.last, self.before,
            self.around, self.like,
        )  # fmt: skip

    def cheapest_first(self, cells: NDArray[np.integer], candidates: Candidates) -> None:
        """Gives the cells listed what their candidates allow, the cheapest pair of all first."""
        width = candidates.tile.shape[1]
        order = np.argsort(candidates.cost, axis=None, kind="stable")
        order = order[np.isfinite(candidates.cost.ravel()[order])]
        _pairs(order, width, cells.astype(np.int64), candidates.tile, candidates.way, candidates.cost, self._state())

    def fill(self, features: Floats, tiles: Floats, length: int) -> bool:
        """Gives every cell left the best tile still allowed, looking at ever more tiles; False if there is none."""
        total = len(tiles)
        while (left := np.flatnonzero(self.chosen.tile < 0)).size:
            price = np.where(self.used >= self.uses, np.float32(np.inf), np.float32(0)).astype(np.float32)
            step = max(1, CHUNK // length)
            for start in range(0, len(left), step):
                some = left[start : start + step]
                self.cheapest_first(some, nearest(features[some], tiles, length, price))
            if length >= total and not (self.chosen.tile[left] >= 0).any():
                return False
            length = min(4 * length, total)
        return True

    def hold(self, chosen: Chosen) -> None:
        """Gives every cell what it had before."""
        count = len(chosen.tile)
        _pairs(
            np.arange(count), 1, np.arange(count), chosen.tile[:, None], chosen.way[:, None], chosen.cost[:, None],
            self._state(),
        )  # fmt: skip

    def improve(
        self,
        candidates: Candidates,
        features: Floats,
        tiles: Floats,
        threshold: float,
        weight: Floats | None = None,
        swaps: bool = False,
    ) -> None:
        """Changes the tiles of cells that gain more than ``threshold`` by it, the greatest gain first.

        A cell takes a tile that is allowed to it as things are, or where its uses are spent changes tiles with a
        cell that has it, if the two together gain twice as much. Again, until nothing changes or `SWEEPS` are over.

        weight   N, what each cell's cost counts; below 0 for one that keeps its tile. By default all count the same
        swaps    cells only change tiles with each other
        """
        weight = np.ones(len(features), np.float32) if weight is None else weight.astype(np.float32)
        state = self._state()
        if swaps:
            state = state._replace(uses=0)  # as if all were spent
        for _ in range(SWEEPS):
            gain = (self.chosen.cost - candidates.cost[:, 0]) * weight
            order = np.argsort(-gain, kind="stable")
            order = order[(gain[order] > threshold) & (weight[order] >= 0) & (self.chosen.tile[order] >= 0)]
            if not _improve(
                order, candidates.tile, candidates.way, candidates.cost, features, tiles, threshold, weight, state
            ):
                break

    def dither(
        self,
        candidates: Candidates,
        cell_colour: Floats,
        tile_colour: Floats,
        weight: float,
        kept: float,
        seed: int = 0,
    ) -> None:
        """Cell by cell, row by row to and fro from the top left; what a tile lacks in mean colour is asked of the
        cells beside it.

        cell_colour   N x 3 mean colour of each cell
        tile_colour   M x ways x 3
        weight        of colour in costs
        kept          share of a residual that the tone leaves

        Error diffusion (Floyd and Steinberg, 1976) with the weights of any grid's neighbours: one over their
        squared distance, among the cells still to come. Rows go to and fro, and the weights differ at random
        (Ulichney, "Digital Halftoning", 1987, section 8.3), so that errors do not line up as worms and checkerboards;
        what is asked for is never a colour beyond those that tiles have, or what cannot be had would be carried on.
        """
        from scipy.spatial import cKDTree

        _, row = np.unique(np.round(self.centres[:, 1], 6), return_inverse=True)
        order = np.lexsort((np.where(row % 2 == 0, 1, -1) * self.centres[:, 0], row))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        pairs = cKDTree(self.centres).query_pairs(NEIGHBOURS, output_type="ndarray")
        first = np.where(place[pairs[:, 0]] < place[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
        second = pairs.sum(axis=1) - first
        sort = np.lexsort((place[second], first))
        first, second = first[sort], second[sort]
        start = np.searchsorted(first, np.arange(len(order) + 1))
        share = 1 / ((self.centres[first] - self.centres[second]) ** 2).sum(axis=1)
        share *= np.random.default_rng(seed).uniform(1 - SHAKEN, 1 + SHAKEN, len(share))
        ends = np.stack([tile_colour.min(axis=(0, 1)), tile_colour.max(axis=(0, 1))]).astype(np.float32)
        colours = tile_colour[np.maximum(candidates.tile, 0), candidates.way]
        _dither(
            order, start, second, share, candidates.tile, candidates.way, candidates.cost,
            np.ascontiguousarray(cell_colour, np.float32), np.ascontiguousarray(colours, np.float32),
            weight, kept, ends, self._state(),
        )  # fmt: skip


@kernel
def _allowed(i, j, state):
    return state.used[j] < state.uses and _apart(i, j, i, state)


@kernel
def _apart(i, j, but, state):
    """Whether no cell but one has tile j, or one like it, too near to cell i: looks at those that have, or at those
    around.
    """
    tile, centres, distance = state.tile, state.centres, state.distance
    if distance[1] <= 0:
        return True
    order, start, columns, origin = state.around
    kinds, crowd = state.like
    kind = kinds[j]
    reach = int(np.ceil(distance[1]))
    if crowd[kind] > (2 * reach + 1) ** 2:
        x, y = int(centres[i, 0] - origin[0]), int(centres[i, 1] - origin[1])
        rows = (len(start) - 1) // columns
        for v in range(max(y - reach, 0), min(y + reach + 1, rows)):
            first, end = v * columns + max(x - reach, 0), v * columns + min(x + reach + 1, columns)
            for n in range(start[first], start[end]):
                other = order[n]
                if (
                    tile[other] >= 0
                    and kinds[tile[other]] == kind
                    and other != but
                    and _near(i, other, centres, distance)
                ):
                    return False
        return True
    other = state.last[kind]
    while other >= 0:
        if other != but and _near(i, other, centres, distance):
            return False
        other = state.before[other]
    return True


@kernel
def _near(i, other, centres, distance):
    dx, dy = centres[i, 0] - centres[other, 0], centres[i, 1] - centres[other, 1]
    far = max(distance[0][i], distance[0][other])
    return dx * dx + dy * dy < far * far if far > 0 else False


@kernel
def _give(i, j, w, c, state):
    state.tile[i], state.way[i], state.cost[i] = j, w, c
    state.used[j] += 1
    kinds, crowd = state.like
    kind = kinds[j]
    crowd[kind] += 1
    state.before[i] = state.last[kind]
    state.last[kind] = i


@kernel
def _take_back(i, state):
    last, before = state.last, state.before
    j = state.tile[i]
    state.used[j] -= 1
    kinds, crowd = state.like
    kind = kinds[j]
    crowd[kind] -= 1
    if last[kind] == i:
        last[kind] = before[i]
        return
    other = last[kind]
    while before[other] != i:
        other = before[other]
    before[other] = before[i]


@kernel
def _improve(order, listed, ways, costs, features, tiles, threshold, weight, state):
    tile, cost, before = state.tile, state.cost, state.before
    changes = 0
    for i in order:
        for k in range(listed.shape[1]):
            j, c = listed[i, k], costs[i, k]
            if j < 0 or cost[i] - c <= threshold:
                break
            old = tile[i]
            if j == old or _allowed(i, j, state):
                _take_back(i, state)
                _give(i, j, ways[i, k], c, state)
                changes += 1
                break
            other = state.last[state.like[0][j]] if state.used[j] >= state.uses else -1
            while other >= 0:
                if tile[other] != j or weight[other] < 0:
                    other = before[other]
                    continue
                away, w = _least(features[other], tiles[old])
                gain = weight[i] * (cost[i] - c) + weight[other] * (cost[other] - away)
                if gain > 2 * threshold and _apart(i, j, other, state) and _apart(other, old, i, state):
                    _take_back(i, state)
                    _take_back(other, state)
                    _give(i, j, ways[i, k], c, state)
                    _give(other, old, w, away, state)
                    break
                other = before[other]
            if tile[i] != old:
                changes += 1
                break
    return changes


@kernel
def _least(cell, tile):
    """The least cost of a tile for a cell, and how it is shown then."""
    best, way = np.float32(np.inf), 0
    for w in range(tile.shape[0]):
        away = np.float32(0)
        for k in range(len(cell)):
            d = cell[k] - tile[w, k]
            away += d * d
        if away < best:
            best, way = away, w
    return best, way


@kernel
def _pairs(order, width, cells, listed, ways, costs, state):
    for place in order:
        n, k = place // width, place % width
        i, j = cells[n], listed[n, k]
        if state.tile[i] >= 0 or j < 0:
            continue
        if _allowed(i, j, state):
            _give(i, j, ways[n, k], costs[n, k], state)


@kernel
def _dither(
    order, start, beside, share, listed, ways, costs, wanted, colours, weight, kept, ends, state
):  # fmt: skip
    carried = np.zeros((len(order), 3), np.float32)
    for i in order:
        for c in range(3):
            least, most = min(ends[0, c] - wanted[i, c], np.float32(0)), max(ends[1, c] - wanted[i, c], np.float32(0))
            least, most = max(least, np.float32(-MOST_CARRIED)), min(most, np.float32(MOST_CARRIED))
            carried[i, c] = min(max(carried[i, c], least), most)
        best, at = np.inf, -1
        for k in range(listed.shape[1]):
            j = listed[i, k]
            if j < 0:
                break
            # |f + e - t|^2 of features whose colours are all moved by e
            value = float(costs[i, k])
            for c in range(3):
                e = carried[i, c]
                value += weight * (2 * e * (wanted[i, c] - colours[i, k, c]) + e * e)
            if value < best and _allowed(i, j, state):
                best, at = value, k
        if at < 0:
            continue
        _give(i, listed[i, at], ways[i, at], costs[i, at], state)
        total = share[start[i] : start[i + 1]].sum()
        for n in range(start[i], start[i + 1]):
            for c in range(3):
                lack = (wanted[i, c] + carried[i, c] - colours[i, at, c]) * kept
                carried[beside[n], c] += np.float32(lack * share[n] / total)
