"""`Collage` and `Layer`: the document's fields, units and limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from vertumnus.document import bundle
from vertumnus.document.pictures import Pictures
from vertumnus.document.placement import Placement
from vertumnus.imaging.colour import parse_colour

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 1_000_000  # canvas pixels; a size beyond it is a slip, not a wish

IMAGE_NAME = re.compile(r"elements/[0-9a-f]{4,64}\.(png|jpg|webp)")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Gain = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Layer(BaseModel):
    """One picture and where it lies. Lengths are canvas pixels, origin top left, y down."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    name: str = Field(description="what a person calls it")
    image: str = Field(description="the picture, named by the SHA-256 of its bytes: elements/<hex>.png")
    x: Finite = Field(description="where the picture's centre lands")
    y: Finite = Field(description="where the picture's centre lands")
    scale: Positive = Field(description="multiplies the picture's own pixels")
    rotation: Finite = Field(0.0, description="degrees, clockwise")
    flip: bool = Field(False, description="mirrored left to right before it is turned")
    opacity: Share = 1.0
    gain: tuple[Gain, Gain, Gain] = Field((1.0, 1.0, 1.0), description="multiplies red, green, blue")
    visible: bool = True
    locked: bool = Field(False, description="tools leave it where it is")
    prompt: str | None = Field(None, description="what the layer shows, for tools steered by words")
    noise: Share = Field(0.8, description="how far harmonising may change it")
    control: Share = Field(0.0, description="how firmly harmonising keeps its edges")

    @field_validator("image")
    @classmethod
    def _inside_the_bundle(cls, name: str) -> str:
        if ".." in name or "\\" in name or name.startswith("/"):
            raise ValueError("leaves the collage's own folder")
        if not IMAGE_NAME.fullmatch(name):
            raise ValueError("must be elements/<hex digits of its SHA-256>.png, .jpg or .webp")
        return name

    @property
    def placement(self) -> Placement:
        """Where the picture lies, without the rest."""
        return Placement(self.x, self.y, self.scale, self.rotation, self.flip)


class MadeBy(BaseModel):
    """Everything needed to make the same collage again, and what was reached. No timings."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    versions: dict[str, str] = {}
    options: dict[str, Any] = {}
    inputs: dict[str, Any] = Field({}, description="what it was made of, by content hash, and what it was told")
    pictures: list[str] = Field([], description="pictures kept for making it again that no layer shows")
    report: dict[str, Any] = {}

    @field_validator("pictures")
    @classmethod
    def _inside_the_bundle(cls, names: list[str]) -> list[str]:
        for name in names:
            if not IMAGE_NAME.fullmatch(name):
                raise ValueError("must be elements/<hex digits of its SHA-256>.png, .jpg or .webp")
        return names


class Collage(BaseModel):
    """An ordered list of layers, back to front, on a canvas of width x height pixels.

    >>> import numpy as np
    >>> collage = Collage(width=40, height=30)
    >>> red = collage.pictures.add_pixels(np.full((8, 8, 4), [255, 0, 0, 255], np.uint8))
    >>> collage.layers.append(Layer(name="red", image=red, x=20, y=15, scale=2.0))
    >>> collage.render().getpixel((20, 15))
    (255, 0, 0, 255)
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    format: Literal["vertumnus/collage"] = "vertumnus/collage"
    version: Literal[1] = 1
    width: int = Field(gt=0, le=MAX_SIDE)
    height: int = Field(gt=0, le=MAX_SIDE)
    background: str | None = Field(None, description="a CSS colour, or null for a transparent ground")
    prompt: str | None = None
    seed: int | None = None
    layers: list[Layer] = []
    made_by: MadeBy | None = None

    _pictures: Pictures = PrivateAttr(default_factory=Pictures)

    @field_validator("background")
    @classmethod
    def _a_colour(cls, text: str | None) -> str | None:
        if text is not None:
            parse_colour(text)
        return text

    @property
    def pictures(self) -> Pictures:
        """The pictures the layers show, by name; each is stored once however often it is used."""
        return self._pictures

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a ``*.collage`` file, a ``collage.json`` or the folder that holds one.

        Raises `VertumnusError` naming the file and the field for anything that is not a whole,
        consistent collage.
        """
        return bundle.load(cls, Path(path))

    def save(self, path: str | Path) -> None:
        """Writes the collage: one zip for ``*.collage``, else the JSON with ``elements/`` beside it.

        Writing is atomic: after a crash or on a full disk the old file is still there, whole.
        Raises `VertumnusError` if the place cannot be written or a picture is gone.
        """
        bundle.save(self, Path(path))

    def render(self, scale: float = 1.0, background: str | None = None) -> Image.Image:
        """The collage as an RGBA picture of ``round(scale * size)`` pixels.

        ``background`` is a CSS colour in place of the document's own; see `vertumnus.render.picture`.
        """
        # The one call that goes up a floor, made late: a document knows nobody, but people expect
        # `collage.render()`.
        from vertumnus.render.picture import render

        return render(self, scale=scale, background=background)
