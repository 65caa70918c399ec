"""The hybrid finish: after decoding, the affine map of linear light that brings a tile nearest to its block.

It is no part of the paper's method and is measured apart from it. Gains are bounded, so a tile keeps its contrast.
What is compared is what a screen shows of tile and block made small, means of sRGB values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.imaging.light import LINEAR, encode_srgb, to_bytes

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
LEAST_GAIN, MOST_GAIN = 0.6, 1.5  # of a channel: less leaves a tile flat, more makes it glaring
GAINS = LEAST_GAIN, MOST_GAIN
SEEN = 8  # values a side of a tile and its block that are compared: what is seen from afar
SAMPLED = 64  # values a side of the tile that is tried
TRIED, ROUNDS = 9, 2  # gains at once, and how often they are drawn closer
HALVINGS = 14  # of the interval that holds the offset


def affine_towards(tile: Bytes, block: Bytes, gains: tuple[float, float] = GAINS) -> tuple[Doubles, Doubles]:
    """Gain and offset of each channel, 3 and 3, in linear light.

    tile, block   H x W x 3, of any sizes
    gains         least and most

    For each gain there is one offset that makes the means of tile and block equal, what is clipped included. Of all
    gains within bounds, the one with the least squared difference between both as seen from afar.
    """
    light = _shrunk(LINEAR[tile], SAMPLED)
    wanted = _shrunk(block.astype(np.float32) / 255, SEEN)
    found = [_one_channel(light[..., n], wanted[..., n], gains) for n in range(3)]
    return np.array([gain for gain, _ in found]), np.array([offset for _, offset in found])


def apply_affine(tile: Bytes, gain: Doubles, offset: Doubles) -> Bytes:
    """The tile after its correction, as a layer shows it; light below 0 or above 1 is clipped."""
    return to_bytes(LINEAR[tile] * gain + offset)


def seen_error(tile: Bytes, block: Bytes) -> float:
    """Mean squared difference of tile and block as seen from afar: means of sRGB values from 0 to 1, SEEN a side."""
    seen, wanted = (_shrunk(picture.astype(np.float32) / 255, SEEN) for picture in (tile, block))
    return float(((seen - wanted) ** 2).mean())


def _one_channel(light: Doubles, wanted: Doubles, gains: tuple[float, float]) -> tuple[float, float]:
    least, most = gains
    if np.ptp(light) < 1e-6:  # nothing to scale
        least = most = 1.0
    best = (np.inf, 1.0, 0.0)
    for _ in range(ROUNDS):
        tried = np.linspace(least, most, TRIED)
        offsets = _offsets(light, tried, float(wanted.mean()))
        for gain, offset in zip(tried.tolist(), offsets.tolist(), strict=True):
            seen = _means(_shown(light * gain + offset))
            error = float(((seen - wanted) ** 2).sum())
            best = min(best, (error, gain, offset))
        step = (most - least) / (TRIED - 1)
        least, most = max(best[1] - step, least), min(best[1] + step, most)
    return best[1], best[2]


def _offsets(light: Doubles, gains: Doubles, mean: float) -> Doubles:
    """For each gain the offset at which the mean of what is shown is ``mean``, by halving an interval."""
    scaled = light[None] * gains[:, None, None]
    low, high = -scaled.max((1, 2)), 1 - scaled.min((1, 2))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = _shown(scaled + middle[:, None, None]).mean((1, 2)) > mean
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    found: Doubles = (low + high) / 2
    return found


STEPS = 4096
_TABLE = encode_srgb(np.arange(STEPS + 1) / STEPS)


def _shown(light: Doubles) -> Doubles:
    """Linear light as sRGB values, clipped."""
    return _TABLE[(np.clip(light, 0, 1) * STEPS + 0.5).astype(np.int32)]


def _means(values: Doubles) -> Doubles:
    """SEEN x SEEN means, of a multiple of as many values."""
    rows, columns = (side // SEEN for side in values.shape)
    found: Doubles = values.reshape(SEEN, rows, SEEN, columns).mean((1, 3))
    return found


def _shrunk(picture: NDArray[np.floating], side: int) -> Doubles:
    """Side x side x 3 means; smaller pictures are enlarged, each value to a square of it."""
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(picture[..., n])).resize((side, side), Image.Resampling.BOX))
        for n in range(3)
    ]
    return np.stack(channels, axis=-1).astype(np.float64)
