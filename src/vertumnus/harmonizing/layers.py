"""What harmonising needs to know of a collage's layers: their pictures on the canvas, and where each is seen.

The visible layer of a pixel is the topmost one whose alpha is above 0 there (Collage Diffusion, Sarukkai et al. 2024,
sec. 4.2); every map of a value per layer (noise, control, attention) is read off that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.render.picture import render

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
GROUND = (150, 150, 150)  # under a collage without a background, the grey of the authors' program
NOBODY = -1  # in `Stack.visible`, where no layer is seen


@dataclass(frozen=True)
class Stack:
    """A collage's visible layers as pictures of the working size, height x width.

    layers    those that are drawn, back to front
    pictures  L x H x W x 4, each layer alone, straight alpha
    ground    (red, green, blue) under all of them
    hidden    names of layers that are switched off, for the report
    outside   names of layers that leave no pixel on the canvas, for the report
    """

    layers: tuple[Layer, ...]
    pictures: Pixels
    ground: tuple[int, int, int]
    hidden: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pictures.shape[2], self.pictures.shape[1]

    @property
    def alpha(self) -> Floats:
        """L x H x W, from 0 to 1."""
        return (self.pictures[..., 3] / np.float32(255)).astype(np.float32)

    @cached_property
    def visible(self) -> NDArray[np.int32]:
        """H x W, the index of the topmost layer whose alpha is above 0, or `NOBODY` (sec. 4.2)."""
        seen = np.full(self.pictures.shape[1:3], NOBODY, np.int32)
        for index, picture in enumerate(self.pictures):
            seen[picture[..., 3] > 0] = index
        seen.flags.writeable = False
        return seen

    def seen(self, index: int) -> NDArray[np.bool_]:
        """H x W, where a layer is the visible one."""
        return np.asarray(self.visible == index)

    def composite(self, upto: int | None = None, over: Pixels | None = None) -> Pixels:
        """H x W x 3, the first ``upto`` layers composed over the ground (eq. 1's target), all of them by default.

        over    a picture in place of the ground, H x W x 3
        """
        height, width = self.pictures.shape[1:3]
        whole = np.empty((height, width, 3), np.float32)
        whole[:] = self.ground if over is None else over
        for picture in self.pictures[:upto]:
            alpha = picture[..., 3:].astype(np.float32) / np.float32(255)
            whole = picture[..., :3] * alpha + whole * (1 - alpha)
        return np.asarray(np.floor(whole + np.float32(0.5)), np.uint8)

    def map_of(self, values: Sequence[float], background: float) -> Floats:
        """H x W, the value of each pixel's visible layer; ``background`` where there is none."""
        table = np.array([*values, background], np.float32)  # NOBODY, -1, reads the last
        return table[self.visible]


def stack_of(collage: Collage, size: tuple[int, int]) -> Stack:
    """The layers of a collage drawn one by one.

    size    (width, height) of the working canvas, in the collage's proportions to a pixel

    Raises `VertumnusError` for a collage without a layer that can be seen.
    """
    scale = max(size[0] / collage.width, size[1] / collage.height)
    layers, pictures, hidden, outside = [], [], [], []
    for layer in collage.layers:
        if not layer.visible or layer.opacity == 0:
            hidden.append(layer.name)
            continue
        alone = collage.model_copy(update={"layers": [layer], "background": None})
        picture = np.asarray(render(alone, scale))
        picture = _fitted(picture, size)
        if not picture[..., 3].any():
            outside.append(layer.name)
            continue
        layers.append(layer)
        pictures.append(picture)
    if not layers:
        raise VertumnusError("layers: none can be seen; there is nothing to harmonise")
    red, green, blue, _ = parse_colour(collage.background) if collage.background else (*GROUND, 255)
    return Stack(tuple(layers), np.stack(pictures), (red, green, blue), tuple(hidden), tuple(outside))


def _fitted(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """Cut or filled with nothing to (width, height): a row or column of rounding."""
    fitted = np.zeros((size[1], size[0], 4), np.uint8)
    rows, columns = min(size[1], picture.shape[0]), min(size[0], picture.shape[1])
    fitted[:rows, :columns] = picture[:rows, :columns]
    return fitted


def working_size(width: int, height: int, resolution: int, longest: int | None = None) -> tuple[int, int]:
    """The size at which a model of ``resolution`` pixels a side draws a canvas: as many pixels, in its proportions.

    longest   pixels of the longer side in place of that
    """
    scale = longest / max(width, height) if longest else resolution / float(np.sqrt(width * height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def padded(picture: NDArray[np.generic], multiple: int) -> NDArray[np.generic]:
    """An H x W (x C) picture whose last row and column are repeated up to the next multiple of pixels a side."""
    height, width = picture.shape[:2]
    below, beside = -height % multiple, -width % multiple
    return np.pad(picture, ((0, below), (0, beside), *((0, 0),) * (picture.ndim - 2)), mode="edge")
