"""Which tile goes to which cell: the methods, and the limits they keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.jit import kernel
from vertumnus.mosaic.match.auction import LISTED, auction
from vertumnus.mosaic.match.greedy import Chosen, Floats, Placer
from vertumnus.mosaic.match.importance import FAVOUR, VARIETY
from vertumnus.mosaic.match.search import Candidates, nearest

Method = Literal["optimal", "greedy", "even"]
APART = 2.0  # cells between equal tiles that do not touch
WANTED = 32  # cells that a tile used too little looks at
DITHERED = 160  # tiles each cell looks at when the residual is dithered
Progress = Callable[[int, int], None]


class Rules(NamedTuple):
    """How tiles are assigned.

    method         optimal: least total cost under the use limit; greedy: the cheapest pair first; even: no tile
                   twice more than another
    max_uses       of one tile; None for any number
    min_distance   between equal tiles, cells; 0 for none
    dither         carry what a tile lacks in colour on to the cells beside it; cell by cell, whatever the method
    """

    method: Method = "optimal"
    max_uses: int | None = None
    min_distance: float = 0.0
    dither: bool = False


class Colours(NamedTuple):
    """What dithering needs: mean colours of cells (N x 3) and tiles (M x ways x 3), and shares.

    weight   of colour in costs
    kept     share of a colour's residual that the tone leaves
    """

    cells: Floats
    tiles: Floats
    weight: float
    kept: float


class Wishes(NamedTuple):
    """What is asked of single tiles and cells, beside the rules for all.

    kinds        M, the same number for tiles that look alike: they keep `min_distance` as equal ones do
    importance   N, how much each cell matters, 0 to 1: its cost counts more, and repeats keep farther apart there
    pinned       the tile that a cell shows, by its number, whatever it costs
    """

    kinds: NDArray[np.int32] | None = None
    importance: NDArray[np.float32] | None = None
    pinned: Mapping[int, int] = {}


def check_rules(rules: Rules, cells: int, tiles: int) -> None:
    """Raises `VertumnusError` for rules that contradict themselves or that so many tiles cannot keep."""
    known = get_args(Method)
    if rules.method not in known:
        raise VertumnusError(
            f"`assign`: {rules.method!r} is not one of {', '.join(known)}{did_you_mean(rules.method, known)}"
        )
    if rules.max_uses is not None and rules.max_uses < 1:
        raise VertumnusError(f"`max_uses`: must be at least 1, not {rules.max_uses}")
    if not (math.isfinite(rules.min_distance) and rules.min_distance >= 0):
        raise VertumnusError(f"`min_distance`: must be a number not below 0, not {rules.min_distance}")
    if rules.method == "even" and (rules.min_distance > 1 or rules.dither):
        raise VertumnusError("`assign` even: does not go together with `min_distance` or `dither`")
    if rules.max_uses is not None and rules.max_uses * tiles < cells:
        used = "`unique`: {} tiles used once" if rules.max_uses == 1 else "`max_uses`: {} tiles used at most {} times"
        raise VertumnusError(
            f"{used.format(f'{tiles:,}', f'{rules.max_uses:,}')} cannot fill {cells:,} cells;"
            f" the smallest limit that works is `max_uses` {-(-cells // tiles):,}"
        )


def apart_by_itself(centres: NDArray[np.float64], tiles: int) -> bool:
    """Whether equal tiles can be kept from touching, `APART` cells, however tiles are assigned.

    There is always a tile left if there are as many as the most cells that lie that near to one, itself among them.
    """
    order = np.argsort(centres[:, 1], kind="stable")
    return int(_crowd(np.ascontiguousarray(centres[order]), APART - 1e-6, tiles)) <= tiles


@kernel
def _crowd(centres, distance, enough):
    """The most points that lie nearer to one than a distance, itself among them; points are sorted by y."""
    count = np.ones(len(centres), np.int64)
    for a in range(len(centres)):
        for b in range(a + 1, len(centres)):
            dx, dy = centres[b, 0] - centres[a, 0], centres[b, 1] - centres[a, 1]
            if dy >= distance:
                break
            if dx * dx + dy * dy < distance * distance:
                count[a] += 1
                count[b] += 1
        if count[a] > enough:
            break
    return count.max()


def assign(
    cells: Floats,
    tiles: Floats,
    centres: NDArray[np.float64],
    rules: Rules,
    colours: Colours | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    wishes: Wishes | None = None,
) -> tuple[Chosen, dict[str, Any]]:
    """Gives every cell a tile; returns the choice and what is to be reported about it.

    cells, tiles   features, see `vertumnus.mosaic.match.features`
    centres        N x 2, cells
    colours        needed for dithering
    seed           of the sample that first prices are worked out from
    wishes         for single tiles and cells; like tiles come nearer to each other where they must

    Raises `VertumnusError` if the rules cannot be kept.
    """
    count, total = len(cells), len(tiles)
    wishes = wishes or Wishes()
    check_rules(rules, count, total)
    uses = count if rules.max_uses is None else min(rules.max_uses, count)
    if rules.method == "optimal" and uses < count and rules.min_distance <= 1 and not rules.dither:
        listed = None  # the auction looks itself
    else:
        length = DITHERED if rules.dither else LISTED
        if uses >= count and not rules.dither and rules.method != "even":
            # Only what lies near a cell can take its tiles.
            length = min(LISTED, 4 * math.ceil(rules.min_distance) ** 2) if rules.min_distance > 1 else 1
        listed = nearest(cells, tiles, length, progress=progress)
    report: dict[str, Any] = {}
    bound = 0.0
    if listed is None:
        found = auction(cells, tiles, None, uses, seed=seed, progress=progress)
        bound, report["gap"] = found.bound, 0.0
        chosen = Chosen(found.tile, found.way, found.cost)
    elif rules.method == "even":
        chosen = assign_evenly(cells, tiles, listed, seed)
    else:
        chosen = _under_limits(cells, tiles, centres, rules, uses, listed, colours, seed, progress, wishes)
    if wishes.pinned:
        chosen = _with_pins(chosen, cells, tiles, centres, rules, uses, wishes)
    if wishes.importance is not None and not rules.dither:
        chosen = _favoured(chosen, cells, tiles, centres, rules, uses, wishes)
    if bound > 0:
        report["gap"] = max(0.0, float(chosen.cost.sum(dtype=np.float64)) / bound - 1)
    report |= {
        "cost": float(chosen.cost.sum(dtype=np.float64)),
        "mean_cost": float(chosen.cost.mean(dtype=np.float64)),
    }
    if rules.method == "optimal" and uses >= count and rules.min_distance <= 1 and not rules.dither:
        report["gap"] = 0.0
    return chosen, report | use_statistics(chosen.tile, centres, total)


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
        offers = nearest(asking, cells[givers, None], WANTED, -cost[givers])
        gain = offers.cost - cost[givers[np.maximum(offers.tile, 0)]]
        for place in np.argsort(gain, axis=None, kind="stable"):
            n, k = divmod(int(place), gain.shape[1])
            j, i = int(short[n // ways]), int(givers[offers.tile[n, k]])
            if used[j] < floor and used[tile[i]] > floor:
                used[tile[i]] -= 1
                used[j] += 1
                tile[i], way[i], cost[i] = j, n % ways, offers.cost[n, k]
    return Chosen(tile, way, cost)


def _with_pins(
    chosen: Chosen,
    cells: Floats,
    tiles: Floats,
    centres: NDArray[np.float64],
    rules: Rules,
    uses: int,
    wishes: Wishes,
) -> Chosen:
    """The choice with pinned tiles in their cells; what they are in the way of takes the best that is left."""
    where = np.array(sorted(wishes.pinned), np.int64)
    asked = np.array([wishes.pinned[cell] for cell in where.tolist()], np.int64)
    away = ((tiles[asked] - cells[where, None]) ** 2).sum(axis=2)
    way = away.argmin(axis=1)
    cost = np.take_along_axis(away, way[:, None], axis=1)
    limit = -(-len(cells) // len(tiles)) if rules.method == "even" else uses
    placer = Placer(centres, len(tiles), limit, rules.min_distance)
    own = Candidates(
        asked[:, None].astype(np.int32), way[:, None].astype(np.int16), cost.astype(np.float32), cost[:, 0]
    )
    placer.cheapest_first(where, own)
    if (placer.chosen.tile[where] < 0).any():
        raise VertumnusError(
            "`pin`: the limits on repeats do not allow that; raise `max_uses` or lower `min_distance`"
        )
    others = np.setdiff1d(np.arange(len(cells)), where)
    kept = Candidates(chosen.tile[:, None], chosen.way[:, None], chosen.cost[:, None], chosen.cost).of(others)
    placer.cheapest_first(others, kept)
    if not placer.fill(cells, tiles, LISTED):
        raise VertumnusError(
            "`pin`: what is left of the tiles cannot fill the other cells within the limits on repeats"
        )
    return placer.chosen


def _ever_less(rules: Rules, wishes: Wishes) -> list[tuple[float | NDArray[np.float64], NDArray[np.int32] | None]]:
    """How far apart repeats are kept, and what counts as one: farther where it matters and like tiles as well, then,
    where tiles are too few for that, what the rules ask for alone.
    """
    found: list[tuple[float | NDArray[np.float64], NDArray[np.int32] | None]] = [(rules.min_distance, None)]
    if rules.min_distance > 1:
        if wishes.kinds is not None:
            found.insert(0, (rules.min_distance, wishes.kinds))
        if wishes.importance is not None:
            found.insert(0, (rules.min_distance + VARIETY * wishes.importance.astype(np.float64), wishes.kinds))
    return found


def _favoured(
    chosen: Chosen,
    cells: Floats,
    tiles: Floats,
    centres: NDArray[np.float64],
    rules: Rules,
    uses: int,
    wishes: Wishes,
) -> Chosen:
    """The choice with tiles changed so that cells that matter have better ones, at the cost of others."""
    assert wishes.importance is not None
    weight = 1 + (FAVOUR - 1) * wishes.importance
    weight[list(wishes.pinned)] = -1
    limit = -(-len(cells) // len(tiles)) if rules.method == "even" else uses
    for distance, kinds in _ever_less(rules, wishes):  # the most of it that the choice keeps
        placer = Placer(centres, len(tiles), limit, distance, kinds)
        placer.hold(chosen)
        if (placer.chosen.tile >= 0).all():
            break
    placer.improve(nearest(cells, tiles, LISTED), cells, tiles, 0.0, weight, swaps=rules.method == "even")
    return placer.chosen


def _under_limits(
    cells: Floats,
    tiles: Floats,
    centres: NDArray[np.float64],
    rules: Rules,
    uses: int,
    listed: Candidates,
    colours: Colours | None,
    seed: int,
    progress: Progress | None,
    wishes: Wishes,
) -> Chosen:
    count, total = len(cells), len(tiles)
    everyone = np.arange(count)
    first = listed
    if rules.method == "optimal" and uses < count and not rules.dither:
        found = auction(cells, tiles, listed, uses, seed=seed, progress=progress)
        # Keep of the optimum what is far enough apart; the rest is repaired below.
        first = Candidates(found.tile[:, None], found.way[:, None], found.cost[:, None], listed.bound)
    for distance, kinds in _ever_less(rules, wishes):
        placer = Placer(centres, total, uses, distance, kinds)
        if rules.dither:
            assert colours is not None
            placer.dither(listed, colours.cells, colours.tiles, colours.weight, colours.kept, seed)
        else:
            placer.cheapest_first(everyone, first)
        if placer.fill(cells, tiles, listed.tile.shape[1]):
            return placer.chosen
    raise VertumnusError(_too_few(cells, tiles, centres, rules, uses, listed))


def _too_few(
    cells: Floats, tiles: Floats, centres: NDArray[np.float64], rules: Rules, uses: int, listed: Candidates
) -> str:
    """The sentence for tiles that cannot be kept apart, with a distance that can be kept."""
    works = 0
    widest = float(np.linalg.norm(np.ptp(centres, axis=0)))  # beyond it two equal tiles are always too near
    for distance in range(math.ceil(min(rules.min_distance, widest + 1)) - 1, 0, -1):
        placer = Placer(centres, len(tiles), uses, float(distance))
        placer.cheapest_first(np.arange(len(cells)), listed)
        if placer.fill(cells, tiles, listed.tile.shape[1]):
            works = distance
            break
    return (
        f"`min_distance`: {len(tiles):,} tiles are too few to keep equal ones {rules.min_distance:g} cells apart;"
        f" {works} works"
    )


def use_statistics(tile: NDArray[np.integer], centres: NDArray[np.float64], total: int) -> dict[str, Any]:
    """How tiles are used: tiles used, most uses of one, cells that repeat a tile, smallest distance of repeats."""
    used = np.bincount(tile, minlength=total)
    order = np.lexsort((centres[:, 0], centres[:, 1], tile))
    nearest_repeat = float(_nearest_repeat(tile[order], centres[order]))
    return {
        "tiles_used": int((used > 0).sum()),
        "most_uses": int(used.max()),
        "repeats": len(tile) - int((used > 0).sum()),
        "repeat_distance": round(nearest_repeat, 4) if math.isfinite(nearest_repeat) else None,
    }


@kernel
def _nearest_repeat(tile, centres):
    """The least distance of two points with the same tile; points are sorted by tile, then by y."""
    best = np.inf
    for a in range(len(tile)):
        for b in range(a + 1, len(tile)):
            dx, dy = centres[b, 0] - centres[a, 0], centres[b, 1] - centres[a, 1]
            if tile[b] != tile[a] or dy >= best:
                break
            best = min(best, np.sqrt(dx * dx + dy * dy))
    return best
