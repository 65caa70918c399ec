"""What was worked out about a picture once, kept in the user's cache folder by the hash of its bytes.

A picture seen before costs a look at its size and date and one row read. The cache is never needed: where
it cannot be opened or written, everything is simply worked out again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from pathlib import Path

import numpy as np

from vertumnus.cachedir import cache_folder
from vertumnus.elements.distance import TEXELS, DistanceTexture
from vertumnus.elements.element import Element
from vertumnus.elements.probes import DEPTHS, POINTS, Probes

MAX_BYTES = 2 << 30  # the oldest half goes when the cache grows beyond this

_TABLES = """
CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, digest TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS element (
    key TEXT PRIMARY KEY, facts TEXT, alpha BLOB, texture BLOB, probes BLOB, picture BLOB
);
"""


class ElementCache:
    """Elements on disk. One object belongs to one thread; several processes may share the file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._database: sqlite3.Connection | None = None
        try:
            folder = folder or cache_folder("elements", Path(__file__).parent.glob("*.py"))
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(folder / "elements.sqlite", timeout=5)
            self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _TABLES)
        except (sqlite3.Error, OSError):
            self._database = None

    def digest(self, path: Path) -> str | None:
        """The SHA-256 of a file if its size and date are those it had when last read."""
        if self._database is None:
            return None
        stat = path.stat()
        try:
            row = self._database.execute(
                "SELECT digest FROM file WHERE path=? AND size=? AND mtime=?",
                (os.fsencode(path.resolve()), stat.st_size, stat.st_mtime_ns),
            ).fetchone()
        except sqlite3.Error:
            return None
        return str(row[0]) if row else None

    def find(self, digest: str, max_side: int, name: str, source: Path) -> Element | None:
        """The element made from the bytes of that hash, under a new name, or None."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(
                "SELECT facts, alpha, texture, probes, picture FROM element WHERE key=?",
                (_key(digest, max_side),),
            ).fetchone()
            return _unpack(row, name, source) if row else None
        except (sqlite3.Error, zlib.error, ValueError, KeyError, TypeError):
            return None

    def keep(self, path: Path, digest: str, max_side: int, element: Element) -> None:
        """Remembers an element and which file it came from."""
        if self._database is None:
            return
        try:
            stat = path.stat()
            self._database.execute(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)",
                (os.fsencode(path.resolve()), stat.st_size, stat.st_mtime_ns, digest),
            )
            self._database.execute(
                "INSERT OR IGNORE INTO element VALUES (?, ?, ?, ?, ?, ?)",
                (_key(digest, max_side), *_pack(element)),
            )
        except (sqlite3.Error, OSError):
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
            self._database.close()
        except sqlite3.Error:
            pass
        self._database = None


_SIZE = ("page_count", "page_size")


def file_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _key(digest: str, max_side: int) -> str:
    return f"{digest}-{max_side}"


def _pack(element: Element) -> tuple[str, bytes, bytes, bytes, bytes | None]:
    facts = {
        "image": element.image,
        "size": [element.width, element.height],
        "area": element.area,
        "alpha": [*element.alpha.shape, element.level],
        "extent": list(element.texture[1:]),
        "count": element.probes.number.tolist(),
        "depth": element.probes.depth.tolist(),
    }
    return (
        json.dumps(facts),
        zlib.compress(element.alpha.tobytes(), 1),
        element.texture.values.astype(np.float16).tobytes(),
        element.probes.points.tobytes(),
        element.source if isinstance(element.source, bytes) else None,
    )


def _unpack(row: tuple[str, bytes, bytes, bytes, bytes | None], name: str, source: Path) -> Element:
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
    )
