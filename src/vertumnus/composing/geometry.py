"""What placements should be, whatever they show: the sizes and places of SCORE, eq. (5) and (9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.render.placements import Gradients, Placements

Floats = NDArray[np.float64]


def initial_scale(count: int) -> float:
    """Eq. (5): the size of each of N elements at the start, its longer side as a share of the canvas.

    >>> round(initial_scale(25), 6)
    0.21
    """
    return float((1 / count) ** 0.5 + 0.01)


def geometry(
    centers: Floats, scales: Floats, t_lim: float, s_ref: Floats | float, s_lim: Floats | float
) -> tuple[float, Floats, Floats]:
    """Eq. (9): sum_i sum_xy ReLU(|t_ij| - t_lim)^2 + ReLU(|s_i - s_ref| - s_lim)^2.

    centers  N x 2, -1 to 1 across the canvas
    scales   N, longer side as a share of the canvas
    Returns the value and its gradients by centers and scales.
    """
    out = np.maximum(np.abs(centers) - t_lim, 0)
    off = np.maximum(np.abs(scales - s_ref) - s_lim, 0)
    value = float((out**2).sum() + (off**2).sum())
    return value, 2 * out * np.sign(centers), 2 * off * np.sign(scales - s_ref)


@dataclass
class GeometryPenalty:
    """`geometry` of placements, times a weight.

    size          (width, height) of the canvas
    longer        M, the longer side of each picture, in its own pixels
    s_ref         M, the size that each picture is to have about; s_lim: how far from it, as a share of it
    """

    size: tuple[int, int]
    longer: Floats
    weight: float
    t_lim: float
    s_ref: Floats
    s_lim: float

    def __call__(self, placements: Placements) -> tuple[float, Gradients]:
        """The loss and its gradient by the placements."""
        p, half, side = placements, np.array(self.size) / 2, min(self.size)
        centers = np.column_stack([p.x, p.y]) / half - 1
        scales = np.exp(p.log_scale) * self.longer[p.which] / side
        s_ref = self.s_ref[p.which]
        value, by_centers, by_scales = geometry(centers, scales, self.t_lim, s_ref, self.s_lim * s_ref)
        by = self.weight * by_centers / half
        pose = np.stack([by[:, 0], by[:, 1], self.weight * by_scales * scales, np.zeros(len(by))])
        return self.weight * value, Gradients({"pose": pose})
