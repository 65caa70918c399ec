"""`Track`: the document and its history while a run moves the layers.

The run begins a step; everything it is told begins another one. The step that is on top is open: what the run has
moved since belongs to it. A step is taken back by the run itself, which then goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.studio.drive import Order, Seen, finished_in, shown_in
from vertumnus.studio.history import Change, State
from vertumnus.studio.obeying import Action
from vertumnus.studio.session import Session

Looks = Mapping[str, Mapping[str, Any]]  # fields of layers, by id


@dataclass(frozen=True)
class Level:
    """A step made while something runs.

    before   the document when it began
    action   what was done; None for the run's own beginning
    undo     whether the run has something to take back for it
    """

    before: State
    action: Action | None
    undo: bool


class Track:
    """What a run does to a session.

    pieces   ids of the layers that it moves
    """

    def __init__(self, session: Session, name: str) -> None:
        session.settle()
        self.session, self.cold = session, False
        self.levels = [Level(session.state, None, False)]
        self.undone: list[Action] = []
        self.names = [name]
        self.pieces: set[str] = set()
        self.dragged: set[str] = set()
        session.steps.push(name, Change())
        session.touch()

    # How the pieces lie.

    def moved(self, seen: Seen) -> None:
        """The document as the run has it now."""
        self.pieces = set(seen.members.ids)
        self.session.show(shown_in(self.session.state, seen, self.cold))

    def looked(self, fields: Looks) -> None:
        """Layers look otherwise."""
        state = self.session.state
        layers = dict(state.layers)
        for name, look in fields.items():
            layer = layers.get(name)
            if layer is not None and any(getattr(layer, field) != value for field, value in look.items()):
                layers[name] = layer.model_copy(update=dict(look))
        self.session.show(State(layers, state.order, state.canvas))

    # What it was told.

    def obeyed(self, action: Action, before: Seen, after: Seen, level: bool, looks: Looks) -> None:
        """The run has obeyed: a step, or a part of a drag that is one already.

        before, after   how things stood when it was told, and stand now; looks: how layers looked then
        level           whether the run has something to take back for it
        """
        going_on = bool(action.order.moves) and action.order.moves.keys() <= self.dragged
        if going_on:
            self.moved(after)
            self.session.show(action.after(self.session.state))
        else:
            self.moved(before)
            self.looked(looks)
            here = self.session.state
            self._close()
            self.levels.append(Level(here, action, level))
            self.names.append(action.name)
            self.undone.clear()
            self.session.show(action.after(here))
            self.session.steps.push(action.name, Change())
            self.moved(after)
        if action.order.transient:
            self.dragged |= set(action.order.moves)
        else:
            self.dragged -= set(action.order.moves)

    def undo_order(self) -> Order:
        """What to tell the run so that the last step is taken back.

        Raises `VertumnusError` if that is the run itself.
        """
        if len(self.levels) == 1:
            raise VertumnusError("there is nothing to take back but the run")
        return Order("Undo", undo=self.levels[-1].undo)

    def took_back(self, after: Seen) -> None:
        """The run has taken the last step back."""
        level = self.levels.pop()
        self.names.pop()
        assert level.action is not None
        self.undone.append(level.action)
        self.dragged.clear()
        self.session.steps.at -= 1
        self.session.show(level.before)
        self.moved(after)

    def redo_action(self) -> Action:
        """What was taken back last. Raises `VertumnusError` if there is nothing."""
        if not self.undone:
            raise VertumnusError("there is nothing to do again")
        return self.undone[-1]

    def did_again(self, action: Action, before: Seen, after: Seen, level: bool, looks: Looks) -> None:
        """The run has obeyed once more what was taken back."""
        rest = self.undone[:-1]
        self.moved(before)
        self.looked(looks)
        here = self.session.state
        self._close()
        self.levels.append(Level(here, action, level))
        self.names.append(action.name)
        self.undone = rest
        self.session.steps.at += 1
        self.session.show(action.after(here))
        self.moved(after)

    # How it ends.

    def finish(self, made: Collage, looks: Looks) -> None:
        """The run's document becomes the session's."""
        session = self.session
        session.pictures_of(made)
        state, exact = finished_in(session.state, made, looks)
        session.show(state)
        self._close()
        session.steps.drop_undone()
        if exact:
            session.mark_made()

    def drop(self) -> None:
        """The run never was."""
        session = self.session
        session.show(self.levels[0].before)
        for _ in self.levels:
            session.steps.drop_last()

    def _close(self) -> None:
        """What is shown now is where the step on top ends."""
        change = Change.between(self.levels[-1].before, self.session.state)
        self.session.steps.set_last(self.names[-1], change)
