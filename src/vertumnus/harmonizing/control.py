"""ControlNets held to layers (Collage Diffusion, sec. 4.3): edges from the layers themselves, other maps as pictures.

How far a layer's structure is kept is its ``control``; the map of it multiplies every residual of the network
(`vertumnus.sampling.control`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from PIL import Image
from skimage.feature import canny

from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Pixels, Stack, padded
from vertumnus.harmonizing.maps import Floats
from vertumnus.harmonizing.tone import seam_pixels
from vertumnus.imaging.decode import open_image
from vertumnus.models import load_model
from vertumnus.models.checkpoint import Dtype
from vertumnus.reading import read_named
from vertumnus.sampling.control import Control

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

SIGMA = 1.0  # pixels, of Canny's blur


class ControlSpec(NamedTuple):
    """A ControlNet or T2I-Adapter, and what it sees.

    model    the folder or the id of a network of diffusers
    picture  a map made elsewhere (depth, pose ...); None for edges made from the layers
    """

    model: str
    picture: Path | None = None

    @classmethod
    def parse(cls, text: str) -> ControlSpec:
        """``MODEL`` for edges, ``MODEL=PICTURE`` for a map made elsewhere."""
        model, _, picture = text.partition("=")
        if not model:
            raise VertumnusError(f"control: {text!r} names no model; write MODEL or MODEL=PICTURE")
        return cls(model, Path(picture) if picture else None)


def edges(stack: Stack) -> Pixels:
    """White lines on black, H x W x 3: Canny's edges of the composite, and the borders of what each layer shows.

    Canny 1986, at the deviation of noise the picture has least of; borders are where the visible layer changes, so
    that a piece of its ground's own colour has an outline too.
    """
    grey = np.asarray(Image.fromarray(stack.composite()).convert("L"), np.float64) / 255
    lines = canny(grey, SIGMA) | _thinned(stack.visible)
    return np.repeat((lines * np.uint8(255))[..., None], 3, axis=-1)


def _thinned(visible: np.ndarray) -> np.ndarray:
    """One pixel of the two at each border: those of the upper layer."""
    beside = seam_pixels(visible)
    around = np.pad(visible, 1, mode="edge")
    lowest = np.minimum.reduce([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
    return np.asarray(beside & (visible > lowest))


def make_controls(
    specs: Sequence[ControlSpec], stack: Stack, weights: Floats, model: Diffusion, multiple: int
) -> list[Control]:
    """The controls of a run.

    weights   H x W, each pixel's weight
    multiple  pixels a side, up to which maps are filled

    Raises `VertumnusError` if a network or a picture cannot be used.
    """
    if not specs:
        return []
    made = []
    for spec in specs:
        shown = edges(stack) if spec.picture is None else _read(spec.picture, stack.size)
        image = torch.tensor(np.asarray(padded(shown, multiple), np.float32) / 255).movedim(-1, 0)
        network = load_model(spec.model, "control", device=str(model.device), dtype=_dtype(model))
        made.append(
            Control(network, image, weight_map=torch.tensor(np.asarray(padded(weights, multiple), np.float32)))
        )
    return made


def _read(path: Path, size: tuple[int, int]) -> Pixels:
    with open_image(read_named(path), str(path)) as picture:
        return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC))


def _dtype(model: Diffusion) -> Dtype:
    return cast(Dtype, str(model.dtype).removeprefix("torch."))
