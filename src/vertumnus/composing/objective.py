"""The joint loss, eq. (6): what a guidance wants of the picture, and the render loss beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.options import RenderLoss
from vertumnus.guidance import terms
from vertumnus.guidance.protocol import Colour, Guidance
from vertumnus.imaging.blur import wide_blur

Canvas = NDArray[np.float32]


class JointLoss:
    """What the optimiser goes down, on canvases of `vertumnus.composing.scene.ComposeRenderer`.

    guidance        what judges the picture; it may be given later, before the first call
    weights         of the render loss
    gradient_blur   pixels over which the guidance's gradient is felt, at the start and at the end: its blur by a
                    Gaussian, which is its gradient by a blurred picture, is added to it, so that pieces feel what is
                    wanted some way off
    container       H x W, the share of each pixel in the shape of the containment term
    background      red, green and blue, for the harmony term
    """

    def __init__(
        self,
        guidance: Guidance | None,
        weights: RenderLoss,
        gradient_blur: tuple[float, float],
        container: Canvas | None = None,
        background: Colour = (1.0, 1.0, 1.0),
    ) -> None:
        self.guidance, self.weights, self.gradient_blur = guidance, weights, gradient_blur
        self.container, self.background = container, background
        self.semantic = float("nan")  # the guidance's share of the last loss

    @property
    def target_alpha(self) -> Canvas | None:
        """Where ink was wanted when last called, H x W from 0 to 1; None if the guidance cannot tell."""
        target = self.guidance.target_alpha if self.guidance is not None else None
        return None if target is None else target[0]

    @property
    def target_colour(self) -> Canvas | None:
        """Which colours were wanted where when last called, H x W x 4; None if the guidance cannot tell."""
        target = self.guidance.target_colour if self.guidance is not None else None
        return None if target is None else target[0]

    @property
    def target_things(self) -> list[tuple[str, Canvas]]:
        """What was wanted where when last called: nouns, each with ink, H x W; empty if the guidance cannot tell."""
        told = self.guidance.target_things if self.guidance is not None else ()
        return [(noun, ink[0]) for noun, ink in told]

    def __call__(self, canvas: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the canvas, H x W x 5."""
        assert self.guidance is not None
        values, gradients = self.guidance(canvas[None], progress)
        return self.join(canvas, float(values[0]), gradients[0], progress)

    def join(self, canvas: Canvas, semantic: float, grad: Canvas, progress: float) -> tuple[float, Canvas]:
        """The render loss added to what the guidance said of a canvas."""
        accumulated, w = canvas[..., 4], self.weights
        self.semantic = total = semantic
        first, last = self.gradient_blur
        sigma = first * (last / first) ** progress if first and last else 0.0
        grad = grad.copy()
        if sigma > 0.3:
            felt = (
                grad[..., 3:4] if not grad[..., :3].any() else grad[..., :4]
            )  # what looks at ink alone moves it alone
            felt += wide_blur(np.ascontiguousarray(felt), sigma)
        if w.overlap:  # decided by now
            value, by = terms.overlap(accumulated, w.overlap_threshold)
            total += w.overlap * progress * value
            grad[..., 4] += np.float32(w.overlap * progress) * by
        if w.floor:
            value, by = terms.floor(accumulated, w.floor_share)
            total += w.floor * value
            grad[..., 4] += np.float32(w.floor) * by
        if w.containment and self.container is not None:
            value, by = terms.containment(accumulated, self.container)
            total += w.containment * value
            grad[..., 4] += np.float32(w.containment) * by
        if w.harmony:
            value, by = terms.harmony(canvas[..., :4], self.background)
            total += w.harmony * value
            grad[..., :4] += np.float32(w.harmony) * by
        return total, grad
