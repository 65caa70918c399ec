"""Terms of the canvas in SCORE's render loss, eq. (8) and (11), and what is offered beside them. One function a term.

Terms are means over pixels, and each returns its value and its gradient by the canvas.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]


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
