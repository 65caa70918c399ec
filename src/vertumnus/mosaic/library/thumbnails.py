"""The thumbnails of an index, found by the content of the pictures they are of, read when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.pictures import Pictures, Preview
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.library import Tile
from vertumnus.mosaic.library.record import cut_size
from vertumnus.mosaic.library.store import TileStore


class Thumbnail(NamedTuple):
    """Where a thumbnail is: the place of its index and its state, where its bytes begin, its size.

    It may go to another process, which opens the index there.
    """

    store: Path
    state: str
    start: int
    across: int
    down: int

    def pixels(self) -> NDArray[np.uint8]:
        """H x w x 3 bytes.

        Raises `VertumnusError` if the index is gone or cannot be seen from here.
        """
        mapped = _mapped(self.store, self.state)
        size = self.across * self.down * 3
        return mapped[self.start : self.start + size].reshape(self.down, self.across, 3)

    def image(self) -> Image.Image:
        """The same as a picture."""
        return Image.fromarray(self.pixels())

    def serve(self, pictures: Pictures, name: str, tile: Tile) -> None:
        """Lets it stand for a tile's picture where it is large enough; a long strip's shows its middle alone."""
        if cut_size(tile.width, tile.height) == (tile.width, tile.height):
            pictures.add_preview(name, Preview(self.across, self.down, self.image))


@lru_cache(maxsize=8)
def _mapped(place: Path, state: str) -> NDArray[np.uint8]:
    store = TileStore(place)
    if not store.exists or store.state.rpartition(" ")[0] != state.rpartition(" ")[0]:
        raise VertumnusError(f"{place}: the index is gone or was tidied meanwhile; run the command again")
    return np.asarray(store.thumbnails())


def find_thumbnails(tiles: Sequence[Tile]) -> list[Thumbnail | None]:
    """Where each picture's thumbnail is; None for one whose index is gone or knows no such picture."""
    asked: dict[Path, list[object]] = {}
    for tile in tiles:
        asked.setdefault(tile.store, []).append(bytes.fromhex(tile.digest))
    found: dict[tuple[Path, object], Thumbnail] = {}
    for place, digests in asked.items():
        try:
            store = TileStore(place)
            if not store.exists:
                continue
            state = store.state
        except VertumnusError:
            continue
        for digest, numbers in store.rows("digest", digests, "start, across, down").items():
            found[place, digest] = Thumbnail(place, state, *(int(str(n)) for n in numbers))
    return [found.get((tile.store, bytes.fromhex(tile.digest))) for tile in tiles]
