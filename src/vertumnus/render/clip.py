"""The clip of a canvas: an outline traced from a shape, and how much of each pixel lies within it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.outline import Polygon, write_outline
from vertumnus.jit import kernel

CLOSE = 0.06  # canvas pixels that a traced outline may be from where the shape's edge is
POINTS = 60_000  # of an outline; one with more is traced less closely


def trace_outline(coverage: NDArray[np.uint8], zoom: float) -> str:
    """The edge of a shape as polygons in canvas pixels, see `vertumnus.document.outline`.

    coverage   H x W, share of each pixel in the shape, 0 to 255
    zoom       of its pixels to a canvas pixel

    Where the edge runs through a pixel is told from its share (marching squares).
    """
    from skimage.measure import approximate_polygon, find_contours

    padded = np.pad(coverage, 1).astype(np.float32)
    contours = find_contours(padded, 127.5)
    close = CLOSE
    while True:
        polygons = [approximate_polygon(contour, close * zoom)[:-1] for contour in contours]
        polygons = [points for points in polygons if len(points) >= 3]
        if sum(map(len, polygons)) <= POINTS:
            break
        close *= 2
    # Row and column of pixel centres, one more for the padding, to x and y of the canvas.
    return write_outline((points[:, ::-1] - 0.5) / zoom for points in polygons)


def outline_coverage(
    polygons: list[Polygon], scale: float, top: int, rows: int, width: int, left: int = 0
) -> NDArray[np.float32]:
    """How much of each pixel lies within polygons, rows x width, 0 to 1: exact areas.

    scale   pixels to a canvas pixel; top, left: the picture's row and column where the raster begins

    Where polygons cross themselves or each other the even-odd rule holds up to the pixels they cross in.
    """
    points = [one * scale - [left, top] for one in polygons]
    lines = np.concatenate([np.concatenate([one, np.roll(one, -1, axis=0)], axis=1) for one in points])
    sums = np.zeros((rows, width + 1))
    _accumulate(lines, sums)
    wound = np.abs(np.cumsum(sums, axis=1)[:, :width])
    folded = np.abs(wound - 2 * np.floor((wound + 1) / 2))  # 0, 1, 0, 1 ... for how often it is wound around
    return folded.astype(np.float32)


@kernel
def _accumulate(lines, sums):  # type: ignore[no-untyped-def]
    """Adds each line's signed area to its right, as differences along a row: their running sum is the winding."""
    rows, columns = sums.shape[0], sums.shape[1] - 1
    for n in range(len(lines)):
        x0, y0, x1, y1 = lines[n]
        if y0 == y1:
            continue
        sign = 1.0
        if y0 > y1:
            x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
        slope = (x1 - x0) / (y1 - y0)
        for row in range(max(int(np.floor(y0)), 0), min(int(np.ceil(y1)), rows)):
            a, b = max(y0, float(row)), min(y1, row + 1.0)
            if b <= a:
                continue
            xa, xb = x0 + slope * (a - y0), x0 + slope * (b - y0)
            if xa > xb:
                xa, xb = xb, xa
            tall = sign * (b - a)
            if xb <= 0:  # left of it all
                sums[row, 0] += tall
                continue
            if xa >= columns:
                continue
            wide = xb - xa
            first, last = max(int(np.floor(xa)), 0), min(int(np.floor(xb)), columns - 1)
            before = 0.0  # of the row's area right of the line, up to the pixel
            for column in range(first, last + 1):
                # The part of the line left of the pixel's right edge covers all to its right.
                high = min(max(column + 1.0, xa), xb)
                share = 1.0 if wide < 1e-9 else (high - xa) / wide
                if wide < 1e-9:
                    area = column + 1.0 - min(max(xa, float(column)), column + 1.0)
                else:
                    low = min(max(float(column), xa), xb)
                    begun = (low - xa) / wide
                    area = begun * 1.0 + (share - begun) * (column + 1.0 - (low + high) / 2)
                total = tall * area
                sums[row, column] += total - before
                before = total
            if last + 1 <= columns:
                sums[row, last + 1] += tall - before
