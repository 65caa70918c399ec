"""What can judge a composition: one interface for the pictogram prior and for diffusion networks."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.options import ComposeOptions
from vertumnus.guidance.distillation import InkDistillation, RecentRenders
from vertumnus.guidance.schedule import NoiseLevels
from vertumnus.models.pictogram import Pictogram

Canvas = NDArray[np.float32]


class SemanticGuidance(Protocol):
    """What a prior wants of a picture, H x W x 4 premultiplied."""

    @property
    def wanted(self) -> Canvas | None:
        """Where it wanted ink when last called, H x W from 0 to 1; None if it cannot tell ink from ground."""

    @property
    def skipped(self) -> int:
        """Steps so far that had no gradient, since the answer was not finite."""

    def __call__(self, picture: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the picture; ``progress`` goes from 0 to 1 over the run."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: arrays and plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""

    def close(self) -> None:
        """Gives back what it holds; it is not called again."""


class Prior(Protocol):
    """A model of pictures, ready to be asked.

    resolution   pixels of a side of the pictures it knows
    iterations   steps that a composition takes by default
    render_weight   w_r of eq. (6) by default, what its gradient needs beside it
    """

    name: str
    resolution: int
    iterations: int
    render_weight: float

    def guidance(
        self, prompt: str, options: ComposeOptions, shape: tuple[int, int], rng: np.random.Generator
    ) -> SemanticGuidance:
        """What it wants of a canvas of ``shape`` (H, W) that is to read as a prompt.

        Raises `VertumnusError` for a prompt it can make nothing of.
        """


class PictogramPrior:
    """The pictogram prior: icons whose names match the prompt.

    fonts   whose icons it knows; those of `Pictogram` by default
    """

    name = "pictogram"
    iterations = 1500
    render_weight = 1.0

    def __init__(self, fonts: tuple[str, ...] | None = None) -> None:
        self.model = Pictogram(fonts) if fonts else Pictogram()
        self.resolution = self.model.resolution

    def guidance(
        self, prompt: str, options: ComposeOptions, shape: tuple[int, int], rng: np.random.Generator
    ) -> InkGuidance:
        """Score distillation in closed form; see `vertumnus.guidance.distillation`."""
        between = options.noise_levels or (0.98, 0.1)
        levels = NoiseLevels(self.model.alphas_cumprod, *between, options.annealing or "sqrt")
        student = RecentRenders(self.model.alphas_cumprod, options.window) if options.method != "sds" else None
        icons = self.model.encode_text(prompt)
        return InkGuidance(
            InkDistillation(self.model, icons, levels, options.weighting or "data", student, shape, rng)
        )


class InkGuidance:
    """A distillation of ink as a guidance of pictures: the gradient is that of their fourth channel."""

    skipped = 0

    def __init__(self, ink: InkDistillation) -> None:
        self.ink = ink

    @property
    def wanted(self) -> Canvas | None:
        """The ink expected behind the noise."""
        return self.ink.wanted

    def __call__(self, picture: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the picture."""
        loss, by_ink = self.ink(picture[..., 3], progress)
        grad = np.zeros_like(picture)
        grad[..., 3] = by_ink
        return loss, grad

    def state(self) -> dict[str, Any]:
        """The renders that the student remembers."""
        student = self.ink.student
        return {"renders": np.array(student.renders)} if student is not None else {}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        if self.ink.student is not None:
            self.ink.student.renders.extend(state["renders"])

    def close(self) -> None:
        """It holds nothing."""
