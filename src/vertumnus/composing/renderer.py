"""What composing looks at: the picture, and how many pieces lie over each of its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.splat import SplatRenderer
from vertumnus.render.sprites import Sprites

Canvas = NDArray[np.float32]


class ComposeRenderer:
    """Contract 1 for composing: a canvas of five channels.

    The first four are the layers over each other, premultiplied, in a fixed order (standard alpha blending); the
    fifth is A_accum, eq. (10): the sum of the pieces' coverages.

    kernel_sigma   standard deviation of the paper's Gaussian kernel in raster pixels; 0 draws sharply
    gap     canvas pixels that pieces are grown by in the fifth channel
    """

    def __init__(
        self,
        sprites: Sprites,
        textures: Textures,
        size: tuple[int, int],
        zoom: float,
        kernel_sigma: float = 0.0,
        gap: float = 0.0,
    ) -> None:
        self.zoom = zoom
        self.picture: SpriteRenderer | SplatRenderer = (
            SplatRenderer(sprites, *size, zoom, kernel_sigma)
            if kernel_sigma
            else SpriteRenderer(sprites, *size, zoom)
        )
        self.coverage = CoverageRenderer(textures, *size, zoom, gap)

    def forward(self, placements: Placements) -> Canvas:
        """H x W x 5."""
        picture = self.picture.forward(placements)
        return np.concatenate([picture, self.coverage.forward(placements)[..., None]], axis=-1)

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the placements last rendered."""
        by_picture = self.picture.backward(np.ascontiguousarray(grad_canvas[..., :4]))
        return by_picture.plus(self.coverage.backward(np.ascontiguousarray(grad_canvas[..., 4])))
