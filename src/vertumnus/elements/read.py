"""Reading one picture file: upright, in sRGB, trimmed, at a sane size, ready to be stored."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vertumnus.document.pictures import SUFFIXES, Pictures
from vertumnus.elements.drawing import read_drawing
from vertumnus.elements.svg import draw_exactly, draw_svg, read_svg
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import open_image
from vertumnus.imaging.srgb import eight_bit_rgb, to_srgb

SVG_SIDE = 512  # pixels of the longer side that a drawing becomes as an element
INVISIBLE = 4  # alpha below this is margin
PHOTOGRAPHS = ("JPEG", "HEIF", "RAW")  # formats that are encoded anew as JPEG
EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


class StoredPicture(NamedTuple):
    """A picture as a collage keeps it.

    encoded  the bytes to store, or None where the file itself serves unchanged
    suffix   of its name in the collage
    alpha    H x W, 0 to 255
    drawing  what a drawing was, as an SVG on a canvas of the picture's pixels
    """

    encoded: bytes | None
    suffix: str
    alpha: NDArray[np.uint8]
    drawing: bytes | None = None


def store_picture(data: bytes, where: str, max_side: int) -> StoredPicture:
    """What a collage stores of a picture file, and its alpha.

    The file is kept byte for byte where it can be: a PNG, JPEG or WebP that is upright, in sRGB, eight
    bits deep, without transparent margins and no longer than ``max_side``. Otherwise it is encoded anew,
    as JPEG if it was one and as PNG else.

    Raises `VertumnusError` for what is no picture, is damaged, is larger than `MAX_PIXELS` or shows nothing.
    """
    name = Path(where).name.lower()
    if name.endswith((".svg", ".svgz")) or data.lstrip()[:5] in (b"<?xml", b"<svg "):
        return _store_drawing(data, where)
    return _store_raster(data, where, max_side)


def _store_drawing(data: bytes, where: str) -> StoredPicture:
    """The picture of an SVG, and the SVG; of one that does not say how large it is, the picture alone."""
    drawing = read_drawing(data, where)
    if drawing is None:
        image = Image.fromarray(draw_svg(read_svg(data, where), SVG_SIDE, SVG_SIDE, where), "RGBA")
        box = visible_box(image)
        return _encode(image.crop(box) if box else image, where, "PNG")
    width, height = drawing.fitted(SVG_SIDE)
    image = Image.fromarray(draw_exactly(drawing.written(width, height), width, height, where), "RGBA")
    box = visible_box(image)
    stored = _encode(image.crop(box) if box else image, where, "PNG")
    return stored._replace(drawing=drawing.written(width, height, box))


def keep_picture(data: bytes, where: str) -> StoredPicture:
    """A picture that a collage holds already, exactly as it is.

    Raises `VertumnusError` if it is damaged or has no silhouette.
    """
    pictures = Pictures()
    name = pictures.add(data)
    return StoredPicture(None, Path(name).suffix, _alpha_of(pictures.image(name), where))


def _store_raster(data: bytes, where: str, max_side: int) -> StoredPicture:
    with open_image(data, where) as image:
        kind = str(image.format)
        profile = image.info.get("icc_profile")
        keep = (
            kind in SUFFIXES
            and image.mode in EIGHT_BIT_MODES
            and image.getexif().get(0x0112, 1) == 1
            and not getattr(image, "is_animated", False)
        )
        if kind == "JPEG":
            size = image.size
            image.draft("RGB", (max_side, max_side))  # decodes a huge photograph at a half or a quarter
            keep = keep and image.size == size
        picture = ImageOps.exif_transpose(image)
        if profile:
            picture, converted = to_srgb(picture, profile)
            keep = keep and not converted
        picture = eight_bit_rgb(picture)
        if max(picture.size) > max_side:
            picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
            keep = False
    box = visible_box(picture)
    if box is None:
        raise VertumnusError(f"{where}: fully transparent, so there is nothing to place")
    if box != (0, 0, *picture.size):
        picture, keep = picture.crop(box), False
    if keep:
        return StoredPicture(None, SUFFIXES[kind], _alpha_of(picture, where))
    return _encode(picture, where, "JPEG" if kind in PHOTOGRAPHS else "PNG")


def visible_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what of a picture shows; None if nothing does."""
    if picture.mode != "RGBA":
        return (0, 0, *picture.size)
    return picture.getchannel("A").point([0] * INVISIBLE + [255] * (256 - INVISIBLE)).getbbox()


def _alpha_of(picture: Image.Image, where: str) -> NDArray[np.uint8]:
    if picture.mode != "RGBA":
        return np.full((picture.height, picture.width), 255, np.uint8)
    alpha = np.asarray(picture.getchannel("A"))
    if alpha.max() <= 127:
        raise VertumnusError(f"{where}: no pixel is more than half opaque, so it has no silhouette")
    return alpha


def _encode(picture: Image.Image, where: str, kind: str) -> StoredPicture:
    alpha = _alpha_of(picture, where)
    if kind == "JPEG" and picture.mode == "RGB":
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
        return StoredPicture(buffer.getvalue(), ".jpg", alpha)
    return StoredPicture(picture_bytes(picture), ".png", alpha)


def picture_bytes(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
