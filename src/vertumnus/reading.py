"""Reading what somebody named: regular files alone, no more bytes than are bearable, and texts that are texts."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_JSON_BYTES, MAX_JSON_PARTS, MAX_PICTURE_BYTES, MAX_TEXT_BYTES

_READ = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):  # without waiting for a pipe's other end; as the system has them
    _READ |= getattr(os, _flag, 0)


def read_file(path: str | Path, most: int = MAX_PICTURE_BYTES) -> bytes:
    """The bytes of a regular file.

    A pipe, a device or a socket could wait for ever or never end; so it is opened without waiting, and looked at once
    it is open, when nothing can be put in its place any more.

    Raises `VertumnusError` for what is no regular file or is larger than ``most`` bytes, `OSError` for one that is
    gone or may not be read.
    """
    with open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise VertumnusError(f"{path}: {size:,} bytes is too much, at most {most:,} are read")
        data = stream.read(most + 1)
    if data is None:  # what the system itself tells there is waited for
        raise VertumnusError(f"{path}: not a regular file")
    if len(data) > most:  # it grew, or does not say how long it is
        raise VertumnusError(f"{path}: more than {most:,} bytes is too much")
    return data


def open_file(path: str | Path) -> BinaryIO:
    """A regular file, opened; who calls closes it. Raises as `read_file` does."""
    try:
        handle = os.open(path, _READ)
    except ValueError as error:  # no system has such a name
        raise VertumnusError(f"{path}: cannot be read ({error})") from None
    except OSError:
        check_regular(path)  # of a socket the system says no more than that there is no such device
        raise
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise _not_regular(path, found)
    if found.st_size == 0:  # what the system itself tells says so too, and may be waited for
        try:
            os.pread(handle, 1, 0)
        except BlockingIOError:
            os.close(handle)
            raise _not_regular(path, found) from None
        except OSError:
            os.close(handle)
            raise
    return os.fdopen(handle, "rb")


def read_head(path: str | Path, count: int) -> bytes:
    """The first bytes of a regular file, at most ``count``. Raises `VertumnusError` if it cannot be read."""
    try:
        with open_file(path) as stream:
            return stream.read(count) or b""
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None


def check_regular(path: str | Path) -> None:
    """Raises `VertumnusError` for what is there and no regular file: where a library opens it itself."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a name that no system has is a ValueError here
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(found.st_mode):
        raise _not_regular(path, found)


def _not_regular(path: str | Path, found: os.stat_result) -> VertumnusError:
    what = "a folder, not a file" if stat.S_ISDIR(found.st_mode) else "not a regular file"
    return VertumnusError(f"{path}: {what}")


def read_named(path: str | Path, most: int = MAX_PICTURE_BYTES) -> bytes:
    """As `read_file`, with a `VertumnusError` for one that is gone or may not be read too."""
    try:
        return read_file(path, most)
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_text(path: str | Path, most: int = MAX_TEXT_BYTES) -> str:
    """The text of a file in UTF-8. Raises `VertumnusError` if it cannot be read or is none."""
    try:
        return read_named(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VertumnusError(f"{path}: cannot be read as text ({error.reason} at byte {error.start:,})") from None


def read_json(path: str | Path, most: int = MAX_JSON_BYTES) -> Any:
    """What a JSON file says. Raises `VertumnusError` if it cannot be read or is none."""
    return parse_json(read_named(path, most), path)


def parse_json(data: str | bytes, where: str | Path) -> Any:
    """What a JSON text says.

    Raises `VertumnusError` if it is none, is nested beyond reason or holds half of a character.
    """
    check_parts(data, where)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise VertumnusError(f"{where}: not readable JSON ({error})") from None
    check_characters(data, found, where)
    return found


def check_characters(data: str | bytes, found: object, where: str | Path) -> None:
    """Raises `VertumnusError` if what a JSON text says holds a lone surrogate, which no file can hold."""
    escaped = "\\u" in data if isinstance(data, str) else b"\\u" in data
    try:
        field = _no_unicode(found) if escaped else ""
    except RecursionError:
        raise VertumnusError(f"{where}: not readable JSON (it is nested too deep)") from None
    if field:
        raise VertumnusError(f"{where}: {field}: half of a character, not a text")


def _no_unicode(value: object, field: str = "") -> str:
    """The first field that holds a lone surrogate; or nothing."""
    if isinstance(value, str):
        return (field or "it") if any("\ud800" <= sign <= "\udfff" for sign in value) else ""
    if isinstance(value, dict):
        if any(_no_unicode(key, "a field's name") for key in value):
            return f"{field or 'a field'}: a name in it"
        parts = ((f"{field}.{key}" if field else key, entry) for key, entry in value.items())
    elif isinstance(value, list):
        parts = ((f"{field}[{index}]", entry) for index, entry in enumerate(value))
    else:
        return ""
    return next(filter(None, (_no_unicode(entry, name) for name, entry in parts)), "")


def check_parts(data: str | bytes, where: str | Path) -> None:
    """Raises `VertumnusError` for a JSON text of so many lists and objects that there is no memory for them."""
    parts = data.count("[") + data.count("{") if isinstance(data, str) else data.count(b"[") + data.count(b"{")
    if parts > MAX_JSON_PARTS:
        raise VertumnusError(
            f"{where}: {parts:,} lists and objects are too many, at most {MAX_JSON_PARTS:,} are read"
        )


def legible(name: str) -> str:
    r"""A file's name as text: bytes that are no UTF-8, which Python keeps as halves of characters, become signs.

    >>> legible("caf\udce9")
    'caf�'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
