"""`Layer`: one picture of a collage and how it is shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vertumnus.checked import PATTERNS, Checked
from vertumnus.document.placement import Placement
from vertumnus.limits import (
    MAX_GAIN,
    MAX_LENGTH,
    MAX_ROTATION,
    MAX_SCALE,
    MAX_SHEAR,
    MAX_SQUEEZE,
    MIN_SCALE,
    MIN_SQUEEZE,
)

IMAGE_NAME = r"^elements/[0-9a-f]{4,64}\.(png|jpg|webp|avif|tif|gif)$"
DRAWING_NAME = r"^elements/[0-9a-f]{4,64}\.svg$"
PATTERNS[DRAWING_NAME] = "must be elements/<hex digits of its SHA-256>.svg"
PATTERNS[IMAGE_NAME] = "must be elements/<hex digits of its SHA-256>.png, .jpg or .webp"

Length = Annotated[float, Field(strict=True, ge=-MAX_LENGTH, le=MAX_LENGTH)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Gain = Annotated[float, Field(strict=True, ge=0, le=MAX_GAIN)]
Offset = Annotated[float, Field(strict=True, ge=-MAX_GAIN, le=MAX_GAIN)]
Strength = Annotated[float, Field(strict=True, ge=0, le=MAX_GAIN)]
At = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(max_length=4096)]

PLAIN: tuple[float, float, float] = (1.0, 1.0, 1.0)
NONE: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Layer(Checked):
    """One picture and how it is shown. Lengths are canvas pixels, origin top left, y down.

    Raises `VertumnusError` naming the field for a value that is none or beyond its bounds, when made and when
    assigned to.
    """

    id: Name = Field("", description="stays the same while the layer is moved, renamed or saved; unique")
    name: Name = Field(description="what a person calls it")
    image: str = Field(
        pattern=IMAGE_NAME, description="the picture, named by the SHA-256 of its bytes: elements/<hex>.png"
    )
    crop: tuple[At, At, Side, Side] | None = Field(
        None, description="the part shown: left, top, width, height in the picture's own pixels; null for all of it"
    )
    x: Length = Field(description="where the centre of what is shown lands")
    y: Length = Field(description="where the centre of what is shown lands")
    scale: float = Field(strict=True, ge=MIN_SCALE, le=MAX_SCALE, description="multiplies the picture's own pixels")
    rotation: float = Field(0.0, strict=True, ge=-MAX_ROTATION, le=MAX_ROTATION, description="degrees, clockwise")
    flip: bool = Field(False, description="mirrored left to right before it is squeezed, sheared and turned")
    squeeze: float = Field(
        1.0, strict=True, ge=MIN_SQUEEZE, le=MAX_SQUEEZE, description="multiplies its height once more"
    )
    shear: float = Field(
        0.0, strict=True, ge=-MAX_SHEAR, le=MAX_SHEAR, description="degrees, as SVG's skewX, before it is turned"
    )
    opacity: Share = 1.0
    depth: Share = Field(0.0, description="nearer the eye the larger, in a collage whose rendering is opacity")
    gain: tuple[Gain, Gain, Gain] = Field(PLAIN, description="multiplies red, green, blue")
    offset: tuple[Offset, Offset, Offset] = Field(NONE, description="added to red, green, blue after the gain")
    light: Literal["linear", "srgb"] = Field(
        "linear", description="what gain and offset work on: linear light, or sRGB values as version 1 did"
    )
    outline: Literal["rectangle", "hexagon"] = Field(
        "rectangle", description="what of the picture is shown; a hexagon has a point at its top and fills the rest"
    )
    snap: bool = Field(
        False,
        description="an upright picture's edges are drawn on whole pixels at any scale, so that pictures that share"
        " an edge leave no seam",
    )
    visible: bool = True
    locked: bool = Field(False, description="tools leave it where it is")
    prompt: str | None = Field(None, description="what the layer shows, for tools steered by words")
    noise: Share = Field(0.8, description="how far harmonising may change it")
    control: Share = Field(0.0, description="how firmly harmonising keeps its edges")
    attract: Strength = Field(
        0.4, description="how strongly attention to its words is drawn to where it shows, in harmonising"
    )
    repel: Strength = Field(0.6, description="how strongly attention to its words is kept from elsewhere")

    @property
    def placement(self) -> Placement:
        """Where what is shown lies, without the rest."""
        return Placement(self.x, self.y, self.scale, self.rotation, self.flip, self.squeeze, self.shear)

    @property
    def toned(self) -> bool:
        """Whether gain or offset change the picture."""
        return self.gain != PLAIN or self.offset != NONE
