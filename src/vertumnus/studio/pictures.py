"""A document's pictures as a browser gets them: at a size, as PNG, each made once and kept while there is room."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

from PIL import Image

from vertumnus.document.pictures import Pictures
from vertumnus.errors import VertumnusError
from vertumnus.limits import check_whole

MOST_KEPT = 64 << 20  # bytes of pictures that are made ready
MOST_SIDE = 8192
SIDES = (32, 64, 128, 256, 512, 1024, 2048, 4096, MOST_SIDE)  # a size that is asked for is rounded up to one of these


class Thumbnails:
    """Pictures made smaller, the latest ones kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._guard = threading.Lock()

    def png(self, pictures: Pictures, name: str, side: int) -> bytes:
        """A picture no longer than about ``side`` pixels, or its own size where that is smaller, as PNG.

        Raises `VertumnusError` if there is none of that name.
        """
        if name not in pictures:
            raise VertumnusError(f"{name}: there is no such picture in the document")
        check_whole("side", side, 1, 1 << 20)
        rounded = next((one for one in SIDES if one >= side), MOST_SIDE)
        with self._guard:
            if (name, rounded) in self._kept:
                self._kept.move_to_end((name, rounded))
                return self._kept[name, rounded]
        data = self._made(pictures, name, rounded)
        with self._guard:
            if (name, rounded) not in self._kept:
                self._kept[name, rounded] = data
                self._bytes += len(data)
            while self._bytes > MOST_KEPT and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= len(old)
        return data

    def _made(self, pictures: Pictures, name: str, side: int) -> bytes:
        if name.endswith(".png") and max(pictures.size(name)) <= side:
            return pictures.read(name)
        halvings = 0
        while max(pictures.size(name)) >= side << (halvings + 1) and halvings < 3:
            halvings += 1
        picture = pictures.decoded(name, halvings)
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        return encoded(picture)


def encoded(picture: Image.Image) -> bytes:
    """A picture as PNG, quickly."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
