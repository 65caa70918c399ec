"""A tile index on disk: one SQLite table and two flat files of numbers, which are memory-mapped.

The flat files only grow. Rows are written and made durable before the table is told of them, in one transaction, so
after a crash at any point the table speaks only of rows that are there whole; what lies beyond is overwritten. A row
that is no longer used stays until `compact` writes both files anew under the next generation's names.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PIXELS
from vertumnus.mosaic.library.place import HEAD_BYTES, check_place, open_own, opened
from vertumnus.mosaic.library.record import TileRecord
from vertumnus.mosaic.library.summary import CELLS

FORMAT = "vertumnus/tiles"
VERSION = 3
THUMBNAIL = 96  # pixels of a thumbnail's shorter side
NAME = "tiles.sqlite"
ROW_BYTES = CELLS * CELLS * 3
ROW_SHAPE = (CELLS, CELLS, 3)

MOST = 2**62  # of a number about the whole index
ASKED = 500  # keys in one question; SQLite takes 999 and more
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE tile (
    path TEXT PRIMARY KEY, row INTEGER, size INTEGER, mtime INTEGER, digest BLOB, width INTEGER, height INTEGER,
    hash INTEGER, start INTEGER, across INTEGER, down INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX tile_row ON tile (row);
CREATE INDEX tile_digest ON tile (digest);
CREATE TABLE skipped (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, reason TEXT) WITHOUT ROWID;
"""

# What no row of a whole index is like; a path that leaves the folder would have other files read.
_WRONG = """
SELECT path FROM tile WHERE typeof(path) <> 'text' OR path = '' OR path LIKE '/%' OR '/' || path || '/' LIKE '%/../%'
    OR typeof(row) <> 'integer' OR row < 0 OR row >= :rows OR typeof(size) <> 'integer' OR typeof(mtime) <> 'integer'
    OR typeof(digest) <> 'blob' OR length(digest) <> 32 OR typeof(hash) <> 'integer'
    OR typeof(width) <> 'integer' OR width < 1 OR width > :side
    OR typeof(height) <> 'integer' OR height < 1 OR height > :side
    OR typeof(across) <> 'integer' OR across < 1 OR across > :side
    OR typeof(down) <> 'integer' OR down < 1 OR down > :side
    OR typeof(start) <> 'integer' OR start < 0 OR start > :bytes - 3 * across * down
LIMIT 1
"""

# A file's name may be no UTF-8: it is kept as the bytes that the system gave it.
_NAME = "CAST(? AS TEXT)"


_WHOLE: dict[str, tuple[int, ...]] = {}  # indexes that were found whole, by place, and when they were written


