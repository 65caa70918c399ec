"""`Session`: one open document, edited step by step. It knows neither browser nor clock; a script can hold it too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vertumnus.checked import first_problem
from vertumnus.document.bundle import kept_pictures
from vertumnus.document.collage import Collage, MadeBy
from vertumnus.document.layer import Layer
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PIECES
from vertumnus.studio.history import Change, State, Steps
from vertumnus.studio.schema import Canvas, DocumentShown, Edit, HistoryShown, LayerEdit, LayerShown

CANVAS = ("width", "height", "background", "rendering", "clip", "prompt", "seed", "made_by")
EDITABLE = frozenset(Layer.model_fields) - {"id", "image"}
ROOM = 0.8  # of a cell of the grid that new layers are laid on
LARGEST = 0.3  # of the canvas's shorter side, of a new layer


@dataclass(frozen=True)
class Placed:
    """An element that becomes a layer, and where, as far as that was said."""

    element: Element
    name: str | None = None
    x: float | None = None
    y: float | None = None
    scale: float | None = None
    rotation: float = 0.0


class Session:
    """One document being edited.

    path      where it is saved
    revision  grows with every change; saved: the one that is on disk
    steps     the history
    slots     layers' numbers in binary frames, which no other layer ever has

    Every method that changes something raises `VertumnusError`, and changes nothing, if it cannot be done.
    """

    def __init__(self, collage: Collage, path: Path) -> None:
        self.path = path
        self.revision = self.saved = 0
        self.steps = Steps()
        self.slots: dict[str, int] = {}
        self._base = collage
        self._held: set[str] = set()
        self._before: State | None = None  # what a drag that goes on began from
        self.state = self._told = _state_of(collage)
        self._as_made: State | None = None
        self._next_slot = self._next_id = 0
        self._number(self.state.order)

    @classmethod
    def open(cls, path: Path) -> Session:
        """The document of a file. Raises `VertumnusError` if it cannot be read."""
        return cls(Collage.load(path), path)

    # What is there.

    @property
    def pictures(self) -> Any:
        """The pictures, by name; those of steps that were taken back among them."""
        return self._base.pictures

    @property
    def dragging(self) -> bool:
        """Whether changes wait for the one that makes them a step."""
        return self._before is not None

    def layer(self, identity: str) -> Layer:
        """A layer. Raises `VertumnusError` if there is none of that id."""
        found = self.state.layers.get(identity)
        if found is None:
            raise VertumnusError(f"{identity}: there is no such layer")
        return found

    def collage(self, state: State | None = None) -> Collage:
        """The document as it is now, or in another state; its layers are not to be changed."""
        state = self.state if state is None else state
        made = self._base.model_copy()
        made.__dict__.update(state.canvas)
        made.__dict__["layers"] = [state.layers[name] for name in state.order]
        return made

    def shown(self, identity: str) -> Callable[[], DocumentShown]:
        """The whole document as clients get it, worked out when it is called."""
        state, name = self.state, self.path.name

        def show() -> DocumentShown:
            canvas = _canvas_shown(state.canvas)
            layers = [self._layer_shown(state.layers[one]) for one in state.order]
            return DocumentShown(id=identity, name=self.path.stem, path=name, layers=layers, **canvas)

        return show

    def history(self) -> HistoryShown:
        """The names of the steps, and how many of them are done."""
        return HistoryShown(steps=list(self.steps.names), at=self.steps.at)

    def news(self) -> dict[str, Any] | None:
        """What has changed since this was asked for last, as the fields of a `Changed`; None if nothing has."""
        before, self._told = self._told, self.state
        change = Change.between(before, self.state)
        if not change:
            return None
        changed = [layer for _, layer in change.layers.values() if layer is not None]
        return {
            "revision": self.revision,
            "layers": [self._layer_shown(layer) for layer in changed],
            "removed": [name for name, (_, layer) in change.layers.items() if layer is None],
            "order": list(self.state.order) if change.order is not None else None,
            "canvas": _canvas_shown(change.canvas[1]) if change.canvas is not None else None,
        }

    def _layer_shown(self, layer: Layer) -> LayerShown:
        picture = self.pictures.size(layer.image)
        size = layer.crop[2:] if layer.crop is not None else picture
        fields = layer.model_dump(mode="json")
        return LayerShown.model_construct(**fields, slot=self.slots[layer.id], size=size, picture=picture)

    @property
    def as_made(self) -> bool:
        """Whether the document is as the tool that made it left it, so that ``vertumnus again`` makes the same."""
        return self._as_made is not None and not Change.between(self._as_made, self.state)

    # Editing.

    def edit(self, edits: Sequence[LayerEdit], name: str = "Edit", transient: bool = False) -> None:
        """Changes fields of layers; ``transient`` if more will follow that is the same step."""
        layers = dict(self.state.layers)
        for one in edits:
            layers[one.id] = self.edited(layers.get(one.id) or self.layer(one.id), one.changes)
        self._commit(name, State(layers, self.state.order, self.state.canvas), transient)

    def edited(self, layer: Layer, changes: Mapping[str, Any]) -> Layer:
        """A layer with some fields changed. Raises `VertumnusError` if they cannot be."""
        for field in changes:
            if field not in EDITABLE:
                raise VertumnusError(f"{layer.id}: {field}: there is no such field to change")
        try:
            made = Layer.model_validate({**layer.__dict__, **changes})
        except ValidationError as error:
            raise VertumnusError(f"{layer.name or layer.id}: {first_problem(error)}") from None
        if made.crop is not None and "crop" in changes:
            width, height = self.pictures.size(made.image)
            left, top, wide, high = made.crop
            if left + wide > width or top + high > height:
                raise VertumnusError(f"{layer.name}: crop: reaches beyond the picture of {width} x {height} pixels")
        return made

    def settle(self) -> None:
        """Makes a step of changes that were left waiting, as when a browser goes away in the middle of a drag."""
        if self._before is not None:
            self._commit("Move", self.state)

    def add(self, placed: Sequence[Placed], name: str | None = None) -> list[str]:
        """Adds layers on top, and returns their ids."""
        if len(self.state.order) + len(placed) > MAX_PIECES:
            raise VertumnusError(f"add: {MAX_PIECES:,} layers are the most there can be")
        if not placed:
            raise VertumnusError("add: there is nothing to add")
        layers, ids = dict(self.state.layers), []
        for one, (x, y, scale) in zip(placed, self._places(placed), strict=True):
            one.element.give_to(self.pictures)
            identity = self.fresh()
            ids.append(identity)
            try:
                layers[identity] = Layer.model_validate(
                    {
                        "id": identity, "name": one.name or one.element.name, "image": one.element.image,
                        "x": x, "y": y, "scale": scale, "rotation": one.rotation,
                        "prompt": one.element.label or None,
                    }
                )  # fmt: skip
            except ValidationError as error:
                raise VertumnusError(f"{one.name or one.element.name}: {first_problem(error)}") from None
        self._number(ids)
        what = name or (f"Add {layers[ids[0]].name}" if len(ids) == 1 else f"Add {len(ids)} layers")
        self._commit(what, State(layers, (*self.state.order, *ids), self.state.canvas))
        return ids

    def _places(self, placed: Sequence[Placed]) -> Iterable[tuple[float, float, float]]:
        """Where new layers lie: on a grid in the middle, each as large as its cell, where nothing else was said."""
        width, height = self.state.canvas["width"], self.state.canvas["height"]
        columns = max(1, math.ceil(math.sqrt(len(placed) * width / height)))
        rows = math.ceil(len(placed) / columns)
        side = min(width / columns, height / rows)
        longest = min(ROOM * side, LARGEST * min(width, height))
        for n, one in enumerate(placed):
            in_row = min(columns, len(placed) - n // columns * columns)
            x = width / 2 + (n % columns - (in_row - 1) / 2) * side
            y = height / 2 + (n // columns - (rows - 1) / 2) * side
            yield (
                x if one.x is None else one.x,
                y if one.y is None else one.y,
                one.scale or longest / max(one.element.width, one.element.height),
            )

    def remove(self, ids: Sequence[str]) -> None:
        """Takes layers away."""
        gone = set(ids)
        named = [self.layer(one).name for one in ids]
        layers = {name: layer for name, layer in self.state.layers.items() if name not in gone}
        order = tuple(name for name in self.state.order if name not in gone)
        what = f"Remove {named[0]}" if len(gone) == 1 else f"Remove {len(gone)} layers"
        self._commit(what, State(layers, order, self.state.canvas))

    def replace(self, identity: str, element: Element, name: str | None = None) -> None:
        """Gives a layer another picture, its silhouette as large as what was shown."""
        layer = self.layer(identity)
        width, height = layer.crop[2:] if layer.crop is not None else self.pictures.size(layer.image)
        element.give_to(self.pictures)
        factor = math.sqrt(width * height / (element.width * element.height))
        changes = {"crop": None, "scale": layer.scale * factor, "name": name or element.name}
        made = self.edited(layer, changes).model_copy(update={"image": element.image})
        layers = {**self.state.layers, identity: made}
        self._commit(f"Replace {layer.name}", State(layers, self.state.order, self.state.canvas))

    def reorder(self, ids: Sequence[str], to: int) -> None:
        """Moves layers, together and in the order they have, to a place in the stack; 0 is the back."""
        for one in ids:
            self.layer(one)
        moved = set(ids)
        rest = [name for name in self.state.order if name not in moved]
        group = [name for name in self.state.order if name in moved]
        order = (*rest[:to], *group, *rest[to:])
        self._commit("Order", State(self.state.layers, order, self.state.canvas))

    def canvas(self, command: Canvas) -> None:
        """Changes fields of the canvas."""
        changes = {name: getattr(command, name) for name in command.model_fields_set if name not in ("kind", "seq")}
        for field in ("width", "height"):
            if field in changes and changes[field] is None:
                del changes[field]
        probe = Collage(width=1, height=1)
        for field, value in changes.items():
            setattr(probe, field, value)  # raises what is wrong with it
        self._commit("Canvas", State(self.state.layers, self.state.order, {**self.state.canvas, **changes}))

    def lock(self, ids: Sequence[str], locked: bool) -> None:
        """Locks layers where they are, or unlocks them."""
        named = [self.layer(one).name for one in ids]
        what = "Pin" if locked else "Release"
        self.edit(
            [LayerEdit(id=one, changes={"locked": locked}) for one in ids],
            f"{what} {named[0]}" if len(ids) == 1 else f"{what} {len(ids)} layers",
        )

    def apply(self, command: Edit | Canvas) -> None:
        """Obeys a command that needs nothing beside the document."""
        if isinstance(command, Edit):
            self.edit(command.layers, command.name, command.transient)
        else:
            self.canvas(command)

    def take(self, collage: Collage, name: str, made: bool = True) -> None:
        """Another collage becomes the document, as one step: what a run or a job made of it.

        made   whether it is as its ``made_by`` says
        """
        self.pictures_of(collage)
        after = _state_of(collage)
        self._number(after.order)
        self._commit(name, after)
        self._as_made = self.state if made else None

    def merge(self, before: State, collage: Collage, name: str) -> None:
        """What a job made of the document as it was before becomes a step on the document as it is now."""
        self.pictures_of(collage)
        made = _state_of(collage)
        self._number(made.order)
        change = Change.between(before, made)
        layers, order = dict(self.state.layers), list(self.state.order)
        for identity, (old, new) in change.layers.items():
            here = layers.get(identity)
            if new is None:
                layers.pop(identity, None)
            elif here is None and old is None:
                layers[identity] = new
                order.insert(min(made.order.index(identity), len(order)), identity)
            elif here is not None and old is not None:
                fields = [field for field in Layer.model_fields if getattr(old, field) != getattr(new, field)]
                layers[identity] = here.model_copy(update={field: getattr(new, field) for field in fields})
        canvas = {**self.state.canvas, **(change.canvas[1] if change.canvas is not None else {})}
        self._commit(name, State(layers, tuple(one for one in order if one in layers), canvas))

    def pictures_of(self, collage: Collage) -> None:
        """Takes all pictures of another collage over."""
        for image in collage.pictures:
            self.pictures.take_from(collage.pictures, image)

    # While something runs, which moves the layers from outside of the history.

    def show(self, state: State) -> None:
        """Shows a state that belongs to the step being made."""
        if state is not self.state:
            self._number(name for name in state.order if name not in self.slots)
            self.state = state
            self.revision += 1

    def touch(self) -> None:
        """Something is another that is no layer, as the history."""
        self.revision += 1

    def told(self) -> None:
        """Where layers lie now has been told in another way."""
        self._told = self.state

    @property
    def next_id(self) -> int:
        """The number of the id that is given next."""
        return self._next_id + 1

    @next_id.setter
    def next_id(self, number: int) -> None:
        self._next_id = max(number - 1, self._next_id)

    def mark_made(self) -> None:
        """Says that the document is as its ``made_by`` tells."""
        self._as_made = self.state

    # The history.

    def undo(self) -> str:
        """Takes the last step back and returns its name."""
        self.settle()
        change = self.steps.back()
        self.show(change.applied(self.state, forward=False))
        return self.steps.names[self.steps.at]

    def redo(self) -> str:
        """Does again what was taken back last, and returns its name."""
        self.settle()
        change = self.steps.forth()
        self.show(change.applied(self.state, forward=True))
        return self.steps.names[self.steps.at - 1]

    def go(self, step: int) -> None:
        """Goes to where so many steps are done."""
        if step > len(self.steps.names):
            raise VertumnusError(f"go: there are {len(self.steps.names)} steps")
        while self.steps.at > step:
            self.undo()
        while self.steps.at < step:
            self.redo()

    # On disk.

    def prepare_save(self) -> tuple[Collage, int]:
        """What is to be written now, and its revision; `saved_as` is told when it is done.

        Pictures that only the history needs are held from now on: the file on disk will not have them any more.
        """
        collage = self.collage()
        kept = set(kept_pictures(collage))
        for name in list(self.pictures):
            if name not in kept and name not in self._held and self.pictures.linked(name) is None:
                self.pictures.hold(name)
                self._held.add(name)
        return collage, self.revision

    def save(self) -> None:
        """Writes the document to its place. Raises `VertumnusError` if that cannot be done."""
        collage, revision = self.prepare_save()
        collage.save(self.path)
        self.saved = revision

    # Within.

    def _commit(self, name: str, after: State, transient: bool = False) -> None:
        before = self._before or self.state
        if transient:
            self._before = before
        else:
            self._before = None
            change = Change.between(before, after)
            if not change:
                self.show(after)
                return
            self.steps.push(name, change)
        self.show(after)

    def fresh(self) -> str:
        """An id that no layer ever had."""
        self._next_id += 1
        return f"k{self._next_id}"

    def _number(self, ids: Iterable[str]) -> None:
        for name in ids:
            if name not in self.slots:
                self.slots[name] = self._next_slot
                self._next_slot += 1
            if name[:1] == "k" and name[1:].isdecimal() and len(name) < 12:
                self._next_id = max(self._next_id, int(name[1:]))


def _state_of(collage: Collage) -> State:
    collage.name_layers()
    layers = {layer.id: layer for layer in collage.layers}
    return State(layers, tuple(layers), {name: getattr(collage, name) for name in CANVAS})


def _canvas_shown(canvas: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the canvas as clients get them; of ``made_by`` what a person wants to know."""
    shown = dict(canvas)
    made = shown.get("made_by")
    if isinstance(made, MadeBy):
        shown["made_by"] = {"tool": made.tool, "options": made.options, "report": made.report}
    return shown
