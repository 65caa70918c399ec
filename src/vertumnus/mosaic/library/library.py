"""Several indexed folders as one numbered list of tiles."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.duplicates import like_tiles, near_duplicates
from vertumnus.mosaic.library.place import base_folder, index_place
from vertumnus.mosaic.library.record import LONGEST
from vertumnus.mosaic.library.store import ROW_SHAPE, TileStore

BLOCK = 4096  # tiles held in memory at once


class Tile(NamedTuple):
    """One tile: its file, the SHA-256 of its bytes, its upright size, and where the index is that knows it."""

    path: Path
    digest: str
    width: int
    height: int
    store: Path


class TileLibrary:
    """Tiles numbered in the order of their folders and paths. Pictures stay on disk.

    size       N x 2: width and height of each picture, upright
    """

    def __init__(self, folders: Sequence[str | Path], index: str | Path | None = None) -> None:
        """Opens the indexes of some folders; ``index`` is where they lie, see `update_index`."""
        self.folders = [Path(folder) for folder in folders]
        self._stores = [TileStore(index_place(folder, index)) for folder in self.folders]
        tables = [
            store.numbers("SELECT row, start, across, down, width, height, hash FROM tile ORDER BY path", 7)
            for store in self._stores
        ]
        self._home = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        facts = np.concatenate(tables)
        self._row, self._start = facts[:, 0], facts[:, 1]
        self._shape = facts[:, [3, 2]]
        self.size = facts[:, 4:6]
        self.hash = facts[:, 6]
        self._cells = [store.cells() if store.exists else np.empty((0, *ROW_SHAPE)) for store in self._stores]
        self._bytes = [store.thumbnails() if store.exists else np.empty(0, np.uint8) for store in self._stores]
        self._chosen = np.arange(len(self._row))

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def aspects(self) -> NDArray[np.float64]:
        """Width over height of each tile, as it is shown."""
        size = self.size[self._chosen]
        return np.clip(size[:, 0] / size[:, 1], 1 / LONGEST, LONGEST)

    def cells(self, first: int, last: int) -> NDArray[np.float32]:
        """16 x 16 x 3 mean sRGB values, 0 to 1, of tiles ``first`` to ``last``, read from disk."""
        chosen = self._chosen[first:last]
        out = np.empty((len(chosen), *ROW_SHAPE), np.float32)
        for home, cells in enumerate(self._cells):
            here = self._home[chosen] == home
            out[here] = cells[self._row[chosen[here]]]
            release(cells)
        return out / np.float32(255)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """The tiles' numbers in blocks of (first, one past last)."""
        for first in range(0, len(self), BLOCK):
            yield first, min(first + BLOCK, len(self))

    def thumbnail(self, number: int) -> NDArray[np.uint8]:
        """A tile's thumbnail, h x w x 3 bytes."""
        n = int(self._chosen[number])
        down, across = (int(side) for side in self._shape[n])
        start = int(self._start[n])
        return self._bytes[self._home[n]][start : start + down * across * 3].reshape(down, across, 3)

    def tile(self, number: int) -> Tile:
        """Where a tile comes from."""
        return self.tiles([number])[0]

    def tiles(self, numbers: Iterable[int] | None = None) -> list[Tile]:
        """Where tiles come from: those of some numbers, or all in order."""
        chosen = self._chosen if numbers is None else self._chosen[np.fromiter(numbers, np.int64)]
        homes, rows = self._home[chosen], self._row[chosen]
        known: dict[tuple[int, int], Tile] = {}
        for home in np.unique(homes).tolist():
            store, base = self._stores[home], base_folder(self.folders[home])
            facts = store.rows("row", rows[homes == home].tolist(), "path, digest, width, height")
            for row, (path, digest, width, height) in facts.items():
                assert isinstance(digest, bytes)
                tile = Tile(base / str(path), digest.hex(), int(str(width)), int(str(height)), store.folder)
                known[home, int(str(row))] = tile
        wanted = list(zip(homes.tolist(), rows.tolist(), strict=True))
        for home, row in wanted:
            if (home, row) not in known:
                raise self._stores[home].damaged(f"row {row} is missing")
        return [known[pair] for pair in wanted]

    def digest(self, folder: Path) -> str:
        """A hash over the paths and contents of all the tiles of one of its folders."""
        store = self._stores[self.folders.index(folder)]
        whole = hashlib.sha256()
        for path, digest in store.query("SELECT path, digest FROM tile ORDER BY path"):
            assert isinstance(digest, bytes)
            whole.update(str(path).encode(errors="surrogateescape") + b"\0" + digest)
        return whole.hexdigest()

    def duplicates(self) -> NDArray[np.int64]:
        """For each tile the number of the first one it is a near-duplicate of: its own where there is none."""
        means = np.empty((len(self), 3))
        for first, last in self.blocks():
            means[first:last] = self.cells(first, last).mean(axis=(1, 2))
        return near_duplicates(self.hash[self._chosen], means)

    def without_duplicates(self) -> int:
        """Keeps the first of each set of near-duplicates; returns how many tiles were left out."""
        first = self.duplicates()
        kept = first == np.arange(len(self))
        left_out = len(self) - int(kept.sum())
        self._chosen = self._chosen[kept]
        return left_out

    def kinds(self) -> NDArray[np.int32]:
        """A number for each tile, the same for those that look alike, as those of a series do."""
        means = np.empty((len(self), 3))
        for first, last in self.blocks():
            means[first:last] = self.cells(first, last).mean(axis=(1, 2))
        return like_tiles(self.hash[self._chosen], means)

    def without(self, patterns: Sequence[str]) -> int:
        """Leaves out tiles whose path or name matches a pattern; returns how many.

        Raises `VertumnusError` for a pattern that no tile matches.
        """
        if not patterns:
            return 0
        paths = [tile.path for tile in self.tiles()]
        out = np.zeros(len(self), bool)
        for pattern in patterns:
            here = [_is_named(path, pattern) for path in paths]
            if not any(here):
                raise VertumnusError(f"`exclude`: no tile is named {pattern!r}")
            out |= np.array(here)
        self._chosen = self._chosen[~out]
        return int(out.sum())

    def find(self, name: str) -> int:
        """The number of the tile of that name or path.

        Raises `VertumnusError` if there is none, or several.
        """
        found = [n for n, tile in enumerate(self.tiles()) if _is_named(tile.path, name)]
        if len(found) != 1:
            there = "no tile is" if not found else f"{len(found)} tiles are"
            raise VertumnusError(f"`pin`: {there} named {name!r}")
        return found[0]

    def require(self) -> None:
        """Raises `VertumnusError` if there is no tile at all."""
        if len(self) == 0:
            names = ", ".join(map(str, self.folders))
            skipped = [
                row for store in self._stores for row in store.query("SELECT path, reason FROM skipped LIMIT 1")
            ]
            why = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
            raise VertumnusError(f"{names}: `tiles`: no picture in it can be read{why}")


def _is_named(path: Path, pattern: str) -> bool:
    """Whether a file's path, or the end of it, its name or its name without suffix matches a pattern."""
    return any(fnmatchcase(text, pattern) for text in (path.name, path.stem, path.as_posix())) or fnmatchcase(
        path.as_posix(), f"*/{pattern}"
    )


def release(mapped: NDArray[Any]) -> None:
    """Tells the system that pages of a memory-mapped array are not needed for now."""
    base: Any = mapped
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.base if isinstance(base, np.ndarray) else getattr(base, "obj", None)
    if base is not None and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
