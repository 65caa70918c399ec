"""Reading one picture file: upright, in sRGB, trimmed, at a sane size, ready to be stored."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from vertumnus.document.pictures import MAX_PIXELS, SUFFIXES, Pictures
from vertumnus.elements.svg import draw_svg, read_svg
from vertumnus.errors import VertumnusError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif", ".svg", ".svgz"})
FORMATS = ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF"]
SVG_SIDE = 512  # pixels of the longer side that a drawing becomes as an element
INVISIBLE = 4  # alpha below this is margin
EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


class StoredPicture(NamedTuple):
    """A picture as a collage keeps it.

    encoded  the bytes to store, or None where the file itself serves unchanged
    suffix   of its name in the collage
    alpha    H x W, 0 to 255
    """

    encoded: bytes | None
    suffix: str
    alpha: NDArray[np.uint8]


def store_picture(data: bytes, where: str, max_side: int) -> StoredPicture:
    """What a collage stores of a picture file, and its alpha.

    The file is kept byte for byte where it can be: a PNG, JPEG or WebP that is upright, in sRGB, eight
    bits deep, without transparent margins and no longer than ``max_side``. Otherwise it is encoded anew,
    as JPEG if it was one and as PNG else.

    Raises `VertumnusError` for what is no picture, is damaged, is larger than `MAX_PIXELS` or shows nothing.
    """
    name = Path(where).name.lower()
    if name.endswith((".svg", ".svgz")) or data.lstrip()[:5] in (b"<?xml", b"<svg "):
        return _encode(_rgba_image(draw_svg(read_svg(data, where), SVG_SIDE, SVG_SIDE, where)), where, "PNG")
    try:
        return _store_raster(data, where, max_side)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, VertumnusError):
            raise
        if isinstance(error, Image.DecompressionBombError):
            raise VertumnusError(f"{where}: too large, at most {MAX_PIXELS:,} pixels are read") from None
        if isinstance(error, UnidentifiedImageError):
            raise VertumnusError(f"{where}: not a picture of a known format") from None
        raise VertumnusError(f"{where}: damaged picture ({error})") from None


def keep_picture(data: bytes, where: str) -> StoredPicture:
    """A picture that a collage holds already, exactly as it is.

    Raises `VertumnusError` if it is damaged or has no silhouette.
    """
    pictures = Pictures()
    name = pictures.add(data)
    return StoredPicture(None, Path(name).suffix, _alpha_of(pictures.image(name), where))


def _store_raster(data: bytes, where: str, max_side: int) -> StoredPicture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise VertumnusError(
                f"{where}: {image.width} x {image.height} pixels is too large, at most {MAX_PIXELS:,} are read"
            )
        kind = str(image.format)
        profile = image.info.get("icc_profile")
        keep = (
            kind in SUFFIXES
            and image.mode in EIGHT_BIT_MODES
            and image.getexif().get(0x0112, 1) == 1
            and getattr(image, "n_frames", 1) == 1
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
    box = _visible_box(picture)
    if box is None:
        raise VertumnusError(f"{where}: fully transparent, so there is nothing to place")
    if box != (0, 0, *picture.size):
        picture, keep = picture.crop(box), False
    if keep:
        return StoredPicture(None, SUFFIXES[kind], _alpha_of(picture, where))
    return _encode(picture, where, "JPEG" if kind == "JPEG" else "PNG")


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
        shallow = np.asarray(picture)
        picture = Image.fromarray(np.clip(shallow * 255 + 0.5, 0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    lowest, _ = picture.getchannel("A").getextrema()
    return picture.convert("RGB") if lowest == 255 else picture


def _visible_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    if picture.mode != "RGBA":
        return (0, 0, *picture.size)
    return picture.getchannel("A").point([0] * INVISIBLE + [255] * (256 - INVISIBLE)).getbbox()


def _rgba_image(rgba: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(rgba, "RGBA")
    box = _visible_box(image)
    return image.crop(box) if box else image


def _alpha_of(picture: Image.Image, where: str) -> NDArray[np.uint8]:
    if picture.mode != "RGBA":
        return np.full((picture.height, picture.width), 255, np.uint8)
    alpha = np.asarray(picture.getchannel("A"))
    if alpha.max() <= 127:
        raise VertumnusError(f"{where}: no pixel is more than half opaque, so it has no silhouette")
    return alpha


def _encode(picture: Image.Image, where: str, kind: str) -> StoredPicture:
    alpha = _alpha_of(picture, where)
    buffer = io.BytesIO()
    if kind == "JPEG" and picture.mode == "RGB":
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
        return StoredPicture(buffer.getvalue(), ".jpg", alpha)
    picture.save(buffer, "PNG", compress_level=3)
    return StoredPicture(buffer.getvalue(), ".png", alpha)
