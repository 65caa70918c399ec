"""A picture file as upright sRGB bytes, decoded no larger than it is needed."""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from vertumnus.document.pictures import MAX_PIXELS
from vertumnus.elements.read import FORMATS, PICTURE_SUFFIXES, eight_bit_rgb, to_srgb
from vertumnus.errors import VertumnusError

TILE_SUFFIXES = PICTURE_SUFFIXES - {".svg", ".svgz"}
SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height


class Decoded(NamedTuple):
    """A picture and what its file said.

    image    RGB, upright, at least as large as asked for where the file is
    width, height   of the whole picture, upright
    frames   more than one for an animation, of which this is the first
    """

    image: Image.Image
    width: int
    height: int
    frames: int


def decode_picture(data: bytes, where: str, least: int | None = None) -> Decoded:
    """Decodes a PNG, JPEG, WebP, AVIF, TIFF or GIF of any mode; transparent parts lie on white.

    least   pixels of the shorter side that are enough: a JPEG is then decoded at a half, quarter or eighth

    Raises `VertumnusError` if it is no picture, damaged or larger than `MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise VertumnusError(
                    f"{where}: {width} x {height} pixels is too large, at most {MAX_PIXELS:,} are read"
                )
            if least is not None and image.format == "JPEG":
                shorter = min(width, height)
                image.draft("RGB", (width * least // shorter, height * least // shorter))
            orientation = image.getexif().get(0x0112, 1) if "exif" in image.info or image.format != "JPEG" else 1
            profile = image.info.get("icc_profile")
            frames = int(getattr(image, "n_frames", 1))
            picture = ImageOps.exif_transpose(image) if orientation != 1 else image
            if profile:
                picture, _ = to_srgb(picture, profile)
            if picture.mode != "RGB":
                picture = eight_bit_rgb(picture)
            if picture.mode == "RGBA":
                ground = Image.new("RGB", picture.size, "white")
                ground.paste(picture, mask=picture.getchannel("A"))
                picture = ground
            picture.load()
            if orientation in SIDEWAYS:
                width, height = height, width
            return Decoded(picture.copy() if picture is image else picture, width, height, frames)
    except VertumnusError:
        raise
    except UnidentifiedImageError:
        raise VertumnusError(f"{where}: not a picture of a known format") from None
    except Image.DecompressionBombError:
        raise VertumnusError(f"{where}: too large, at most {MAX_PIXELS:,} pixels are read") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError) as error:
        raise VertumnusError(f"{where}: damaged picture ({error})") from None
