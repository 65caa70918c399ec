"""Every choice a word cloud offers, in one model: the command line, the library and the document share it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from vertumnus.checked import Options
from vertumnus.limits import Distance, Share
from vertumnus.strict.options import Quality

MAX_WORDS = 20_000
SizeBy = Literal["area", "height", "log"]
ColorBy = Literal["random", "weight", "group", "order"]
Angle = Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)]


class WordOptions(Options):
    """How words become a cloud. Lengths are canvas pixels."""

    size_by: SizeBy = Field(
        "area",
        description="what a word's weight is in proportion to: the area of its ink, the height of its letters, or"
        " their height by the weight's logarithm",
    )
    max_words: Annotated[int, Field(ge=1, le=MAX_WORDS)] = Field(
        200, description="the heaviest are placed, the others named"
    )
    repeat: bool = Field(False, description="words come again, each time a third as heavy, until there are max_words")
    horizontal: Share = Field(0.8, description="share of words that lie level")
    angles: Literal["free"] | tuple[Angle, ...] = Field(
        (-90.0,), description="degrees clockwise that the others are turned by, or free for any"
    )
    counters: bool = Field(True, description="small words may lie within the letters of large ones")
    gap: Distance | None = Field(None, description="kept between words; by default a hair")
    border: Distance = Field(0.0, description="kept between words and the shape's edge")
    ligatures: bool = True
    quality: Quality = "normal"

    @field_validator("angles", mode="before")
    @classmethod
    def _angles(cls, given: Any) -> Any:
        if isinstance(given, str) and given != "free":
            try:
                return tuple(float(part) for part in given.replace(",", " ").split())
            except ValueError:
                raise ValueError(f"must be free or degrees, such as -90 or -45,45, not {given!r}") from None
        if isinstance(given, int | float) and not isinstance(given, bool):
            return (float(given),)
        return given


class ColorOptions(Options):
    """What colours words have."""

    colors: str = Field(
        "dark",
        description="a palette (dark, bright, pastel, ink), a colormap of matplotlib's or others by name, or CSS"
        " colours separated by spaces",
    )
    color_by: ColorBy = Field("random", description="how words take them: at random, by weight, by group, in order")
