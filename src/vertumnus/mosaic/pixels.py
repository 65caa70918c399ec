"""Part of a collage's picture at a size: from a smaller version where that is large enough, else from the file."""

from __future__ import annotations

import math

from PIL import Image

from vertumnus.document.pictures import Pictures
from vertumnus.imaging.decode import HALVINGS

ENOUGH = 0.98  # of the pixels needed: a smaller version is enlarged by no more than this


def part_of(
    pictures: Pictures, name: str, box: tuple[int, int, int, int], size: tuple[int, int] | None, alpha: bool = False
) -> Image.Image:
    """A box (left, top, right, bottom) of a picture, resampled to ``size``; None for some 96 pixels or more.

    alpha   keep transparent parts; else they lie on white
    """
    width, height = pictures.size(name)
    left, top, right, bottom = box
    need = size or (96, 96)
    preview = pictures.preview(name)
    if preview is not None:
        by_x, by_y = preview.width / width, preview.height / height
        if (right - left) * by_x >= ENOUGH * need[0] and (bottom - top) * by_y >= ENOUGH * need[1]:
            return _resized(preview.open(), (left * by_x, top * by_y, right * by_x, bottom * by_y), size)
    share = max(need[0] / (right - left), need[1] / (bottom - top))
    halvings = max(0, min(HALVINGS, math.floor(-math.log2(share))))
    picture = pictures.decoded(name, halvings)
    if picture.mode == "RGBA" and not alpha:
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    by_x, by_y = picture.width / width, picture.height / height
    return _resized(picture, (left * by_x, top * by_y, right * by_x, bottom * by_y), size)


def _resized(
    picture: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int] | None
) -> Image.Image:
    if size is None:
        return picture if box == (0, 0, *picture.size) else picture.crop(tuple(map(round, box)))  # type: ignore[arg-type]
    if picture.mode == "RGBA":  # colours of what is transparent must not bleed
        return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0).convert("RGBA")
    return picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=2.0)
