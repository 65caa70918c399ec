"""Outlines: closed curves as a list of commands, flattened to lines and drawn with exact coverage.

An outline is what a glyph or a word is before it is drawn. Its commands are those of fontTools' `RecordingPen`:
("moveTo", (point,)), ("lineTo", (point,)), ("qCurveTo", (control, point)), ("curveTo", (control, control, point)),
("closePath", ()).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

Command = tuple[str, tuple[Any, ...]]
Segments = NDArray[np.float64]  # N x 4: x and y of where a line begins and ends


def flatten(commands: Iterable[Command], tolerance: float) -> Segments:
    """The outline's lines, curves cut so that none is further than ``tolerance`` from them."""
    lines: list[NDArray[np.float64]] = []
    start = here = np.zeros(2)
    for name, given in commands:
        points = [np.asarray(point, np.float64) for point in given]
        if name == "moveTo":
            start = here = points[0]
            continue
        if name in ("closePath", "endPath"):
            points, name = [start], "lineTo"
        if name == "lineTo":
            lines.append(np.array([[*here, *points[0]]]))
        elif name == "qCurveTo":  # raised to a cubic, which is the same curve
            control, end = points
            one, two = here + 2 / 3 * (control - here), end + 2 / 3 * (control - end)
            lines.append(_cubic(here, one, two, end, tolerance))
        else:
            one, two, end = points
            lines.append(_cubic(here, one, two, end, tolerance))
        here = points[-1]
    return np.concatenate(lines) if lines else np.zeros((0, 4))


def _cubic(
    start: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    end: NDArray[np.float64],
    tolerance: float,
) -> Segments:
    # n chords are at most sqrt(3) / 18 of the largest second difference over n squared away (Sederberg, CAGD, 10.6).
    bend = max(np.hypot(*(start - 2 * first + second)), np.hypot(*(first - 2 * second + end)))
    count = max(1, int(np.ceil(np.sqrt(np.sqrt(3) / 18 * 6 * bend / max(tolerance, 1e-12)))))
    t = np.linspace(0, 1, count + 1)[:, None]
    curve = (1 - t) ** 3 * start + 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3 * end
    return np.hstack([curve[:-1], curve[1:]])


def placed(segments: Segments, scale: float, degrees: float, x: float = 0.0, y: float = 0.0) -> Segments:
    """The lines scaled and turned clockwise (y down) about the origin, which is then put at (x, y)."""
    turn = np.deg2rad(degrees)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[cos, sin], [-sin, cos]])
    if degrees % 90 == 0:  # exact, so that an upright word stays upright
        matrix = np.rint(matrix / scale) * scale
    return (segments.reshape(-1, 2) @ matrix + (x, y)).reshape(-1, 4)


def box(segments: Segments) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the lines."""
    left, top, right, bottom = _box(segments)
    return left, top, right, bottom


@kernel
def _box(segments):
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for n in range(segments.shape[0]):
        for end in (0, 2):
            x, y = segments[n, end], segments[n, end + 1]
            left, right = min(left, x), max(right, x)
            top, bottom = min(top, y), max(bottom, y)
    return left, top, right, bottom


def area(segments: Segments) -> float:
    """What closed lines enclose (the shoelace formula), holes taken off; overlaps counted twice."""
    x0, y0, x1, y1 = segments.T
    return abs(float((x0 * y1 - x1 * y0).sum())) / 2


def coverage(segments: Segments, width: int, height: int) -> NDArray[np.float32]:
    """The share of each pixel that closed lines enclose, H x W from 0 to 1, exact where they do not cross.

    What is wound twice counts once. What lies left of, above or below the raster is cut off.
    """
    found = np.zeros((height, width + 2), np.float32)
    _accumulate(np.ascontiguousarray(segments), found)
    np.cumsum(found, axis=1, out=found)
    return np.minimum(np.abs(found[:, :width]), 1)


@kernel
def _accumulate(segments, found):
    """Adds to each pixel the change of signed coverage from its left neighbour (after font-rs, R. Levien 2016)."""
    height, width = found.shape[0], found.shape[1] - 2
    for n in range(segments.shape[0]):
        x0, y0, x1, y1 = segments[n, 0], segments[n, 1], segments[n, 2], segments[n, 3]
        if y0 == y1:
            continue
        sign = 1.0
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            sign = -1.0
        slope = (x1 - x0) / (y1 - y0)
        if y0 < 0:
            x0, y0 = x0 - slope * y0, 0.0
        bottom = min(y1, float(height))
        y = y0
        x = x0
        while y < bottom:
            row = int(y)
            below = min(float(row + 1), bottom)
            if below <= y:
                break
            tall = below - y
            after = x + slope * tall
            left, right = min(x, after), max(x, after)
            left, right = min(max(left, 0.0), float(width)), min(max(right, 0.0), float(width))
            first, last = int(left), int(np.ceil(right))
            d = sign * tall
            if last <= first + 1:  # within one pixel
                middle = 0.5 * (left + right) - first
                found[row, first] += d * (1 - middle)
                found[row, first + 1] += d * middle
            else:
                per = 1.0 / (right - left)
                before = 0.0  # of the line's share, what lies left of the pixel's right edge on average
                spent = 0.0
                for column in range(first, last):
                    a, b = max(left, float(column)), min(right, float(column + 1))
                    share = (b - a) * per
                    middle = 0.5 * (a + b) - column
                    inside = before + share * (1 - middle)
                    found[row, column] += d * (inside - spent)
                    spent = inside
                    before += share
                found[row, last] += d * (1.0 - spent)
            x, y = after, below
