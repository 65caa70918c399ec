"""The loop: render, ask the guidance, walk the gradient back to the placements, step. An iterator.

Nothing here prints, sleeps or looks at the clock. The caller iterates, and between steps may draw a progress
bar, write a video frame, save a checkpoint, move or pin an element, or stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.adam import Adam
from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Gradients, Placements

Canvas = NDArray[np.float32]
Floats = NDArray[np.float64]


class Renderer(Protocol):
    """Contract 1: placements to a canvas, and a canvas gradient back to the placements."""

    zoom: float

    def forward(self, placements: Placements) -> Canvas:
        """The canvas."""

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the placements last rendered."""


class Guidance(Protocol):
    """Contract 2: what a canvas should become."""

    def __call__(self, canvas: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the canvas; ``progress`` goes from 0 to 1 over the whole run."""


class Penalty(Protocol):
    """What placements should be, whatever they look like."""

    def __call__(self, placements: Placements) -> tuple[float, Gradients]:
        """The loss and its gradient by the placements."""


@dataclass(frozen=True)
class Stage:
    """A part of the run at one resolution.

    step     how far a placement moves at an iteration, raster pixels, at the stage's start and end
    penalty  added to the guidance's loss
    """

    renderer: Renderer
    guidance: Guidance
    iterations: int
    step: tuple[float, float] = (1.2, 0.4)
    penalty: Penalty | None = None


class Optimiser:
    """Moves placements down the gradient of a guidance, coarse to fine, with noise that dies away.

    placements   moved in place
    unit         N, the root of each silhouette's area in its picture's pixels
    stages       one after the other; Adam starts afresh at each
    freedom      what may move
    rng          of the noise; the run is a function of it
    noise        of position and angle at the start, as a share of an element's size
    noise_ends   share of the run after which there is none
    jump         called after each step; may move placements and returns which ones jumped

    ``for optimiser in optimiser: ...`` yields itself after every iteration; ``loss``, ``canvas``,
    ``iteration``, ``total`` and ``placements`` are live.
    """

    def __init__(
        self,
        placements: Placements,
        unit: Floats,
        stages: Sequence[Stage],
        freedom: Bounds,
        rng: np.random.Generator,
        noise: float = 0.03,
        noise_ends: float = 0.7,
        jump: Callable[[Optimiser], NDArray[np.intp]] | None = None,
    ) -> None:
        self.placements = placements
        self.unit = unit
        self.stages = stages
        self.freedom = freedom
        self.rng = rng
        self.noise = noise
        self.noise_ends = noise_ends
        self.jump = jump
        self.iteration = 0
        self.total = sum(stage.iterations for stage in stages)
        self.loss = float("nan")
        self.canvas: Canvas | None = None
        self.stage: Stage | None = None
        self._adam = Adam((4, len(placements)))

    @property
    def progress(self) -> float:
        """Share of the iterations that are done."""
        return self.iteration / max(self.total, 1)

    def __iter__(self) -> Iterator[Optimiser]:
        ends = np.cumsum([stage.iterations for stage in self.stages])
        while self.iteration < self.total:
            index = int(np.searchsorted(ends, self.iteration, side="right"))
            self.stage = stage = self.stages[index]
            done = self.iteration - (ends[index] - stage.iterations)
            if done == 0:
                self._adam = Adam((4, len(self.placements)))
            self._step(stage, done / stage.iterations)
            self.iteration += 1
            if self.jump is not None:
                self._adam.forget(self.jump(self))
            yield self

    def _step(self, stage: Stage, share: float) -> None:
        p, free = self.placements, self.freedom.movable
        self.canvas = stage.renderer.forward(p)
        self.loss, grad_canvas = stage.guidance(self.canvas, self.progress)
        gradients = stage.renderer.backward(grad_canvas)
        if stage.penalty is not None:
            loss, more = stage.penalty(p)
            self.loss += loss
            gradients = gradients.plus(more)
        gradient = self.freedom.restrict(gradients)
        direction = self._adam.direction(gradient) * free  # what was pinned just now has momentum still
        pixels = stage.step[0] * (stage.step[1] / stage.step[0]) ** share
        size = np.exp(p.log_scale) * self.unit  # canvas pixels
        # A step of as many pixels at the rim of an element, whether it moves, grows or turns.
        turn = pixels / (size * stage.renderer.zoom)
        p.x += pixels / stage.renderer.zoom * direction[0]
        p.y += pixels / stage.renderer.zoom * direction[1]
        growth = 0.5 * np.minimum(turn, 0.1) * direction[2]
        if self.freedom.one_scale and free.any():
            growth[free] = growth[free].mean()
        p.log_scale += growth
        p.rotation += np.minimum(turn, 0.3) * direction[3]
        if self.noise and self.progress < self.noise_ends:
            amount = self.noise * (1 - self.progress / self.noise_ends) * free
            shake = self.rng.standard_normal((3, len(p)))
            p.x += amount * size * shake[0]
            p.y += amount * size * shake[1]
            p.rotation += amount * shake[2]
        self.freedom.clip(p)

    def forget(self, which: NDArray[np.intp]) -> None:
        """Lets some placements start afresh from where the caller put them."""
        self._adam.forget(which)

    def remove(self, which: NDArray[np.intp]) -> None:
        """Takes some placements away; those that stay keep their order and go on as before."""
        stay = np.delete(np.arange(len(self.placements)), which)
        self.placements = self.placements.take(stay)
        self.unit = self.unit[stay]
        self.freedom = self.freedom.take(stay)
        self._adam.keep(stay)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here later: arrays and plain values."""
        p = self.placements
        return {
            "iteration": self.iteration,
            "placements": np.array([p.x, p.y, p.log_scale, p.rotation, p.flip]),
            "mean": self._adam.mean,
            "square": self._adam.square,
            "count": self._adam.count,
            "rng": self.rng.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state; the run then continues as if it had never stopped."""
        p = self.placements
        p.x[:], p.y[:], p.log_scale[:], p.rotation[:] = state["placements"][:4]
        p.flip[:] = state["placements"][4] != 0
        self.iteration = state["iteration"]
        self._adam.mean, self._adam.square = state["mean"], state["square"]
        self._adam.count = state["count"]
        self.rng.bit_generator.state = state["rng"]
