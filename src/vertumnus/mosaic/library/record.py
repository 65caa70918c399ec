"""What a library keeps of one picture file. Runs in any thread, process or machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture
from vertumnus.mosaic.library.summary import mean_cells, perceptual_hash
from vertumnus.reading import read_file

LONGEST = 4  # a thumbnail's longer side over its shorter one; a longer strip is cut


class TileRecord(NamedTuple):
    """One file as read.

    path     within the library's folder
    size, mtime   of the file, to tell when it changes
    reason   why it is skipped, or None
    digest   SHA-256 of its bytes
    width, height   of the picture, upright
    hash     `perceptual_hash`
    thumbnail   h x w x 3 bytes
    cells    16 x 16 x 3 bytes: its mean colours
    """

    path: str
    size: int
    mtime: int
    reason: str | None = None
    digest: bytes = b""
    width: int = 0
    height: int = 0
    hash: int = 0
    thumbnail: NDArray[np.uint8] | None = None
    cells: NDArray[np.uint8] | None = None


def read_tiles(folder: str, names: list[str], side: int) -> list[TileRecord]:
    """Reads some files of a folder; ``side`` is the shorter side of the thumbnails."""
    return [_read_tile(Path(folder), name, side) for name in names]


def _read_tile(folder: Path, name: str, side: int) -> TileRecord:
    path = folder / name
    size = mtime = 0
    try:
        stat = path.stat()
        size, mtime = stat.st_size, stat.st_mtime_ns
        data = read_file(path)
        picture = decode_picture(data, str(path), side)
    except VertumnusError as error:
        return TileRecord(name, size, mtime, str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return TileRecord(name, size, mtime, f"cannot be read ({error.strerror or error})")
    image = cut_strip(picture.image)
    cells = mean_cells(image)
    thumbnail = np.asarray(shrink(image, side))
    return TileRecord(
        name,
        size,
        mtime,
        None,
        hashlib.sha256(data).digest(),
        picture.width,
        picture.height,
        perceptual_hash(cells),
        thumbnail,
        cells,
    )


def cut_strip(image: Image.Image) -> Image.Image:
    """The middle of a picture longer than `LONGEST` times its other side; any other as it is."""
    width, height = cut_size(*image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def cut_size(width: int, height: int) -> tuple[int, int]:
    """The size of what `cut_strip` leaves of a picture."""
    return min(width, LONGEST * height), min(height, LONGEST * width)


def shrink(image: Image.Image, side: int) -> Image.Image:
    """The picture with a shorter side of ``side`` pixels, or as it is if smaller."""
    width, height = image.size
    shorter = min(width, height)
    if shorter <= side:
        return image
    size = max(1, round(width * side / shorter)), max(1, round(height * side / shorter))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
