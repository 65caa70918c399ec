"""Deep zoom of a document as it is: a pyramid of tiles, made when it is asked for, of the latest revision alone."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.picture import save_picture
from vertumnus.render.picture import picture_size

MOST_PIXELS = 400_000_000
NAME = re.compile(r"zoom(\.dzi|_files/\d{1,2}/\d{1,5}_\d{1,5}\.jpg)")


class Zooms:
    """The pyramids of a studio.

    folder   where they lie until it ends
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "zoom"
        self._made: dict[str, int] = {}
        self._guard = threading.Lock()

    def make(self, identity: str, revision: int, collage: Collage) -> str:
        """The pyramid of a revision; its address, relative to the document's.

        Raises `VertumnusError` if it would be too large.
        """
        width, height = picture_size(collage, 1.0)
        if width * height > MOST_PIXELS:
            raise VertumnusError(f"zoom: {width} x {height} pixels are too many; export a deep zoom instead")
        with self._guard:
            place = self.folder / identity / str(revision)
            if self._made.get(identity) != revision:
                shutil.rmtree(self.folder / identity, ignore_errors=True)
                place.mkdir(parents=True)
                save_picture(collage, place / "zoom.dzi")
                self._made[identity] = revision
        return f"zoom/{revision}/zoom.dzi"

    def file(self, identity: str, revision: int, name: str) -> Path:
        """A file of a pyramid. Raises `VertumnusError` if there is none."""
        path = self.folder / identity / str(revision) / name
        if NAME.fullmatch(name) is None or not path.is_file():
            raise VertumnusError(f"{name}: there is no such part of the picture")
        return path
