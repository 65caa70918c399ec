"""Bounds of every number, once: for documents, options, tables, checkpoints and whoever calls from Python.

A number that reaches a kernel is finite and within these. The types carry the bounds into pydantic models; the
functions below check what does not come through a model.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from vertumnus.errors import VertumnusError

SIDE = 1_000_000  # canvas pixels of a document's side
WORK_PIXELS = 120_000_000  # canvas pixels that pieces are placed on; a raster of twice the size is kept in memory
PLACE = 1e7  # canvas pixels to either side of the origin
SCALE = 1e6  # canvas pixels to a picture's pixel, and its inverse
TURN = 1e6  # degrees to either side
WEIGHT = 1e6  # of an element, and its inverse
DISTANCE = 2_000.0  # canvas pixels of a gap or border
ELEMENT = 100_000.0  # canvas pixels of an element's side
FACTOR = 1e6  # of a term of a loss
PIECES = 200_000
STARTS = 1_000
SEED = 2**63 - 1
STORED_SIDE = 32_768  # pixels of a stored picture's side

Finite = Annotated[float, Field(allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-PLACE, le=PLACE, allow_inf_nan=False)]
Scale = Annotated[float, Field(ge=1 / SCALE, le=SCALE, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=-TURN, le=TURN, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Distance = Annotated[float, Field(ge=0, le=DISTANCE, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=1 / WEIGHT, le=WEIGHT, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, le=FACTOR, allow_inf_nan=False)]
PositiveFactor = Annotated[float, Field(gt=0, le=FACTOR, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=SEED)]
Side = Annotated[int, Field(ge=1, le=SIDE)]


def check_number(field: str, value: object, least: float, most: float) -> float:
    """The value as a float.

    Raises `VertumnusError` naming the field unless it is a finite number from ``least`` to ``most``.

    >>> check_number("gap", 2, 0, 10)
    2.0
    """
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool | str) or not (math.isfinite(number) and least <= number <= most):
        raise VertumnusError(f"{field}: must be a number from {least:g} to {most:g}, not {_shown(value)}")
    return number


def check_whole(field: str, value: object, least: int, most: int) -> int:
    """The value as an int.

    Raises `VertumnusError` naming the field unless it is a whole number from ``least`` to ``most``.

    >>> check_whole("starts", 4, 1, 8)
    4
    """
    number = None
    if not isinstance(value, bool | str):
        try:
            number = int(value) if int(value) == value else None  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            number = None
    if number is None or number < least:
        raise VertumnusError(f"{field}: must be at least {least} and a whole number, not {_shown(value)}")
    if number > most:
        raise VertumnusError(f"{field}: must be at most {most:,}, not {number:,}")
    return number


def check_canvas(size: tuple[int, int], most: int = WORK_PIXELS) -> tuple[int, int]:
    """A canvas's (width, height) in pixels.

    Raises `VertumnusError` if a side is not a whole number from 1 to `SIDE`, or all is more than ``most`` pixels.
    """
    width, height = (check_whole("`size`", side, 1, SIDE) for side in size)
    if width * height > most:
        raise VertumnusError(
            f"`size`: {width} x {height} is more than {most:,} pixels; a layout does not depend on resolution, so make"
            " it smaller and draw it larger"
        )
    return width, height


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + " ..."
