"""The final picture as a file, its format told by the suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.atomic import atomic_write
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.png import write_png
from vertumnus.render.picture import picture_size, render, render_bands

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
            bands = _watched(render_bands(collage, scale, background), height, progress)
            write_png(stream, width, height, bands)
        else:
            picture = render(collage, scale, background, progress)
            picture = picture.convert("RGB") if kind == "JPEG" else picture
            picture.save(stream, kind, quality=92)
    return width, height


def _watched(
    bands: Iterator[NDArray[np.uint8]], height: int, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    done = 0
    for band in bands:
        yield band
        done += len(band)
        if progress is not None:
            progress(done, height)
