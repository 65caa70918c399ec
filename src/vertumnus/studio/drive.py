"""`Drive`: a live run told in the studio's words, its pieces known by the layers' ids.

The worker process of a studio and a script that repeats what was done hold the same thing, so both get the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.document.layer import Layer
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.live.commands import (
    Add,
    Command,
    Move,
    Pin,
    Release,
    Remove,
    Replace,
    Rotate,
    Scale,
    SetOption,
    Stop,
    Undo,
)
from vertumnus.live.pieces import PieceRun
from vertumnus.live.run import UNDOS, Snapshot
from vertumnus.studio.history import State

NUMBERED = re.compile(r" \d+$")
POSE = ("x", "y", "scale", "rotation")
COMMANDS = {"x": Move, "y": Move, "scale": Scale, "rotation": Rotate}


@dataclass(frozen=True)
class Order:
    """What a run is told, by layers' ids.

    name       of the step of the history; transient: no step, more will follow
    moves      new poses by layer: those of x, y, scale and rotation that change
    pins       whether layers stay, by layer
    added      elements and where they go, by the ids they get
    replaced   elements by layer
    """

    name: str = ""
    transient: bool = False
    moves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pins: Mapping[str, bool] = field(default_factory=dict)
    added: Mapping[str, tuple[Element, dict[str, float]]] = field(default_factory=dict)
    removed: Sequence[str] = ()
    replaced: Mapping[str, Element] = field(default_factory=dict)
    option: tuple[str, Any] | None = None
    undo: bool = False
    stop: bool = False


@dataclass(frozen=True)
class Members:
    """Which layer each piece is, and what it shows. Tuples have an entry for each piece."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """How the pieces lie at one moment. Arrays have an entry for each of ``members``."""

    step: int
    members: Members
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    flip: NDArray[np.bool_]
    placed: NDArray[np.bool_]
    pinned: NDArray[np.bool_]


class Drive:
    """A live run and the layers that its pieces are.

    run      the run
    collage  the document it began with
    fresh    ids for pieces that no layer is yet
    """

    def __init__(self, run: PieceRun, collage: Collage, fresh: Iterable[str]) -> None:
        self.run = run
        self.cold = run.inputs.start is None
        self.ids = self._named(collage, iter(fresh))
        self.held: set[int] = set()  # pieces that are being dragged, and pinned for that alone
        self._before: list[tuple[dict[int, str], set[int]]] = []
        self._members: Members | None = None

    def _named(self, collage: Collage, fresh: Iterable[str]) -> dict[int, str]:
        pieces, free = self.run.pieces, iter(fresh)
        if pieces.warm is not None:
            warm = pieces.warm.layers
            return {n: warm[at].id if at >= 0 else next(free) for n, at in enumerate(pieces.placed)}
        unused: dict[str, list[str]] = {}
        for layer in collage.layers:
            if layer.visible:
                unused.setdefault(layer.image, []).append(layer.id)
        found: dict[int, str] = {}
        for n, element in enumerate(pieces.elements):
            mine = unused.get(element.image)
            found[n] = mine.pop(0) if mine else next(free)
        return found

    # How things stand.

    def members(self, seen: Snapshot) -> Members:
        """The layers that the pieces of a snapshot are; the same object as long as nothing changes."""
        ids = tuple(self.ids[number] for number in seen.pieces.tolist())
        last = self._members
        if last is None or last.ids != ids or last.images != seen.images or last.names != seen.names:
            last = self._members = Members(ids, seen.names, seen.images)
        return last

    def seen(self) -> Seen:
        """How the pieces lie now."""
        s = self.run.snapshot()
        pinned = s.pinned.copy()
        if self.held:
            pinned &= ~np.isin(s.pieces, list(self.held))
        return Seen(s.step, self.members(s), s.x, s.y, s.scale, s.rotation, s.flip, s.placed, pinned)

    def looks(self) -> dict[str, dict[str, Any]]:
        """How layers look beside where they lie, where the run changes that."""
        found = self.run.looks() if hasattr(self.run, "looks") else None
        if found is None:
            return {}
        numbers = self.run.numbers.tolist()
        return {self.ids[number]: dict(look) for number, look in zip(numbers, found, strict=True) if look}

    def document(self) -> Collage:
        """The run's document, its layers called as here."""
        made, run = self.run.document(), self.run
        new = [
            self.ids[number]
            for number, at, place in zip(run.numbers.tolist(), run.pieces.placed, run.layout(), strict=True)  # type: ignore[attr-defined]
            if place is not None and (at < 0 or run.pieces.warm is None)
        ]
        for layer, name in zip(made.layers[len(made.layers) - len(new) :], new, strict=True):
            layer.__dict__["id"] = name
            layer.__pydantic_fields_set__.add("id")
        return made

    # What it is told.

    def tell(self, order: Order) -> bool:
        """Tells the run, which obeys at once; whether there is something to take back now that was not before.

        Raises `VertumnusError` if it cannot be obeyed as things stand.
        """
        if order.undo:
            if not self._before:
                raise VertumnusError("the run remembers no more that it could take back; stop it first")
            self.run.send(Undo())
            self.run.heed()
            self.ids, self.held = self._before.pop()
            return False
        if order.stop:
            self.stop()
            return False
        commands = self._commands(order)
        refused = len(self.run.refused)
        if not commands:
            return False
        before = dict(self.ids), set(self.held)
        for command in commands:
            self.run.send(command)
        self.run.heed()
        self._note(order)
        if len(self.run.refused) > refused:
            raise VertumnusError(self.run.refused[-1][1])
        if getattr(commands[0], "joined", False):
            return False
        self._before.append(before)
        del self._before[:-UNDOS]
        return True

    def stop(self) -> None:
        """Asks the run to end as soon as its layout keeps what it promises."""
        self.run.send(Stop())

    def _commands(self, order: Order) -> list[Command]:
        numbers = {name: number for number, name in self.ids.items() if number in set(self.run.numbers.tolist())}

        def number(name: str) -> int:
            if name not in numbers:
                raise VertumnusError(f"{name}: is no piece of the run")
            return numbers[name]

        found: list[Command] = []
        for name, change in order.moves.items():
            piece = number(name)
            held = piece in self.held
            found += _posed(piece, change, held)
            if order.transient and not held and not self._is_pinned(piece):
                found.append(Pin(piece=piece, joined=True))
            elif held and not order.transient:
                found.append(Release(piece=piece, joined=True))
        for name, stays in order.pins.items():
            found.append(Pin(piece=number(name)) if stays else Release(piece=number(name)))
        found += [Remove(piece=number(name)) for name in order.removed]
        found += [Replace(piece=number(name), element=element) for name, element in order.replaced.items()]
        found += [Add(element=element, **where) for element, where in order.added.values()]
        if order.option is not None:
            found.append(SetOption(name=order.option[0], value=order.option[1]))
        dragging = bool(order.moves) and all(number(name) in self.held for name in order.moves)
        return [
            command if n == 0 and not dragging else command.model_copy(update={"joined": True})
            for n, command in enumerate(found)
        ]

    def _is_pinned(self, piece: int) -> bool:
        return bool(self.run.pinned[self.run.numbers == piece].any())

    def _note(self, order: Order) -> None:
        """Pieces that came, and those that are held or let go."""
        known = set(self.ids)
        new = [number for number in self.run.numbers.tolist() if number not in known]
        for number, name in zip(new, order.added, strict=False):
            self.ids[number] = name
        by_name = {self.ids[number]: number for number in self.run.numbers.tolist()}
        for name in order.moves:
            piece = by_name.get(name)
            if piece is None:
                continue
            if not order.transient:
                self.held.discard(piece)
            elif piece not in self.held and self._pinned_now(piece):
                self.held.add(piece)
        gone = set(self.ids) - set(self.run.numbers.tolist())
        for number in gone:
            del self.ids[number]
            self.held.discard(number)

    def _pinned_now(self, piece: int) -> bool:
        """Whether the last thing that was told pinned it."""
        for _, command in reversed(self.run.journal):
            if isinstance(command, Pin | Release) and command.piece == piece:
                return isinstance(command, Pin) and command.joined
            if not getattr(command, "joined", False):
                break
        return False


