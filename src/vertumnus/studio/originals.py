"""The pictures that a mosaic's tiles were cut from, to be seen whole: a document keeps only cuts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vertumnus.document.collage import Collage
from vertumnus.document.pictures import Pictures
from vertumnus.errors import VertumnusError
from vertumnus.studio.pictures import Thumbnails


class Original(NamedTuple):
    """A picture file, by the name that its bytes give it, and where it lies."""

    name: str
    path: Path


class Originals:
    """The originals of a document's pictures, as far as they are known.

    A file is shown only while its bytes are those that the tile was cut from, so that no other is shown.
    """

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._pictures = Pictures()

    def know(self, found: Mapping[str, Original]) -> None:
        """Learns originals, by the names of the document's pictures."""
        for image, one in found.items():
            self._of[image] = one.name
            self._pictures.add_link(one.name, one.path)

    def png(self, thumbnails: Thumbnails, held: Pictures, image: str, side: int) -> tuple[bytes, bool]:
        """The original of a picture no longer than about ``side`` pixels, as PNG, and whether it is the original.

        What the document holds itself stands in for one that is not known, or whose file is gone or another by now.
        Raises `VertumnusError` if the document has no such picture.
        """
        name = self._of.get(image)
        if name is not None and image in held:
            try:
                return thumbnails.png(self._pictures, name, side), True
            except VertumnusError:
                pass
        return thumbnails.png(held, image, side), False


def originals_of(linked: Collage, held: Collage, homes: Mapping[Path, Path]) -> dict[str, Original]:
    """What the pictures of a mosaic were cut from, by their names in it.

    linked   the same mosaic with links to its tiles; held: with pictures of its own
    homes    where files lie that were linked to in a place that may go
    """
    found: dict[str, Original] = {}
    for tile, cut in zip(linked.layers, held.layers, strict=True):
        path = linked.pictures.linked(tile.image)
        if path is not None:
            found.setdefault(cut.image, Original(tile.image, homes.get(path, path)))
    return found
