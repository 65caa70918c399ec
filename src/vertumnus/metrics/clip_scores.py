"""How well a picture fits a sentence, by CLIP: of the picture as it is, and of its contours alone.

Both are SCORE's (AAAI 2026, "Evaluation Metrics", Table 1); the similarity is that of CLIP (Radford et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.metrics.contour import contour_map

Features = NDArray[np.floating[Any]]


class ImageTextModel(Protocol):
    """What a score needs of a contrastive model: pictures and texts as vectors of one space."""

    def image_features(self, images: Sequence[Image.Image]) -> Features:
        """Square RGB pictures of any size as n x d."""

    def text_features(self, texts: Sequence[str]) -> Features:
        """Texts as n x d."""


class PriorClip:
    """A CLIP of the priors room (`vertumnus.models.load`) as an `ImageTextModel`."""

    def __init__(self, clip: Any) -> None:
        self.clip = clip

    def image_features(self, images: Sequence[Image.Image]) -> Features:
        """Square RGB pictures of any size as n x d."""
        return np.concatenate([self._see(np.asarray(image.convert("RGB"), np.float32)) for image in images])

    def text_features(self, texts: Sequence[str]) -> Features:
        """Texts as n x d."""
        return np.asarray(self.clip.embed_text(list(texts)).cpu().numpy())

    def _see(self, pixels: NDArray[np.float32]) -> Features:
        channels = (pixels / np.float32(255)).transpose(2, 0, 1)[None]
        # A tensor made from one it has is on its device.
        seen = self.clip.mean.new_tensor(channels)
        return np.asarray(self.clip.embed_image(seen).detach().cpu().numpy())


def on_ground(image: Image.Image, ground: str = "white") -> Image.Image:
    """The picture in the middle of a square of one colour, RGB: all of it is seen, and nothing is stretched.

    ground  a CSS colour; where it is transparent itself, white shows

    Raises `VertumnusError` if it is not a colour.
    """
    side = max(image.size)
    whole = Image.new("RGBA", (side, side), "white")
    whole.alpha_composite(Image.new("RGBA", whole.size, parse_colour(ground)))
    whole.alpha_composite(image.convert("RGBA"), ((side - image.width) // 2, (side - image.height) // 2))
    return whole.convert("RGB")


def clip_rgb(image: Image.Image, prompt: str, clip: ImageTextModel, ground: str = "white") -> float:
    """CLIP-RGB of SCORE (Table 1): 100 times the cosine of the picture's features and the prompt's.

    image   the collage; what is transparent is ``ground``

    Raises `VertumnusError` for an empty prompt, or if the model's numbers cannot be used.
    """
    return _similarity(on_ground(image, ground), prompt, clip)


def clip_contour(image: Image.Image, prompt: str, clip: ImageTextModel) -> float:
    """CLIP-Contour of SCORE (Table 1): 100 times the cosine of the contour map's features and the prompt's.

    image   the collage on transparent ground, from which `vertumnus.metrics.contour.contour_map` is made

    Raises `VertumnusError` for an empty prompt, a picture without a silhouette, or if the model's numbers cannot
    be used.
    """
    return _similarity(on_ground(contour_map(image)), prompt, clip)


def _similarity(image: Image.Image, prompt: str, clip: ImageTextModel) -> float:
    if not prompt.strip():
        raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
    seen = unit(clip.image_features([image]), "image")
    read = unit(clip.text_features([prompt]), "text")
    if seen.shape != read.shape:
        raise VertumnusError(
            f"clip: its image features have {seen.shape[-1]} numbers and its text features {read.shape[-1]}"
        )
    return 100 * float(np.vdot(seen, read))


def unit(features: Features, kind: str) -> NDArray[np.float64]:
    """Rows of length one.

    features  n x d
    kind      what they are of, for the error

    Raises `VertumnusError` if they are not n x d, or a row is not finite or zero.
    """
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2:
        raise VertumnusError(f"clip: its {kind} features are not n x d")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise VertumnusError(f"clip: its {kind} features are not finite numbers, or all zero")
    return rows / length
