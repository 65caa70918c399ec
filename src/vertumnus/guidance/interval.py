"""One answer of a slow guidance serves several steps, in all of which ink is drawn to the ink that it wants.

A network is slow and a canvas changes little in a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vertumnus.guidance.protocol import Canvas, Guidance, Things, Values
from vertumnus.limits import MAX_STEPS
from vertumnus.optimise.checkpoint import State


class Intermittent:
    """A guidance that asks another one at every ``interval``-th call, and gives its last gradients in between.

    target_weight   of half the mean squared distance between the canvas's own ink and the target's, in every call

    An answer that was not finite serves one call only.
    """

    reference: Canvas | None = None
    target_colour: Canvas | None = None
    target_things: Things = ()

    def __init__(self, guidance: Guidance, interval: int = 1, target_weight: float = 0.0) -> None:
        self.guidance, self.interval, self.target_weight = guidance, interval, target_weight
        self.left = 0  # calls that the answer serves still
        self.target_alpha: Canvas | None = None
        self._values: Values = np.zeros(0)
        self._gradients: Canvas | None = None

    @property
    def skipped(self) -> int:
        """Answers that were not finite."""
        return self.guidance.skipped

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """The values and their gradients by the canvases."""
        if not self.left or self._gradients is None or self._gradients.shape != canvases.shape:
            self._values, self._gradients = self.guidance(canvases, progress)
            self.target_alpha = self.guidance.target_alpha
            self.left = self.interval if np.isfinite(self._values).all() else 1
        self.left -= 1
        assert self._gradients is not None
        values, gradients = self._values.copy(), self._gradients.copy()
        if self.target_weight and self.target_alpha is not None:
            off = canvases[..., 3] - self.target_alpha
            values += self.target_weight * 0.5 * np.square(off, dtype=np.float64).mean((1, 2))
            gradients[..., 3] += np.float32(self.target_weight / off[0].size) * off
        return values, gradients

    def state(self) -> dict[str, Any]:
        """The guidance's, and the answer held."""
        held: dict[str, Any] = {"held_left": self.left, "held_values": self._values}
        if self._gradients is not None:
            held |= {"held_gradients": self._gradients}
        if self.target_alpha is not None:
            held |= {"held_target": self.target_alpha}
        return self.guidance.state() | held

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        self.guidance.restore(state)
        state = State.of(state)
        self.left = state.number("held_left", 0, MAX_STEPS)
        self._values = np.asarray(state["held_values"], np.float64)
        held = "held_gradients" in state
        self._gradients = state.array("held_gradients", (None,) * 4, finite=False) if held else None
        self.target_alpha = state.array("held_target", (None,) * 3) if "held_target" in state else None

    def close(self) -> None:
        """Closes the guidance."""
        self.guidance.close()
