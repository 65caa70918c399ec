"""The pictures of a collage: encoded files named by the hash of their bytes, read when needed."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.archive import list_members, read_member
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode, open_image, upright_size
from vertumnus.limits import MAX_PICTURE_BYTES
from vertumnus.reading import open_file, read_file

HASH_DIGITS = 16
# What a collage keeps within itself, so that a browser and every other program can show it; a linked picture may be
# of any format that is read.
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
DRAWING = ".svg"  # of a drawing beside its picture
LINKED = SUFFIXES | {"AVIF": ".avif", "TIFF": ".tif", "GIF": ".gif"}


@dataclass(frozen=True)
class _Entry:
    """A member of a zip bundle."""

    bundle: Path
    member: str


@dataclass(frozen=True)
class _Link:
    """A file that stays where it is."""

    path: Path


class Preview(NamedTuple):
    """A smaller version of a picture that costs less than decoding it.

    width, height   its pixels
    open     gives it, RGB
    """

    width: int
    height: int
    open: Callable[[], Image.Image]


def content_name(digest: str, suffix: str) -> str:
    """The name of a picture whose SHA-256 hex digest is given: ``elements/<16 digits><suffix>``."""
    return f"elements/{digest[:HASH_DIGITS]}{suffix}"


class Pictures:
    """Encoded pictures by name.

    A picture may be bytes in memory, a file, a file that is linked to, or a member of a zip; files and members are
    read anew at each use and checked against their hash, so a thousand photographs cost no memory.
    """

    def __init__(self) -> None:
        self._sources: dict[str, bytes | Path | _Entry | _Link] = {}
        self._drawings: dict[str, tuple[str, bytes | Path | _Entry]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._previews: dict[str, Preview] = {}

    def add(self, data: bytes) -> str:
        """Keeps an encoded PNG, JPEG or WebP picture and returns its name.

        Raises `VertumnusError` if the bytes are not such a picture.
        """
        with open_image(data, "picture", tuple(SUFFIXES)) as image:
            name = content_name(hashlib.sha256(data).hexdigest(), SUFFIXES[str(image.format)])
            self._sizes[name] = upright_size(image)
        self._sources.setdefault(name, data)
        return name

    def add_pixels(self, rgba: NDArray[np.uint8]) -> str:
        """Keeps an H x W x 4 array of straight (not premultiplied) RGBA as PNG and returns its name."""
        buffer = io.BytesIO()
        Image.fromarray(rgba, "RGBA").save(buffer, "PNG", compress_level=1)
        return self.add(buffer.getvalue())

    def add_source(self, name: str, source: bytes | Path) -> None:
        """Keeps a picture whose name is already known to be the hash of its bytes."""
        self._sources.setdefault(name, source)

    def add_drawing(self, name: str, drawing: bytes | Path, drawn: str | None = None) -> str:
        """Keeps the drawing that a picture was made of, an SVG on a canvas of its pixels, and returns the SVG's name.

        drawn   that name, where it is known to be the hash of its bytes; else ``drawing`` is those bytes
        """
        if drawn is None:
            assert isinstance(drawing, bytes)
            drawn = content_name(hashlib.sha256(drawing).hexdigest(), DRAWING)
        return self._drawings.setdefault(name, (drawn, drawing))[0]

    def add_drawing_member(self, name: str, drawn: str, bundle: Path) -> None:
        """Keeps a drawing that is a member of a zip bundle."""
        self._drawings[name] = (drawn, _Entry(bundle, drawn))

    def drawing_name(self, name: str) -> str | None:
        """The name of the drawing that a picture was made of, if it was."""
        return self._drawings[name][0] if name in self._drawings else None

    def drawing(self, name: str) -> bytes | None:
        """The drawing that a picture was made of, an SVG that nobody has looked at, or None.

        Raises `VertumnusError` if it cannot be read, or is no longer what its name says.
        """
        if name not in self._drawings:
            return None
        drawn, source = self._drawings[name]
        if isinstance(source, bytes):
            return source
        where = f"{source.bundle}: {drawn}" if isinstance(source, _Entry) else str(source)
        data = self._read(source, where)
        check_hash(drawn, data, where)
        return data

    def add_member(self, name: str, bundle: Path) -> None:
        """Keeps a picture that is a member of a zip bundle, under the member's name."""
        self._sources[name] = _Entry(bundle, name)

    def link(self, path: Path, digest: str | None = None, size: tuple[int, int] | None = None) -> str:
        """Keeps a picture file of any format where it is, and returns its name.

        A collage saved as JSON then says where the file lies; one saved as ``*.collage`` takes it in, as it is.

        digest   SHA-256 of its bytes, hex, where it is known; else the file is read
        size     width and height, upright, where they are known

        Raises `VertumnusError` if it cannot be read or its suffix is no picture's.
        """
        suffix = path.suffix.lower().replace(".jpeg", ".jpg").replace(".tiff", ".tif")
        if suffix not in LINKED.values():
            raise VertumnusError(f"{path}: not a picture that can be linked to ({', '.join(LINKED.values())})")
        if digest is None:
            digest = hashlib.sha256(self._read(_Link(path), str(path))).hexdigest()
        name = content_name(digest, suffix)
        self._sources.setdefault(name, _Link(path))
        if size is not None:
            self._sizes[name] = size
        return name

    def add_link(self, name: str, path: Path) -> None:
        """Keeps a linked file under the name a document gives it; its hash is checked when it is read."""
        self._sources.setdefault(name, _Link(path))

    def hold(self, name: str) -> None:
        """Takes a picture in, so that the file it lies in may go. Raises `VertumnusError` if it cannot be read."""
        self._sources[name] = self.read(name)

    def add_preview(self, name: str, preview: Preview) -> None:
        """Lets a smaller version serve where it is large enough, as an index of tiles has one."""
        self._previews[name] = preview

    def preview(self, name: str) -> Preview | None:
        """The smaller version of a picture, if there is one."""
        return self._previews.get(name)

    def linked(self, name: str) -> Path | None:
        """Where a linked picture lies, or None for one that the collage holds."""
        source = self._sources.get(name)
        return source.path if isinstance(source, _Link) else None

    def take_from(self, other: Pictures, name: str) -> None:
        """Shares one picture of another collage."""
        self._sources.setdefault(name, other._sources[name])
        if name in other._drawings:
            self._drawings.setdefault(name, other._drawings[name])
        for mine, theirs in ((self._sizes, other._sizes), (self._previews, other._previews)):
            if name in theirs:
                mine[name] = theirs[name]  # type: ignore[assignment]

    def read(self, name: str) -> bytes:
        """The encoded bytes of a picture.

        Raises `VertumnusError` if it is missing, unreadable, or no longer what its name says.
        """
        source = self._sources.get(name)
        if source is None:
            raise VertumnusError(f"{name}: there is no such picture in the collage")
        if isinstance(source, bytes):
            return source
        where = f"{source.bundle}: {source.member}" if isinstance(source, _Entry) else str(_path(source))
        data = self._read(source, where)
        check_hash(name, data, str(source.bundle if isinstance(source, _Entry) else _path(source)))
        return data

    def _read(self, source: Path | _Entry | _Link, where: str) -> bytes:
        try:
            return _read_member(source) if isinstance(source, _Entry) else read_file(_path(source))
        except (OSError, KeyError) as error:
            raise VertumnusError(f"{where}: the picture cannot be read any more ({error})") from None

    def check(self, name: str) -> None:
        """Raises `VertumnusError` if a picture is clearly gone, without reading it."""
        source = self._sources.get(name)
        if source is None:
            raise VertumnusError(f"{name}: there is no such picture in the collage")
        if isinstance(source, Path | _Link) and not _path(source).is_file():
            raise VertumnusError(f"{_path(source)}: the picture cannot be read any more, it is gone")

    def image(self, name: str) -> Image.Image:
        """The decoded picture, RGBA, straight alpha."""
        return self.decoded(name).convert("RGBA")

    def decoded(self, name: str, halvings: int = 0) -> Image.Image:
        """The decoded picture, RGB, or RGBA if anything in it is transparent; upright.

        halvings   how often it may be halved: a JPEG is decoded so, another picture is whole
        """
        data = self.read(name)
        where = self._where(name)
        if halvings == 0:
            return decode(data, where).image
        width, height = self.size(name)
        return decode(data, where, -(-min(width, height) // 2**halvings)).image

    def _where(self, name: str) -> str:
        source = self._sources.get(name)
        return str(source.path) if isinstance(source, _Link) else name

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a picture, without decoding it."""
        if name not in self._sizes:
            with open_image(self.read(name), self._where(name)) as image:
                self._sizes[name] = upright_size(image)
        return self._sizes[name]

    def keep_size(self, name: str, data: bytes, where: str) -> tuple[int, int]:
        """Looks at a picture's header and remembers its size.

        Raises `VertumnusError` if ``data`` is no PNG, JPEG or WebP, or has too many pixels.
        """
        with open_image(data, where, tuple(SUFFIXES)) as image:
            self._sizes[name] = upright_size(image)
        return self._sizes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def _path(source: Path | _Link) -> Path:
    return source.path if isinstance(source, _Link) else source


def _read_member(entry: _Entry) -> bytes:
    """One member of a zip, without going through all the others each time."""
    with open_file(entry.bundle) as stream:
        stat = os.fstat(stream.fileno())
        info = _members(entry.bundle, stat.st_size, stat.st_mtime_ns)[entry.member]
        return read_member(stream, info, str(entry.bundle), MAX_PICTURE_BYTES)


@lru_cache(maxsize=8)
def _members(bundle: Path, _size: int, _mtime: int) -> dict[str, zipfile.ZipInfo]:
    """What a zip holds; a mosaic's holds ten thousand pictures and is looked at for each of them."""
    with open_file(bundle) as stream:
        return {info.filename: info for info in list_members(stream, str(bundle))}


def check_hash(name: str, data: bytes, where: str) -> None:
    """Raises `VertumnusError` unless the digits in a picture's name begin the SHA-256 of its bytes."""
    digest = hashlib.sha256(data).hexdigest()
    digits = name.rpartition("/")[2].partition(".")[0]
    if not digest.startswith(digits):
        raise VertumnusError(
            f"{where}: {name}: wrong hash, the picture is not the one the collage was saved with"
            f" (its bytes hash to {digest[: len(digits)]})"
        )
