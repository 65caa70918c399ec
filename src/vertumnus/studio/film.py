"""`Film`: what a run did, as a moving picture. Poses are kept while it goes on, and drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.export.video import frame_of
from vertumnus.studio.drive import Seen, shown_in
from vertumnus.studio.history import State
from vertumnus.studio.session import Session

MOST = 120  # moments that are kept; of more, every other one
RATE = 15  # frames a second
LAST = 30  # frames that the end is shown for
SIDE = 540  # pixels of a frame's longer side, even
KINDS = {"film": ".webp", "gif": ".gif", "mp4": ".mp4"}  # as exports are called: their suffix
Looks = Mapping[str, Mapping[str, Any]]  # fields of layers, by id


@dataclass(frozen=True)
class Moment:
    """How a run stood: where its pieces were, how they looked, and the document around them."""

    seen: Seen
    looks: Looks
    around: State


class Film:
    """The moments of one run, no more than `MOST` and as far apart as that asks for.

    session   the document that it moves
    """

    def __init__(self, session: Session) -> None:
        self.session, self.cold = session, False
        self.moments: list[Moment] = []
        self.end: State | None = None
        self._looks: Looks = {}
        self._every = 1
        self._count = 0

    def see(self, seen: Seen) -> None:
        """Keeps a moment, if one is due."""
        due = self._count % self._every == 0
        self._count += 1
        if not due:
            return
        last = self.moments[-1] if self.moments else None
        if last is not None and last.seen.members == seen.members:
            seen, around = replace(seen, members=last.seen.members), last.around
        else:  # pieces came or went
            around = self.session.state
        self.moments.append(Moment(seen, self._looks, around))
        if len(self.moments) > MOST:
            del self.moments[1::2]
            self._every *= 2

    def looked(self, looks: Looks) -> None:
        """Layers look otherwise from now on."""
        self._looks = looks

    def frames(self) -> Iterator[Image.Image]:
        """The pictures of it, the last one for as long as it wants to be looked at.

        Raises `VertumnusError` if there is none yet.
        """
        moments = list(self.moments)  # more may come meanwhile
        if not moments:
            raise VertumnusError("film: the run has not begun yet")
        for moment in moments:
            yield self._drawn(self._state(moment))
        last = self._drawn(self.end if self.end is not None else self._state(moments[-1]))
        for _ in range(LAST):
            yield last

    def _state(self, moment: Moment) -> State:
        """The document at a moment; pieces without a place are not shown."""
        state = shown_in(moment.around, moment.seen, self.cold)
        layers = dict(state.layers)
        for name, look in moment.looks.items():
            if name in layers:
                layers[name] = layers[name].model_copy(update=dict(look))
        for name, placed in zip(moment.seen.members.ids, moment.seen.placed.tolist(), strict=True):
            if not placed:
                layers[name] = layers[name].model_copy(update={"visible": False})
        return State(layers, state.order, state.canvas)

    def _drawn(self, state: State) -> Image.Image:
        return frame_of(self.session.collage(state), SIDE)
