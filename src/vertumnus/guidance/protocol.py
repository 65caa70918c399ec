"""What a guidance is: canvases in, how far each is from what it should become out, and the way there.

    options  ──open──►  source (weights, pictures: loaded once)  ──guidance──►  guidance (the memory of one run)

A kind of guidance is three things, named in `vertumnus.guidance.registry`: a `GuidanceOptions` model of its own, a
function that opens the options as a `Source`, and the `Guidance` that the source makes for each run. Several mix by
weight in `vertumnus.guidance.mixture`, and whoever runs them sees one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from vertumnus.limits import PositiveFactor

Canvas = NDArray[np.float32]
Values = NDArray[np.float64]
Colour = tuple[float, float, float]
Things = tuple[tuple[str, Canvas], ...]

Weight = PositiveFactor


class GuidanceOptions(BaseModel):
    """Every choice one kind of guidance offers, and how much it counts; each kind has a model of its own.

    kind       the name it is registered under
    argument   the field that ``NAME:ARGUMENT`` fills: a model, a file or a shape; None for a kind that takes none
    needs_prompt   whether it can do nothing without one
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    argument: ClassVar[str | None] = None
    needs_prompt: ClassVar[bool] = True

    weight: Weight = Field(1.0, description="how much it counts beside other guidances")


@dataclass(frozen=True)
class Request:
    """What a source is asked to guide.

    prompt       what the canvases are to show; empty where there is none
    shape        (H, W) of the canvases
    rng          seeds everything drawn; a guidance that draws many numbers seeds a generator of its own from it
    background   red, green and blue, 0 to 1, that canvases are looked at over
    seed         of the run: for what is dealt to seeds in a row, where drawing at random would repeat
    warm         whether pieces start where they lay in another collage, and are to stay what they showed
    pieces       how many are arranged; None if nobody says
    """

    prompt: str
    shape: tuple[int, int]
    rng: np.random.Generator
    background: Colour = (1.0, 1.0, 1.0)
    seed: int = 0
    warm: bool = False
    pieces: int | None = None


class Guidance(Protocol):
    """What canvases should become. Contract 2; it holds what one run has taught it.

    A guidance is called with the canvases of one run, or of several that go side by side; always as many of them, in
    one order.
    """

    @property
    def target_alpha(self) -> Canvas | None:
        """Where ink is wanted, B x H x W from 0 to 1, as of the last call; None if it cannot tell."""

    @property
    def target_colour(self) -> Canvas | None:
        """Which colours are wanted where, B x H x W x 4, as of the last call: red, green and blue times how sure they
        are, and that; None if it cannot tell.
        """

    @property
    def target_things(self) -> Things:
        """What is wanted where, each thing by its noun and its ink, B x H x W, as of the last call; empty if it
        cannot tell.
        """

    @property
    def reference(self) -> Canvas | None:
        """The picture that canvases are to look like, H x W x 3 from 0 to 1; None if there is none."""

    @property
    def skipped(self) -> int:
        """Calls so far in which an answer was not finite."""

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """The values of B canvases, smaller is better, and their gradients by the canvases.

        canvases   B x H x W x C: premultiplied red, green, blue and alpha, 0 to 1; then, where C is 5, the
                   accumulated alpha, the sum of all layers'
        progress   share of the run that is done, 0 to 1

        The gradients are B x H x W x C, zero in channels that are not looked at. A canvas without a finite answer has
        the value NaN and a zero gradient. Raises `VertumnusError` where it cannot go on.
        """

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps to go on as if it had never stopped: arrays and plain values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state. Raises `VertumnusError` if it is of another guidance."""

    def close(self) -> None:
        """Gives back what it holds; it is not called again."""


@runtime_checkable
class Source(Protocol):
    """Weights or pictures, loaded once, from which a guidance is made for each run.

    name            what it was called, as in ``clip:mini``
    options         its options, with what they leave open decided
    resolution      pixels of a side of the canvases it is best shown
    iterations      steps that a run takes by default
    render_weight   w_r of SCORE, eq. (6): what the render loss counts beside its gradient
    side_by_side    whether several canvases at once cost less than one after the other, or teach it more
    layered         whether pieces may lie over each other: it looks at colours, and not at where there is ink
    """

    name: str
    options: GuidanceOptions
    resolution: int
    iterations: int
    render_weight: float
    side_by_side: bool
    layered: bool

    def guidance(self, request: Request) -> Guidance:
        """A guidance for one run. Raises `VertumnusError` for a prompt it can make nothing of."""

    def inputs(self) -> dict[str, str]:
        """Content hashes of what it read, by what each is called: weights, pictures."""
