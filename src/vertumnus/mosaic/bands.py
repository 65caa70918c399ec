"""The whole mosaic from top to bottom, some rows at a time, so that any size fits in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vertumnus.mosaic.paint import Painter, paint_cells
from vertumnus.mosaic.workers import Threads, Workers

BAND_BYTES = 24 << 20
JOB_PIXELS = 1 << 18  # drawn by one job, about
Bytes = NDArray[np.uint8]


class Bands:
    """Rows of a mosaic, h x width x 3 bytes, top to bottom; iterate once.

    clipped, values   channel values that the tone clipped, of all it changed, once iterated
    """

    def __init__(self, painter: Painter, workers: Workers | None = None) -> None:
        self.painter = painter
        self.width, self.height = painter.width, painter.height
        self.workers = workers or Threads()
        self.clipped = self.values = 0

    def __iter__(self) -> Iterator[Bytes]:
        boxes = self.painter.boxes
        order = np.lexsort((boxes[:, 0], boxes[:, 1]))
        order = order[(boxes[order, 3] > 0) & (boxes[order, 1] < self.height)]
        tops = boxes[order, 1]
        drawn = self.workers.map(paint_cells, self._jobs(order), self.painter)
        ready = (result for results in drawn for result in results)
        rows = max(16, min(self.height, BAND_BYTES // (3 * self.width)) // 16 * 16)
        held: deque[tuple[int, Bytes, NDArray[np.bool_] | None]] = deque()
        done = 0
        for top in range(0, self.height, rows):
            bottom = min(top + rows, self.height)
            band = np.zeros((bottom - top, self.width, 3), np.uint8)
            last = int(np.searchsorted(tops, bottom))
            for n in range(done, last):
                pixels, mask, clipping = next(ready)
                self.clipped += clipping.clipped
                self.values += clipping.values
                held.append((int(order[n]), pixels, mask))
            done = last
            for _ in range(len(held)):
                cell, pixels, mask = held.popleft()
                self._lay(band, top, cell, pixels, mask)
                if boxes[cell, 3] > bottom:
                    held.append((cell, pixels, mask))
            yield band

    def _jobs(self, order: NDArray[np.intp]) -> Iterator[list[int]]:
        job: list[int] = []
        pixels = 0
        for cell in order.tolist():
            left, top, right, bottom = self.painter.boxes[cell]
            job.append(cell)
            pixels += int((right - left) * (bottom - top))
            if pixels >= JOB_PIXELS:
                yield job
                job, pixels = [], 0
        if job:
            yield job

    def _lay(self, band: Bytes, top: int, cell: int, pixels: Bytes, mask: NDArray[np.bool_] | None) -> None:
        left, first, right, last = self.painter.boxes[cell]
        x0, x1 = max(left, 0), min(right, self.width)
        y0, y1 = max(first, top), min(last, top + len(band))
        if x0 >= x1 or y0 >= y1:
            return
        target = band[y0 - top : y1 - top, x0:x1]
        source = pixels[y0 - first : y1 - first, x0 - left : x1 - left]
        if mask is None:
            target[:] = source
        else:
            inside = mask[y0 - first : y1 - first, x0 - left : x1 - left]
            target[inside] = source[inside]
