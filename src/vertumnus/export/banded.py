"""A picture that comes in bands of rows, as a file of any of the formats that can be written that way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.export.deepzoom import save_deepzoom
from vertumnus.export.jpeg import write_jpeg
from vertumnus.export.png import write_png
from vertumnus.export.tiff import write_tiff
from vertumnus.limits import MAX_JPEG
from vertumnus.writing import atomic_write

BANDED = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dzi")
PNG_LEVEL = 1  # photographs pack hardly better at higher levels, which take several times as long
Progress = Callable[[int, int], None]


def save_bands(
    bands: Iterable[NDArray[np.uint8]],
    width: int,
    height: int,
    path: Path,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> None:
    """Writes RGB rows (h x width x 3 bytes each band), top to bottom; the suffix tells the format.

    PNG and TIFF take rows of straight alpha (h x width x 4), too.
    Memory holds some bands, whatever the size. Raises `VertumnusError` for an unknown suffix, a size that the format
    cannot hold, or a place that cannot be written; what stood there before is then untouched.
    """
    suffix = path.suffix.lower()
    check_format(path, width, height)
    told = watched(bands, height, progress)
    if suffix == ".dzi":
        save_deepzoom(path, width, height, told, force=force)
        return
    with atomic_write(path) as stream:
        if suffix == ".png":
            write_png(stream, width, height, told, PNG_LEVEL)
        elif suffix in (".jpg", ".jpeg"):
            write_jpeg(stream, width, height, told)
        else:
            write_tiff(stream, width, height, told, path.parent)


def check_format(path: Path, width: int, height: int) -> None:
    """Raises `VertumnusError` unless a picture of that size can be written as that kind of file."""
    suffix = path.suffix.lower()
    if suffix not in BANDED:
        raise VertumnusError(f"{path}: pictures are written as {', '.join(BANDED)}")
    if suffix in (".jpg", ".jpeg") and max(width, height) > MAX_JPEG:
        raise VertumnusError(
            f"{path}: {width} x {height} pixels; a JPEG holds at most {MAX_JPEG:,} a side, write .png or .tif"
        )


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
