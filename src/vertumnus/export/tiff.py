"""Tiled TIFF with its pyramid inside, written as the picture is drawn."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vertumnus.export.pyramid import Pyramid, TileRows, level_sizes

SIDE = 256
SMALLEST = 512  # pixels of the longer side of the smallest level
BIG = 3 << 30  # bytes of pixels from which on a file may need 64-bit offsets
LEVEL = 3  # of deflate
Bytes = NDArray[np.uint8]


def write_tiff(stream: BinaryIO, width: int, height: int, bands: Iterable[Bytes], folder: Path) -> None:
    """Writes bands of RGB rows (h x width x 3), top to bottom, as one pyramidal TIFF.

    Rows of h x width x 4 carry straight alpha, and the file says so (ExtraSamples 2; TIFF 6.0, section 18). Smaller
    levels hang below the first as SubIFDs, deflated with horizontal prediction. Until a level's turn comes
    its packed tiles wait in a file without a name in ``folder``.
    """
    import tifffile

    sizes = level_sizes(width, height, SMALLEST)
    rows = [TileRows(*size, SIDE) for size in sizes]
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        # Files without a name, of which nothing is left however this ends.
        files = [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in sizes]
        lengths: list[list[int]] = [[] for _ in sizes]

        def take(level: int, _: int, band: Bytes) -> None:
            for _, tiles in rows[level].add(band):
                for packed in pool.map(_pack, tiles):
                    files[level].write(packed)
                    lengths[level].append(len(packed))

        pyramid = Pyramid(sizes, take)
        channels = 3
        for band in bands:
            channels = band.shape[2]
            pyramid.add(band)
        total = sum(sum(part) for part in lengths)
        with tifffile.TiffWriter(stream, bigtiff=total > BIG) as writer:
            for level, (across, down) in enumerate(sizes):
                files[level].seek(0)
                writer.write(
                    _read(files[level], lengths[level]),
                    shape=(down, across, channels),
                    dtype=np.uint8,
                    photometric="rgb",
                    extrasamples=["unassalpha"] if channels == 4 else None,
                    tile=(SIDE, SIDE),
                    compression="adobe_deflate",
                    predictor=2,
                    subifds=len(sizes) - 1 if level == 0 else None,
                    subfiletype=0 if level == 0 else 1,
                    metadata=None,
                    software=False,
                )
    stream.seek(0, os.SEEK_END)


def _pack(tile: Bytes) -> bytes:
    """A tile filled up to its whole size, each pixel less the one to its left (TIFF 6.0, section 14), deflated."""
    whole = np.zeros((SIDE, SIDE, tile.shape[2]), np.uint8)
    whole[: tile.shape[0], : tile.shape[1]] = tile
    whole[:, 1:] -= whole[:, :-1].copy()
    return zlib.compress(whole.tobytes(), LEVEL)


def _read(file: BinaryIO, lengths: list[int]) -> Iterator[bytes]:
    for length in lengths:
        yield file.read(length)
