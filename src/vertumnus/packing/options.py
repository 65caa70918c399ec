"""Every choice packing offers, in one model: the command line, the library and the document share it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, Self, TypedDict

from pydantic import Field, field_validator, model_validator

from vertumnus.checked import Options
from vertumnus.elements.frame import Frame
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import (
    MAX_ELEMENT,
    MAX_LENGTH,
    MIN_ELEMENT,
    MIN_FILL,
    Coordinate,
    Distance,
    Factor,
    PositiveFactor,
    words_or_degrees,
)
from vertumnus.strict.options import DIRECTIONS, Direction, Quality, StrictOptions

DIFFER = 1.0001  # heaviest to lightest, from which weights are taken to differ
NARROW = 8.0  # most to least area, below which a range of sizes is narrow
WIDE_RANGE = (0.07, 3.0)  # of sizes, where all pieces weigh the same
# Where they do not: areas then go with weights, rank correlation .95 and more, for 3 points of coverage.
WEIGHED_RANGE = (0.7, 1.25)

Sizes = Literal["free", "proportional", "fixed"]
Angle = Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)]
Rotation = (
    Literal["auto", "free", "none", "random"]
    | Annotated[float, Field(ge=0, le=360, allow_inf_nan=False)]
    | Annotated[tuple[Angle, ...], Field(min_length=1, max_length=360)]
)
Order = Literal["given", "name", "hue", "lightness", "size", "shuffle"]
Axis = Direction | Literal["outward"]
Initialisation = Literal["distance-field", "random", "medial-axis", "ordered"]
Gravity = Literal["none"] | Direction | tuple[Coordinate, Coordinate]
Arrange = Literal["free", "justified", "treemap"]
Overlap = Literal["none", "allow", "scatter"]
SizeRange = tuple[PositiveFactor, PositiveFactor]


class LossWeights(Options):
    """What each term of the packing loss counts; see `vertumnus.packing.objective`."""

    gap: Factor = Field(1.0, description="uncovered area of the shape")
    overlap: tuple[PositiveFactor, PositiveFactor] = Field(
        (2.0, 40.0), description="area covered twice, at start and end"
    )
    containment: Factor = Field(20.0, description="element area outside the shape")
    uniformity: Factor = Field(0.0, description="wide gaps more than narrow ones")
    gravity: Factor = Field(0.0, description="element area far from where gravity pulls")


class PackOptions(Options):
    """How elements fill a shape. Lengths are canvas pixels."""

    sizes: Sizes = Field(
        "free",
        description="free within size_range; proportional to the weights with one scale for all; or fixed",
    )
    size_range: SizeRange | None = Field(
        None,
        description="least and most area of an element, to its share by weight (a lower one if the range is narrow);"
        " 0.07 to 3 unless elements differ in weight",
    )
    element_size: Annotated[float, Field(ge=MIN_ELEMENT, le=MAX_ELEMENT, allow_inf_nan=False)] | None = Field(
        None, description="fixed sizes: side of a square with the area of an element of mean weight"
    )
    rotation: Rotation = Field(
        "auto",
        description="free, none, random and then kept, within so many degrees, or one of several angles (0,90); auto:"
        " free, but photographs, which are opaque, stand upright",
    )
    flip: bool = Field(False, description="elements may be mirrored")
    gap: Distance = Field(0.0, description="kept between elements")
    border: Distance = Field(0.0, description="kept between elements and the shape's edge")
    clip: bool = Field(
        False, description="pieces may bleed over the shape's edge, and are cut there: the shape is filled to it"
    )
    init: Initialisation = Field("distance-field", description="where elements start")
    order: Order | None = Field(
        None,
        description="pieces lie in order along the axis: as given, by name, hue, lightness or size, or shuffled;"
        " goes with init ordered",
    )
    axis: Axis = Field(
        "right", description="for order: the way from the first piece to the last; outward: from the middle"
    )
    apart: bool = Field(True, description="pieces that are equal or look alike keep apart, unless there is an order")
    arrange: Arrange = Field(
        "free",
        description="free; or, for pictures without transparency: justified rows, from edge to edge of any shape, or,"
        " in a rectangle, a treemap of areas near the weights",
    )
    crop: Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)] = Field(
        0.15, description="justified and treemap: most of a picture's width or height that may be cut away"
    )
    open: bool = Field(False, description="pour elements of fixed size into the shape, as into a container")
    gravity: Gravity = Field(
        "none",
        description="the way elements are pulled: down, up, left, right, or the point X,Y they fall to",
    )
    fill: Annotated[float, Field(ge=MIN_FILL, le=1)] = Field(
        0.5, description="fixed sizes without element_size: share of the shape that elements get"
    )
    overlap: Overlap = Field(
        "none",
        description="none: the strict finish; allow: without it; scatter: laid over each other, as in a scrapbook",
    )
    scatter: Annotated[float, Field(ge=0, le=0.8)] = Field(
        0.25, description="for overlap scatter: share of the pieces that lies under others"
    )
    tilt: Annotated[float, Field(ge=0, le=180)] = Field(
        6.0, description="for overlap scatter: most degrees that a piece is turned by the seed"
    )
    frame: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="width of a frame around photographs, a share of their shorter side"
    )
    frame_color: str = Field("white", description="of the frame, a CSS colour")
    corners: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.0, description="radius of photographs' rounded corners, a share of their shorter side"
    )
    shadow: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="how dark a soft shadow of photographs is")
    photo_aspect: str | None = Field(
        None, description="photographs are cut to it, as 3:2 or 1:1; faces are not cut where that can be"
    )
    quality: Quality = "normal"
    loss: LossWeights = LossWeights()
    noise: Annotated[float, Field(ge=0, le=1)] = Field(
        0.04, description="of place and angle at the start, as a share of an element's size"
    )
    relocate: bool = Field(True, description="move small elements into large gaps on the way")

    @field_validator("size_range")
    @classmethod
    def _in_order(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not bounds[0] <= 1 <= bounds[1]:
            raise ValueError("must have its least at or below 1 and its most at or above 1")
        return bounds

    @field_validator("rotation", mode="before")
    @classmethod
    def _words_or_degrees(cls, rotation: object) -> object:
        if isinstance(rotation, str) and "," in rotation:
            rotation = [part for part in rotation.split(",") if part.strip()]
        if isinstance(rotation, list | tuple):
            try:
                return tuple(float(angle) for angle in rotation)
            except (TypeError, ValueError, OverflowError):
                raise ValueError("must be angles in degrees, as in 0,90") from None
        return words_or_degrees(rotation, ("auto", "free", "none", "random"))

    @field_validator("gravity", mode="before")
    @classmethod
    def _a_direction_or_point(cls, gravity: object) -> object:
        if gravity == "none" or (isinstance(gravity, str) and gravity in DIRECTIONS):
            return gravity
        parts = gravity.split(",") if isinstance(gravity, str) else gravity
        try:
            x, y = map(float, parts)  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            x = y = math.nan
        if not (abs(x) <= MAX_LENGTH and abs(y) <= MAX_LENGTH):
            raise ValueError(f"must be none, down, up, left, right or a point X,Y within {MAX_LENGTH:,.0f} pixels")
        return x, y

    @field_validator("frame_color")
    @classmethod
    def _a_colour(cls, colour: str) -> str:
        parse_colour(colour)
        return colour

    @field_validator("photo_aspect")
    @classmethod
    def _an_aspect(cls, text: str | None) -> str | None:
        if text is not None and not 0.1 <= _ratio(text) <= 10:
            raise ValueError("must be an aspect as 3:2, from 1:10 to 10:1")
        return text

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.arrange != "free" and (self.fixed or self.overlap == "allow" or self.clip or self.order is not None):
            raise ValueError("arrange goes without open, fixed sizes, overlap, clip and order")
        if self.element_size is not None and not (self.sizes == "fixed" or self.open):
            raise ValueError("element_size is for fixed sizes or open packing")
        if self.overlap == "scatter" and (self.open or self.sizes == "fixed" or self.gap):
            raise ValueError("overlap scatter goes without open, fixed sizes and gap")
        if self.order is not None and self.init == "distance-field" and "init" not in self.model_fields_set:
            object.__setattr__(self, "init", "ordered")
        if self.order is not None and self.init != "ordered":
            raise ValueError("order goes with init ordered, which it brings along")
        if self.clip and (self.open or self.border):
            raise ValueError("clip goes without open and border: what bleeds over the edge is not kept from it")
        return self

    @property
    def framing(self) -> Frame:
        """What is done to photographs before they are placed."""
        aspect = None if self.photo_aspect is None else _ratio(self.photo_aspect)
        return Frame(self.frame, self.frame_color, self.corners, self.shadow, aspect)

    @property
    def fixed(self) -> bool:
        """Whether element sizes are given and never change."""
        return self.sizes == "fixed" or self.open

    @property
    def range(self) -> tuple[float, float]:
        """The range of sizes, where nothing says that elements differ in weight."""
        return self.size_range or WIDE_RANGE

    def for_weights(self, weights: Sequence[float]) -> Self:
        """These options with a range of sizes that suits the elements' weights."""
        if self.size_range is not None:
            return self
        differ = len(weights) > 0 and max(weights) > DIFFER * min(weights)
        return self.changed(size_range=WEIGHED_RANGE if differ else WIDE_RANGE)

    @property
    def narrow(self) -> bool:
        """Whether free sizes have so little room that no piece can be shrunk much alone."""
        return self.sizes == "free" and not self.fixed and self.range[1] < NARROW * self.range[0]

    @property
    def pull(self) -> Literal["none"] | Direction | tuple[float, float]:
        """Where gravity pulls: "none", a direction or a point. An open packing without a word pulls down."""
        return "down" if self.open and self.gravity == "none" else self.gravity

    @property
    def strict(self) -> StrictOptions:
        """What of this the strict finish needs."""
        pull = self.pull
        return StrictOptions(
            gap=self.gap,
            border=self.border,
            flip=self.flip,
            quality=self.quality,
            angles=self.rotation if isinstance(self.rotation, tuple) else (),
            pull="down" if pull == "none" else pull,
        )


def _ratio(text: str) -> float:
    """Width over height of ``3:2``; 0 for what is none."""
    across, _, down = text.partition(":")
    try:
        return float(across) / float(down or 1)
    except (ValueError, ZeroDivisionError):
        return 0.0


class PackKeywords(TypedDict, total=False):
    """The fields of `PackOptions` as keywords, for editors and type checkers."""

    sizes: Sizes
    size_range: tuple[float, float] | None
    element_size: float | None
    rotation: Rotation
    flip: bool
    gap: float
    border: float
    clip: bool
    init: Initialisation
    order: Order | None
    axis: Axis
    apart: bool
    arrange: Arrange
    crop: float
    open: bool
    gravity: Gravity | str
    fill: float
    overlap: Overlap
    scatter: float
    tilt: float
    frame: float
    frame_color: str
    corners: float
    shadow: float
    photo_aspect: str | None
    quality: Quality
    loss: LossWeights
    noise: float
    relocate: bool
