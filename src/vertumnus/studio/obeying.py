"""What a command does to a document: at once, or as an order for the run that moves its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vertumnus.document.layer import Layer
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.studio import schema
from vertumnus.studio.drive import POSE, Order
from vertumnus.studio.history import State
from vertumnus.studio.schema import LayerEdit
from vertumnus.studio.session import Placed, Session

STILL = ("flip", "squeeze", "shear", "crop")  # what a run does not let be changed
EDITING = (
    schema.Edit, schema.Add, schema.Remove, schema.Replace, schema.Reorder, schema.Canvas, schema.Pin, schema.Release,
)  # fmt: skip
Editing = (
    schema.Edit | schema.Add | schema.Remove | schema.Replace | schema.Reorder | schema.Canvas | schema.Pin
    | schema.Release
)  # fmt: skip

Going = schema.Undo | schema.Redo | schema.Go


@dataclass(frozen=True)
class Fetched:
    """The pictures that a command brings, read and checked."""

    placed: Sequence[Placed] = ()
    element: Element | None = None


def obey(session: Session, command: Editing | Going, got: Fetched) -> list[str] | None:
    """Does what a command says while nothing runs, and returns the ids of layers that came of it."""
    if isinstance(command, schema.Edit | schema.Canvas):
        session.apply(command)
    elif isinstance(command, schema.Add):
        return session.add(got.placed)
    elif isinstance(command, schema.Remove):
        session.remove(command.ids)
    elif isinstance(command, schema.Replace):
        assert got.element is not None
        session.replace(command.id, got.element, command.element.name)
    elif isinstance(command, schema.Reorder):
        session.reorder(command.ids, command.to)
    elif isinstance(command, schema.Pin | schema.Release):
        session.lock(command.ids, isinstance(command, schema.Pin))
    elif isinstance(command, schema.Undo):
        session.undo()
    elif isinstance(command, schema.Redo):
        session.redo()
    else:
        session.go(command.step)
    return None


@dataclass(frozen=True)
class Action:
    """What a command is while something runs.

    order   for the run
    after   what it does to the document beside that
    ids     of layers that come of it
    """

    name: str
    order: Order
    after: Callable[[State], State]
    ids: tuple[str, ...] = ()


def in_run(session: Session, command: Editing | schema.Option, got: Fetched, pieces: set[str]) -> Action:
    """A command as a run is told.

    pieces   ids of the layers that the run moves

    Raises `VertumnusError` for what cannot be done while something runs.
    """
    if isinstance(command, schema.Edit):
        return _edit(session, command.layers, command.name, command.transient, pieces)
    if isinstance(command, schema.Pin | schema.Release):
        locked = isinstance(command, schema.Pin)
        edits = [LayerEdit(id=one, changes={"locked": locked}) for one in command.ids]
        return _edit(session, edits, "Pin" if locked else "Release", False, pieces)
    if isinstance(command, schema.Option):
        name = command.name
        return Action(f"Set {name}", Order(name, option=(name, command.value)), _nothing)
    if isinstance(command, schema.Remove):
        gone = set(command.ids)
        named = [session.layer(one).name for one in command.ids]
        what = f"Remove {named[0]}" if len(named) == 1 else f"Remove {len(named)} layers"
        return Action(what, Order(what, removed=[one for one in command.ids if one in pieces]), _without(gone))
    if isinstance(command, schema.Replace):
        assert got.element is not None
        if command.id not in pieces:
            raise VertumnusError(f"{session.layer(command.id).name}: is no piece of the run; stop it first")
        got.element.give_to(session.pictures)
        what = f"Replace {session.layer(command.id).name}"
        return Action(what, Order(what, replaced={command.id: got.element}), _nothing)
    if isinstance(command, schema.Add):
        return _add(session, got.placed)
    if isinstance(command, schema.Reorder):
        raise VertumnusError("reorder: layers cannot change their order while something runs; stop it first")
    raise VertumnusError("canvas: cannot be changed while something runs; stop it first")


def _edit(session: Session, edits: Sequence[LayerEdit], name: str, transient: bool, pieces: set[str]) -> Action:
    moves: dict[str, dict[str, float]] = {}
    pins: dict[str, bool] = {}
    rest: dict[str, dict[str, Any]] = {}
    for one in edits:
        session.edited(session.layer(one.id), one.changes)  # raises what is wrong with it
        if one.id not in pieces:
            rest[one.id] = dict(one.changes)
            continue
        for field in STILL:
            if field in one.changes:
                raise VertumnusError(f"{field}: cannot be changed while something runs; stop it first")
        move = {field: one.changes[field] for field in POSE if field in one.changes}
        if move:
            moves[one.id] = move
        if "locked" in one.changes:
            pins[one.id] = bool(one.changes["locked"])
        others = {field: value for field, value in one.changes.items() if field not in (*POSE, "locked")}
        if others:
            rest[one.id] = others
    order = Order(name, transient, moves=moves, pins=pins)

    def after(state: State) -> State:
        layers = dict(state.layers)
        for identity, changes in rest.items():
            if identity in layers:
                layers[identity] = session.edited(layers[identity], changes)
        return State(layers, state.order, state.canvas)

    return Action(name, order, after if rest else _nothing)


def _add(session: Session, placed: Sequence[Placed]) -> Action:
    if not placed:
        raise VertumnusError("add: there is nothing to add")
    added: dict[str, tuple[Element, dict[str, float]]] = {}
    layers: dict[str, Layer] = {}
    for one in placed:
        one.element.give_to(session.pictures)
        identity = session.fresh()
        where = {"x": one.x, "y": one.y, "scale": one.scale, "rotation": one.rotation or None}
        added[identity] = one.element, {name: value for name, value in where.items() if value is not None}
        layers[identity] = Layer(
            id=identity, name=one.name or one.element.name, image=one.element.image, x=one.x or 0.0, y=one.y or 0.0,
            scale=one.scale or 1.0, rotation=one.rotation, prompt=one.element.label or None,
        )  # fmt: skip
    ids = tuple(layers)
    what = f"Add {layers[ids[0]].name}" if len(ids) == 1 else f"Add {len(ids)} layers"

    def after(state: State) -> State:
        return State({**state.layers, **layers}, (*state.order, *ids), state.canvas)

    return Action(what, Order(what, added=added), after, ids)


def _nothing(state: State) -> State:
    return state


def _without(gone: set[str]) -> Callable[[State], State]:
    def after(state: State) -> State:
        layers = {name: layer for name, layer in state.layers.items() if name not in gone}
        return State(layers, tuple(name for name in state.order if name not in gone), state.canvas)

    return after
