"""Rebuilding a picture from tiles: grid, features, assignment."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_SEED, check_whole
from vertumnus.mosaic.collage import Cells, canvas_size, make_collage
from vertumnus.mosaic.library.index import IndexReport, update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.match.assign import APART, Colours, Rules, Wishes, apart_by_itself, assign, check_rules
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
from vertumnus.mosaic.match.importance import DETAIL, cell_importance, importance_map
from vertumnus.mosaic.match.portraits import keep_faces
from vertumnus.mosaic.match.reference import check_resolution, linear_light, read_reference, shrink_reference
from vertumnus.mosaic.match.tone import Tone
from vertumnus.mosaic.motion import Lattice
from vertumnus.mosaic.options import DEFAULT_COUNT, MosaicKeywords, MosaicOptions
from vertumnus.mosaic.workers import Workers
from vertumnus.reading import read_file

if TYPE_CHECKING:
    from vertumnus.mosaic.match.deep import DeepFeatures

Watch = Callable[[str, int, int], None]


def make_mosaic(
    reference: str | Path,
    tiles: str | Path | Sequence[str | Path],
    *,
    size: str | int | tuple[int, int] | None = None,
    seed: int = 0,
    index: str | Path | None = None,
    options: MosaicOptions | None = None,
    workers: Workers | None = None,
    watch: Watch | None = None,
    indexed: Callable[[IndexReport], None] | None = None,
    **choices: Unpack[MosaicKeywords],
) -> Collage:
    """Chooses a tile for every cell of a picture; the mosaic is a collage with a layer for each cell.

    reference   the picture to rebuild
    tiles       folders of pictures, indexed first where that is needed; a single file is toned to every cell
    size        of the canvas in pixels: the longer side, or (width, height); about 64 pixels to a cell by default
    seed        the same input, options and seed give the same mosaic
    index       where the indexes of folders lie: the user's cache, or a folder, or "beside" for inside each
    options     a `MosaicOptions`; its fields can also be given by name
    workers     what reads pictures; threads of this machine by default
    watch       called with (what is going on, done, all)
    indexed     called with the report of each folder's index

    Layers link to the tiles where they lie. Raises `VertumnusError` for input that cannot be used or rules that
    cannot be kept.
    """
    options = chosen_options(options, choices)
    seed = check_whole("`seed`", seed, 0, MAX_SEED)
    path = Path(reference)
    image, notes = read_reference(path)
    folders = [Path(tiles)] if isinstance(tiles, str | Path) else [Path(folder) for folder in tiles]
    for folder in folders:
        report = update_index(folder, index=index, workers=workers, progress=_part(watch, "indexing"))
        if indexed is not None:
            indexed(report)
    library = TileLibrary(folders, index)
    library.require()
    left_out = library.without((options or MosaicOptions()).exclude)
    library.require()
    merged = library.without_duplicates() if options.merge_duplicates else 0
    maker = MosaicMaker(library, image.size, str(path), options, seed)
    cells = maker.choose(image, watch)
    cells.report |= {
        "tiles": len(library),
        "merged": merged,
        "excluded": left_out,
        "notes": notes,
        "costs": _short(cells.cost),
    }
    made_by = {
        "options": options.model_dump(mode="json") | {"tone": str(maker.tone)},
        "inputs": {
            "reference": {"path": str(path), "sha256": hashlib.sha256(read_file(path)).hexdigest()},
            "tiles": [_input(library, folder, index) for folder in folders],
        },
    }
    return make_collage(cells, image, canvas_size(cells.grid, size, path), made_by, seed, workers)


def chosen_options(options: MosaicOptions | None, choices: MosaicKeywords) -> MosaicOptions:
    """Options with some of their fields given by name."""
    if not choices:
        return options or MosaicOptions()
    given = {} if options is None else {name: getattr(options, name) for name in options.model_fields_set}
    return MosaicOptions(**given | dict(choices))


def _input(library: TileLibrary, folder: Path, index: str | Path | None) -> dict[str, Any]:
    """What a document says of a folder of tiles: where it and its index lie, and a hash over all of its tiles."""
    said: dict[str, Any] = {"path": str(folder), "sha256": library.digest(folder)}
    return said if index is None else said | {"index": str(index)}


def _short(values: np.ndarray) -> str:
    """Numbers as one text, which a document of many cells holds in one line."""
    return " ".join(f"{value:.4g}" for value in values.tolist())


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
        self.spec = FeatureSpec(
            options.subcells, options.space, options.colour, options.edges, options.mean, options.lightness
        )
        self.spec.check()
        self.ways = variants(options.crops, options.turns, options.flips)
        uses = 1 if options.unique else options.max_uses
        self.rules = Rules(options.assign, uses, options.min_distance or 0.0, options.dither)
        self.grid: Grid | None = None
        self.wishes = Wishes()
        self._map: NDArray[np.float32] | None = None
        self._features: Floats | None = None
        self._deep: DeepFeatures | None = None

    def see(self, image: Image.Image, moved: Grid | None = None) -> tuple[Grid, Floats, Image.Image]:
        """The grid, what each of its cells is compared by, and the reference at the size it is looked at.

        moved   the grid elsewhere, in place of where it was first
        """
        if self.grid is None:
            self._map = importance_map(image, self.options.importance)
        grid = self._grid(image) if self.grid is None else self.grid
        if self.grid is None:
            check_resolution(grid, *self.size, self.where)
            unlimited = self.rules.max_uses is None and self.rules.method != "even"
            if self.options.min_distance is None and unlimited and apart_by_itself(grid.centres, len(self.library)):
                self.rules = self.rules._replace(min_distance=APART)
            self.wishes = Wishes(
                self.library.kinds() if self.options.alike and self.rules.min_distance > 1 else None,
                None if self._map is None else cell_importance(self._map, grid),
                read_pins(self.options.pin, grid, self.library),
            )
            check_rules(self.rules, len(grid), len(self.library))
            self.grid = grid
        grid = moved or grid
        small = shrink_reference(image, grid)
        found = cell_features(small, grid, self.spec)
        if self.options.features == "deep":
            found = np.concatenate([found, self._deeply(small, grid, found)], axis=1)
        return grid, found, small

    def _deeply(self, picture: Image.Image, grid: Grid, found: Floats) -> Floats:
        """Deep features of a reference's cells; how those of all are taken is learned of the first."""
        if self._deep is None:
            from vertumnus.models.classifier import Classifier
            from vertumnus.mosaic.match.deep import DeepFeatures

            self._deep = DeepFeatures.of(picture, grid, found, self.options.deep, Classifier.load("lite0"))
        return self._deep.of_cells(picture, grid)

    @property
    def moves(self) -> bool:
        """Whether the grid can go along with the picture: rows and columns of rectangles, all of one size."""
        return self.options.cells == "rectangle" and not self.options.adaptive

    @property
    def lattice(self) -> Lattice:
        """The grid as one that goes on beyond the reference."""
        assert self.grid is not None
        return Lattice.of(self.grid)

    @property
    def room(self) -> float:
        """How many cells the tiles are enough for."""
        uses = self.rules.max_uses
        return math.inf if uses is None or self.rules.method == "even" else uses * len(self.library)

    def features(self) -> Floats:
        """The tiles' features."""
        assert self.grid is not None
        if self._features is None:
            self._features = tile_features(self.library, self.grid, self.spec, self.ways, self._deep)
        return self._features

    def choose(self, image: Image.Image, watch: Watch | None = None) -> Cells:
        """What each cell of one picture shows."""
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
            cells, tiles, grid.centres, self.rules, colours, self.seed, _part(watch, "assigning tiles"), self.wishes
        )
        return self.cells(chosen.tile, chosen.way, chosen.cost, report)

    def cells(
        self, tile: np.ndarray, way: np.ndarray, cost: np.ndarray, report: dict[str, Any], moved: Grid | None = None
    ) -> Cells:
        """What cells show, given the number of a tile and of a way for each; ``moved`` as for `see`."""
        assert self.grid is not None
        used, index = np.unique(tile, return_inverse=True)
        aspects = self.library.aspects[tile]
        crop = np.empty((len(tile), 4))
        faces = 0
        for n, (place, turn, _) in enumerate(self.ways):
            here = way == n
            aspect = 1 / self.grid.aspect if turn % 2 else self.grid.aspect
            crop[here] = crop_boxes(aspects[here], aspect, place)
            if place == 0 and self.options.keep_faces and here.any():
                numbers, which = np.unique(tile[here], return_inverse=True)
                boxes = crop_boxes(self.library.aspects[numbers], aspect, place)
                faces += keep_faces(self.library, numbers.tolist(), aspect, boxes)
                crop[here] = boxes[which]
        report = dict(report) | ({"faces": faces} if faces else {})
        ways = np.array([Variant(*w) for w in self.ways], np.int64)[way]
        return Cells(
            moved or self.grid, self.tone, self.library.tiles(used.tolist()), index.astype(np.int64),
            crop, ways[:, 1], ways[:, 2] == 1, cost.astype(np.float64), report,
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
        grid = adaptive_grid(
            linear_light(small), count, aspect, None if self._map is None else 1 + (DETAIL - 1) * self._map
        )
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


def read_pins(pins: Sequence[str], grid: Grid, library: TileLibrary) -> dict[int, int]:
    """The tile of each pinned cell, given as ROW,COLUMN=NAME (of a plain grid) or CELL=NAME, counted from 0.

    Raises `VertumnusError` for a cell or tile that is not there.
    """
    found: dict[int, int] = {}
    rows = len(np.unique(np.round(grid.boxes[:, 1], 6)))
    for pin in pins:
        place, equals, name = pin.partition("=")
        try:
            numbers = [int(part) for part in place.split(",")]
        except ValueError:
            numbers = []
        if not equals or not name or len(numbers) not in (1, 2) or min(numbers) < 0:
            raise VertumnusError(f"`pin`: {pin!r} is not ROW,COLUMN=NAME or CELL=NAME; write 3,5=anna.jpg")
        cell = numbers[0]
        if len(numbers) == 2:
            if grid.kind != "rectangle" or len(grid) % rows:
                raise VertumnusError(f"`pin`: {pin!r}: these cells have no rows and columns; give the cell's number")
            columns = len(grid) // rows
            cell = numbers[0] * columns + numbers[1] if numbers[1] < columns else len(grid)
        if cell >= len(grid):
            raise VertumnusError(f"`pin`: {pin!r}: there is no such cell among {len(grid):,}")
        found[cell] = library.find(name)
    return found


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
