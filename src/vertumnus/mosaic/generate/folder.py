"""The folder in which generated tiles wait to become a mosaic: each is there whole or not at all.

A run that was killed finds what it had done, and does what is missing in the same batches as it would have.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import open_image
from vertumnus.reading import read_json, read_named
from vertumnus.writing import atomic_write, cannot_write

RECORD = "run.json"
FORMAT = "vertumnus/generated-tiles"

Bytes = NDArray[np.uint8]


class Tiles(Protocol):
    """Tiles that are there, by what their cells are called; see `TileFolder`."""

    path: Path
    state: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether it is there."""

    def file(self, name: str) -> Path:
        """Where it lies."""

    def read(self, name: str) -> Bytes:
        """A tile, H x W x 3."""

    def digest(self, name: str) -> str:
        """SHA-256 of its file."""


class TileFolder:
    """Tiles of one run as PNG files.

    identity  plain values that tell this run from any other

    What a former run of this program left is replaced where it was another; a folder of anything else is refused.
    Raises `VertumnusError` for that, and for one that cannot be written.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path, self.identity = path, json.loads(json.dumps(identity))
        record = self._read()
        if record is not None and record["identity"] == self.identity:
            self.state: dict[str, Any] = record["state"]
            return
        if record is not None:
            for old in path.glob("*.png"):
                old.unlink()
        self.state = {}
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from None
        self.save()

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            record = read_json(self.path / RECORD)
            if record["format"] != FORMAT or not isinstance(record["state"], dict) or "identity" not in record:
                raise ValueError(record["format"])
        except (ValueError, KeyError, TypeError):
            if self.path.is_dir() and not any(self.path.iterdir()):
                return None
            raise VertumnusError(
                f"{self.path}: is there and holds no tiles that this program generated; name another place or move it"
            ) from None
        return dict(record)

    def save(self) -> None:
        """Writes the record."""
        record = {"format": FORMAT, "identity": self.identity, "state": self.state}
        with atomic_write(self.path / RECORD) as stream:
            stream.write(json.dumps(record, indent=1, ensure_ascii=False).encode())

    def file(self, name: str) -> Path:
        """Where a tile lies or will."""
        return self.path / f"{name}.png"

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self.file(name).is_file()

    def write(self, name: str, tile: Bytes) -> None:
        """Keeps a tile, H x W x 3."""
        buffer = io.BytesIO()
        Image.fromarray(tile).save(buffer, "PNG", compress_level=6)
        with atomic_write(self.file(name)) as stream:
            stream.write(buffer.getvalue())

    def read(self, name: str) -> Bytes:
        """A tile, H x W x 3. Raises `VertumnusError` if it is damaged."""
        file = self.file(name)
        try:
            with open_image(read_named(file), str(file), ("PNG",)) as image:
                return np.asarray(image.convert("RGB"))
        except VertumnusError as error:
            raise VertumnusError(f"{error}; remove it and run again") from None

    def digest(self, name: str) -> str:
        """SHA-256 of a tile's file."""
        return hashlib.sha256(read_named(self.file(name))).hexdigest()