def _posed(piece: int, change: Mapping[str, float], joined: bool) -> list[Command]:
    found: list[Command] = []
    where = {name: float(change[name]) for name in ("x", "y") if name in change}
    if where:
        found.append(Move(piece=piece, **where, joined=joined))
    if "scale" in change:
        found.append(Scale(piece=piece, scale=float(change["scale"]), joined=joined))
    if "rotation" in change:
        found.append(Rotate(piece=piece, rotation=float(change["rotation"]), joined=joined))
    return found


def shown_in(state: State, seen: Seen, cold: bool) -> State:
    """A document's state with its pieces as a run has them.

    cold   whether the run began without the document's placements, and so without squeeze, shear and crops
    """
    layers: dict[str, Layer] = dict(state.layers)
    columns = (seen.x, seen.y, seen.scale, seen.rotation, seen.flip, seen.pinned)
    members = seen.members
    for name, called, image, x, y, scale, rotation, flip, pinned in zip(
        members.ids, members.names, members.images, *(one.tolist() for one in columns), strict=True
    ):
        layer = layers.get(name)
        if layer is None:
            layers[name] = Layer(
                id=name, name=called, image=image, x=x, y=y, scale=scale, rotation=rotation, flip=flip, locked=pinned
            )
            continue
        change: dict[str, Any] = {}
        if (layer.x, layer.y, layer.scale, layer.rotation) != (x, y, scale, rotation):
            change = {"x": x, "y": y, "scale": scale, "rotation": rotation}
        if layer.flip != flip:
            change["flip"] = flip
        if layer.locked != pinned:
            change["locked"] = pinned
        if layer.image != image:
            change |= {"image": image, "name": called, "crop": None}
        if cold and (layer.squeeze != 1.0 or layer.shear or layer.crop is not None):
            change |= {"squeeze": 1.0, "shear": 0.0, "crop": None}
        if change:
            layers[name] = layer.model_copy(update=change)
    known = set(state.order)
    new = tuple(name for name in members.ids if name not in known)
    return State(layers, (*state.order, *new) if new else state.order, state.canvas)


