"""PNG written as the picture is drawn, some rows at a time, so that any size fits in memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # the row filter: each byte less the one above it


def write_png(stream: BinaryIO, width: int, height: int, bands: Iterable[NDArray[np.uint8]], level: int = 6) -> None:
    """Writes bands of RGBA rows (h x width x 4, straight alpha), top to bottom, as one PNG.

    Source: PNG specification, third edition (W3C), sections 5, 9 and 11.
    """
    stream.write(SIGNATURE)
    _chunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    _chunk(stream, b"sRGB", b"\x00")
    packer = zlib.compressobj(level)
    above = np.zeros((1, width * 4), np.uint8)
    for band in bands:
        rows = band.reshape(len(band), width * 4)
        filtered = np.empty((len(rows), width * 4 + 1), np.uint8)
        filtered[:, 0] = UP
        filtered[:, 1:] = rows - np.concatenate([above, rows[:-1]])  # modulo 256, as bytes are
        above = rows[-1:].copy()
        packed = packer.compress(filtered.tobytes())
        if packed:
            _chunk(stream, b"IDAT", packed)
    _chunk(stream, b"IDAT", packer.flush())
    _chunk(stream, b"IEND", b"")


def _chunk(stream: BinaryIO, kind: bytes, data: bytes) -> None:
    stream.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
