"""Drawing cells: from the index's thumbnails where they are large enough, else from the files themselves.

A painter can be sent to another process: it opens what it needs there.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture
from vertumnus.mosaic.library.record import cut_size, cut_strip
from vertumnus.mosaic.library.store import TileStore
from vertumnus.mosaic.match.crops import oriented
from vertumnus.mosaic.match.tone import Clipping, apply_tone
from vertumnus.mosaic.plan import Plan, Source

Bytes = NDArray[np.uint8]
HELD_BYTES = 128 << 20  # of decoded pictures that may be needed again
ENOUGH = 0.98  # of the pixels needed: a thumbnail is enlarged by no more than this


class _Thumbnail(NamedTuple):
    folder: Path
    start: int
    across: int
    down: int


class Painter:
    """Draws the cells of a plan on a picture of width x height pixels.

    reference   H x W x 3 bytes, for the tone; None where the plan has none
    """

    def __init__(self, plan: Plan, width: int, height: int, reference: Bytes | None) -> None:
        self.width, self.height = width, height
        self.grid, self.tone = plan.grid, plan.tone
        self.reference = reference
        self.boxes = plan.grid.pixel_boxes(width, height)
        self.tile, self.crop, self.turn, self.flip = plan.tile, plan.crop, plan.turn, plan.flip
        self.sources = plan.sources
        self._found = _find_thumbnails(plan.sources)
        self._open()

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._maps: dict[Path, Bytes] = {}
        self._held: OrderedDict[tuple[int, int], Image.Image] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_maps", "_held")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def check(self) -> None:
        """Raises `VertumnusError` naming the first picture that is needed and gone, before anything is drawn."""
        checked: set[int] = set()
        for cell, tile in enumerate(self.tile.tolist()):
            if tile not in checked and not self._thumbnail_serves(cell):
                checked.add(tile)
                if not self.sources[tile].path.is_file():
                    raise VertumnusError(
                        f"{self.sources[tile].path}: the tile is gone since it was indexed; put it back, or make"
                        " the mosaic anew without it"
                    )

    def paint(self, cell: int) -> tuple[Bytes, NDArray[np.bool_] | None, Clipping]:
        """A cell's pixels (h x w x 3), which of them are its own (None for all), and what its tone clipped."""
        left, top, right, bottom = self.boxes[cell]
        width, height = max(1, int(right - left)), max(1, int(bottom - top))
        turn = int(self.turn[cell])
        size = (height, width) if turn % 2 else (width, height)
        source = self._picture(cell, size)
        x0, y0, x1, y1 = self.crop[cell]
        box = (x0 * source.width, y0 * source.height, min(x1, 1) * source.width, min(y1, 1) * source.height)
        shown = source.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0)
        pixels = np.ascontiguousarray(oriented(np.asarray(shown), turn, bool(self.flip[cell])))
        clipping = Clipping(0, 0)
        if self.reference is not None and self.tone.method != "none":
            pixels, clipping = apply_tone(pixels, self._part(cell), self.tone)
        mask = self.grid.mask(cell, self.width, self.height)
        return pixels, mask, clipping

    def _part(self, cell: int) -> Bytes:
        """What the reference shows in a cell; at least one pixel."""
        assert self.reference is not None
        rows, columns, _ = self.reference.shape
        left, top, right, bottom = self.grid.boxes[cell] / ([self.grid.width, self.grid.height] * 2)
        first = max(0, min(round(left * columns), columns - 1)), max(0, min(round(top * rows), rows - 1))
        last = max(first[0] + 1, round(right * columns)), max(first[1] + 1, round(bottom * rows))
        return np.ascontiguousarray(self.reference[first[1] : last[1], first[0] : last[0]])

    def _thumbnail_serves(self, cell: int) -> bool:
        found = self._found[self.tile[cell]]
        if found is None:
            return False
        left, top, right, bottom = self.boxes[cell]
        need = (right - left, bottom - top) if self.turn[cell] % 2 == 0 else (bottom - top, right - left)
        x0, y0, x1, y1 = self.crop[cell]
        return (x1 - x0) * found.across >= ENOUGH * need[0] and (y1 - y0) * found.down >= ENOUGH * need[1]

    def _picture(self, cell: int, size: tuple[int, int]) -> Image.Image:
        tile = int(self.tile[cell])
        if self._thumbnail_serves(cell):
            found = self._found[tile]
            assert found is not None
            with self._lock:
                if found.folder not in self._maps:
                    self._maps[found.folder] = TileStore(found.folder).thumbnails()
            pixels = self._maps[found.folder][found.start : found.start + found.across * found.down * 3]
            return Image.frombuffer("RGB", (found.across, found.down), pixels.tobytes(), "raw", "RGB", 0, 1)
        x0, y0, x1, y1 = self.crop[cell]
        source = self.sources[tile]
        width, height = cut_size(source.width, source.height)
        share = max(size[0] / ((x1 - x0) * width), size[1] / ((y1 - y0) * height))
        # What a cell looks like must not depend on what else was drawn before: only the very same decoding is used
        # again, at a whole, a half, a quarter or an eighth.
        halvings = int(np.clip(np.floor(-np.log2(share)), 0, 3))
        with self._lock:
            held = self._held.get((tile, halvings))
        if held is not None:
            return held
        picture = read_source(source, -(-min(width, height) // 2**halvings))
        with self._lock:
            self._held[tile, halvings] = picture
            while sum(p.width * p.height * 3 for p in self._held.values()) > HELD_BYTES and len(self._held) > 1:
                self._held.popitem(last=False)
        return picture


def read_source(source: Source, least: int | None = None) -> Image.Image:
    """A tile's picture from its file, with a shorter side of at least ``least`` pixels where it has them.

    Raises `VertumnusError` if the file is gone, damaged or no longer the one that was indexed.
    """
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise VertumnusError(
            f"{source.path}: the tile cannot be read any more ({error.strerror or error}); put it back, or make the"
            " mosaic anew without it"
        ) from None
    if hashlib.sha256(data).hexdigest() != source.digest:
        raise VertumnusError(f"{source.path}: the tile has changed since it was indexed; make the mosaic anew")
    return cut_strip(decode_picture(data, str(source.path), least).image)


def _find_thumbnails(sources: list[Source]) -> list[_Thumbnail | None]:
    """Where each picture's thumbnail is; None for one whose index is gone or knows no such picture."""
    stores: dict[Path, TileStore | None] = {}
    found: list[_Thumbnail | None] = []
    for source in sources:
        if source.store not in stores:
            try:
                stores[source.store] = TileStore(source.store)
            except VertumnusError:
                stores[source.store] = None
        store = stores[source.store]
        rows = []
        if store is not None:
            query = "SELECT start, across, down FROM tile WHERE digest=? LIMIT 1"
            rows = store.query(query, [bytes.fromhex(source.digest)])
        found.append(_Thumbnail(source.store, *(int(str(n)) for n in rows[0])) if rows else None)
    return found


def paint_cells(painter: Painter, cells: list[int]) -> list[tuple[Bytes, NDArray[np.bool_] | None, Clipping]]:
    """Draws some cells; the job of one worker."""
    return [painter.paint(cell) for cell in cells]
