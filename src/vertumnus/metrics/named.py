"""What a classifier of photographs takes a picture for: the place of what it is to show among ImageNet's thousand.

The picture is looked at in five ways that no guidance takes, as it is, mirrored, blurred and turned by ten degrees
either way, and their log-probabilities are averaged: what holds for one look alone, as adversarial noise does, falls.
EfficientNet-Lite2 never guides, so it is the judge; of Lite0, which does, the number says what it was brought to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, special

from vertumnus.metrics.clip_scores import on_ground
from vertumnus.models.imagenet import class_names, match_classes

if TYPE_CHECKING:
    from vertumnus.models.classifier import Classifier

TURN = 10  # degrees
BLUR = 1.2  # pixels of what the network sees, a standard deviation
LIKELIEST = 3


class Named(NamedTuple):
    """What a classifier says of a picture.

    place    of the best of the wanted classes, from 1 to 1,000
    chance   the probability of the wanted classes together, by the mean of log-probabilities over looks
    likeliest   the first classes by name and their probabilities
    """

    place: int
    chance: float
    likeliest: list[tuple[str, float]]


def named(picture: Image.Image, prompt: str, judge: Classifier, ground: str = "white") -> Named:
    """What a classifier takes a picture for, beside what a prompt says.

    picture   RGBA or RGB; stood in the middle of a square of ``ground``

    Raises `VertumnusError` for a prompt that names no class.
    """
    wanted = list(match_classes(prompt))
    square = on_ground(picture, ground).resize((judge.resolution, judge.resolution), Image.Resampling.LANCZOS)
    said = special.log_softmax(judge.seen(unseen_looks(square)).mean(0))
    first = np.argsort(-said, kind="stable")[:LIKELIEST].tolist()
    names = class_names()
    return Named(
        place=int((said > said[wanted].max()).sum()) + 1,
        chance=float(np.exp(said[wanted]).sum()),
        likeliest=[(names[n][0], float(np.exp(said[n]))) for n in first],
    )


def unseen_looks(picture: Image.Image, angles: Sequence[int] = (-TURN, TURN)) -> NDArray[np.float32]:
    """A square RGB picture as it is, mirrored, blurred, and turned, N x side x side x 3 from 0 to 1."""
    plain = np.asarray(picture, np.float32) / np.float32(255)
    soft = ndimage.gaussian_filter(plain, (BLUR, BLUR, 0))
    turned = [ndimage.rotate(plain, angle, reshape=False, order=1, mode="nearest") for angle in angles]
    return np.stack([plain, plain[:, ::-1], soft, *turned]).astype(np.float32)
