"""Reading a file that somebody named: regular files alone, and no more bytes than are bearable."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PICTURE_BYTES


def read_file(path: str | Path, most: int = MAX_PICTURE_BYTES) -> bytes:
    """The bytes of a regular file.

    A pipe, a device or a socket could wait for ever or never end; it is opened without waiting and looked at before
    anything is read, so that it cannot be put in a file's place in between.

    Raises `VertumnusError` for what is no regular file or is larger than ``most`` bytes, `OSError` for one that is
    gone or may not be read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise VertumnusError(f"{path}: not a regular file")
        if found.st_size > most:
            raise VertumnusError(f"{path}: {found.st_size:,} bytes is too much, at most {most:,} are read")
        data = stream.read(most + 1)
    if len(data) > most:  # it grew, or does not say how long it is
        raise VertumnusError(f"{path}: more than {most:,} bytes is too much")
    return data
