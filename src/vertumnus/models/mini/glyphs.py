"""Glyphs as sprites in four fills, white where a thing's colour goes, so that a gain colours them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.elements.icons import Glyph, draw_icon
from vertumnus.render.sprites import Sprites

FILLS = ("flat", "outlined", "shaded", "striped")
TEXELS = 96  # longer side of the ink
LINE = 3  # texels, the width of an outline
_DARK = 0.12  # of the colour, an outline's
_SHADE = (1.0, 0.5)  # of the colour, at the top and at the bottom of a shaded glyph
_STRIPE = (1.0, 0.6, 14.0)  # of the colour, the light and the dark stripes; texels from one to the next


def fill_glyph(ink: NDArray[np.uint8], fill: str) -> NDArray[np.uint8]:
    """The glyph of an H x W ink in one fill: (H + 2 LINE) x (W + 2 LINE) x 4, premultiplied white and greys."""
    alpha = np.pad(ink, LINE).astype(np.float32)
    light = alpha.copy()
    if fill == "outlined":
        reach = np.arange(-LINE, LINE + 1)
        disc = reach[:, None] ** 2 + reach**2 <= LINE**2 + 1
        alpha = ndimage.grey_dilation(alpha, footprint=disc)
        light = light + _DARK * (alpha - light)
    elif fill == "shaded":
        light *= np.linspace(*_SHADE, len(light), dtype=np.float32)[:, None]
    elif fill == "striped":
        bright, dim, period = _STRIPE
        down, across = np.indices(light.shape)
        wave = np.clip(2.5 * np.sin((down + across) * (2 * np.pi / period)) + 0.5, 0, 1)
        light *= (dim + (bright - dim) * wave).astype(np.float32)
    rgba = np.stack([light, light, light, alpha], axis=-1)
    return (rgba + 0.5).astype(np.uint8)


def glyph_sprites(glyphs: Sequence[Glyph]) -> Sprites:
    """Every glyph in every fill; glyph g in fill f is sprite ``len(FILLS) g + f``."""
    pictures: list[NDArray[np.uint8]] = []
    for glyph in glyphs:
        ink = draw_icon(glyph, TEXELS, TEXELS)
        pictures.extend(fill_glyph(ink, fill) for fill in FILLS)
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    return Sprites.of(pictures, sizes, [0] * len(pictures))
