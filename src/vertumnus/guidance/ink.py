"""The ink a diffusion network wants: where the clean picture that it expects differs from its own ground.

Each answer of a network says, with the noise, which clean picture it expects behind the noisy one, x0-hat. One
answer is vague; the running mean of some is the picture that the canvas is on its way to. With it pieces can be sent
where they are missing, and a collage told how near it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RIM = 0.05  # of a picture's side, all around: its ground
FAINT, FULL = 0.3, 0.6  # of the greatest distance from the ground's colour: up to which there is no ink, and all ink
CONTRAST = 0.3  # distance of colours, in RGB from 0 to 1, that is taken for the greatest where there is none greater

Floats = NDArray[np.float32]


def ink_of(pictures: Floats) -> Floats:
    """Where each picture has something else than its ground, B x H x W from 0 to 1.

    pictures   B x 3 x H x W, 0 to 1; the median of each one's rim is its ground

    >>> picture = np.ones((1, 3, 40, 40), np.float32)
    >>> picture[:, :, 10:20, 10:20] = 0
    >>> float(ink_of(picture).sum())
    100.0
    """
    rim = max(1, round(RIM * pictures.shape[-1]))
    around = np.ones(pictures.shape[-2:], bool)
    around[rim:-rim, rim:-rim] = False
    ground = np.median(pictures[..., around], axis=-1)
    distance = np.sqrt(((pictures - ground[..., None, None]) ** 2).sum(axis=1))
    greatest = np.maximum(np.quantile(distance, 0.98, axis=(1, 2), keepdims=True), CONTRAST)
    return np.clip((distance / greatest - FAINT) / (FULL - FAINT), 0, 1).astype(np.float32)
