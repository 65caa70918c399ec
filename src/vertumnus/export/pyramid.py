"""A picture at half, a quarter, an eighth ... of its size, worked out as its rows come in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vertumnus.imaging.pyramid import halve, halve_straight

Bytes = NDArray[np.uint8]


def level_sizes(width: int, height: int, last: int) -> list[tuple[int, int]]:
    """Widths and heights from the whole size down to the first with no side above ``last``."""
    sizes = [(width, height)]
    while max(sizes[-1]) > last:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


class Pyramid:
    """Takes rows of a picture, h x width x 3, or x 4 for straight alpha, and hands on rows of every level.

    sizes   of the levels, the largest first
    take    called with (level, first row, rows)
    """

    def __init__(self, sizes: list[tuple[int, int]], take: Callable[[int, int, Bytes], None]) -> None:
        self.sizes, self.take = sizes, take
        self.done = [0] * len(sizes)
        self.rest: list[Bytes | None] = [None] * len(sizes)

    def add(self, rows: Bytes, level: int = 0) -> None:
        """The next rows of a level; the last rows of all may be odd in number."""
        self.take(level, self.done[level], rows)
        self.done[level] += len(rows)
        if level + 1 == len(self.sizes):
            return
        rest = self.rest[level]
        rows = rows if rest is None else np.concatenate([rest, rows])
        even = len(rows) if self.done[level] == self.sizes[level][1] else len(rows) // 2 * 2
        self.rest[level] = rows[even:].copy() if even < len(rows) else None
        if even:
            half = halve_straight if rows.shape[2] == 4 else halve
            self.add(half(rows[:even]), level + 1)


class TileRows:
    """Collects rows of one level until a row of tiles is whole."""

    def __init__(self, width: int, height: int, side: int, overlap: int = 0) -> None:
        self.width, self.height, self.side, self.overlap = width, height, side, overlap
        self.row = 0
        self._rows: list[Bytes] = []
        self._first = 0  # the picture row at which _rows begins
        self._end = 0  # and the one after its last

    def add(self, rows: Bytes) -> list[tuple[int, list[Bytes]]]:
        """Takes rows; returns (row of tiles, its tiles from left to right) for each that is now whole."""
        self._rows.append(rows)
        self._end += len(rows)
        found = []
        while self.row * self.side < self.height:
            top = max(0, self.row * self.side - self.overlap)
            bottom = min(self.height, (self.row + 1) * self.side + self.overlap)
            if bottom > self._end:
                break
            whole = self._whole()
            strip = whole[top - self._first : bottom - self._first]
            found.append((self.row, [strip[:, left:right] for left, right in self._columns()]))
            self.row += 1
        keep = max(0, self.row * self.side - self.overlap)
        if keep > self._first:
            self._rows, self._first = [self._whole()[keep - self._first :].copy()], keep
        return found

    def _whole(self) -> Bytes:
        """The rows that are kept, as one array; bands are a few rows each, and so only put together when needed."""
        if len(self._rows) > 1:
            self._rows = [np.concatenate(self._rows)]
        return self._rows[0]

    def _columns(self) -> list[tuple[int, int]]:
        return [
            (max(0, left - self.overlap), min(self.width, left + self.side + self.overlap))
            for left in range(0, self.width, self.side)
        ]
