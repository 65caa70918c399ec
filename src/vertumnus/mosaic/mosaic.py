"""Rebuilding a picture from tiles: grid, features, assignment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.index import IndexReport, update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.assign import APART, Colours, Rules, apart_by_itself, assign, check_rules
from vertumnus.mosaic.match.crops import Variant, crop_boxes, variants
from vertumnus.mosaic.match.features import (
    FeatureSpec,
    Floats,
    cell_features,
    cell_shares,
    mean_colours,
    tile_features,
)
from vertumnus.mosaic.match.grid import Grid, adaptive_grid, count_grid, level_grid, regular_grid
from vertumnus.mosaic.match.reference import check_resolution, linear_light, read_reference, shrink_reference
from vertumnus.mosaic.match.tone import Tone
from vertumnus.mosaic.options import DEFAULT_COUNT, MosaicOptions
from vertumnus.mosaic.plan import Plan, Source
from vertumnus.mosaic.workers import Workers

Watch = Callable[[str, int, int], None]


def make_mosaic(
    reference: str | Path,
    tiles: Sequence[str | Path],
    *,
    seed: int = 0,
    index: str | Path | None = None,
    options: MosaicOptions | None = None,
    workers: Workers | None = None,
    watch: Watch | None = None,
    indexed: Callable[[IndexReport], None] | None = None,
    **more: Any,
) -> Plan:
    """Chooses a tile for every cell of a picture.

    reference   the picture to rebuild
    tiles       folders of pictures, indexed first where that is needed; a single file is toned to every cell
    seed        the same input, options and seed give the same mosaic
    index       where the indexes of folders lie: the user's cache, or a folder, or "beside" for inside each
    options     a `MosaicOptions`, or its fields by name
    workers     what reads pictures; threads of this machine by default
    watch       called with (what is going on, done, all)
    indexed     called with the report of each folder's index

    Raises `VertumnusError` for input that cannot be used or rules that cannot be kept.
    """
    options = options or MosaicOptions(**more)
    path = Path(reference)
    image, notes = read_reference(path)
    for folder in tiles:
        report = update_index(folder, index=index, workers=workers, progress=_part(watch, "indexing"))
        if indexed is not None:
            indexed(report)
    library = TileLibrary(tiles, index)
    library.require()
    merged = library.without_duplicates() if options.merge_duplicates else 0
    maker = MosaicMaker(library, image.size, str(path), options, seed)
    plan = maker.plan(path, image, watch)
    plan.report |= {"tiles": len(library), "merged": merged, "notes": notes}
    return plan


class MosaicMaker:
    """What one reference and the next (of a film, say) share: the grid, and the tiles' features.

    size    width and height of the reference
    where   what to call it in an error
    """

    def __init__(
        self, library: TileLibrary, size: tuple[int, int], where: str, options: MosaicOptions, seed: int = 0
    ) -> None:
        self.library, self.size, self.where, self.options, self.seed = library, size, where, options, seed
        self.tone = Tone.parse(options.tone or ("mean-std" if len(library) == 1 else "none"))
        self.spec = FeatureSpec(options.subcells, options.space, options.colour, options.edges, options.mean)
        self.spec.check()
        self.ways = variants(options.crops, options.turns, options.flips)
        uses = 1 if options.unique else options.max_uses
        self.rules = Rules(options.assign, uses, options.min_distance or 0.0, options.dither)
        self.grid: Grid | None = None
        self._features: Floats | None = None

    def see(self, image: Image.Image) -> tuple[Grid, Floats, Image.Image]:
        """The grid, what each of its cells is compared by, and the reference at the size it is looked at."""
        grid = self._grid(image) if self.grid is None else self.grid
        if self.grid is None:
            check_resolution(grid, *self.size, self.where)
            unlimited = self.rules.max_uses is None and self.rules.method != "even"
            if self.options.min_distance is None and unlimited and apart_by_itself(grid.centres, len(self.library)):
                self.rules = self.rules._replace(min_distance=APART)
            check_rules(self.rules, len(grid), len(self.library))
            self.grid = grid
        small = shrink_reference(image, grid)
        return grid, cell_features(small, grid, self.spec), small

    def features(self) -> Floats:
        """The tiles' features."""
        assert self.grid is not None
        if self._features is None:
            self._features = tile_features(self.library, self.grid, self.spec, self.ways)
        return self._features

    def plan(self, reference: Path, image: Image.Image, watch: Watch | None = None) -> Plan:
        """The mosaic of one picture."""
        grid, cells, _ = self.see(image)
        tiles = self.features()
        colours = None
        if self.rules.dither:
            shares = cell_shares(grid, self.spec.side)
            kept = 1 - self.tone.amount if self.tone.method != "none" else 1.0
            colours = Colours(
                mean_colours(cells, self.spec, shares),
                mean_colours(tiles, self.spec, shares),
                self.spec.colour + self.spec.mean,
                kept,
            )
        chosen, report = assign(
            cells, tiles, grid.centres, self.rules, colours, self.seed, _part(watch, "assigning tiles")
        )
        return self.document(reference, chosen.tile, chosen.way, chosen.cost, report)

    def document(
        self, reference: Path, tile: np.ndarray, way: np.ndarray, cost: np.ndarray, report: dict[str, Any]
    ) -> Plan:
        """A plan of chosen tiles."""
        assert self.grid is not None
        used, index = np.unique(tile, return_inverse=True)
        sources = []
        for number in used.tolist():
            found = self.library.tile(number)
            sources.append(Source(found.path, found.digest, found.width, found.height, found.store))
        aspects = self.library.aspects[tile]
        crop = np.empty((len(tile), 4))
        for n, (place, turn, _) in enumerate(self.ways):
            here = way == n
            aspect = 1 / self.grid.aspect if turn % 2 else self.grid.aspect
            crop[here] = crop_boxes(aspects[here], aspect, place)
        ways = np.array([Variant(*w) for w in self.ways], np.int64)[way]
        return Plan(
            reference, self.grid, self.tone, sources, index.astype(np.int64), crop, ways[:, 1], ways[:, 2] == 1,
            cost.astype(np.float64), self.seed, self.options.model_dump(mode="json"), dict(report),
        )  # fmt: skip

    def _grid(self, image: Image.Image) -> Grid:
        options = self.options
        width, height = self.size
        if options.grid is not None:
            return regular_grid(width, height, *parse_grid(options.grid), options.cells)
        if options.level is not None:
            return level_grid(width, height, options.level, options.cells)
        count = options.count if options.count is not None else min(DEFAULT_COUNT, width * height)
        aspect = self._aspect()
        if not options.adaptive:
            return count_grid(width, height, count, aspect, options.cells)
        small = image.copy()
        small.thumbnail((2048, 2048), Image.Resampling.BOX)
        grid = adaptive_grid(linear_light(small), count, aspect)
        scale = np.array([width / grid.width, height / grid.height] * 2)
        return Grid(width, height, grid.boxes * scale)

    def _aspect(self) -> float:
        text = self.options.aspect
        if text is None:
            return 1.0
        if text == "pictures":
            return float(np.median(self.library.aspects))
        across, _, down = text.partition(":")
        try:
            aspect = float(across) / float(down or 1)
        except (ValueError, ZeroDivisionError):
            aspect = 0.0
        if not 0.1 <= aspect <= 10:
            raise VertumnusError(f"`aspect`: {text!r} is not an aspect; write 4:3, or pictures, from 1:10 to 10:1")
        return aspect


def parse_grid(text: str) -> tuple[int, int]:
    """Rows and columns of ``48x64``.

    Raises `VertumnusError` for anything else.
    """
    rows, cross, columns = text.lower().partition("x")
    try:
        return int(rows), int(columns if cross else "")
    except ValueError:
        raise VertumnusError(f"`grid`: {text!r} is not rows x columns; write 48x64") from None


def _part(watch: Watch | None, what: str) -> Callable[[int, int], None] | None:
    return None if watch is None else lambda done, total: watch(what, done, total)
