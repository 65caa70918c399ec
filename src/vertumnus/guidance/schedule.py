"""How noisy the guidance looks at the canvas: the noise level over the run, and what it weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

JITTER = 0.03  # of the schedule, to either side: one level alone would be overfitted


@dataclass(frozen=True)
class NoiseLevels:
    """Which steps of a diffusion schedule are drawn as the run goes on.

    alphas_cumprod   T, abar_t of the schedule, falling
    first, last      share of the schedule at the start and at the end of the run
    annealing        "linear" in the run's progress; "sqrt", as its root (HiFA, Zhu and Zhuang, 2023), soon low;
                     "none", uniform between the two at all times
    """

    alphas_cumprod: NDArray[np.float64]
    first: float = 0.98
    last: float = 0.1
    annealing: str = "sqrt"

    def draw(self, progress: float, rng: np.random.Generator) -> int:
        """A step t of the schedule, for a run that is ``progress`` (0 to 1) done."""
        if self.annealing == "none":
            share = float(rng.uniform(min(self.first, self.last), max(self.first, self.last)))
        else:
            gone = np.sqrt(progress) if self.annealing == "sqrt" else progress
            share = self.first + (self.last - self.first) * gone + rng.uniform(-JITTER, JITTER)
        steps = len(self.alphas_cumprod)
        return int(np.clip(round(share * (steps - 1)), 1, steps - 2))


def weight_of(weighting: str, abar: float) -> float:
    """w(t) for a noise level.

    sds         1 - abar, of DreamFusion (Poole et al., 2022)
    uniform     1
    fantasia3d  sqrt(abar) (1 - abar), of Fantasia3D (Chen et al., 2023)
    data        sqrt(1 - abar) / sqrt(abar): a difference of predicted noise becomes one of predicted pictures,
                whatever the level

    >>> [round(weight_of(name, 0.36), 3) for name in ("sds", "uniform", "fantasia3d", "data")]
    [0.64, 1.0, 0.384, 1.333]
    """
    if weighting == "sds":
        return 1 - abar
    if weighting == "uniform":
        return 1.0
    if weighting == "fantasia3d":
        return float(np.sqrt(abar) * (1 - abar))
    return float(np.sqrt(1 - abar) / np.sqrt(abar))
