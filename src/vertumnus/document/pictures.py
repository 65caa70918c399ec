"""The pictures of a collage: encoded files named by the hash of their bytes, read when needed."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError

MAX_PIXELS = 80_000_000  # of one picture; more is a slip or a decompression bomb
HASH_DIGITS = 16
# Sizes are checked here, in one place and with a sentence; Pillow's own warning would come first.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}


@dataclass(frozen=True)
class _Entry:
    """A member of a zip bundle."""

    bundle: Path
    member: str


def content_name(digest: str, suffix: str) -> str:
    """The name of a picture whose SHA-256 hex digest is given: ``elements/<16 digits><suffix>``."""
    return f"elements/{digest[:HASH_DIGITS]}{suffix}"


class Pictures:
    """Encoded pictures by name.

    A picture may be bytes in memory, a file, or a member of a zip; files and members are read anew at
    each use and checked against their hash, so a thousand photographs cost no memory.
    """

    def __init__(self) -> None:
        self._sources: dict[str, bytes | Path | _Entry] = {}

    def add(self, data: bytes) -> str:
        """Keeps an encoded PNG, JPEG or WebP picture and returns its name.

        Raises `VertumnusError` if the bytes are not such a picture.
        """
        with open_picture(io.BytesIO(data), "picture") as image:
            name = content_name(hashlib.sha256(data).hexdigest(), SUFFIXES[str(image.format)])
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

    def add_member(self, name: str, bundle: Path) -> None:
        """Keeps a picture that is a member of a zip bundle, under the member's name."""
        self._sources[name] = _Entry(bundle, name)

    def take_from(self, other: Pictures, name: str) -> None:
        """Shares one picture of another collage."""
        self._sources.setdefault(name, other._sources[name])

    def read(self, name: str) -> bytes:
        """The encoded bytes of a picture.

        Raises `VertumnusError` if it is missing, unreadable, or no longer what its name says.
        """
        source = self._sources.get(name)
        if source is None:
            raise VertumnusError(f"{name}: there is no such picture in the collage")
        if isinstance(source, bytes):
            return source
        try:
            if isinstance(source, Path):
                data = source.read_bytes()
            else:
                data = _read_member(source)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error, struct.error) as error:
            where = source if isinstance(source, Path) else f"{source.bundle}: {source.member}"
            raise VertumnusError(f"{where}: the picture cannot be read any more ({error})") from None
        check_hash(name, data, str(source if isinstance(source, Path) else source.bundle))
        return data

    def image(self, name: str) -> Image.Image:
        """The decoded picture, RGBA, straight alpha."""
        with open_picture(io.BytesIO(self.read(name)), name) as image:
            try:
                return image.convert("RGBA")
            except (OSError, SyntaxError, ValueError) as error:
                raise VertumnusError(f"{name}: the picture is damaged ({error})") from None

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a picture, without decoding it."""
        with open_picture(io.BytesIO(self.read(name)), name) as image:
            return image.size

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def _read_member(entry: _Entry) -> bytes:
    """One member of a zip, without going through all the others each time."""
    stat = entry.bundle.stat()
    info = _members(entry.bundle, stat.st_size, stat.st_mtime_ns)[entry.member]
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(entry.bundle) as opened:
            return opened.read(info)
    with entry.bundle.open("rb") as stream:
        stream.seek(info.header_offset + 26)  # of a local header: the lengths of its name and of what follows it
        stream.seek(sum(struct.unpack("<HH", stream.read(4))), 1)
        data = stream.read(info.compress_size)
    return zlib.decompress(data, -zlib.MAX_WBITS) if info.compress_type == zipfile.ZIP_DEFLATED else data


@lru_cache(maxsize=8)
def _members(bundle: Path, _size: int, _mtime: int) -> dict[str, zipfile.ZipInfo]:
    """What a zip holds; a mosaic's holds ten thousand pictures and is looked at for each of them."""
    with zipfile.ZipFile(bundle) as opened:
        return {info.filename: info for info in opened.infolist()}


def check_hash(name: str, data: bytes, where: str) -> None:
    """Raises `VertumnusError` unless the digits in a picture's name begin the SHA-256 of its bytes."""
    digest = hashlib.sha256(data).hexdigest()
    digits = Path(name).stem
    if not digest.startswith(digits):
        raise VertumnusError(
            f"{where}: {name}: wrong hash, the picture is not the one the collage was saved with"
            f" (its bytes hash to {digest[: len(digits)]})"
        )


def open_picture(stream: io.BytesIO, where: str) -> Image.Image:
    """Opens an encoded PNG, JPEG or WebP without decoding it yet.

    Raises `VertumnusError` for anything else, and for more than `MAX_PIXELS` pixels.
    """
    try:
        image = Image.open(stream, formats=list(SUFFIXES))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "too many pixels" if isinstance(error, Image.DecompressionBombError) else "not a picture"
        raise VertumnusError(f"{where}: {reason} (PNG, JPEG or WebP of at most {MAX_PIXELS:,} pixels)") from None
    if image.width * image.height > MAX_PIXELS:
        raise VertumnusError(
            f"{where}: {image.width} x {image.height} is too many pixels, at most {MAX_PIXELS:,} are read"
        )
    return image
