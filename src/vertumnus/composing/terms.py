"""The render loss of SCORE, eq. (8) to (11), and what is offered beside it. One function a term.

Terms of the canvas are means over pixels, and each returns its value and its gradient by the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.render.placements import Gradients, Placements

Canvas = NDArray[np.float32]
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


def overlap(accumulated: Canvas, threshold: float = 1.0) -> tuple[float, Canvas]:
    """Eq. (11): the mean of ReLU(A - tau) over the pixels where A, eq. (10), is above zero.

    accumulated   H x W, the sum of all layers' alpha
    """
    inked = max(int(np.count_nonzero(accumulated > 0)), 1)
    over = np.maximum(accumulated - np.float32(threshold), 0)
    return float(over.sum(dtype=np.float64)) / inked, (over > 0).astype(np.float32) / np.float32(inked)


def floor(accumulated: Canvas, share: float) -> tuple[float, Canvas]:
    """ReLU(share - mean A)^2: pieces are not shrunk away until they cover less of the canvas than ``share``."""
    missing = max(share - float(accumulated.mean(dtype=np.float64)), 0.0)
    return missing**2, np.full_like(accumulated, -2 * missing / accumulated.size)


def containment(accumulated: Canvas, target: Canvas) -> tuple[float, Canvas]:
    """The mean of (1 - M) A: pieces outside a shape M, as in packing."""
    outside = (1 - target) / np.float32(accumulated.size)
    return float((outside * accumulated).sum(dtype=np.float64)), outside


def harmony(rgba: Canvas, background: tuple[float, float, float]) -> tuple[float, Canvas]:
    """The mean squared distance of what is drawn from the background's colour.

    rgba   H x W x 4, premultiplied
    Weighted above zero it favours pieces in the background's colours, below zero pieces that stand out.
    """
    b = np.array(background, np.float32)
    distance = rgba[..., :3] - rgba[..., 3:] * b
    pixels = rgba.shape[0] * rgba.shape[1]
    slope = 2 * distance / np.float32(pixels)
    grad = np.concatenate([slope, -(slope * b).sum(-1, keepdims=True)], axis=-1)
    return float((distance.astype(np.float64) ** 2).sum()) / pixels, grad


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
        return self.weight * value, Gradients.by(x=by[:, 0], y=by[:, 1], log_scale=self.weight * by_scales * scales)
