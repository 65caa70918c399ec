"""Deep Zoom: a pyramid of small JPEG tiles beside one XML file, for viewers in a browser."""

from __future__ import annotations

import contextlib
import io
import secrets
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.atomic import atomic_write, cannot_write
from vertumnus.export.pyramid import Pyramid, TileRows, level_sizes

SIDE = 254
OVERLAP = 1
QUALITY = 88
Bytes = NDArray[np.uint8]


def files_folder(path: Path) -> Path:
    """The folder of tiles of NAME.dzi: NAME_files beside it."""
    return path.with_name(f"{path.stem}_files")


def save_deepzoom(path: Path, width: int, height: int, bands: Iterable[Bytes]) -> None:
    """Writes bands of RGB rows (h x width x 3), top to bottom, as ``path`` (NAME.dzi) and NAME_files/.

    Level n is 2^n pixels wide at most; level 0 is one pixel. An older pyramid of that name is replaced when the new
    one is whole. Raises `VertumnusError` if the place cannot be written.
    """
    sizes = level_sizes(width, height, 1)
    top = len(sizes) - 1
    rows = [TileRows(*size, SIDE, OVERLAP) for size in sizes]
    folder = files_folder(path)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        for level in range(len(sizes)):
            (part / str(level)).mkdir(parents=True)
        with ThreadPoolExecutor() as pool:

            def take(level: int, _: int, band: Bytes) -> None:
                for row, tiles in rows[level].add(band):
                    places = (part / str(top - level) / f"{column}_{row}.jpg" for column in range(len(tiles)))
                    list(pool.map(_save, tiles, places))

            pyramid = Pyramid(sizes, take)
            for band in bands:
                pyramid.add(band)
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part)
    with atomic_write(path) as stream:
        stream.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" Overlap="{OVERLAP}"'
            f' TileSize="{SIDE}"><Size Width="{width}" Height="{height}"/></Image>\n'.encode()
        )


def _save(tile: Bytes, path: Path) -> None:
    buffer = io.BytesIO()  # written by ourselves, since Pillow's encoder does not notice a full disk
    Image.fromarray(np.ascontiguousarray(tile)).save(buffer, "JPEG", quality=QUALITY)
    path.write_bytes(buffer.getvalue())
