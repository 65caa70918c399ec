"""No output of a command line is a file that it names to be read: one rule for every verb.

Verbs that read folders and globs check those themselves (`vertumnus.writing.check_apart`), since words that are no
files, such as a shape's name, may be the names of folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import BoundArguments
from pathlib import Path

from vertumnus.errors import VertumnusError

WRITTEN = ("output", "html", "preview", "checkpoint")  # parameters that say where to write
AGAIN = ("gallery", "index", "folder")  # places of the program's own, read and written
REWRITES = ("edit",)  # a verb whose purpose is to change what it reads
LONGEST = 4096  # characters of a path


def check_command(name: str, bound: BoundArguments) -> None:
    """Raises `VertumnusError` if what a verb is to write is what it is to read, or is to be written twice."""
    if name in REWRITES:
        return
    given = [{Path(text) for text in _texts(bound.arguments.get(key))} for key in WRITTEN]
    written = [path for paths in given for path in paths]
    for path in written:
        if written.count(path) > 1:
            raise VertumnusError(f"{path}: is to be written twice; choose another name")
    there = {path.resolve(): path for path in written if _is_file(path)}
    if not there:
        return
    for key, value in bound.arguments.items():
        if key in (*WRITTEN, *AGAIN):
            continue
        for text in _texts(value):
            for path in _named(text):
                if _is_file(path) and path.resolve() in there:
                    raise VertumnusError(
                        f"{there[path.resolve()]}: is one of the files that are read ({text}); choose another name"
                    )


def _texts(value: object) -> Iterator[str]:
    """Whatever may name a file in what a parameter was given."""
    if isinstance(value, str | Path):
        yield str(value)
    elif hasattr(value, "model_fields_set"):
        for name in value.model_fields_set:
            yield from _texts(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _texts(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _texts(getattr(value, name))


def _named(text: str) -> Iterator[Path]:
    """The files that a word may name: itself, or its part before or after a sign, as in photo:FILE or MODEL=FILE."""
    if "\0" in text or len(text) > LONGEST:
        return
    yield Path(text)
    for sign in (":", "=", "@"):
        before, found, after = text.partition(sign)
        if found:
            yield Path(before)
            yield Path(after)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
