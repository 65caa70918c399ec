"""`LiveRun`: a run that is iterated, told things between steps, looked at, and goes on after it has finished.

The command line, a notebook, the editor and a test hold the same thing. Nothing here knows what is placed how: a tool
says how to take steps, how to obey, and how its state is written down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_STEPS
from vertumnus.live.commands import Command, Pin, Stop, Undo, read_command
from vertumnus.live.spec import Inputs, RunSpec, mask_picture
from vertumnus.optimise.checkpoint import State

UNDOS = 200  # commands that can be taken back


@dataclass(frozen=True)
class Snapshot:
    """How a run stands, cheap enough to be taken sixty times a second. Arrays have an entry for each of N pieces.

    step      steps since the run began; done, total: of the present phase
    pieces    their numbers; names: what they are called; images: the pictures they show
    x, y      where centres lie, canvas pixels; scale; rotation in degrees; flip
    placed    false for a piece that has found no place
    pinned    true for a piece that stays where it is
    """

    step: int
    phase: str
    done: int
    total: int
    finished: bool
    pieces: NDArray[np.intp]
    names: tuple[str, ...]
    images: tuple[str, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    flip: NDArray[np.bool_]
    placed: NDArray[np.bool_]
    pinned: NDArray[np.bool_]


class LiveRun(ABC):
    """A run of a spec.

    ``for run in run: ...`` yields itself after every step; ``phase`` says what it does, ``done`` and ``total`` count
    the phase's steps, ``step`` all there were. Between steps, or once it has finished, `send` tells it something; to
    see what comes of it, iterate again. The run is a function of its spec and of what it was told at which step
    (``journal``), so the same two give the same document.

    phases   of this tool, in their order

    Raises `VertumnusError` where a command cannot be obeyed, when it is sent; one that has become impossible by the
    time its turn comes is left out and noted in ``refused``.
    """

    phases: tuple[str, ...] = ("arrange", "finish")
    _END = object()

    def __init__(self, spec: RunSpec, inputs: Inputs) -> None:
        self.spec, self.inputs = spec, inputs
        self.library: dict[str, Element] = dict(inputs.elements)
        self.phase = self.phases[0]
        self.done = self.total = self.step = 0
        self.finished = False
        self.stopping = False
        self.journal: list[tuple[int, Command]] = []
        self.refused: list[tuple[Command, str]] = []
        self._sent: deque[Command] = deque()
        self._script = deque((step, read_command(data, self.library)) for step, data in spec.journal)
        self._history: list[dict[str, Any]] = []
        self._going: Iterator[None] | None = None

    # What a tool says of itself.

    @abstractmethod
    def _steps(self) -> Iterator[None]:
        """Takes steps until the layout is done, from wherever the state is; begun anew when `_anew` was called."""

    @abstractmethod
    def _check(self, command: Command) -> None:
        """Raises `VertumnusError` if a command cannot be obeyed as things stand."""

    @abstractmethod
    def _do(self, command: Command) -> None:
        """Obeys a command, which has been checked. What makes the steps begin anew calls `_anew`."""

    @abstractmethod
    def _write(self) -> dict[str, Any]:
        """The tool's state, as arrays and plain values that later steps do not change."""

    @abstractmethod
    def _read(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """How things stand, in less than a millisecond for a hundred pieces."""

    @abstractmethod
    def document(self) -> Collage:
        """How things stand, as a document that can be made again."""

    @property
    @abstractmethod
    def score(self) -> float:
        """How good the layout is; of several runs the one with the largest is best."""

    # What all runs do.

    def __iter__(self) -> Iterator[Self]:
        while True:
            self._obey()
            if self.finished:
                return
            if self._going is None:
                self._going = self._steps()
            if next(self._going, self._END) is self._END:
                self._going, self.finished = None, True
                continue
            self.step += 1
            yield self

    def run(self) -> Self:
        """Iterates to the end."""
        for _ in self:
            pass
        return self

    def send(self, command: Command) -> None:
        """Tells the run something; it is obeyed before the next step. May be called from another thread.

        Raises `VertumnusError` if it cannot be obeyed as things stand.
        """
        if not isinstance(command, Undo | Stop):
            self._check(command)
        self._sent.append(command)

    def heed(self) -> None:
        """Obeys what it was told now, without taking a step, as when it is paused."""
        self._obey()

    @property
    def asked_to_stop(self) -> bool:
        """Whether the run ends as soon as it can, or will when it is next iterated."""
        return self.stopping or any(isinstance(command, Stop) for command in tuple(self._sent))

    def request_stop(self) -> None:
        """Asks the run to end as soon as its layout keeps what it promises."""
        if not self.asked_to_stop and not self.finished:
            self._sent.append(Stop())

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later: arrays and plain values, as checkpoints keep them."""
        return {
            **self._write(),
            "step": self.step,
            "journal": [[step, command.model_dump(mode="json")] for step, command in self.journal],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of the same spec; what is then reached is what the first run would have reached."""
        state = State.of(state)
        with state.taken():
            self._read(state)
            self.step = state.number("step", 0, MAX_STEPS)
            self.journal = [(int(step), read_command(data, self.library)) for step, data in state["journal"]]
        # Of what is told anew, what lies before is done already.
        self._script = deque((step, command) for step, command in self._script if step >= self.step)
        self._history = []
        self._going = None

    def sibling(self, seed: int) -> Self:
        """A run of the same spec with another seed, at its beginning."""
        return type(self)(self.spec.changed(seed=seed, journal=()), self.inputs)

    def told(self) -> RunSpec:
        """The spec with all that the run was told, which makes it again."""
        return self.spec.changed(
            journal=tuple((step, command.model_dump(mode="json")) for step, command in self.journal)
        )

    def _sealed(self, collage: Collage, spec: RunSpec, report: dict[str, Any]) -> Collage:
        """The collage with all that making it again takes: the spec, and pictures that no layer shows."""
        pictures = collage.pictures
        for element in self.library.values():
            element.give_to(pictures)
        if self.inputs.mask is not None:
            name = pictures.add(mask_picture(self.inputs.mask))
            spec = spec.changed(mask=name)
        if self.inputs.start is not None:
            for layer in self.inputs.start.layers:
                pictures.take_from(self.inputs.start.pictures, layer.image)
        collage.made_by = spec.made_by(report)
        shown = {layer.image for layer in collage.layers}
        collage.made_by.pictures = [name for name in pictures if name not in shown]
        return collage

    def _anew(self) -> None:
        """The steps begin anew from the state as it is now."""
        self._going, self.finished, self.stopping = None, False, False

    def _obey(self) -> None:
        while self._script and self._script[0][0] <= self.step:
            self._apply(self._script.popleft()[1])
        while self._sent:
            self._apply(self._sent.popleft())

    def _apply(self, command: Command) -> None:
        if isinstance(command, Stop):
            if self.finished or self.stopping:
                return
            self.stopping = True
        elif isinstance(command, Undo):
            if not self._history:
                self.refused.append((command, "there is nothing to take back"))
                return
            self._going, self.stopping = None, False
            self._read(self._history.pop())
        else:
            try:
                self._check(command)
            except VertumnusError as error:
                self.refused.append((command, str(error)))
                return
            if not (command.joined and self._history):
                self._history.append(self._write())
                del self._history[:-UNDOS]
            self._do(command)
            if self.stopping and not isinstance(command, Pin):
                self.stopping = False
        self.journal.append((self.step, command))
