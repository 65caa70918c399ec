"""What a live run can be told between two steps. Each command is a small model; all go through JSON and back.

Pieces are named by their numbers: the order they were given in, and on from there for those that are added. Lengths
are canvas pixels, origin top left, y down; rotation is in degrees, clockwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from vertumnus.checked import Options, first_problem
from vertumnus.elements.collect import gather
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.limits import Coordinate, Degrees
from vertumnus.limits import Scale as ScaleValue

Piece = Annotated[int, Field(ge=0)]


def _element(value: object) -> object:
    """A file, or an icon as ``icon:NAME``, as the element it is."""
    return gather(value).elements[0] if isinstance(value, str | Path) else value


def reference(element: Element) -> dict[str, Any]:
    """What a document keeps of an element: its picture's content hash, its name and weight."""
    return {"name": element.name, "image": element.image, "weight": element.weight}


Picture = Annotated[InstanceOf[Element], BeforeValidator(_element), PlainSerializer(reference)]


class Told(Options):
    """A command that can be taken back.

    joined   it is taken back together with the one before, as the steps of a drag are
    """

    joined: bool = False

    @model_serializer(mode="wrap")
    def _short(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is not so."""
        return {name: value for name, value in plain(self).items() if name != "joined" or value}


class Move(Told):
    """Puts a piece's centre somewhere; it goes on from there, unless it is pinned."""

    kind: Literal["move"] = "move"
    piece: Piece
    x: Coordinate | None = None
    y: Coordinate | None = None


class Scale(Told):
    """Gives a piece a size: canvas pixels to a pixel of its picture."""

    kind: Literal["scale"] = "scale"
    piece: Piece
    scale: ScaleValue


class Rotate(Told):
    """Turns a piece to so many degrees."""

    kind: Literal["rotate"] = "rotate"
    piece: Piece
    rotation: Degrees


class Pin(Told):
    """Keeps a piece exactly where it is; the others flow around it."""

    kind: Literal["pin"] = "pin"
    piece: Piece


class Release(Told):
    """Lets a pinned piece, or a locked one, move again."""

    kind: Literal["release"] = "release"
    piece: Piece


class Add(Told):
    """Adds a piece: an element, a file, or ``icon:NAME``; where there is most room unless said otherwise."""

    kind: Literal["add"] = "add"
    element: Picture
    x: Coordinate | None = None
    y: Coordinate | None = None
    scale: ScaleValue | None = None
    rotation: Degrees = 0.0


class Remove(Told):
    """Takes a piece away; the others keep their numbers."""

    kind: Literal["remove"] = "remove"
    piece: Piece


class Replace(Told):
    """Gives a piece another picture, as large as the one it had."""

    kind: Literal["replace"] = "replace"
    piece: Piece
    element: Picture


class SetOption(Told):
    """Changes one of the tool's options; the run goes on from where it is."""

    kind: Literal["set_option"] = "set_option"
    name: str
    value: Any


class Undo(Options):
    """Takes back the last command that was not taken back yet, and all that came of it."""

    kind: Literal["undo"] = "undo"


class Stop(Options):
    """Ends the run as soon as its layout keeps what it promises."""

    kind: Literal["stop"] = "stop"


Command = Move | Scale | Rotate | Pin | Release | Add | Remove | Replace | SetOption | Undo | Stop
_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])


def read_command(data: Mapping[str, Any], elements: Mapping[str, Element]) -> Command:
    """A command from what its ``model_dump`` gave.

    elements   by image, for those commands that bring one

    Raises `VertumnusError` if it is none, or its picture is not there.
    """
    values = dict(data)
    kept = values.get("element")
    if isinstance(kept, Mapping):
        if kept.get("image") not in elements:
            raise VertumnusError(f"element: {kept.get('image')}: the picture is missing")
        values["element"] = replace(
            elements[kept["image"]], name=str(kept.get("name")), weight=float(kept.get("weight", 1.0))
        )
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        raise VertumnusError(first_problem(error)) from None
