"""What was worked out about a picture once, kept in the user's cache folder by the hash of its bytes.

A picture seen before costs a look at its size and date and one row read. The cache is never needed, and never
trusted: where it cannot be opened or written, or a row is not what its checksum says, everything is simply worked out
again, and the row or the whole cache made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from vertumnus.cachedir import cache_folder
from vertumnus.elements.distance import TEXELS, DistanceTexture
from vertumnus.elements.element import Element
from vertumnus.elements.probes import DEPTHS, POINTS, Probes
from vertumnus.imaging.look import Look

MAX_BYTES = 2 << 30  # the oldest half goes when the cache grows beyond this

_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, digest TEXT, checksum BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS element (
    key TEXT PRIMARY KEY, facts TEXT, alpha BLOB, texture BLOB, probes BLOB, picture BLOB, drawing BLOB,
    checksum BLOB
);
"""


class ElementCache:
    """Elements on disk. One object belongs to one thread; several processes may share the file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._database: sqlite3.Connection | None = None
        self._damaged = False
        self._path: Path | None = None
        try:
            folder = folder or cache_folder("elements", Path(__file__).parent.glob("*.py"))
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / "elements.sqlite"
            self._open()
        except (sqlite3.Error, OSError):
            self._database = None

    def _open(self) -> None:
        assert self._path is not None
        for last in (False, True):
            self._database = sqlite3.connect(self._path, timeout=5)
            try:
                self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _TABLES)
                for sql in _READ.values():
                    self._database.execute(sql, ("",) * sql.count("?"))
            except sqlite3.DatabaseError as error:
                self._database.close()
                if last or (isinstance(error, sqlite3.OperationalError) and "no such column" not in str(error)):
                    raise  # locked, say, or on a full disk
                self._remove()
            else:
                return

    def _remove(self) -> None:
        """Takes a damaged cache away, so that a new one is made."""
        if self._path is not None:
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def _row(self, table: str, key: tuple[object, ...]) -> tuple[Any, ...] | None:
        """What a table knows of a key, if that is what it was told."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(_READ[table], key).fetchone()
            return row[:-1] if row is not None and row[-1] == _checksum(*key, *row[:-1]) else None
        except sqlite3.OperationalError:  # locked, say
            return None
        except (sqlite3.Error, ValueError, TypeError):
            self._damaged = True
            return None

    def digest(self, path: Path) -> str | None:
        """The SHA-256 of a file if its size and date are those it had when last read."""
        if self._database is None:
            return None
        stat = path.stat()
        row = self._row("file", (os.fsencode(path.resolve()), stat.st_size, stat.st_mtime_ns))
        return str(row[0]) if row else None

    def find(self, digest: str, max_side: int, name: str, source: Path) -> Element | None:
        """The element made from the bytes of that hash, under a new name, or None."""
        row = self._row("element", (_key(digest, max_side),))
        try:
            return _unpack(row, name, source) if row else None
        except (zlib.error, ValueError, KeyError, TypeError):
            return None

    def keep(self, path: Path, digest: str, max_side: int, element: Element) -> None:
        """Remembers an element and which file it came from."""
        if self._database is None:
            return
        try:
            stat = path.stat()
            file = (os.fsencode(path.resolve()), stat.st_size, stat.st_mtime_ns, digest)
            made = (_key(digest, max_side), *_pack(element))
            self._database.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)", (*file, _checksum(*file)))
            self._database.execute(
                "INSERT OR REPLACE INTO element VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*made, _checksum(*made))
            )
        except (sqlite3.Error, OSError) as error:
            self._damaged |= isinstance(error, sqlite3.DatabaseError) and not isinstance(
                error, sqlite3.OperationalError
            )
            self.close()

    def close(self) -> None:
        """Writes what was kept."""
        if self._database is None:
            return
        try:
            self._database.commit()
            pages, page_size = (self._database.execute(f"PRAGMA {n}").fetchone()[0] for n in _SIZE)
            if pages * page_size > MAX_BYTES:
                self._database.execute(
                    "DELETE FROM element WHERE rowid < (SELECT (MIN(rowid) + MAX(rowid)) / 2 FROM element)"
                )
                self._database.execute("DELETE FROM file")
                self._database.commit()
                self._database.execute("VACUUM")
        except sqlite3.OperationalError:
            pass
        except sqlite3.Error:
            self._damaged = True
        with contextlib.suppress(sqlite3.Error, OSError):
            self._database.close()
            if self._damaged:
                self._remove()
        self._database = None


_READ = {
    "file": "SELECT digest, checksum FROM file WHERE path=? AND size=? AND mtime=?",
    "element": "SELECT facts, alpha, texture, probes, picture, drawing, checksum FROM element WHERE key=?",
}
_SIZE = ("page_count", "page_size")


def file_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _checksum(*fields: object) -> bytes:
    """Of a row's fields: bytes, text, numbers and nothing."""
    found = hashlib.sha256()
    for field in fields:
        data = field if isinstance(field, bytes) else repr(field).encode()
        found.update(b"%d " % len(data) + data)
    return found.digest()


def _key(digest: str, max_side: int) -> str:
    return f"{digest}-{max_side}"


def _pack(element: Element) -> tuple[str, bytes, bytes, bytes, bytes | None, bytes | None]:
    facts = {
        "image": element.image,
        "size": [element.width, element.height],
        "area": element.area,
        "alpha": [*element.alpha.shape, element.level],
        "extent": list(element.texture[1:]),
        "count": element.probes.number.tolist(),
        "depth": element.probes.depth.tolist(),
        "look": list(element.look),
    }
    return (
        json.dumps(facts),
        zlib.compress(element.alpha.tobytes(), 1),
        element.texture.values.astype(np.float16).tobytes(),
        element.probes.points.tobytes(),
        element.source if isinstance(element.source, bytes) else None,
        zlib.compress(element.drawing, 1) if element.drawing is not None else None,
    )


def _unpack(row: tuple[Any, ...], name: str, source: Path) -> Element:
    facts = json.loads(row[0])
    width, height = facts["size"]
    rows, columns, level = facts["alpha"]
    values = np.frombuffer(row[2], np.float16).astype(np.float32).reshape(TEXELS, TEXELS)
    return Element(
        name=name,
        image=facts["image"],
        source=source if row[4] is None else row[4],
        width=width,
        height=height,
        area=facts["area"],
        alpha=np.frombuffer(zlib.decompress(row[1]), np.uint8).reshape(rows, columns),
        level=level,
        texture=DistanceTexture(values, *facts["extent"]),
        probes=Probes(
            np.frombuffer(row[3], np.float32).reshape(len(DEPTHS), POINTS, 2),
            np.array(facts["count"], np.int64),
            np.array(facts["depth"], np.float32),
        ),
        look=Look(int(facts["look"][0]), tuple(facts["look"][1])),
        drawing=zlib.decompress(row[5]) if row[5] is not None else None,
    )
