"""JPEG written as the picture is drawn: strips are encoded by themselves and joined at restart markers."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_JPEG

CYCLE = 8  # restart markers count from 0 to 7
BLOCK = 8  # rows of one run of blocks without chroma subsampling
STRIP = CYCLE * BLOCK  # a strip this high begins again at marker 0
QUALITY = 92


def write_jpeg(
    stream: BinaryIO, width: int, height: int, bands: Iterable[NDArray[np.uint8]], quality: int = QUALITY
) -> None:
    """Writes bands of RGB rows (h x width x 3), top to bottom, as one baseline JPEG, not subsampled.

    Every row of blocks ends with a restart marker, after which nothing depends on what came before (ITU-T T.81,
    B.2.4.4 and E.1.4), so the coded data of strips of 64 rows can follow one another.

    Raises `VertumnusError` for more than `MAX_JPEG` pixels a side, which JPEG cannot hold.
    """
    if max(width, height) > MAX_JPEG:
        raise VertumnusError(
            f"{width} x {height} pixels: a JPEG holds at most {MAX_JPEG:,} a side; write .png or .tif"
        )
    done = 0
    for strip in _strips(bands):
        buffer = io.BytesIO()
        Image.fromarray(strip).save(buffer, "JPEG", quality=quality, subsampling=0, restart_marker_rows=1)
        head, scan = _split(buffer.getvalue(), height)
        if done == 0:
            stream.write(head)
        done += len(strip)
        stream.write(scan)
        stream.write(b"\xff\xd9" if done >= height else bytes([0xFF, 0xD0 + CYCLE - 1]))


def _strips(bands: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """The same rows in pieces of `STRIP`; only the last may be lower."""
    rest: NDArray[np.uint8] | None = None
    for band in bands:
        rows = band if rest is None else np.concatenate([rest, band])
        whole = len(rows) // STRIP * STRIP
        for top in range(0, whole, STRIP):
            yield rows[top : top + STRIP]
        rest = rows[whole:]
    if rest is not None and len(rest):
        yield rest


def _split(data: bytes, height: int) -> tuple[bytes, bytes]:
    """A JPEG's headers with another height, and its coded data without the end marker."""
    at = 2
    head = bytearray(data[:2])
    while True:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        segment = bytearray(data[at : at + 2 + length])
        if marker == 0xC0:  # start of frame: precision, then height and width
            segment[5:7] = struct.pack(">H", height)
        head += segment
        at += 2 + length
        if marker == 0xDA:  # start of scan; coded data follow
            return bytes(head), data[at:-2]
