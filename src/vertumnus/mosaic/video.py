"""Mosaics of moving pictures: a cell keeps its tile until another is clearly better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.collage import Cells
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.assign import assign, use_statistics
from vertumnus.mosaic.match.auction import LISTED
from vertumnus.mosaic.match.greedy import Chosen, Placer
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.search import nearest
from vertumnus.mosaic.mosaic import MosaicMaker
from vertumnus.mosaic.motion import Eye, Lattice, carried, laid_anew
from vertumnus.mosaic.options import MosaicOptions

COHERENCE = 0.5


class Step(NamedTuple):
    """What a frame's cells show, the frame as it is looked at, and how many cells show another tile than before."""

    cells: Cells
    frame: Image.Image
    changed: int


def follow(
    frames: Iterable[Image.Image],
    library: TileLibrary,
    where: Path,
    options: MosaicOptions,
    coherence: float = COHERENCE,
    seed: int = 0,
    pan: bool = True,
) -> Iterator[Step]:
    """Mosaics of frames, one after the other.

    coherence   a cell changes its tile only if that lowers its cost by more than this share of the first frame's
                mean cost; 0 changes whenever it helps
    pan         where the whole picture moves or grows, cells go with it and keep their tiles; grids of rectangles
                alone. Cells that have become half as large again, in area twice or half, are laid anew

    Use limits and distances hold in every frame. Raises `VertumnusError` for frames of different sizes.
    """
    maker: MosaicMaker | None = None
    before: Chosen | None = None
    threshold = 0.0
    eye = Eye()
    lattice: Lattice | None = None
    keys = np.empty((0, 2), np.int64)
    for number, frame in enumerate(frames):
        if maker is None:
            maker = MosaicMaker(library, frame.size, str(where), options, seed)
        elif frame.size != maker.size:
            raise VertumnusError(
                f"{where}: frame {number + 1} is {frame.width} x {frame.height} pixels, the first is"
                f" {maker.size[0]} x {maker.size[1]}"
            )
        moved: Grid | None = None
        if pan and maker.moves:
            motion = eye.moved(frame)
            if before is not None and lattice is not None:
                went = lattice.moved(motion)
                shown = went.shown(*maker.size)
                lasts = went.lasts(maker.lattice) and len(shown.grid) <= maker.room
                lattice = went if lasts else maker.lattice
                if not lasts:
                    shown = lattice.shown(*maker.size)
                before = _carried(before, carried(keys, shown.keys) if lasts else laid_anew(went, keys, shown.grid))
                keys = shown.keys
                moved = shown.grid if lattice != maker.lattice else None
        grid, cells, small = maker.see(frame, moved)
        if pan and maker.moves and lattice is None:
            lattice = maker.lattice
            keys = lattice.shown(*maker.size).keys
        tiles = maker.features()
        if before is None:
            rules = maker.rules._replace(dither=False)
            chosen, report = assign(cells, tiles, grid.centres, rules, seed=seed, wishes=maker.wishes)
            threshold = coherence * float(chosen.cost.mean())
            changed = len(grid)
        else:
            chosen = _next(before, cells, tiles, grid.centres, maker, threshold)
            report = use_statistics(chosen.tile, grid.centres, len(tiles))
            changed = int(((chosen.tile != before.tile) | (chosen.way != before.way)).sum())
        before = chosen
        report["changed"] = changed
        yield Step(maker.cells(chosen.tile, chosen.way, chosen.cost, report, moved), small, changed)


def _carried(before: Chosen, at: NDArray[np.intp]) -> Chosen:
    """What cells showed where they were in the frame before; nothing for those that have come into sight."""
    new = at < 0
    tile, way, cost = before.tile[at], before.way[at], before.cost[at]
    tile[new], way[new], cost[new] = -1, 0, 0.0
    return Chosen(tile, way, cost)


def _next(
    before: Chosen, cells: np.ndarray, tiles: np.ndarray, centres: np.ndarray, maker: MosaicMaker, threshold: float
) -> Chosen:
    """The tiles of the next frame: those before, except where a change gains enough and breaks no limit."""
    rules = maker.rules
    count = len(cells)
    known = before.tile >= 0
    kept = (((tiles[before.tile, before.way] - cells) ** 2).sum(axis=1) * known).astype(np.float32)
    uses = count if rules.max_uses is None else min(rules.max_uses, count)
    if rules.method == "even":
        uses = -(-count // len(tiles))
    placer = Placer(centres, len(tiles), uses, rules.min_distance)
    placer.hold(Chosen(before.tile, before.way, kept))
    listed = nearest(cells, tiles, LISTED)
    placer.improve(listed, cells, tiles, threshold)
    if (placer.chosen.tile < 0).any():
        new = np.flatnonzero(placer.chosen.tile < 0)
        placer.cheapest_first(new, listed.of(new))
        if not placer.fill(cells, tiles, LISTED):
            return assign(cells, tiles, centres, rules._replace(dither=False))[0]
    return placer.chosen
