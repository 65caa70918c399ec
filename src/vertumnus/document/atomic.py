"""Writing a file so that a crash, a full disk or Ctrl-C leaves the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vertumnus.errors import VertumnusError


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Opens a new file beside ``path`` for writing and moves it into place at the end.

    On any failure the new file is removed and what stood at ``path`` is untouched. An `OSError`
    (no such folder, no permission, no space) becomes a `VertumnusError` of one sentence.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


def cannot_write(path: Path, error: OSError) -> VertumnusError:
    """The sentence for a place that cannot be written."""
    if not path.parent.is_dir():
        return VertumnusError(f"{path}: cannot be written, the folder {path.parent} does not exist")
    return VertumnusError(f"{path}: cannot be written ({error.strerror or error}); nothing there was changed")


def check_writable(path: Path) -> None:
    """Raises `VertumnusError` if ``path`` clearly cannot be written, before long work is spent on it."""
    if not path.parent.is_dir():
        raise cannot_write(path, FileNotFoundError())
    if not os.access(path.parent, os.W_OK):
        raise cannot_write(path, PermissionError(13, "no permission to write in its folder"))
    if path.suffix and path.is_dir():
        raise VertumnusError(f"{path}: cannot be written, it is a folder")
