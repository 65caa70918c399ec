"""The final picture as a file, its format told by the suffix."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.png import write_png
from vertumnus.render.picture import picture_size, render, render_bands
from vertumnus.writing import atomic_write

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}

Progress = Callable[[int, int], None]


def save_picture(
    collage: Collage,
    path: Path,
    scale: float = 1.0,
    background: str | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Draws a collage into a picture file and returns the picture's width and height.

    PNG is written band by band. JPEG knows no transparency: what has no background becomes white.
    Raises `VertumnusError` for an unknown suffix, a bad scale or colour, or a place that cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise VertumnusError(f"{path}: pictures are written as {', '.join(FORMATS)}")
    width, height = picture_size(collage, scale)
    if kind == "JPEG" and background is None and collage.background is None:
        background = "white"
    with atomic_write(path) as stream:
        if kind == "PNG":
            bands = watched(render_bands(collage, scale, background), height, progress)
            write_png(stream, width, height, bands)
        else:
            picture = render(collage, scale, background, progress)
            stream.write(_encoded(picture.convert("RGB") if kind == "JPEG" else picture, kind))
    return width, height


def save_image(image: Image.Image, path: Path) -> None:
    """Writes a picture made elsewhere, whole or not at all.

    Raises `VertumnusError` for an unknown suffix or a place that cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise VertumnusError(f"{path}: pictures are written as {', '.join(FORMATS)}")
    with atomic_write(path) as stream:
        stream.write(_encoded(image, kind))


def _encoded(image: Image.Image, kind: str) -> memoryview:
    """The picture as a file's bytes: given a real file, Pillow does not notice that the disk is full."""
    encoded = io.BytesIO()
    image.save(encoded, kind, quality=92)
    return encoded.getbuffer()


def watched(
    bands: Iterable[NDArray[np.uint8]], height: int, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """The bands of a picture as they come, the rows done told to ``progress``."""
    done = 0
    for band in bands:
        yield band
        done += len(band)
        if progress is not None:
            progress(done, height)
