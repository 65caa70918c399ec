"""What the finishers need to know beside the pieces: what is kept between them, where they fall, how hard to try."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vertumnus.checked import Options
from vertumnus.limits import Coordinate, Distance

Quality = Literal["fast", "normal", "high", "best"]
Direction = Literal["down", "up", "left", "right"]
DIRECTIONS: dict[str, tuple[float, float]] = {
    "down": (0.0, 1.0),
    "up": (0.0, -1.0),
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
}


class StrictOptions(Options):
    """How pieces are put down. Lengths are canvas pixels."""

    gap: Distance = Field(0.0, description="kept between pieces")
    border: Distance = Field(0.0, description="kept between pieces and the container's edge")
    flip: bool = Field(False, description="pieces may be mirrored when they move to a void")
    quality: Quality = "normal"
    angles: tuple[float, ...] = Field((), description="degrees, the only turns that pieces which are nested may take")
    pull: Direction | tuple[Coordinate, Coordinate] = Field("down", description="where pieces that are poured fall")
