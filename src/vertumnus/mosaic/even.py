"""Least use: no tile is used twice more than another."""

from __future__ import annotations

import numpy as np

from vertumnus.mosaic.auction import auction
from vertumnus.mosaic.greedy import Chosen, Floats
from vertumnus.mosaic.search import Candidates, nearest

LISTED = 32  # cells that a neglected tile looks at


def assign_evenly(cells: Floats, tiles: Floats, candidates: Candidates, seed: int = 0) -> Chosen:
    """Uses every tile floor(N / M) or ceil(N / M) times, for N cells and M tiles.

    An optimal assignment with the upper limit; then each tile used too little takes over cells of tiles used more
    than the lower limit, those first where it costs least.
    """
    count, (total, ways, width) = len(cells), tiles.shape
    uses, floor = -(-count // total), count // total
    found = auction(cells, tiles, candidates, uses, seed=seed)
    tile, way, cost = found.tile.copy(), found.way.copy(), found.cost.copy()
    used = np.bincount(tile, minlength=total)
    while (short := np.flatnonzero(used < floor)).size:
        givers = np.flatnonzero(used[tile] > floor)
        asking = np.ascontiguousarray(tiles[short]).reshape(-1, width)
        offers = nearest(asking, cells[givers, None], LISTED, -cost[givers])
        gain = offers.cost - cost[givers[np.maximum(offers.tile, 0)]]
        for place in np.argsort(gain, axis=None, kind="stable"):
            n, k = divmod(int(place), gain.shape[1])
            j, i = int(short[n // ways]), int(givers[offers.tile[n, k]])
            if used[j] < floor and used[tile[i]] > floor:
                used[tile[i]] -= 1
                used[j] += 1
                tile[i], way[i], cost[i] = j, n % ways, offers.cost[n, k]
    return Chosen(tile, way, cost)
