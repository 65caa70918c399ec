"""Binary frames: poses of many pieces at once, little-endian.

Server to client, kind 1: ``u8 version=1, u8 kind=1, u16 0, u32 revision, u32 step, u32 count``, then ``count`` times
u32 slot, then float32 arrays x, y, scale and rotation (degrees), then ``count`` times u8 flags (1 flip, 2 placed,
4 pinned). Client to server, kind 3: the same, of the pieces that are dragged; kind 2, five bytes, ``u8 2, u32 step``:
the frame of that step has been shown.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_LENGTH, MAX_PIECES, MAX_ROTATION, MAX_SCALE, MIN_SCALE

VERSION, POSES, SHOWN, DRAG = 1, 1, 2, 3
FLIP, PLACED, PINNED = 1, 2, 4
_HEAD = struct.Struct("<BBHIII")
_SHOWN = struct.Struct("<BI")
ROW = 4 + 4 * 4 + 1  # bytes of a piece


class Poses(NamedTuple):
    """Where pieces lie. Arrays have an entry for each of N pieces; lengths are canvas pixels, rotation degrees."""

    revision: int
    step: int
    slots: NDArray[np.uint32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    scale: NDArray[np.float32]
    rotation: NDArray[np.float32]
    flags: NDArray[np.uint8]


def write_poses(poses: Poses, kind: int = POSES) -> bytes:
    """The frame of some poses.

    >>> one = np.ones(1, np.float32)
    >>> frame = write_poses(Poses(3, 9, np.array([5], np.uint32), one, one, one, one, np.array([2], np.uint8)))
    >>> len(frame), read_drag(write_poses(read_drag(frame, POSES), DRAG)).slots.tolist()
    (37, [5])
    """
    head = _HEAD.pack(VERSION, kind, 0, poses.revision & 0xFFFFFFFF, poses.step & 0xFFFFFFFF, len(poses.slots))
    columns = (poses.x, poses.y, poses.scale, poses.rotation)
    parts = [head, poses.slots.astype("<u4").tobytes(), *(one.astype("<f4").tobytes() for one in columns)]
    return b"".join([*parts, poses.flags.astype(np.uint8).tobytes()])


def read_shown(data: bytes) -> int | None:
    """The step that a client says it has shown; None for another kind of frame."""
    if len(data) == _SHOWN.size and data[0] == SHOWN:
        return int(_SHOWN.unpack(data)[1])
    return None


def read_drag(data: bytes, kind: int = DRAG) -> Poses:
    """The poses of a frame.

    Raises `VertumnusError` unless it is whole and every number is one a placement can have.
    """
    if len(data) < _HEAD.size:
        raise VertumnusError("frame: too short")
    version, found, zero, revision, step, count = _HEAD.unpack_from(data)
    if version != VERSION or found != kind or zero:
        raise VertumnusError("frame: of no kind that is known")
    if not 0 < count <= MAX_PIECES or len(data) != _HEAD.size + ROW * count:
        raise VertumnusError("frame: its length is not that of its pieces")
    at = _HEAD.size
    slots = np.frombuffer(data, "<u4", count, at)
    values = np.frombuffer(data, "<f4", 4 * count, at + 4 * count).reshape(4, count)
    flags = np.frombuffer(data, np.uint8, count, at + 20 * count)
    x, y, scale, rotation = values
    if not np.isfinite(values).all():
        raise VertumnusError("frame: holds what is no number")
    bad = (np.abs(values[:2]) > MAX_LENGTH).any() or (np.abs(rotation) > MAX_ROTATION).any()
    if bad or (scale < MIN_SCALE).any() or (scale > MAX_SCALE).any():
        raise VertumnusError("frame: holds a number beyond all bounds")
    if len(np.unique(slots)) != count:
        raise VertumnusError("frame: names a piece twice")
    return Poses(revision, step, slots, x, y, scale, rotation, flags)
