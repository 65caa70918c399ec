"""The loop: render, ask the guidance, walk the gradient back to the placements, step. An iterator.

Nothing here prints, sleeps or looks at the clock. The caller iterates, and between steps may draw a progress
bar, write a video frame, save a checkpoint, move or pin an element, or stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_ROTATION
from vertumnus.optimise.adam import Adam
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import State
from vertumnus.render.parameters import GROUPS, check
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
    steps    likewise of the other groups, by name, in their own units; `vertumnus.render.parameters` says how far
             where this does not
    """

    renderer: Renderer
    guidance: Guidance
    iterations: int
    step: tuple[float, float] = (1.2, 0.4)
    penalty: Penalty | None = None
    steps: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def reach(self, group: str, share: float) -> float:
        """How far a group is stepped when a share of the stage is done."""
        first, last = self.step if group == "pose" else self.steps.get(group, GROUPS[group].step)
        return first * (last / first) ** share


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
        self._adam = Adam()

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
                self._adam = Adam()
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
        size = np.exp(p.log_scale) * self.unit  # canvas pixels
        for name, gradient in self.freedom.restrict(gradients).groups.items():
            direction = self._adam.direction(name, gradient) * free  # what was pinned just now has momentum still
            reach = stage.reach(name, share)
            if name == "pose":
                self._move(direction, reach, size, stage.renderer.zoom)
            elif name in p:
                p[name][:] += reach * direction
        if self.noise and self.progress < self.noise_ends:
            amount = self.noise * (1 - self.progress / self.noise_ends) * free
            shake = self.rng.standard_normal((3, len(p)))
            p.x += amount * size * shake[0]
            p.y += amount * size * shake[1]
            p.rotation += amount * shake[2]
        self.freedom.clip(p)

    def _move(self, direction: Floats, pixels: float, size: Floats, zoom: float) -> None:
        """A step of as many raster pixels at the rim of an element, whether it moves, grows or turns."""
        p, free = self.placements, self.freedom.movable
        turn = pixels / (size * zoom)
        p.x += pixels / zoom * direction[0]
        p.y += pixels / zoom * direction[1]
        growth = 0.5 * np.minimum(turn, 0.1) * direction[2]
        if self.freedom.one_scale and free.any():
            growth[free] = growth[free].mean()
        p.log_scale += growth
        p.rotation += np.minimum(turn, 0.3) * direction[3]

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

    def add(self, placements: Placements, unit: Floats, freedom: Bounds) -> None:
        """Puts more placements in front of those there are, which go on as before."""
        count = len(placements)
        self.placements = self.placements.join(placements)
        self.unit = np.concatenate([self.unit, unit])
        self.freedom = self.freedom.join(freedom)
        self._adam.extend(count)

    def show(self, element: int, which: int, unit: float) -> None:
        """Lets an element show another picture, as large as before.

        unit   of that picture, its own pixels
        """
        p = self.placements
        p.log_scale[element] += np.log(self.unit[element] / unit)
        p.which[element] = which
        self.unit[element] = unit
        self._adam.forget(np.array([element]))

    def become(self, other: Optimiser) -> None:
        """Takes over another's placements, with what is remembered of their gradients; bounds and noise stay."""
        self.placements, self.unit = other.placements.copy(), other.unit.copy()
        self._adam.load_state_dict(other._adam.state_dict())
        self.loss = other.loss

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here later: arrays and plain values."""
        p = self.placements
        return {
            "iteration": self.iteration,
            **{f"placements.{name}": values.copy() for name, values in p.groups.items()},
            "flip": p.flip.copy(),
            "which": p.which.copy(),
            "unit": self.unit.copy(),
            "movable": self.freedom.movable.copy(),
            **{f"adam.{name}": value for name, value in self._adam.state_dict().items()},
            "rng": self.rng.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state of as many elements; the run then continues as if it had never stopped.

        Raises `VertumnusError` naming the field for a state that is not whole, and then changes nothing.
        """
        state = State.of(state)
        p, count = self.placements, len(self.placements)
        kept = state.part("placements")
        groups = read_groups(State({name: kept[name] for name in p.groups if name in kept}, kept.source), count)
        for name in sorted(p.groups.keys() ^ kept.keys()):
            raise kept.refuse(name, "is not among the parameters of this run" if name in kept else "is missing")
        flip = state.array("flip", (count,), "b").copy()
        which = state.array("which", (count,), "i").astype(np.int32)
        unit = state.array("unit", (count,)).copy()
        movable = state.array("movable", (count,), "b").copy()
        iteration = state.number("iteration", 0, self.total)
        remembered: dict[str, Any] = {}
        adam = state.part("adam")
        for name in (key.removesuffix(".count") for key in adam if key.endswith(".count")):
            if name not in groups:
                raise adam.refuse(name, "is not among the parameters of this run")
            for kind in ("mean", "square"):
                remembered[f"{name}.{kind}"] = adam.array(f"{name}.{kind}", groups[name].shape)
            if (remembered[f"{name}.square"] < 0).any():
                raise adam.refuse(f"{name}.square", "holds a number below 0")
            most = self._adam.most_mean(remembered[f"{name}.square"])
            if (np.abs(remembered[f"{name}.mean"]) > 1.001 * most + 1e-100).any():
                raise adam.refuse(f"{name}.mean", "holds a mean that its mean of squares does not allow")
            remembered[f"{name}.count"] = adam.number(f"{name}.count")
        rng = state.generator("rng")
        p.groups = groups
        p.flip, p.which, self.unit = flip, which, unit
        self.freedom.movable[:] = movable  # whoever holds it sees it
        self.iteration = iteration
        self._adam.load_state_dict(remembered)
        self.rng.bit_generator.state = rng


def read_groups(kept: State, count: int) -> dict[str, NDArray[np.float64]]:
    """The parameters of ``count`` elements, by group, that a state keeps; all of them can be drawn.

    Raises `VertumnusError` naming the group.
    """
    groups = {}
    for name in kept:
        if name not in GROUPS:
            raise kept.refuse(name, "is no group of parameters")
        groups[name] = kept.array(name, (len(GROUPS[name].columns), count)).astype(np.float64)
        try:
            check({name: groups[name]})
        except VertumnusError as error:
            raise kept.refuse(name, str(error)) from None
    if "pose" not in groups:
        raise kept.refuse("pose", "is missing")
    turns = np.rad2deg(groups["pose"][3])
    if (np.abs(turns) > MAX_ROTATION).any():  # which a kernel draws, and no document holds
        raise kept.refuse("pose", f"holds a rotation beyond {MAX_ROTATION:g} degrees")
    return groups
