"""A picture of any mode and colour profile as eight-bit sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

BAND = 1 << 20  # pixels converted at once


def to_srgb(picture: Image.Image, profile: bytes) -> tuple[Image.Image, bool]:
    """The picture in sRGB, and whether that changed it; browsers honour profiles, canvases do not."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture, False
        alpha = picture.getchannel("A") if "A" in picture.getbands() else None
        mode = picture.mode if picture.mode in ("L", "CMYK") else "RGB"
        colour = ImageCms.profileToProfile(
            picture.convert(mode), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        if colour is None:
            return picture, False
        if alpha is not None:
            colour.putalpha(alpha)
        return colour, True
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture, False  # a broken profile is no reason to lose the picture


def eight_bit_rgb(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA if anything in it is transparent."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        picture = _in_bands(picture, lambda deep: deep.astype(np.int64) / 257)
    elif picture.mode == "F":
        picture = _in_bands(picture, lambda shallow: np.nan_to_num(shallow) * 255)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    lowest, _ = picture.getchannel("A").getextrema()
    return picture.convert("RGB") if lowest == 255 else picture


def _in_bands(picture: Image.Image, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Image.Image:
    """Grey levels of one byte, by ``convert`` from 0 to 255, a band of rows at a time: wide numbers take memory."""
    grey = Image.new("L", picture.size)
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        box = (0, top, picture.width, min(top + rows, picture.height))
        values = convert(np.asarray(picture.crop(box)))
        grey.paste(Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8)), box)
    return grey
