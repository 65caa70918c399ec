"""A silhouette as guidance: the canvas's ink is to be where the shape is, and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.guidance.options import ShapeOptions
from vertumnus.guidance.protocol import Canvas, Request, Things, Values
from vertumnus.shapes import Shape, parse_shape

RESOLUTION = 96  # guidance pixels of the canvas's longer side
FINER = 4  # times a guidance pixel at which it is drawn, so that its edge is soft
HASHED = 256  # pixels of a side of the mask that tells one shape from another


class ShapeSource:
    """A target silhouette; see `vertumnus.guidance.protocol.Source`.

    Raises `VertumnusError` if the shape cannot be read.
    """

    resolution = RESOLUTION
    iterations = 1000
    render_weight = 1.0
    side_by_side = False
    layered = False

    def __init__(self, options: ShapeOptions, shape: Shape | None = None) -> None:
        self.options = options
        self.name = f"shape:{options.shape}"
        self.shape = shape if shape is not None else parse_shape(options.shape)
        self.of_a_file = shape is not None or Path(options.shape).is_file()

    def guidance(self, request: Request) -> ShapeGuidance:
        """The shape on a canvas of the request's size."""
        rows, columns = request.shape
        fine = self.shape.mask(FINER * columns, FINER * rows).astype(np.float32)
        target = fine.reshape(rows, FINER, columns, FINER).mean((1, 3))
        return ShapeGuidance(target, self.options.shape_loss)

    def kept(self, shape: tuple[int, int]) -> Image.Image | None:
        """What a document keeps of a file for canvases of (H, W), whatever becomes of it; None of what has a name."""
        if not self.of_a_file:
            return None
        return Image.fromarray(self.shape.mask(FINER * shape[1], FINER * shape[0]))

    def inputs(self) -> dict[str, str]:
        """The shape, as it is drawn."""
        mask = np.packbits(self.shape.mask(HASHED, HASHED))
        return {self.name: hashlib.sha256(mask.tobytes()).hexdigest()}


class ShapeGuidance:
    """How far canvases are from a target M, H x W from 0 to 1, a mean over pixels.

    matching   1/2 (A - M)^2, A being the canvas's alpha
    filling    M max(1 - C, 0) + (1 - M) C, C being the accumulated alpha: what is bare of the shape, and what lies
               outside it, as in Image-Space Collage (Wang and Lu, 2025); overlap is the render loss's
    """

    reference: Canvas | None = None
    target_colour: Canvas | None = None
    target_things: Things = ()

    skipped = 0

    def __init__(self, target: Canvas, loss: str = "matching") -> None:
        self.target = np.asarray(target, np.float32)
        self.loss = loss
        self.target_alpha: Canvas | None = None

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """Values and gradients; see `vertumnus.guidance.protocol.Guidance`."""
        self.target_alpha = np.broadcast_to(self.target, canvases.shape[:3])
        gradients = np.zeros_like(canvases)
        pixels = np.float32(self.target.size)
        if self.loss == "matching":
            off = canvases[..., 3] - self.target
            gradients[..., 3] = off / pixels
            return 0.5 * np.square(off, dtype=np.float64).mean((1, 2)), gradients
        covered = canvases[..., -1]
        bare = self.target * np.maximum(1 - covered, 0)
        outside = (1 - self.target) * covered
        gradients[..., -1] = ((1 - self.target) - self.target * (covered < 1)) / pixels
        return (bare + outside).mean((1, 2), dtype=np.float64), gradients

    def state(self) -> dict[str, Any]:
        """It remembers nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """It remembers nothing."""

    def close(self) -> None:
        """It holds nothing."""


def open_shape(
    options: ShapeOptions, *, device: str | None = None, picture: Image.Image | None = None
) -> ShapeSource:
    """The source of a silhouette, or of one that a document kept as a picture."""
    if picture is None:
        return ShapeSource(options)
    drawn = picture.convert("L")
    return ShapeSource(
        options,
        Shape(options.shape, lambda w, h: np.asarray(drawn.resize((w, h), Image.Resampling.BOX))),
    )
