"""Bringing a tile index up to date with its folder: only new and changed files are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import TILE_SUFFIXES
from vertumnus.mosaic.library.place import base_folder, index_place
from vertumnus.mosaic.library.record import TileRecord, read_tiles
from vertumnus.mosaic.library.store import THUMBNAIL, TileStore
from vertumnus.mosaic.workers import Threads, Workers

BATCH = 16  # files read by one job
COMMIT = 256  # files between two commits: what a crash can cost

Progress = Callable[[int, int], None]


@dataclass
class IndexReport:
    """What bringing an index up to date did.

    read, removed, tiles   files read now, files gone since, tiles in the index
    skipped                (path, reason) of every picture file that cannot be used
    """

    folder: Path
    read: int = 0
    removed: int = 0
    tiles: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def update_index(
    folder: str | Path,
    *,
    index: str | Path | None = None,
    thumbnail: int | None = None,
    rebuild: bool = False,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Indexes a folder of pictures, reading only what is new or changed; stopped anywhere, it goes on from there.

    index       where indexes lie: the user's cache, or a folder; "beside" for inside the folder of pictures
    thumbnail   pixels of the thumbnails' shorter side, for a new index
    rebuild     begin anew, whatever is there
    progress    called with (files read, files to read)

    Raises `VertumnusError` if there is no such folder, another process is indexing it, the index is of another
    version or damaged, where it belongs is something that is not the program's own, or there is no space for it.
    """
    folder = Path(folder)
    found = dict(_scan(folder))
    store = TileStore(index_place(folder, index), anew=rebuild)
    known = store.known()
    fresh = sorted(path for path, stamp in found.items() if known.get(path) != stamp)
    gone = sorted(path for path in known if path not in found)
    report = IndexReport(folder, len(fresh), len(gone))
    if fresh or gone or not store.exists:
        _read(store, folder, fresh, gone, thumbnail or THUMBNAIL, rebuild, workers or Threads(), progress)
    report.tiles = int(str(store.query("SELECT COUNT(*) FROM tile")[0][0]))
    rows = store.query("SELECT path, reason FROM skipped ORDER BY path")
    report.skipped = [(str(base_folder(folder) / str(path)), str(reason)) for path, reason in rows]
    return report


def _read(
    store: TileStore,
    folder: Path,
    fresh: list[str],
    gone: list[str],
    thumbnail: int,
    rebuild: bool,
    workers: Workers,
    progress: Progress | None,
) -> None:
    with store.writing(thumbnail, rebuild) as writer:
        for path in gone:
            writer.forget(path)
        batches = (fresh[n : n + BATCH] for n in range(0, len(fresh), BATCH))
        done = 0
        for records in workers.map(partial(_read_batch, side=writer.thumbnail), batches, str(base_folder(folder))):
            for record in records:
                writer.add(record)
            if done // COMMIT != (done + len(records)) // COMMIT:
                writer.commit()
            done += len(records)
            if progress is not None:
                progress(done, len(fresh))
        writer.commit()


def _read_batch(folder: str, names: list[str], side: int) -> list[TileRecord]:
    return read_tiles(folder, names, side)


def _scan(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every picture file below a folder with its size and date, hidden ones left out."""
    if folder.is_file():
        stat = folder.stat()
        yield folder.name, (stat.st_size, stat.st_mtime_ns)
        return
    if not folder.is_dir():
        raise VertumnusError(f"{folder}: `tiles`: there is no such folder or file")
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(folder / inner) as entries:
                for entry in entries:
                    name = f"{inner}/{entry.name}" if inner else entry.name
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(name)
                    elif os.path.splitext(entry.name)[1].lower() in TILE_SUFFIXES:  # noqa: PTH122
                        try:
                            stat = entry.stat()
                        except OSError:  # a link to nowhere; reading it says so
                            yield name, (0, 0)
                        else:
                            yield name, (stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise VertumnusError(f"{folder / inner}: cannot be searched ({error.strerror})") from None


def prune_index(
    folder: str | Path, *, index: str | Path | None = None, progress: Progress | None = None
) -> tuple[IndexReport, int]:
    """Brings an index up to date and drops the space of pictures no longer in use; returns the bytes won too."""
    report = update_index(folder, index=index, progress=progress)
    store = TileStore(index_place(folder, index))
    with store.writing() as writer:
        return report, writer.compact()