def finished_in(state: State, made: Collage, looks: Mapping[str, Mapping[str, Any]]) -> tuple[State, bool]:
    """A document's state with the layers of a run that has ended, and whether it is exactly what the run made.

    looks   what of each layer the run changes beside where it lies, by field

    What was changed by hand meanwhile, as texts and opacities, stays.
    """
    layers: dict[str, Layer] = {}
    exact = True
    for layer in made.layers:
        mine = state.layers.get(layer.id)
        if mine is None:
            layers[layer.id] = layer
            continue
        taken = ("x", "y", "scale", "rotation", "flip", "squeeze", "shear", "crop", "locked")
        change = {name: getattr(layer, name) for name in taken}
        change |= {name: getattr(layer, name) for name in looks.get(layer.id, ())}
        if mine.image != layer.image:
            change |= {"image": layer.image, "name": layer.name}
        elif NUMBERED.sub("", layer.name) == mine.name:  # the run tells pieces of one picture apart
            change["name"] = layer.name
        layers[layer.id] = mine.model_copy(update=change)
        exact &= _same(layers[layer.id], layer)
    order = [name for name in state.order if name in layers]
    known = set(order)
    order += [layer.id for layer in made.layers if layer.id not in known]
    exact &= order == [layer.id for layer in made.layers]
    return State(layers, tuple(order), {name: getattr(made, name) for name in state.canvas}), exact


DRAWN = (
    "image", "crop", "x", "y", "scale", "rotation", "flip", "squeeze", "shear", "opacity", "depth", "gain", "offset",
    "light", "outline", "snap", "visible",
)  # fmt: skip


def _same(one: Layer, other: Layer) -> bool:
    """Whether two layers look the same."""
    return all(getattr(one, name) == getattr(other, name) for name in DRAWN)
