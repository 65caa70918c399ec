"""Distance textures: how far each point of an element's plane is from its silhouette.

A texture is sampled once a pixel at any scale, gives the gradient of coverage for free, and turns padding
into an addition. It replaces the polygons and Bezier outlines of object-space packing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.imaging.pyramid import shrink_below

TEXELS = 64  # a side
MASK_SIDE = 128  # the mask the distances are measured on is shrunk to this first
PAD = 0.06  # of the longer side, kept free around the silhouette so that its edge has an outside


class DistanceTexture(NamedTuple):
    """Signed distance to a silhouette, negative inside, in units of the root of the silhouette's area.

    values        TEXELS x TEXELS, float32, rows top to bottom; texel centres at (i + 1/2) / TEXELS
    half_width,   half the extent of the texture around the picture's centre, in the same unit
    half_height
    pad           how much of that lies beyond the picture, on each side
    """

    values: NDArray[np.float32]
    half_width: float
    half_height: float
    pad: float


def distance_texture(
    alpha: NDArray[np.uint8], level: int, width: int, height: int, area: float, pad: float = PAD
) -> DistanceTexture:
    """The texture of a picture's alpha.

    alpha        mip level ``level`` of the alpha, h x w, 0 to 255; above one half is inside
    width, height, area   of the picture and its silhouette, in the picture's own pixels
    pad          what is kept around the picture, as a share of its longer side
    """
    unit = np.sqrt(area)
    margin = pad * max(width, height) + 1e-9
    half_width, half_height = width / 2 + margin, height / 2 + margin
    steps = (np.arange(TEXELS) + 0.5) / TEXELS * 2 - 1
    across, down = steps * half_width, steps * half_height  # picture pixels from the centre
    mask, texel = small_mask(alpha, level, MASK_SIDE)
    if mask.all():
        values = _to_rectangle(across[None, :], down[:, None], width / 2, height / 2)
    else:
        border = int(np.ceil(margin / texel)) + 1
        inside = np.pad(mask, border)
        field = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
        field = (field - 0.5 * np.sign(field)) * texel  # from pixel centres to the edge between them
        column = (across + width / 2) / texel - 0.5 + border
        row = (down + height / 2) / texel - 0.5 + border
        grid = np.meshgrid(row, column, indexing="ij")
        values = ndimage.map_coordinates(field, grid, order=1, mode="nearest")
    # Rounded to half precision at once, so that a texture read from the cache is the same texture.
    rounded = (values / unit).astype(np.float16).astype(np.float32)
    return DistanceTexture(rounded, float(half_width / unit), float(half_height / unit), float(margin / unit))


def _to_rectangle(
    x: NDArray[np.float64], y: NDArray[np.float64], half_width: float, half_height: float
) -> NDArray[np.float64]:
    over_x, over_y = np.abs(x) - half_width, np.abs(y) - half_height
    outside = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
    return outside + np.minimum(np.maximum(over_x, over_y), 0)


def small_mask(alpha: NDArray[np.uint8], level: int, side: int) -> tuple[NDArray[np.bool_], int]:
    """The silhouette on at most ``side`` texels a side, and a texel's size in picture pixels."""
    small, halvings = shrink_below(alpha, side)
    mask = small > 127
    # A hair finer than a texel can vanish on the way down; then the finer mask has to do.
    return (mask, 2 ** (level + halvings)) if mask.any() else (alpha > 127, 2**level)
