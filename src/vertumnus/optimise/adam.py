"""Adam (Kingma and Ba, 2015): gradients turned into steps of about one in size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Adam:
    """Running means of P x N gradients and of their squares.

    betas   how much of each mean is kept at a step
    """

    def __init__(self, shape: tuple[int, int], betas: tuple[float, float] = (0.8, 0.95)) -> None:
        self.betas = betas
        self.mean = np.zeros(shape)
        self.square = np.zeros(shape)
        self.count = 0

    def direction(self, gradient: Floats) -> Floats:
        """The step for this gradient, before the learning rate: bias-corrected mean over root square."""
        first, second = self.betas
        self.count += 1
        self.mean += (1 - first) * (gradient - self.mean)
        self.square += (1 - second) * (gradient * gradient - self.square)
        mean = self.mean / (1 - first**self.count)
        root = np.sqrt(self.square / (1 - second**self.count))
        return -mean / (root + 1e-6)

    def forget(self, which: NDArray[np.intp]) -> None:
        """Clears what is remembered of some placements, which have jumped elsewhere."""
        self.mean[:, which] = 0.0
        self.square[:, which] = 0.0

    def keep(self, which: NDArray[np.intp]) -> None:
        """Drops all columns but some."""
        self.mean = self.mean[:, which]
        self.square = self.square[:, which]
