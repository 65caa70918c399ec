"""The hybrid finish: after decoding, the affine map of linear light that brings a tile nearest to its block.

It is no part of the paper's method and is measured apart from it. Gains are bounded, so a tile keeps its contrast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.light import LINEAR, to_bytes

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
GAINS = (0.6, 1.5)  # of a channel: less leaves a tile flat, more makes it glaring
SEEN = 8  # values a side of a tile and its block that are compared: what is seen from afar
EVEN = 1e-6  # variance of light below which a tile has nothing to scale


def affine_towards(tile: Bytes, block: Bytes, gains: tuple[float, float] = GAINS) -> tuple[Doubles, Doubles]:
    """Gain and offset of each channel, 3 and 3, in linear light.

    tile, block   H x W x 3, of any sizes
    gains         least and most

    Of all gains within bounds and all offsets, those with the least squared difference between the tile and the block
    as seen from afar: the gain is the slope of their regression, clipped, and the offset makes means equal.
    """
    seen, wanted = _from_afar(tile), _from_afar(block)
    mean, wanted_mean = seen.mean((0, 1)), wanted.mean((0, 1))
    variance = ((seen - mean) ** 2).mean((0, 1))
    covariance = ((seen - mean) * (wanted - wanted_mean)).mean((0, 1))
    gain = np.where(variance > EVEN, np.clip(covariance / np.maximum(variance, EVEN), *gains), 1.0)
    return gain, wanted_mean - gain * mean


def apply_affine(tile: Bytes, gain: Doubles, offset: Doubles) -> Bytes:
    """The tile after its correction, as a layer shows it; light below 0 or above 1 is clipped."""
    return to_bytes(LINEAR[tile] * gain + offset)


def _from_afar(picture: Bytes) -> Doubles:
    """SEEN x SEEN x 3 means of linear light."""
    light = LINEAR[picture]
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(light[..., n])).resize((SEEN, SEEN), Image.Resampling.BOX))
        for n in range(3)
    ]
    return np.stack(channels, axis=-1).astype(np.float64)
