"""Every choice packing offers, in one model: the command line, the library and the document share it."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

NARROW = 8.0  # most to least area, below which a range of sizes is narrow
DIRECTIONS = {"down": (0.0, 1.0), "up": (0.0, -1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0)}


class LossWeights(BaseModel):
    """What each term of the packing loss counts; see `vertumnus.packing.objective`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gap: NotNegative = Field(1.0, description="uncovered area of the shape")
    overlap: tuple[Positive, Positive] = Field((2.0, 40.0), description="area covered twice, at start and end")
    containment: NotNegative = Field(20.0, description="element area outside the shape")
    uniformity: NotNegative = Field(0.0, description="wide gaps more than narrow ones")
    gravity: NotNegative = Field(0.0, description="element area far from where gravity pulls")


class PackOptions(BaseModel):
    """How elements fill a shape. Lengths are canvas pixels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sizes: Literal["free", "proportional", "fixed"] = Field(
        "free",
        description="free within size_range; proportional to the weights with one scale for all; or fixed",
    )
    size_range: tuple[Positive, Positive] = Field(
        (0.07, 3.0),
        description="least and most area of an element, to its share by weight (a lower one if the range is narrow)",
    )
    element_size: Positive | None = Field(
        None, description="fixed sizes: side of a square with the area of an element of mean weight"
    )
    rotation: Literal["free", "none", "random"] | NotNegative = Field(
        "free", description="free, none, random and then kept, or within so many degrees of upright"
    )
    flip: bool = Field(False, description="elements may be mirrored")
    gap: NotNegative = Field(0.0, description="kept between elements")
    border: NotNegative = Field(0.0, description="kept between elements and the shape's edge")
    init: Literal["distance-field", "random", "medial-axis", "ordered"] = Field(
        "distance-field", description="where elements start"
    )
    axis: Literal["right", "left", "down", "up"] = Field(
        "right", description="for init ordered: the way from the first element to the last"
    )
    open: bool = Field(False, description="pour elements of fixed size into the shape, as into a container")
    gravity: str = Field(
        "none",
        description="the way elements are pulled: down, up, left, right, or the point X,Y they fall to",
    )
    fill: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="fixed sizes without element_size: share of the shape that elements get"
    )
    overlap: Literal["none", "allow"] = Field("none", description="none: the strict finish; allow: without it")
    quality: Literal["fast", "normal", "high"] = "normal"
    loss: LossWeights = LossWeights()
    noise: Annotated[float, Field(ge=0, le=1)] = Field(
        0.04, description="of place and angle at the start, as a share of an element's size"
    )
    relocate: bool = Field(True, description="move small elements into large gaps on the way")

    @field_validator("size_range")
    @classmethod
    def _in_order(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if not bounds[0] <= 1 <= bounds[1]:
            raise ValueError("must have its least at or below 1 and its most at or above 1")
        return bounds

    @field_validator("gravity", mode="before")
    @classmethod
    def _a_direction_or_point(cls, gravity: object) -> object:
        if isinstance(gravity, tuple | list):
            gravity = ",".join(map(str, gravity))
        if isinstance(gravity, str) and gravity != "none" and gravity not in DIRECTIONS:
            _point(gravity)
        return gravity

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.element_size is not None and not (self.sizes == "fixed" or self.open):
            raise ValueError("element_size is for fixed sizes or open packing")
        return self

    @property
    def fixed(self) -> bool:
        """Whether element sizes are given and never change."""
        return self.sizes == "fixed" or self.open

    @property
    def narrow(self) -> bool:
        """Whether free sizes have so little room that no piece can be shrunk much alone."""
        return self.sizes == "free" and not self.fixed and self.size_range[1] < NARROW * self.size_range[0]

    @property
    def pull(self) -> str | tuple[float, float]:
        """Where gravity pulls: "none", a direction or a point. An open packing without a word pulls down."""
        if self.open and self.gravity == "none":
            return "down"
        return self.gravity if self.gravity == "none" or self.gravity in DIRECTIONS else _point(self.gravity)


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("must be none, down, up, left, right or a point X,Y")
    return x, y
