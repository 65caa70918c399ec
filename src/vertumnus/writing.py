"""Writing files so that a crash, a full disk or Ctrl-C leaves the old ones or the new ones, whole.

A file is written beside its place under another name, ``.NAME.TOKEN.part``, which is locked as long as its writer
lives; then it takes the place, with the permissions of what stood there. What a writer that was killed left behind is
known by its lock being free, and is removed by the next one that writes to that place; several files that were taking
their places together are then put there.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from vertumnus.errors import VertumnusError
from vertumnus.reading import open_file

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing is locked, and what is left behind stays
    fcntl = None  # type: ignore[assignment]

LOCK = ".writing"  # the file in a folder being written whose lock tells that its writer lives
TOKEN = "[0-9a-f]" * 8
COMMIT = ".vertumnus.{}.commit"  # the list of files that are taking their places together


class Staged:
    """Files and folders written under other names, to take their places together.

    What belongs at a place is written at `add`'s; `commit` moves all. From then on a list of them lies in each folder
    until all are there, so that a commit that was cut short is finished by whoever next writes there.
    """

    def __init__(self) -> None:
        self.token = secrets.token_hex(4)
        self.parts: dict[Path, Path] = {}
        self._held: list[BinaryIO] = []

    def add(self, place: Path, folder: bool = False) -> Path:
        """Where to write what belongs at a place; a folder is made and locked."""
        remove_leftovers(place)
        part = _part(place, self.token)
        self.parts[place] = part
        if folder:
            while fcntl is not None and not (part / LOCK).exists():
                part.mkdir(exist_ok=True)
                # Between these two another writer may take the folder for one that was left behind.
                with contextlib.suppress(FileNotFoundError):
                    self._hold(part / LOCK)
            part.mkdir(exist_ok=True)
        return part

    def take(self, place: Path, part: Path, held: BinaryIO | None = None) -> None:
        """Takes over a file that is written already."""
        self.parts[place] = part
        if held is not None:
            self._held.append(held)

    def commit(self) -> None:
        """Puts everything in its place; within `together` that waits for its end.

        Raises `OSError` if a place cannot be taken; everything old is then put back.
        """
        waiting = _waiting.get()
        if waiting is not None and waiting is not self:
            for place, part in self.parts.items():
                waiting.take(place, part)
            waiting._held += self._held
            self.parts, self._held = {}, []
            return
        lists = []
        for folder in dict.fromkeys(place.parent for place in self.parts):
            here = [[place.name, part.name] for place, part in self.parts.items() if place.parent == folder]
            if fcntl is not None and (len(here) > 1 or self.parts[folder / here[0][0]].is_dir()):
                lists.append(folder / COMMIT.format(self.token))
                stream = self._hold(lists[-1])
                stream.write(json.dumps(here).encode())
                stream.flush()
                os.fsync(stream.fileno())
        moved: list[tuple[Path, Path, Path | None]] = []
        try:
            for place, part in self.parts.items():
                moved.append((place, part, _set_aside(part, place)))
                part.replace(place)
        except BaseException:
            for place, part, old in reversed(moved):
                with contextlib.suppress(OSError):
                    if not part.exists():
                        place.replace(part)
                    if old is not None:
                        old.replace(place)
                        _remove(old)  # a link to what never left its place is not moved
            raise
        else:
            for place, _, old in moved:
                _settle(place, old)
        finally:
            for path in lists:
                path.unlink(missing_ok=True)
        self.parts = {}

    def clean(self) -> None:
        """Removes what has taken no place, and lets go of the locks."""
        for part in self.parts.values():
            _remove(part)
        self.parts = {}
        for stream in self._held:
            stream.close()
        self._held = []

    def _hold(self, path: Path) -> BinaryIO:
        stream = path.open("xb")
        lock(stream)
        self._held.append(stream)
        return stream


_waiting: ContextVar[Staged | None] = ContextVar("waiting", default=None)


@contextlib.contextmanager
def atomic_write(path: Path, wait: bool = True) -> Iterator[BinaryIO]:
    """Opens a new file beside ``path`` for writing and moves it into place at the end.

    wait   within `together`, until its end; files named by their content need not

    On any failure the new file is removed and what stood at ``path`` is untouched. An `OSError`
    (no such folder, no permission, no space) becomes a `VertumnusError` of one sentence.
    """
    check_replaceable_kind(path)
    remove_leftovers(path)
    part, waiting = _part(path, secrets.token_hex(4)), _waiting.get() if wait else None
    held: BinaryIO | None = None
    try:
        with part.open("xb") as stream:
            lock(stream)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if waiting is not None and fcntl is not None:
                held = os.fdopen(os.dup(stream.fileno()), "wb")  # the lock lasts as long as either is open
        with contextlib.suppress(OSError):
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        if waiting is not None:
            waiting.take(path, part, held)
        else:
            part.replace(path)
    except BaseException as error:
        if held is not None:
            held.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Files that are written within take their places at the end, one right after the other.

    If anything fails before, none of them does.
    """
    if _waiting.get() is not None:
        yield
        return
    staged = Staged()
    token = _waiting.set(staged)
    try:
        yield
        first = next(iter(staged.parts), Path())
        try:
            staged.commit()
        except OSError as error:
            raise cannot_write(next(iter(staged.parts), first), error) from error
    finally:
        _waiting.reset(token)
        staged.clean()


