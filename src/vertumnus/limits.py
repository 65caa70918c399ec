"""How much of anything is taken, and the bounds of every number, once for all rooms.

What is beyond is a slip or an attack, and gets one sentence. A number that reaches a kernel is finite and within
these. The types carry the bounds into pydantic models; the functions below check what does not come through one.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from vertumnus.errors import VertumnusError

MAX_PIXELS = 80_000_000  # of one picture that is read
MAX_PICTURE_BYTES = 512 << 20  # of one encoded picture
MAX_JSON_BYTES = 96 << 20  # of a document's text
MAX_JSON_PARTS = 4_000_000  # lists and objects within it, which take more memory than text
MAX_TEXT_BYTES = 64 << 20  # of a table, a list of prompts
MAX_SVG_BYTES = 32 << 20  # of one SVG's text
MAX_SVG_ELEMENTS = 100_000  # with ten attributes each on average
MAX_SVG_DEPTH = 200  # elements within elements
MAX_SVG_SECONDS = 4  # of CPU to draw one at an element's size
MAX_SVG_MEMORY = 1 << 30  # bytes of address space to draw one
MAX_STATE_BYTES = 2 << 30  # of a checkpoint, unpacked
MAX_STATE_NUMBER = 1e30  # of what an optimiser remembers: its square still is a number
MAX_DEPTH = 64  # of lists and objects in each other, in what a document keeps as it was given
MAX_UNPACKING = 200  # times that a member of an archive may grow; pictures are compressed already

MAX_CANVAS = 1_000_000  # canvas pixels a side
MAX_RENDER = 300_000  # pixels a side that are drawn
MAX_JPEG = 65_500  # pixels a side that a JPEG holds: libjpeg's limit
MAX_WEBP = 16_383  # pixels a side that a WebP holds

# Of a placement: finite, and such that single precision still tells pixels apart.
MAX_LENGTH = 1e7  # canvas pixels from the origin
MIN_SCALE, MAX_SCALE = 1e-6, 1e6
MAX_ROTATION = 1e6  # degrees
MIN_SQUEEZE, MAX_SQUEEZE = 1e-3, 1e3
MAX_SHEAR = 89.0  # degrees; at 90 the picture would be infinitely long
MAX_GAIN = 1e3

# Of what is asked for.
MAX_WORK_PIXELS = 120_000_000  # canvas pixels that pieces are placed on; a raster of twice the size is kept in memory
MAX_RASTER_PIXELS = 4 * MAX_WORK_PIXELS  # of that raster
MAX_WEIGHT = 1e6  # of an element, and its inverse
MAX_DISTANCE = 2_000.0  # canvas pixels of a gap or border
MAX_ELEMENT = 100_000.0  # canvas pixels of an element's side
MAX_FACTOR = 1e6  # of a term of a loss
MAX_PIECES = 200_000
MAX_CELLS = 4_000_000  # of a mosaic
MAX_STEPS = 10_000_000  # iterations of a run
MAX_BLUR = 2_000.0  # pixels of the canvas as guidance sees it
MIN_ELEMENT = 1e-2  # canvas pixels of an element's side
MIN_FILL = 1e-6  # share of a shape
MAX_STARTS = 1_000
MAX_SEED = 2**63 - 1
MAX_STORED_SIDE = 32_768  # pixels of a stored picture's side

Finite = Annotated[float, Field(allow_inf_nan=False)]
Coordinate = Annotated[float, Field(strict=True, ge=-MAX_LENGTH, le=MAX_LENGTH, allow_inf_nan=False)]
Scale = Annotated[float, Field(strict=True, ge=MIN_SCALE, le=MAX_SCALE, allow_inf_nan=False)]
Degrees = Annotated[float, Field(strict=True, ge=-MAX_ROTATION, le=MAX_ROTATION, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Distance = Annotated[float, Field(ge=0, le=MAX_DISTANCE, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=1 / MAX_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, le=MAX_FACTOR, allow_inf_nan=False)]
PositiveFactor = Annotated[float, Field(gt=0, le=MAX_FACTOR, allow_inf_nan=False)]
SignedFactor = Annotated[float, Field(ge=-MAX_FACTOR, le=MAX_FACTOR, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Squeeze = Annotated[float, Field(ge=MIN_SQUEEZE, le=MAX_SQUEEZE, allow_inf_nan=False)]
Blur = Annotated[float, Field(ge=0, le=MAX_BLUR, allow_inf_nan=False)]
Stride = Annotated[float, Field(gt=0, le=MAX_BLUR, allow_inf_nan=False)]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Side = Annotated[int, Field(ge=1, le=MAX_CANVAS)]


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


def check_canvas(size: tuple[int, int], most: int = MAX_WORK_PIXELS) -> tuple[int, int]:
    """A canvas's (width, height) in pixels.

    Raises `VertumnusError` if a side is not a whole number from 1 to `MAX_CANVAS`, or there are more than ``most``
    pixels in all.
    """
    width, height = (check_whole("`size`", side, 1, MAX_CANVAS) for side in size)
    if width * height > most:
        raise VertumnusError(
            f"`size`: {width} x {height} is more than {most:,} pixels; a layout does not depend on resolution, so"
            " make it smaller and draw it larger"
        )
    return width, height


def check_depth(tree: object) -> None:
    """Raises `ValueError` if lists and mappings lie in each other more than `MAX_DEPTH` deep."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list | tuple)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return
    raise ValueError(f"lists and objects lie in each other more than {MAX_DEPTH} deep")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + " ..."


def words_or_degrees(value: object, words: tuple[str, ...]) -> object:
    """One of the words, or a number of degrees from 0 to 360.

    Raises ValueError, as pydantic's validators do, for anything else.

    >>> words_or_degrees("15", ("free", "none"))
    15.0
    """
    if value in words:
        return value
    try:
        degrees = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        degrees = math.nan
    if not 0 <= degrees <= 360:
        raise ValueError(f"must be {', '.join(words)} or a number of degrees from 0 to 360")
    return degrees
