"""Mosaics of moving pictures: a cell keeps its tile until another is clearly better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.collage import Cells
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.assign import assign, use_statistics
from vertumnus.mosaic.match.auction import LISTED
from vertumnus.mosaic.match.greedy import Chosen, Placer
from vertumnus.mosaic.match.search import nearest
from vertumnus.mosaic.mosaic import MosaicMaker
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
) -> Iterator[Step]:
    """Mosaics of frames, one after the other.

    coherence   a cell changes its tile only if that lowers its cost by more than this share of the first frame's
                mean cost; 0 changes whenever it helps

    Use limits and distances hold in every frame. Raises `VertumnusError` for frames of different sizes.
    """
    maker: MosaicMaker | None = None
    before: Chosen | None = None
    threshold = 0.0
    for number, frame in enumerate(frames):
        if maker is None:
            maker = MosaicMaker(library, frame.size, str(where), options, seed)
        elif frame.size != maker.size:
            raise VertumnusError(
                f"{where}: frame {number + 1} is {frame.width} x {frame.height} pixels, the first is"
                f" {maker.size[0]} x {maker.size[1]}"
            )
        grid, cells, small = maker.see(frame)
        tiles = maker.features()
        if before is None:
            chosen, report = assign(cells, tiles, grid.centres, maker.rules._replace(dither=False), seed=seed)
            threshold = coherence * float(chosen.cost.mean())
            changed = len(grid)
        else:
            chosen = _next(before, cells, tiles, grid.centres, maker, threshold)
            report = use_statistics(chosen.tile, grid.centres, len(tiles))
            changed = int(((chosen.tile != before.tile) | (chosen.way != before.way)).sum())
        before = chosen
        report["changed"] = changed
        yield Step(maker.cells(chosen.tile, chosen.way, chosen.cost, report), small, changed)


def _next(
    before: Chosen, cells: np.ndarray, tiles: np.ndarray, centres: np.ndarray, maker: MosaicMaker, threshold: float
) -> Chosen:
    """The tiles of the next frame: those before, except where a change gains enough and breaks no limit."""
    rules = maker.rules
    count = len(cells)
    kept = ((tiles[before.tile, before.way] - cells) ** 2).sum(axis=1).astype(np.float32)
    uses = count if rules.max_uses is None else min(rules.max_uses, count)
    if rules.method == "even":
        uses = -(-count // len(tiles))
    placer = Placer(centres, len(tiles), uses, rules.min_distance)
    placer.hold(Chosen(before.tile, before.way, kept))
    placer.improve(nearest(cells, tiles, LISTED), cells, tiles, threshold)
    return placer.chosen