def _part(path: Path, token: str) -> Path:
    return path.with_name(f".{path.name}.{token}.part")


def _set_aside(part: Path, place: Path) -> Path | None:
    """Keeps what stands at a place under another name, until what is new is there."""
    if not os.path.lexists(place):
        return None
    old = part.with_name(part.name.removesuffix(".part") + ".old")
    if place.is_dir() and not place.is_symlink():
        place.replace(old)
        return old
    try:
        os.link(place, old, follow_symlinks=False)  # what is new then takes its place in one step
    except OSError:  # a file system without links: it cannot be put back
        return None
    return old


def _settle(place: Path, old: Path | None) -> None:
    if old is not None:
        _remove(old)
    if place.is_dir():
        _remove(place / LOCK)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def lock(stream: BinaryIO) -> None:
    """Marks a file as being written; the mark ends with its writer, however that ends."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # some network file systems lock nothing
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_leftovers(path: Path) -> None:
    """Finishes what writers that were killed had begun to put in its place here, and removes what they left."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for listing in path.parent.glob(COMMIT.format(TOKEN)):
            if _abandoned(listing):
                _finish(listing)
        name = glob.escape(path.name)
        for part in path.parent.glob(f".{name}.{TOKEN}.part"):
            if _abandoned(part):
                _remove(part)
            elif part.is_dir() and not part.is_symlink():
                with contextlib.suppress(OSError):  # it holds something: only one whose writer died first is empty
                    part.rmdir()
        # What is old is needed for as long as somebody's commit is under way.
        if path.exists() and not any(path.parent.glob(COMMIT.format(TOKEN))):
            for old in path.parent.glob(f".{name}.{TOKEN}.old"):
                _remove(old)


def _finish(listing: Path) -> None:
    try:
        pairs = json.loads(listing.read_bytes()[:1_000_000])
        named = [(Path(place).name, Path(part).name) for place, part in pairs]
    except (ValueError, TypeError):
        named = []
    for place, part in named:
        # Only what this program's own names say belongs there.
        staged, final = listing.with_name(part), listing.with_name(place)
        if not re.fullmatch(re.escape(f".{place}.") + f"{TOKEN}[.]part", part):
            continue
        old = None
        if staged.exists():
            old = _set_aside(staged, final)
            staged.replace(final)
        _settle(final, old)
    listing.unlink(missing_ok=True)


def _abandoned(part: Path) -> bool:
    """Whether nobody holds the lock: of a folder that of the file `LOCK` in it."""
    if part.is_symlink():
        return False
    try:
        with open_file(part / LOCK if part.is_dir() else part) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, VertumnusError):  # still written, or not a file at all
        return False
    return True


def cannot_write(path: Path, error: OSError) -> VertumnusError:
    """The sentence for a place that cannot be written."""
    if not path.parent.is_dir():
        return VertumnusError(f"{path}: cannot be written, the folder {path.parent} does not exist")
    return VertumnusError(f"{path}: cannot be written ({error.strerror or error}); nothing there was changed")


def check_writable(path: Path) -> None:
    """Raises `VertumnusError` if ``path`` clearly cannot be written, before long work is spent on it."""
    if not path.parent.is_dir():
        raise cannot_write(path, FileNotFoundError())
    try:  # what the permissions say is not all: a disk may be full, or not to be written at all
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None
    if path.suffix and path.is_dir():
        raise VertumnusError(f"{path}: cannot be written, it is a folder")
    check_replaceable_kind(path)


def check_replaceable_kind(path: Path) -> None:
    """Raises `VertumnusError` for a pipe, a device or a socket, which a file would take the place of."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise VertumnusError(f"{path}: cannot be written, it is not a regular file")


def check_apart(outputs: Iterable[Path], inputs: Iterable[str | Path | None]) -> None:
    """Raises `VertumnusError` if an output is a file that is read: one named, or in a folder or glob that is named.

    So is a folder that is read, or that what is read lies in, for it would be replaced.

    inputs   files, folders, globs, or words that name no file; None is passed over
    """
    named = [str(one) for one in inputs if one is not None]
    for output in outputs:
        if not output.exists():
            continue
        real = output.resolve()
        for name in named:
            path = Path(name)
            if output.is_dir():
                hit = path.exists() and path.resolve().is_relative_to(real)
            elif path.is_dir():
                hit = real.is_relative_to(path.resolve())
            elif path.exists():
                hit = real == path.resolve()
            else:
                hit = any(sign in name for sign in "*?[") and real.match(str(Path(name).absolute()))
            if hit:
                raise VertumnusError(f"{output}: is one of the pictures that are read ({name}); choose another name")
