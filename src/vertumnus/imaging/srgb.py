"""A picture of any mode and colour profile as eight-bit sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms


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
        deep = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray(np.clip(deep / 257 + 0.5, 0, 255).astype(np.uint8))
    elif picture.mode == "F":
        shallow = np.nan_to_num(np.asarray(picture))
        picture = Image.fromarray(np.clip(shallow * 255 + 0.5, 0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    lowest, _ = picture.getchannel("A").getextrema()
    return picture.convert("RGB") if lowest == 255 else picture
