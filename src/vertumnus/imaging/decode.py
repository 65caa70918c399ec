"""A picture file as upright sRGB bytes, decoded no larger than it is needed. The one place that decodes."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vertumnus.errors import VertumnusError
from vertumnus.imaging.camera import (
    HEIF_SUFFIXES,
    NO_HEIF,
    RAW_SUFFIXES,
    develop,
    heif_is_there,
    is_heif,
    is_raw,
)
from vertumnus.imaging.srgb import eight_bit_rgb, to_srgb
from vertumnus.limits import MAX_PIXELS

# Sizes are checked here, with a sentence; Pillow's own warning would come first.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module="PIL[.]")  # what can be read in spite of damage, is

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
PICTURE_SUFFIXES = (
    frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif", ".bmp", ".svg", ".svgz"})
    | HEIF_SUFFIXES
    | RAW_SUFFIXES
)
TILE_SUFFIXES = PICTURE_SUFFIXES - {".svg", ".svgz"}
SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
PIXELS_AT_ONCE, PIXELS_A_CORE = 96_000_000, 24_000_000  # decoded at the same time; some ten bytes of memory each
HALVINGS = 3  # a JPEG can be decoded at a half, a quarter and an eighth


class Decoded(NamedTuple):
    """A picture and what its file said.

    image    RGB, or RGBA if anything in it is transparent; upright, at least as large as asked for where the file is
    width, height   of the whole picture, upright
    several  whether this is the first picture of an animation, or the first page
    """

    image: Image.Image
    width: int
    height: int
    several: bool


class _Budget:
    """So many pixels may be decoded at once, by all threads together; a larger picture waits until it is alone."""

    def __init__(self, pixels: int) -> None:
        self.pixels, self.taken = pixels, 0
        self.changed = threading.Condition()
        self.mine = threading.local()

    @contextlib.contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        if getattr(self.mine, "held", False):  # it must not wait for itself
            yield
            return
        with self.changed:
            while self.taken and self.taken + pixels > self.pixels:
                self.changed.wait()
            self.taken += pixels
        self.mine.held = True
        try:
            yield
        finally:
            self.mine.held = False
            with self.changed:
                self.taken -= pixels
                self.changed.notify_all()


_budget = _Budget(max(PIXELS_AT_ONCE, PIXELS_A_CORE * (os.cpu_count() or 1)))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _budget.__init__(_budget.pixels))  # type: ignore[misc]


@contextlib.contextmanager
def open_image(data: bytes, where: str, formats: Sequence[str] = FORMATS) -> Iterator[Image.Image]:
    """An encoded picture, opened but not decoded yet; decode it within the block.

    Raises `VertumnusError` for what is no picture of those formats or has more than `MAX_PIXELS` pixels, and for
    whatever any decoder raises within the block.
    """
    camera = tuple(formats) == FORMATS
    if camera and is_raw(where):
        image = develop(data, where)
        with _budget.take(image.width * image.height):
            yield image
        return
    try:
        known = [*formats, *(["HEIF"] if camera and is_heif(data) and heif_is_there() else [])]
        with Image.open(io.BytesIO(data), formats=known) as image:
            if image.width * image.height > MAX_PIXELS:
                raise VertumnusError(
                    f"{where}: {image.width} x {image.height} pixels is too large, at most {MAX_PIXELS:,} are read"
                )
            with _budget.take(image.width * image.height):
                yield image
    except VertumnusError:
        raise
    except UnidentifiedImageError:
        if camera and is_heif(data) and not heif_is_there():
            raise VertumnusError(f"{where}: {NO_HEIF}") from None
        said = "not a picture of a known format" if tuple(formats) == FORMATS else f"not a {' or '.join(formats)}"
        raise VertumnusError(f"{where}: {said}") from None
    except Image.DecompressionBombError:
        raise VertumnusError(f"{where}: too large, at most {MAX_PIXELS:,} pixels are read") from None
    except Exception as error:  # decoders raise whatever they like for a damaged file
        said = str(error) or type(error).__name__
        raise VertumnusError(f"{where}: damaged picture ({said})") from None


def _orientation(image: Image.Image) -> int:
    if "exif" not in image.info and image.format == "JPEG":
        return 1
    return int(image.getexif().get(0x0112, 1))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture once it stands upright."""
    width, height = image.size
    return (height, width) if _orientation(image) in SIDEWAYS else (width, height)


def decode(data: bytes, where: str, least: int | None = None, formats: Sequence[str] = FORMATS) -> Decoded:
    """Decodes a picture of any mode.

    least   pixels of the shorter side that are enough: a JPEG is then decoded at a half, quarter or eighth

    Raises `VertumnusError` if it is no picture, damaged or larger than `MAX_PIXELS`.
    """
    with open_image(data, where, formats) as image:
        width, height = image.size
        if least is not None and image.format == "JPEG":
            shorter = min(width, height)
            image.draft("RGB", (width * least // shorter, height * least // shorter))
        orientation = _orientation(image)
        profile = image.info.get("icc_profile")
        several = bool(getattr(image, "is_animated", False))  # to count them could take for ever
        picture = ImageOps.exif_transpose(image) if orientation != 1 else image
        if profile:
            picture, _ = to_srgb(picture, profile)
        if picture.mode != "RGB":
            picture = eight_bit_rgb(picture)
        picture.load()
        if orientation in SIDEWAYS:
            width, height = height, width
        return Decoded(picture.copy() if picture is image else picture, width, height, several)


def decode_picture(data: bytes, where: str, least: int | None = None) -> Decoded:
    """As `decode`, transparent parts on white: RGB in any case."""
    found = decode(data, where, least)
    if found.image.mode == "RGB":
        return found
    ground = Image.new("RGB", found.image.size, "white")
    ground.paste(found.image, mask=found.image.getchannel("A"))
    return found._replace(image=ground)


def picture_of(given: Image.Image | NDArray[Any], where: str) -> Image.Image:
    """A picture in memory: Pillow's own, or an array, H x W of greys or H x W x 3 or 4 of colours from 0 to 255.

    In an array of truth values what is true is black.

    Raises `VertumnusError` beginning with ``where`` for an array that is none.
    """
    if isinstance(given, Image.Image):
        return given
    if given.ndim not in (2, 3) or not given.size or (given.ndim == 3 and given.shape[2] not in (3, 4)):
        shape = " x ".join(map(str, given.shape)) or "no"
        raise VertumnusError(f"{where}: an array of {shape} numbers is no picture; those are H x W or H x W x 3 or 4")
    values = np.where(given, 0, 255) if given.dtype == bool else given
    if values.dtype.kind not in "iuf" or not (np.isfinite(values).all() and 0 <= values.min() <= values.max() <= 255):
        raise VertumnusError(f"{where}: an array is a picture if its numbers are from 0 to 255")
    return Image.fromarray(np.ascontiguousarray(values, np.uint8))
