"""The joint loss, eq. (6): what a prior wants of the picture, and the render loss beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing import terms
from vertumnus.composing.options import RenderLoss
from vertumnus.guidance.prior import SemanticGuidance
from vertumnus.imaging.blur import wide_blur
from vertumnus.imaging.colour import parse_colour

Canvas = NDArray[np.float32]


class ComposeGuidance:
    """Contract 2 for composing, on the canvas of `vertumnus.composing.renderer`.

    prior       what judges the picture
    weights     of the render loss
    reach       pixels over which the prior's gradient is felt, at the start and at the end: its blur by a Gaussian,
                which is its gradient by a blurred picture, is added to it, so that pieces feel what is wanted some
                way off
    within      H x W, the share of each pixel in the shape of the containment term
    background  for the harmony term
    """

    def __init__(
        self,
        prior: SemanticGuidance,
        weights: RenderLoss,
        reach: tuple[float, float],
        within: Canvas | None = None,
        background: str = "white",
    ) -> None:
        self.prior, self.weights, self.reach, self.within = prior, weights, reach, within
        red, green, blue, _ = parse_colour(background)
        self.background = (red / 255, green / 255, blue / 255)
        self.semantic = float("nan")  # the prior's share of the last loss

    def __call__(self, canvas: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the canvas."""
        picture, accumulated, w = canvas[..., :4], canvas[..., 4], self.weights
        self.semantic, by_picture = self.prior(picture, progress)
        first, last = self.reach
        sigma = first * (last / first) ** progress if first and last else 0.0
        if sigma > 0.3:
            by_picture = by_picture + wide_blur(by_picture, sigma)
        grad = np.concatenate([by_picture, np.zeros((*accumulated.shape, 1), np.float32)], axis=-1)
        total = self.semantic
        if w.overlap:
            value, by = terms.overlap(accumulated, w.overlap_threshold)
            total += w.overlap * progress * value
            grad[..., 4] += np.float32(w.overlap * progress) * by
        if w.floor:
            value, by = terms.floor(accumulated, w.floor_share)
            total += w.floor * value
            grad[..., 4] += np.float32(w.floor) * by
        if w.containment and self.within is not None:
            value, by = terms.containment(accumulated, self.within)
            total += w.containment * value
            grad[..., 4] += np.float32(w.containment) * by
        if w.harmony:
            value, by = terms.harmony(picture, self.background)
            total += w.harmony * value
            grad[..., :4] += np.float32(w.harmony) * by
        return total, grad
