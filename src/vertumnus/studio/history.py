"""Steps that can be taken back and done again: what each changed, before and after."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vertumnus.document.layer import Layer
from vertumnus.errors import VertumnusError

PLAIN = 50  # latest steps that are kept as they are; older ones are packed
MOST = 10_000  # steps


@dataclass(frozen=True)
class State:
    """A document at one moment. Layers are never changed, only replaced by others.

    layers   by id
    order    ids, back to front
    canvas   the fields of the document beside its layers
    """

    layers: Mapping[str, Layer]
    order: tuple[str, ...]
    canvas: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """The difference between two states, both ways: (before, after) of whatever differs."""

    layers: dict[str, tuple[Layer | None, Layer | None]] = field(default_factory=dict)
    order: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    canvas: tuple[dict[str, Any], dict[str, Any]] | None = None

    @classmethod
    def between(cls, before: State, after: State) -> Change:
        """What has to change for one state to become the other."""
        layers: dict[str, tuple[Layer | None, Layer | None]] = {}
        if before.layers is not after.layers:
            for name, layer in after.layers.items():
                old = before.layers.get(name)
                if old is not layer and old != layer:
                    layers[name] = old, layer
            for name, old in before.layers.items():
                if name not in after.layers:
                    layers[name] = old, None
        same = before.canvas is after.canvas
        changed = [] if same else [name for name, value in after.canvas.items() if before.canvas[name] != value]
        canvas = {name: before.canvas[name] for name in changed}, {name: after.canvas[name] for name in changed}
        return cls(
            layers,
            (before.order, after.order) if before.order != after.order else None,
            canvas if changed else None,
        )

    def __bool__(self) -> bool:
        return bool(self.layers or self.order or self.canvas)

    def applied(self, state: State, forward: bool) -> State:
        """The state with the change made, or taken back."""
        way = int(forward)
        layers = dict(state.layers)
        for name, both in self.layers.items():
            layer = both[way]
            if layer is None:
                layers.pop(name, None)
            else:
                layers[name] = layer
        order = self.order[way] if self.order is not None else state.order
        canvas = {**state.canvas, **self.canvas[way]} if self.canvas is not None else state.canvas
        return State(layers, order, canvas)


class Steps:
    """The history: named changes, and how many of them are done.

    names   of the steps; at: how many are done
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._changes: list[Change | bytes] = []
        self.at = 0

    def push(self, name: str, change: Change) -> None:
        """A new step; those that were taken back are gone."""
        del self.names[self.at :], self._changes[self.at :]
        self.names.append(name)
        self._changes.append(change)
        if len(self.names) > MOST:
            del self.names[0], self._changes[0]
        self.at = len(self.names)
        old = self.at - PLAIN - 1
        if old >= 0 and isinstance(self._changes[old], Change):
            self._changes[old] = zlib.compress(pickle.dumps(self._changes[old]), 1)

    def set_last(self, name: str, change: Change) -> None:
        """Gives the last step that is done another name and change."""
        self.names[self.at - 1], self._changes[self.at - 1] = name, change

    def drop_last(self) -> None:
        """Forgets the last step that is done, and those taken back."""
        del self.names[self.at - 1 :], self._changes[self.at - 1 :]
        self.at -= 1

    def drop_undone(self) -> None:
        """Forgets the steps that were taken back."""
        del self.names[self.at :], self._changes[self.at :]

    def change(self, step: int) -> Change:
        """What a step changed."""
        found = self._changes[step]
        return found if isinstance(found, Change) else pickle.loads(zlib.decompress(found))

    def back(self) -> Change:
        """The step before becomes the present one. Raises `VertumnusError` if there is none."""
        if self.at == 0:
            raise VertumnusError("there is nothing to take back")
        self.at -= 1
        return self.change(self.at)

    def forth(self) -> Change:
        """The step after becomes the present one. Raises `VertumnusError` if there is none."""
        if self.at == len(self.names):
            raise VertumnusError("there is nothing to do again")
        self.at += 1
        return self.change(self.at - 1)
