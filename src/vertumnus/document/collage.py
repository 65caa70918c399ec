"""`Collage`: the document, its fields, units and limits."""

from __future__ import annotations

import io
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator

from vertumnus.checked import Checked
from vertumnus.document import bundle
from vertumnus.document.drawing import renderer
from vertumnus.document.layer import DRAWING_NAME, IMAGE_NAME, Layer
from vertumnus.document.outline import parse_outline
from vertumnus.document.pictures import Pictures
from vertumnus.document.table import LayerTable, layers_of
from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import MAX_CANVAS, check_depth

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Collage", "Layer", "MadeBy"]

Side = Annotated[int, Field(gt=0, le=MAX_CANVAS)]
PictureName = Annotated[str, Field(pattern=IMAGE_NAME)]
DrawingName = Annotated[str, Field(pattern=DRAWING_NAME)]
Layers = Annotated[list[Layer], BeforeValidator(layers_of, json_schema_input_type=list[Layer] | LayerTable)]
Rendering = Literal["alpha", "transparency", "masked-transparency", "masked-transparency-normed", "opacity"]
SHOWN = 1024  # pixels of the longer side in a notebook


class MadeBy(Checked):
    """Everything needed to make the same collage again, and what was reached. No timings."""

    tool: str
    versions: dict[str, str] = Field({})
    options: dict[str, Any] = Field({})
    inputs: dict[str, Any] = Field({}, description="what it was made of, by content hash, and what it was told")
    pictures: list[PictureName] = Field([], description="pictures kept for making it again that no layer shows")
    report: dict[str, Any] = Field({})

    @field_validator("options", "inputs", "report")
    @classmethod
    def _shallow(cls, tree: dict[str, Any]) -> dict[str, Any]:
        check_depth(tree)
        return tree

    def unplaced(self) -> list[tuple[str, str]]:
        """Name and reason of each piece that the report says found no place.

        Raises `VertumnusError` if the report says something else there.
        """
        said = self.report.get("unplaced", [])
        fields = ("name", "reason")
        if not isinstance(said, list) or not all(
            isinstance(one, dict) and all(isinstance(one.get(field), str) for field in fields) for one in said
        ):
            raise VertumnusError("made_by.report.unplaced: is not a list of names and reasons")
        return [(one["name"], one["reason"]) for one in said]


class Collage(Checked):
    """An ordered list of layers, back to front, on a canvas of width x height pixels.

    >>> import numpy as np
    >>> collage = Collage(width=40, height=30)
    >>> red = collage.pictures.add_pixels(np.full((8, 8, 4), [255, 0, 0, 255], np.uint8))
    >>> collage.layers.append(Layer(name="red", image=red, x=20, y=15, scale=2.0))
    >>> collage.render().getpixel((20, 15))
    (255, 0, 0, 255)
    """

    format: Literal["vertumnus/collage"] = "vertumnus/collage"
    version: Literal[2] = 2
    width: Side
    height: Side
    background: str | None = Field(None, description="a CSS colour, or null for a transparent ground")
    rendering: Rendering = Field(
        "alpha", description="how layers make a picture: laid over each other, or added up by a method of CLIP-CLOP"
    )
    clip: str | None = Field(
        None,
        description="what of the canvas layers show in: polygons as an SVG path, M0,0 4,0 4,4Z, filled by the"
        " even-odd rule; the background is all around it",
    )
    prompt: str | None = None
    seed: int | None = None
    linked: dict[PictureName, str] = Field(
        {}, description="pictures that lie elsewhere, and where: a file's path, relative to the document's folder"
    )
    drawings: dict[PictureName, DrawingName] = Field(
        {}, description="pictures that were made of a drawing, and that drawing: an SVG on a canvas of their pixels"
    )
    layers: Annotated[list[Layer], BeforeValidator(layers_of, json_schema_input_type=list[Layer] | LayerTable)] = (
        Field([], description="back to front; a thousand and more are written as a table")
    )
    made_by: MadeBy | None = None

    _pictures: Pictures = PrivateAttr(default_factory=Pictures)
    _where: str = PrivateAttr("the collage")

    @field_validator("width", "height", "seed", mode="before")
    @classmethod
    def _a_number(cls, number: object) -> object:
        if isinstance(number, bool):
            raise ValueError("must be a number")
        return number

    @field_validator("background")
    @classmethod
    def _a_colour(cls, text: str | None) -> str | None:
        if text is not None:
            parse_colour(text)
        return text

    @field_validator("clip")
    @classmethod
    def _an_outline(cls, text: str | None) -> str | None:
        if text is not None:
            parse_outline(text)
        return text

    @property
    def pictures(self) -> Pictures:
        """The pictures the layers show, by name; each is stored once however often it is used."""
        return self._pictures

    @property
    def where(self) -> str:
        """The file it was read from, for errors, or "the collage"."""
        return self._where

    def name_layers(self) -> None:
        """Gives every layer that has no id the first free one of k1, k2, k3 ...

        Loading and saving do so; call it to speak of layers before.

        Raises `VertumnusError` if two layers have the same id.
        """
        taken: set[str] = set()
        for index, layer in enumerate(self.layers):
            if layer.id and layer.id in taken:
                raise VertumnusError(f"layers[{index}].id: {layer.id!r} is another layer's too")
            taken.add(layer.id)
        free = (name for name in map("k{}".format, count(1)) if name not in taken)
        for layer in self.layers:
            if not layer.id:
                layer.__dict__["id"] = next(free)
                layer.__pydantic_fields_set__.add("id")

    def layer(self, identity: str) -> Layer:
        """The layer of that id.

        Raises `VertumnusError` if there is none.
        """
        for layer in self.layers:
            if layer.id == identity:
                return layer
        raise VertumnusError(f"{identity}: there is no such layer in the collage")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a ``*.collage`` file, a ``collage.json`` or the folder that holds one.

        Raises `VertumnusError` naming the file and the field for anything that is not a whole,
        consistent collage.
        """
        collage = bundle.load(cls, Path(path))
        collage._where = str(path)
        return collage

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
        drawn: Image.Image = renderer()(self, scale=scale, background=background)
        return drawn

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the collage, no larger than `SHOWN` pixels a side."""
        buffer = io.BytesIO()
        self.render(min(1.0, SHOWN / max(self.width, self.height))).save(buffer, "PNG")
        return buffer.getvalue()
