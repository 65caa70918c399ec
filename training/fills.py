"""Drawings as sprites in several fills, white where a thing's colour goes, so that a gain colours them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FILLS = ("flat", "outlined", "shaded", "striped")
HANDS = ("bold", "thin", "solid")  # as other hands would have drawn it: for CLIP, which is to know more hands
HELD_OUT_FILLS = ("checked", "dotted")  # which the diffusion model never sees, so that it can be taught them
TEXELS = 96  # longer side of the ink
LINE = 3  # texels, the width of an outline
_DARK = 0.12  # of the colour, an outline's
_SHADE = (1.0, 0.5)  # of the colour, at the top and at the bottom of a shaded drawing
_PATTERN = (1.0, 0.6, 14.0)  # of the colour, the light and the dark of a pattern; texels from one to the next


def fill_ink(ink: NDArray[np.uint8], fill: str) -> NDArray[np.uint8]:
    """An H x W ink in one fill: (H + 2 LINE) x (W + 2 LINE) x 4, premultiplied white and greys."""
    alpha = np.pad(ink, LINE).astype(np.float32)
    light = alpha.copy()
    down, across = np.indices(light.shape)
    bright, dim, period = _PATTERN
    wave = None
    if fill == "outlined":
        reach = np.arange(-LINE, LINE + 1)
        disc = reach[:, None] ** 2 + reach**2 <= LINE**2 + 1
        alpha = ndimage.grey_dilation(alpha, footprint=disc)
        light = light + _DARK * (alpha - light)
    elif fill in HANDS:
        if fill == "bold":
            alpha = ndimage.grey_dilation(alpha, 5)
        elif fill == "thin":
            thinned = ndimage.grey_erosion(alpha, 3)
            alpha = thinned if thinned.sum() > 0.6 * alpha.sum() else alpha
        else:
            alpha = np.maximum(alpha, 255 * ndimage.binary_fill_holes(alpha > 127).astype(np.float32))
        light = alpha
    elif fill == "shaded":
        light *= np.linspace(*_SHADE, len(light), dtype=np.float32)[:, None]
    elif fill == "striped":
        wave = 2.5 * np.sin((down + across) * (2 * np.pi / period))
    elif fill == "checked":
        wave = 5 * np.sin(down * (np.pi / period)) * np.sin(across * (np.pi / period))
    elif fill == "dotted":
        wave = 2.5 * (np.cos(down * (2 * np.pi / period)) + np.cos(across * (2 * np.pi / period)) - 1)
    if wave is not None:
        light *= (dim + (bright - dim) * np.clip(wave + 0.5, 0, 1)).astype(np.float32)
    rgba = np.stack([light, light, light, alpha], axis=-1)
    return (rgba + 0.5).astype(np.uint8)


def premultiplied(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A straight RGBA picture premultiplied and padded like the fills, for drawings in colours of their own."""
    padded = np.pad(picture, ((LINE, LINE), (LINE, LINE), (0, 0))).astype(np.float32)
    padded[..., :3] *= padded[..., 3:] / 255
    return (padded + 0.5).astype(np.uint8)
