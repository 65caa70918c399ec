"""Cutting by a plain ground: what differs from what the border shows.

A photograph on white paper or before a wall has a border of one colour that at most fades from side to side. A plane
is fitted to it; what is farther from the plane than the border's own noise is the object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating[Any]]
RIM = 0.03  # of the shorter side, the border
PLAIN = 0.035  # largest spread of the border about its plane, of the range of colours
OUTLIERS = 0.15  # share of the border's pixels that need not lie in the plane
NOISE = 4.0  # spreads about the plane that are still ground
LEAST = 0.06  # distance from the plane from which on a pixel is an object


def plain_ground(picture: Floats) -> Floats | None:
    """How much each pixel is object, H x W from 0 to 1, or None if the border is not plain.

    picture   H x W x 3, 0 to 1
    """
    height, width = picture.shape[:2]
    rim = max(2, round(RIM * min(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    rows, columns = np.mgrid[:height, :width]
    places = np.stack([np.ones(picture.shape[:2]), rows / height - 0.5, columns / width - 0.5], -1)
    at, colours = places[border], picture[border].astype(np.float64)
    good = np.ones(len(at), bool)
    for _ in range(4):  # fitted again to what lies near
        plane = np.linalg.lstsq(at[good], colours[good], rcond=None)[0]
        off = np.abs(colours - at @ plane).max(1)
        good = off <= max(3 * float(np.median(off)), 0.01)
    spread = float(np.sqrt((off[good] ** 2).mean()))
    if spread > PLAIN or 1 - good.mean() > OUTLIERS:
        return None
    distance = np.abs(picture - places @ plane).max(-1)
    limit = max(NOISE * spread, LEAST)
    shown = np.clip((distance - 0.5 * limit) / limit, 0, 1).astype(np.float32)
    # What looks like ground but lies within the object, a white shirt's button, is object.
    solid = shown > 0.5
    outside = ndimage.label(~solid)[0]
    touching = np.unique(np.concatenate([outside[0], outside[-1], outside[:, 0], outside[:, -1]]))
    holes = ~solid & ~np.isin(outside, touching)
    sizes = np.bincount(outside.ravel())
    small = holes & (sizes[outside] < 0.002 * outside.size)  # a ring's middle is large and stays open
    shown[small] = 1
    return shown
