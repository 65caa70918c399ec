"""What a browser sends: pictures, drawings, tables and collages, checked as files named to the command line are."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Literal

from vertumnus.document.collage import Collage
from vertumnus.elements.element import MAX_SIDE, Element, make_element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import PICTURE_SUFFIXES
from vertumnus.reading import read_named, read_text
from vertumnus.studio.schema import UploadShown

MOST_FILES = 1_000  # of one request
MOST_BYTES = 64 << 20  # of one file
MOST_KEPT = 2 << 30  # bytes of all files that a studio holds
TEXTS = frozenset({".txt", ".md", ".csv", ".tsv", ".json"})
COLLAGES = frozenset({".collage"})
NAME = 120  # characters


@dataclass(frozen=True)
class Upload:
    """A file that was sent, under a name of our own.

    kind     picture, text or collage
    name     what the person called it, without its suffix
    element  of a picture, ready to be placed
    """

    id: str
    kind: Literal["picture", "text", "collage"]
    name: str
    path: Path
    element: Element | None = None

    def shown(self) -> UploadShown:
        """What the browser is told of it."""
        size = (None, None) if self.element is None else (self.element.width, self.element.height)
        return UploadShown(id=self.id, name=self.name, kind=self.kind, width=size[0], height=size[1])


class Uploads:
    """The files that a studio was sent, kept in a folder of its own until it ends."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vertumnus-studio-"))
        self._found: dict[str, Upload] = {}
        self._numbers = count(1)
        self.bytes = 0

    def close(self) -> None:
        """Removes all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, filename: str) -> Path:
        """Where a file of that name is to be written, under a name of our own.

        Raises `VertumnusError` for a kind that is not taken.
        """
        suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
        if suffix not in PICTURE_SUFFIXES | TEXTS | COLLAGES:
            raise VertumnusError(f"{_named(filename)}: not a picture, a drawing, a text, a table or a *.collage")
        return self.folder / f"{next(self._numbers)}{suffix}"

    def take(self, path: Path, filename: str) -> Upload:
        """Checks a file that was written to its place, and keeps it.

        Raises `VertumnusError`, and removes the file, if it cannot be used.
        """
        name = _named(filename)
        try:
            size = path.stat().st_size
            if self.bytes + size > MOST_KEPT:
                raise VertumnusError(f"{name}: the studio holds {self.bytes >> 20} MB already; start it anew")
            kind, element = _checked(path, name)
        except VertumnusError as error:
            path.unlink(missing_ok=True)
            raise VertumnusError(str(error).replace(str(path), name)) from None
        upload = Upload(f"u{path.stem}", kind, PurePosixPath(name).stem or name, path, element)
        self._found[upload.id] = upload
        self.bytes += size
        return upload

    def get(self, identity: str, kind: str | None = None) -> Upload:
        """An upload. Raises `VertumnusError` if there is none, or it is of another kind."""
        found = self._found.get(identity)
        if found is None:
            raise VertumnusError(f"{identity}: there is no such upload")
        if kind is not None and found.kind != kind:
            raise VertumnusError(f"{found.name}: is a {found.kind}, and a {kind} is needed")
        return found

    def keep(self, upload: Upload) -> None:
        """Knows a file that came about in another way, as one that was cut out."""
        self._found[upload.id] = upload

    def files(self) -> dict[str, Path]:
        """Where they all lie, by what they are called; and as ``name:`` and that, what the person called them."""
        found = {name: upload.path for name, upload in self._found.items()}
        return found | {f"name:{name}": Path(upload.name) for name, upload in self._found.items()}

    def element(self, identity: str) -> Element:
        """The element of a picture that was sent."""
        element = self.get(identity, "picture").element
        assert element is not None
        return element


def _checked(path: Path, name: str) -> tuple[Literal["picture", "text", "collage"], Element | None]:
    if path.suffix in COLLAGES:
        Collage.load(path)
        return "collage", None
    if path.suffix in TEXTS:
        if "\0" in read_text(path, MOST_BYTES):
            raise VertumnusError(f"{name}: cannot be read as text, it holds zero bytes")
        return "text", None
    data = read_named(path, MOST_BYTES)
    where = name if PurePosixPath(name).suffix.lower() == path.suffix else f"{name}{path.suffix}"
    return "picture", make_element(data, path, where, PurePosixPath(name).stem or name, MAX_SIDE)


def _named(filename: str) -> str:
    """What a person called a file, without folders and signs that are none."""
    last = PurePosixPath(filename.replace("\\", "/")).name
    kept = "".join(sign if sign.isprintable() else "_" for sign in last)
    return kept[-NAME:] or "upload"
