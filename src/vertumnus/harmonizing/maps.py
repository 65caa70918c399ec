"""How far each place may change, and when: the noise map of Collage Diffusion, eq. (2) and (3).

Printed, eq. (3) lets the solver change a pixel (m = 1) where h < t, while sec. 4.4 and 4.5 want the opposite: h is
how much harmonisation a layer gets, and h = 0 keeps it. The authors' code holds a pixel to the noised composite as
long as the noise level is above its own, and so does this program: m = 1 where t <= h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.harmonizing.layers import Stack

Floats = NDArray[np.float32]
BLUR = 10 / 512  # of the longer side, standard deviation at the borders of the noise map, as in the authors' code


def noise_map(stack: Stack, noise: Sequence[float], background: float, blur: float = BLUR) -> Floats:
    """H x W, the share of the schedule from which on each pixel may change, h of eq. (3).

    noise       of each layer of the stack, 0 (kept) to 1 (made anew)
    background  where no layer is seen
    blur        standard deviation in shares of the longer side (sec. 4.4: "a Gaussian blur is applied to h")

    Kept layers stay kept: the blur takes nothing from a pixel at 0, and a map of one value stays that value.
    """
    sharp = stack.map_of(noise, background)
    if not blur or sharp.min() == sharp.max():
        return sharp
    smooth = ndimage.gaussian_filter(sharp, blur * max(stack.size), mode="nearest")
    return np.where(sharp == 0, np.float32(0), np.clip(smooth, sharp.min(), sharp.max()))


def free(h: Floats, t: float) -> NDArray[np.bool_]:
    """m(t) of eq. (3), where the solver may change the picture.

    h   the noise map
    t   the noise level reached, in shares of the schedule
    """
    return np.asarray((h > 0) & (t <= h))
