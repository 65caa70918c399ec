"""A layer's gain and offset as tables: what each colour value becomes.

Gain and offset are affine in linear light, ``light' = gain * light + offset``, clipped to 0 to 1. Colours are sRGB
values (IEC 61966-2-1), so a channel is decoded, changed and encoded again.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vertumnus.imaging.light import decode_srgb, encode_srgb

STEPS = 1020  # of a fine table: a multiple of 255, so that a byte has an entry of its own

Triple = tuple[float, float, float]


@lru_cache(maxsize=4)
def _light(steps: int) -> NDArray[np.float64]:
    return decode_srgb(np.arange(steps + 1) / steps)


def tone_table(gain: Triple, offset: Triple, steps: int = STEPS) -> NDArray[np.float32]:
    """SRGB values, 0 to 1, of ``steps`` + 1 evenly spaced sRGB values after gain and offset: 3 x (steps + 1).

    >>> tone_table((0.5, 1, 1), (0, 0, 0.25), 2).round(3)
    array([[0.   , 0.361, 0.735],
           [0.   , 0.5  , 1.   ],
           [0.537, 0.711, 1.   ]], dtype=float32)
    """
    light = np.array(gain)[:, None] * _light(steps) + np.array(offset)[:, None]
    return encode_srgb(np.clip(light, 0, 1)).astype(np.float32)


def byte_table(gain: Triple, offset: Triple) -> NDArray[np.uint8]:
    """What each byte of red, green and blue becomes, 3 x 256."""
    light = np.array(gain)[:, None] * _light(255) + np.array(offset)[:, None]
    return (encode_srgb(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8)


def srgb_byte_table(gain: Triple, offset: Triple) -> NDArray[np.uint8]:
    """The same where gain and offset work on sRGB values, as in version 1 of the document."""
    values = np.array(gain)[:, None] * (np.arange(256) / 255) + np.array(offset)[:, None]
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
