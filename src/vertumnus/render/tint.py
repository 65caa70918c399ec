"""Colour gains given as hue, saturation and value: what multiplies red, green and blue, and gradients back.

CLIP-CLOP (Mirowski et al., 2022) lets a patch learn its colour "in RGB or HSV space". Here both are gains on the
patch's own colours: the group "gain" as it is, the group "tint" as the colour of that hue, saturation and value.
White (saturation 0, value 1) changes nothing, value darkens, and saturation takes away what is not of the hue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.render.parameters import Floats
from vertumnus.render.placements import Placements

_OFFSET = np.array([5.0, 3.0, 1.0])[:, None]


def hsv_gain(tint: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """The gains (3 x N) of hues (in turns; any number), saturations and values (3 x N), and their slopes: 3 x 3 x N,
    of each gain by each of the three.

    gain_c = value (1 - saturation k), k = clip(min(m, 4 - m), 0, 1), m = (offset_c + 6 hue) mod 6, which is the usual
    conversion in closed form (Smith 1978).

    >>> hsv_gain(np.array([[0.0, 1 / 3, 0.5], [1.0, 1.0, 0.0], [1.0, 0.5, 0.25]]))[0].round(3).T
    array([[1.  , 0.  , 0.  ],
           [0.  , 0.5 , 0.  ],
           [0.25, 0.25, 0.25]])
    """
    hue, saturation, value = tint
    m = (_OFFSET + 6 * hue) % 6
    k = np.clip(np.minimum(m, 4 - m), 0, 1)
    turning = np.where((m > 0) & (m < 1), 1.0, np.where((m > 3) & (m < 4), -1.0, 0.0))
    rest = 1 - saturation * k
    slopes = np.stack([-6 * value * saturation * turning, -value * k, rest], axis=1)
    return value * rest, slopes


def gains(placements: Placements) -> NDArray[np.float32]:
    """N x 3, what multiplies each placement's colours: its gain times that of its tint, each where it has one."""
    gain = placements.given("gain")
    if "tint" in placements:
        gain = gain * hsv_gain(placements["tint"])[0]
    return np.ascontiguousarray(gain.T, np.float32)


def colour_gradients(placements: Placements, by_gain: Floats) -> dict[str, Floats]:
    """From the gradient by `gains` (3 x N) that by the groups that are there."""
    found: dict[str, Floats] = {}
    if "gain" in placements:
        found["gain"] = by_gain
    if "tint" in placements:
        tinted, slopes = hsv_gain(placements["tint"])
        given = placements.given("gain")
        if "gain" in placements:
            found["gain"] = by_gain * tinted
        found["tint"] = np.einsum("cn,ckn->kn", by_gain * given, slopes)
    return found
