"""How true a harmonised picture stays to its layers: Collage Diffusion's measures (sec. 5.1, Table 1), by CLIP.

Text-image similarity asks whether what is drawn where a layer is seen is what its text says; image-image similarity,
whether it still looks like the layer. Both see the layer's visible region alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.clip_scores import ImageTextModel, unit

Pixels = NDArray[np.uint8]
GROUND = 128  # grey, around a region in what CLIP sees
MARGIN = 0.1  # of the region's longer side, around it


class LayerSimilarity(NamedTuple):
    """Of one layer: cosines of the picture's region with its text, and with the same region of the input."""

    text_image: float
    image_image: float


def region(picture: Pixels, mask: NDArray[np.bool_]) -> Image.Image:
    """What is seen of a layer: its region on grey, in the middle of a square with a margin around it.

    picture   H x W x 3
    mask      H x W, where the layer is the visible one

    Raises `VertumnusError` for a layer that is not seen anywhere.
    """
    if not mask.any():
        raise VertumnusError("layer: none of it is seen")
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    shown = np.where(mask[box][..., None], picture[box], np.uint8(GROUND))
    height, width = shown.shape[:2]
    side = round(max(height, width) * (1 + 2 * MARGIN))
    square = np.full((side, side, 3), GROUND, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = shown
    return Image.fromarray(square)


def layer_similarities(
    picture: Pixels,
    composite: Pixels,
    masks: Sequence[NDArray[np.bool_]],
    texts: Sequence[str],
    clip: ImageTextModel,
) -> list[LayerSimilarity]:
    """Both similarities of every layer, cosines from -1 to 1.

    picture     H x W x 3, the result
    composite   H x W x 3, what it was made from
    masks       of each layer, H x W, where it is the visible one

    Raises `VertumnusError` for a layer that is not seen, or if the model's numbers cannot be used.
    """
    after = unit(clip.image_features([region(picture, mask) for mask in masks]), "image")
    before = unit(clip.image_features([region(composite, mask) for mask in masks]), "image")
    said = unit(clip.text_features(list(texts)), "text")
    return [
        LayerSimilarity(float(new @ text), float(new @ old))
        for new, old, text in zip(after, before, said, strict=True)
    ]
