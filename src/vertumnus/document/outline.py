"""An outline on the canvas as a document keeps it: polygons in SVG's path syntax, filled by the even-odd rule."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vertumnus.limits import MAX_LENGTH

MAX_POINTS = 200_000
_NUMBER = r"-?\d+(?:\.\d+)?"
_POLYGON = re.compile(rf"M(?:{_NUMBER},{_NUMBER} ){{2,}}{_NUMBER},{_NUMBER}Z")

Polygon = NDArray[np.float64]


def parse_outline(text: str) -> list[Polygon]:
    """The polygons of an outline, K x 2 points (x, y) in canvas pixels each, closed without the first point again.

    Raises `ValueError` for anything but polygons of absolute points.

    >>> parse_outline("M0,0 4,0 4,4.5Z")
    [array([[0. , 0. ], [4. , 0. ], [4. , 4.5]])]
    """
    found, end, points = [], 0, 0
    while end < len(text):
        match = _POLYGON.match(text, end)
        if match is None:
            raise ValueError("must be polygons as M0,0 4,0 4,4Z")
        numbers = np.array([pair.split(",") for pair in match[0][1:-1].split(" ")], np.float64)
        if not (np.abs(numbers) <= MAX_LENGTH).all():
            raise ValueError(f"must lie within {MAX_LENGTH:,.0f} pixels")
        points += len(numbers)
        found.append(numbers)
        end = match.end()
    if not found:
        raise ValueError("must be polygons as M0,0 4,0 4,4Z")
    if points > MAX_POINTS:
        raise ValueError(f"has {points:,} points, at most {MAX_POINTS:,} are drawn")
    return found


def write_outline(polygons: Iterable[Polygon]) -> str:
    """Polygons as `parse_outline` reads them, to a hundredth of a pixel."""
    return "".join(
        "M" + " ".join(f"{_short(x)},{_short(y)}" for x, y in points.tolist()) + "Z" for points in polygons
    )


def _short(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" or not math.isfinite(value) else text
