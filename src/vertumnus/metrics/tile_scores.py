"""How well the tiles of a mosaic show what they are to show, by models that look at each (Tables 1 to 5 of Generative
Photomosaic): CLIP's cosine, CLIP-IQA, BLIP's matching, HPSv2 and ImageReward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.clip_scores import ImageTextModel, unit

GOOD, BAD = "Good photo.", "Bad photo."  # CLIP-IQA's pair for quality (Wang et al. 2023, sec. 3)
SCALE = 100.0  # of CLIP's cosines before their softmax
Scores = NDArray[np.float64]


def text_scores(images: Sequence[Image.Image], texts: Sequence[str], clip: ImageTextModel) -> Scores:
    """The cosine of each picture and its text, N from -1 to 1: CLIP's score; HPSv2 with that network's weights.

    Raises `VertumnusError` if the model's numbers cannot be used.
    """
    seen = unit(clip.image_features(list(images)), "image")
    different = list(dict.fromkeys(texts))
    read = unit(clip.text_features(different), "text")
    if seen.shape[1] != read.shape[1]:
        raise VertumnusError(f"clip: its image features have {seen.shape[1]} numbers, its text's {read.shape[1]}")
    found: Scores = (seen * read[[different.index(text) for text in texts]]).sum(1)
    return found


def quality_scores(images: Sequence[Image.Image], clip: ImageTextModel) -> Scores:
    """CLIP-IQA's quality, N from 0 to 1: softmax of a picture's cosines with a good and a bad photo, the first.

    Raises `VertumnusError` if the model's numbers cannot be used.
    """
    seen = unit(clip.image_features(list(images)), "image")
    pair = unit(clip.text_features([GOOD, BAD]), "text")
    good, bad = SCALE * (seen @ pair.T).T
    found: Scores = 1 / (1 + np.exp(np.clip(bad - good, -700, 700)))
    return found


def matching_scores(images: Sequence[Image.Image], texts: Sequence[str], matcher: Any, reward: bool) -> Scores:
    """BLIP's probability that each text belongs to its picture, or ImageReward, N.

    matcher  as `vertumnus.models.load_model` gives it for the kind ``matching``
    """
    ask = matcher.reward if reward else matcher.match
    pixels = (np.asarray(image.convert("RGB"), np.float32) / 255 for image in images)
    return np.array(
        [float(ask(one.transpose(2, 0, 1)[None], [text])[0]) for one, text in zip(pixels, texts, strict=True)]
    )