class TileStore:
    """The index in one folder. Reading needs no lock; writing happens inside `writing`.

    Raises `VertumnusError` for an index of another version, a damaged one, or a folder that cannot be used.
    """

    def __init__(self, folder: Path, anew: bool = False) -> None:
        """Opens the index if there is one; ``anew`` leaves what is there unread, to be replaced."""
        self.folder = folder
        self._base: sqlite3.Connection | None = None
        check_place(folder)
        if not anew and (folder / NAME).exists():
            self._open()

    @property
    def exists(self) -> bool:
        """Whether there is an index yet."""
        return self._base is not None

    def _open(self) -> None:
        try:
            # Read as a plain file where the folder cannot be written, since SQLite would want a journal there.
            mode = "rw" if os.access(self.folder, os.W_OK) else "ro&immutable=1"
            self._base = sqlite3.connect(
                f"{(self.folder / NAME).absolute().as_uri()}?mode={mode}", uri=True, timeout=60, isolation_level=None
            )
            self._base.text_factory = os.fsdecode
            meta = dict(self._base.execute("SELECT key, value FROM meta"))
        except sqlite3.Error as error:
            raise self.damaged(error) from None
        if meta.get("format") != FORMAT or meta.get("version") != VERSION:
            raise VertumnusError(
                f"{self.folder / NAME}: version: the index was written by another version of vertumnus"
                f" ({meta.get('version')}, not {VERSION}); index the folder anew with `rebuild`"
            )
        self._check_whole()

    def _check_whole(self) -> None:
        """Raises `VertumnusError` for rows that are not whole, or speak of what is not there. An index that is as it
        was when this process last looked is not gone through again.
        """
        file = (self.folder / NAME).stat()
        state = (file.st_dev, file.st_ino, file.st_mtime_ns, file.st_size)
        if _WHOLE.get(str(self.folder)) == state:
            return
        numbers = {"rows": self.meta("rows"), "bytes": self.meta("bytes"), "side": MAX_PIXELS}
        assert self._base is not None
        try:
            wrong = self._base.execute(_WRONG, numbers).fetchall()
        except sqlite3.Error as error:
            raise self.damaged(error) from None
        if wrong:
            raise self.damaged(f"the row of {str(wrong[0][0])[:100]!r} is not whole")
        _WHOLE[str(self.folder)] = state

    def damaged(self, error: object) -> VertumnusError:
        """What is raised of an index that is not whole."""
        return VertumnusError(
            f"{self.folder / NAME}: the index is damaged ({error}); index the folder anew with `rebuild`"
        )

    def query(self, sql: str, values: Iterable[object] = ()) -> list[tuple[object, ...]]:
        """Rows of a SELECT."""
        if self._base is None:
            return []
        try:
            return self._base.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self.damaged(error) from None

    def rows(self, key: str, values: Sequence[object], columns: str) -> dict[object, tuple[object, ...]]:
        """Some columns of the tiles whose key is one of the values, by key; many are asked for at once."""
        found: dict[object, tuple[object, ...]] = {}
        for first in range(0, len(values), ASKED):
            some = values[first : first + ASKED]
            marks = ",".join("?" * len(some))
            for row in self.query(f"SELECT {key}, {columns} FROM tile WHERE {key} IN ({marks})", some):
                found.setdefault(row[0], row[1:])
        return found

    def numbers(self, sql: str, columns: int) -> NDArray[np.int64]:
        """Rows of a SELECT of whole numbers, as an array."""
        if self._base is None:
            return np.empty((0, columns), np.int64)
        try:
            rows = self._base.execute(sql)
            return np.fromiter((tuple(row) for row in rows), np.dtype((np.int64, columns)))
        except (sqlite3.Error, TypeError, ValueError, OverflowError) as error:
            raise self.damaged(error) from None

    def meta(self, key: str) -> int:
        """A number about the whole index: thumbnail, generation, rows, bytes."""
        try:
            number = int(str(self.query("SELECT value FROM meta WHERE key=?", [key])[0][0]))
        except (ValueError, IndexError) as error:
            raise self.damaged(f"{key}: {error}") from None
        if not 0 <= number <= MOST:
            raise self.damaged(f"{key}: {number}")
        return number

    @property
    def state(self) -> str:
        """What rows mean: the index's key and generation, and how many bytes there are."""
        return f"{self._key()} {self.meta('generation')} {self.meta('bytes')}"

    def known(self) -> dict[str, tuple[int, int]]:
        """Size and date of every file the index knows, usable or not."""
        rows = self.query("SELECT path, size, mtime FROM tile UNION ALL SELECT path, size, mtime FROM skipped")
        try:
            return {str(path): (int(str(size)), int(str(mtime))) for path, size, mtime in rows}
        except ValueError as error:
            raise self.damaged(error) from None

    def cells(self) -> NDArray[np.uint8]:
        """Rows x 16 x 16 x 3 mean colours, memory-mapped; some rows may be out of use."""
        mapped = self._map("cells", "uint8", self.meta("rows") * ROW_BYTES)
        return mapped.reshape(-1, *ROW_SHAPE)

    def thumbnails(self) -> NDArray[np.uint8]:
        """All thumbnails' bytes, memory-mapped."""
        return self._map("thumbnails", "uint8", self.meta("bytes"))

    def _map(self, kind: str, dtype: str, count: int) -> NDArray[Any]:
        if count == 0:
            return np.empty(0, dtype)
        try:
            with opened(self._file(kind), kind, self._key()) as handle, open(handle, "rb", closefd=False) as file:
                return np.memmap(file, dtype, "r", HEAD_BYTES, (count,))
        except VertumnusError:
            raise
        except (OSError, ValueError) as error:
            raise self.damaged(error) from None

    def _key(self) -> str:
        found = self.query("SELECT value FROM meta WHERE key='key'")
        if not found or not isinstance(found[0][0], str):
            raise self.damaged("it has no key")
        return found[0][0]

    def _file(self, kind: str, generation: int | None = None) -> Path:
        return self.folder / f"{kind}.{self.meta('generation') if generation is None else generation}"

    @contextlib.contextmanager
    def writing(self, thumbnail: int = THUMBNAIL, rebuild: bool = False) -> Iterator[TileWriter]:
        """The one writer of this index; makes the index if there is none.

        Raises `VertumnusError` if another process is writing, or the place cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            check_place(self.folder)
            lock = sqlite3.connect(self.folder / "lock", timeout=0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise VertumnusError(f"{self.folder}: cannot be written ({error})") from None
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")  # the system lets go of it even if this process is killed
            except sqlite3.Error as error:
                if "locked" in str(error):
                    raise VertumnusError(
                        f"{self.folder}: another process is indexing this folder; try again when it is done"
                    ) from None
                raise VertumnusError(f"{self.folder}: cannot be written ({error})") from None
            try:
                if rebuild:
                    self._remove()
                if self._base is None:
                    self._create(thumbnail)
                assert self._base is not None
                writer = TileWriter(self, self._base)
                try:
                    yield writer
                finally:
                    writer.close()
            except (OSError, sqlite3.Error) as error:
                reason = getattr(error, "strerror", None) or error
                raise VertumnusError(
                    f"{self.folder}: the index cannot be written ({reason}); what was indexed so far is kept"
                ) from error
        finally:
            lock.close()

    def _remove(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None
        for file in self.folder.glob("*"):
            if file.name != "lock":
                file.unlink()

    def _create(self, thumbnail: int) -> None:
        if (self.folder / NAME).exists():  # made by another process since we looked
            self._open()
            return
        fresh = self.folder / f"{NAME}.new"
        fresh.unlink(missing_ok=True)
        base = sqlite3.connect(fresh, isolation_level=None)
        base.executescript("BEGIN;" + _TABLES)
        facts = {"format": FORMAT, "version": VERSION, "thumbnail": thumbnail, "key": secrets.token_hex(16)}
        facts |= {"generation": 0, "rows": 0, "bytes": 0}
        base.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        base.execute("COMMIT")
        base.close()
        fresh.replace(self.folder / NAME)
        self._open()


class TileWriter:
    """Adds records in transactions; see `TileStore.writing`."""

    def __init__(self, store: TileStore, base: sqlite3.Connection) -> None:
        self.store = store
        self._base = base
        self.thumbnail = store.meta("thumbnail")
        self._begin(store.meta("generation"), store.meta("rows"), store.meta("bytes"))

    def _begin(self, generation: int, rows: int, start: int) -> None:
        self.rows, self.start, self.generation = rows, start, generation
        self._cells = self._append("cells", rows * ROW_BYTES)
        self._thumbnails = self._append("thumbnails", start)
        self._waiting: list[tuple[str, tuple[object, ...]]] = []

    def _append(self, kind: str, size: int) -> int:
        handle = open_own(self.store._file(kind, self.generation), kind, self.store._key(), write=True)
        if os.fstat(handle).st_size < HEAD_BYTES + size:
            os.close(handle)
            raise self.store.damaged(f"{kind} is shorter than it should be")
        os.ftruncate(handle, HEAD_BYTES + size)
        os.lseek(handle, HEAD_BYTES + size, os.SEEK_SET)
        return handle

    def add(self, record: TileRecord) -> None:
        """Takes one record; it counts from the next `commit` on."""
        self.forget(record.path)
        if record.thumbnail is None or record.cells is None:
            row = (os.fsencode(record.path), record.size, record.mtime, record.reason)
            self._waiting.append((f"INSERT INTO skipped VALUES ({_NAME}, ?, ?, ?)", row))
            return
        _write(self._cells, record.cells.tobytes())
        _write(self._thumbnails, record.thumbnail.tobytes())
        down, across, _ = record.thumbnail.shape
        facts = (
            os.fsencode(record.path), self.rows, record.size, record.mtime, record.digest, record.width,
            record.height, record.hash, self.start, across, down,
        )  # fmt: skip
        self._waiting.append((f"INSERT INTO tile VALUES ({_NAME}{', ?' * 10})", facts))
        self.rows += 1
        self.start += record.thumbnail.size

    def forget(self, path: str) -> None:
        """Takes a file out of the index."""
        for table in ("tile", "skipped"):
            self._waiting.append((f"DELETE FROM {table} WHERE path={_NAME}", (os.fsencode(path),)))

    def commit(self) -> None:
        """Makes everything added so far part of the index, for good."""
        os.fsync(self._cells)
        os.fsync(self._thumbnails)
        with _transaction(self._base):
            for sql, values in self._waiting:
                self._base.execute(sql, values)
            facts = {"rows": self.rows, "bytes": self.start, "generation": self.generation}
            self._base.executemany("UPDATE meta SET value=? WHERE key=?", [(v, k) for k, v in facts.items()])
        self._waiting.clear()

    def compact(self) -> int:
        """Writes both files without rows out of use, in the order of the paths; returns the bytes won."""
        before = self.rows * ROW_BYTES + self.start
        cells, thumbnails = self.store.cells(), self.store.thumbnails()
        old = [self.store._file(kind) for kind in ("cells", "thumbnails")]
        self.close()
        self._begin(self.generation + 1, 0, 0)
        for path, row, start, across, down in self.store.query(
            "SELECT path, row, start, across, down FROM tile ORDER BY path"
        ):
            first, size = int(str(start)), int(str(across)) * int(str(down)) * 3
            _write(self._cells, cells[int(str(row))].tobytes())
            _write(self._thumbnails, thumbnails[first : first + size].tobytes())
            moved = (self.rows, self.start, os.fsencode(str(path)))
            self._waiting.append((f"UPDATE tile SET row=?, start=? WHERE path={_NAME}", moved))
            self.rows += 1
            self.start += size
        self.commit()
        for file in old:
            file.unlink(missing_ok=True)
        return before - (self.rows * ROW_BYTES + self.start)

    def close(self) -> None:
        """Lets go of the files; what was not committed is gone."""
        for handle in (self._cells, self._thumbnails):
            with contextlib.suppress(OSError):
                os.close(handle)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


@contextlib.contextmanager
def _transaction(base: sqlite3.Connection) -> Iterator[None]:
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")
