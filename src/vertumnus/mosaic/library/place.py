"""Where a folder's index lies, and which files there are the program's own.

A folder of pictures may have been received from anybody, with whatever beside them. So an index lies in the user's
cache unless told otherwise; no link is followed to it or within it; and a file is written only if it begins with the
head that this program gave it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from vertumnus.cachedir import user_folder
from vertumnus.errors import VertumnusError

BESIDE = "beside"
FOLDER = ".vertumnus-tiles"  # in the folder of pictures; not searched for pictures itself
HEAD_BYTES = 64
_MARK = b"vertumnus/tiles\n"
_NAMES = re.compile(r"(tiles\.sqlite(\.new)?|lock)(-journal|-wal|-shm)?|(cells|thumbnails)\.\d{1,18}")
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def base_folder(folder: Path) -> Path:
    """What an index's paths begin from: the folder, or that of a single file."""
    return folder.parent if folder.is_file() else folder


def index_place(folder: str | Path, index: str | Path | None = None) -> Path:
    """Where the index of a folder, or of a single file, is.

    index   a folder for indexes; the user's cache by default; `BESIDE` for the folder of pictures itself

    In a cache it is named by the folder's real path.
    """
    folder = Path(folder)
    if index == BESIDE:
        return folder.with_name(f"{FOLDER}-{folder.name}") if folder.is_file() else folder / FOLDER
    place = user_folder("tile-indexes", str(folder.resolve()))
    return place if index is None else Path(index) / place.name


def check_place(place: Path) -> None:
    """Raises `VertumnusError` if the place of an index is a link or holds anything that is not an index's.

    A place that does not exist is fine.
    """
    try:
        there = place.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise VertumnusError(f"{place}: the index cannot be read ({error.strerror or error})") from None
    if stat.S_ISLNK(there.st_mode) or not stat.S_ISDIR(there.st_mode):
        raise _not_ours(place, "it is a link" if stat.S_ISLNK(there.st_mode) else "it is not a folder")
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISLNK(found.st_mode):
                    raise _not_ours(place / entry.name, "it is a link")
                if not stat.S_ISREG(found.st_mode) or not _NAMES.fullmatch(entry.name):
                    raise _not_ours(place / entry.name, "no index holds such a thing")
                if os.name != "nt" and found.st_nlink > 1:  # Windows does not say
                    raise _not_ours(place / entry.name, "the same file has another name elsewhere")
    except OSError as error:
        raise VertumnusError(f"{place}: the index cannot be read ({error.strerror or error})") from None


def _not_ours(path: Path, why: str) -> VertumnusError:
    return VertumnusError(f"{path}: is not of an index that vertumnus made, {why}; nothing was changed")


def _head(kind: str, key: str) -> bytes:
    """What a file of numbers begins with: a mark, and a hash of its kind and of the index's own key."""
    return (_MARK + hashlib.sha512(f"{kind} {key}".encode()).digest())[:HEAD_BYTES]


@contextlib.contextmanager
def opened(path: Path, kind: str, key: str, write: bool = False) -> Iterator[int]:
    """A handle of a file that this program made for this index; for writing it is made if it is not there.

    Raises `VertumnusError` if it is a link or another file, and `OSError` if it cannot be opened.
    """
    handle = open_own(path, kind, key, write)
    try:
        yield handle
    finally:
        os.close(handle)


def open_own(path: Path, kind: str, key: str, write: bool = False) -> int:
    """As `opened`; who calls closes the handle."""
    try:
        handle = os.open(path, (os.O_RDWR | os.O_CREAT if write else os.O_RDONLY) | _NO_LINK, 0o644)
    except OSError:
        if path.is_symlink():
            raise _not_ours(path, "it is a link") from None
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _not_ours(path, "it is not a file")
        head = _head(kind, key)
        if write and found.st_size == 0:
            os.write(handle, head)
        elif os.read(handle, HEAD_BYTES) != head:
            raise _not_ours(path, "it does not begin as one")
    except BaseException:
        os.close(handle)
        raise
    return handle
