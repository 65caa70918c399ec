"""Adam (Kingma and Ba, 2015): gradients turned into steps of about one in size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Adam:
    """Running means of the gradients of named groups, K x N each, and of their squares.

    betas   how much of each mean is kept at a step
    mean, square, count   by name; a group that has not been stepped is not there
    """

    def __init__(self, betas: tuple[float, float] = (0.8, 0.95)) -> None:
        self.betas = betas
        self.mean: dict[str, Floats] = {}
        self.square: dict[str, Floats] = {}
        self.count: dict[str, int] = {}

    def direction(self, name: str, gradient: Floats) -> Floats:
        """The step for a group's gradient, before the learning rate: bias-corrected mean over root square."""
        if name not in self.count:
            self.mean[name], self.square[name] = np.zeros(gradient.shape), np.zeros(gradient.shape)
            self.count[name] = 0
        first, second = self.betas
        self.count[name] += 1
        count, mean, square = self.count[name], self.mean[name], self.square[name]
        mean += (1 - first) * (gradient - mean)
        square += (1 - second) * (gradient * gradient - square)
        root = np.sqrt(square / (1 - second**count))
        return -(mean / (1 - first**count)) / (root + 1e-6)

    def most_mean(self, square: Floats) -> Floats:
        """How large a mean may be where the mean of squares is ``square``, whatever the gradients were.

        By Cauchy and Schwarz, as both are sums over the same gradients with weights that fall by ``betas``.
        """
        first, second = self.betas
        return np.sqrt(square) * (1 - first) / np.sqrt((1 - second) * (1 - first**2 / second))

    def forget(self, which: NDArray[np.intp]) -> None:
        """Clears what is remembered of some elements, which have jumped elsewhere."""
        for name in self.count:
            self.mean[name][:, which] = 0.0
            self.square[name][:, which] = 0.0

    def keep(self, which: NDArray[np.intp]) -> None:
        """Drops all elements but some."""
        for name in self.count:
            self.mean[name] = self.mean[name][:, which]
            self.square[name] = self.square[name][:, which]

    def extend(self, count: int) -> None:
        """Room for so many more elements, of which nothing is remembered yet."""
        for kept in (self.mean, self.square):
            for name, values in kept.items():
                kept[name] = np.pad(values, ((0, 0), (0, count)))

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered: arrays ``NAME.mean`` and ``NAME.square``, whole numbers ``NAME.count``."""
        state: dict[str, Any] = {}
        for name, count in self.count.items():
            state[f"{name}.mean"], state[f"{name}.square"] = self.mean[name].copy(), self.square[name].copy()
            state[f"{name}.count"] = count
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes back to what `state_dict` gave."""
        names = [key.removesuffix(".count") for key in state if key.endswith(".count")]
        self.mean = {name: np.array(state[f"{name}.mean"]) for name in names}
        self.square = {name: np.array(state[f"{name}.square"]) for name in names}
        self.count = {name: int(state[f"{name}.count"]) for name in names}
