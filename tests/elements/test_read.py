"""Picture files of every kind become upright, trimmed, sRGB elements; bad ones are refused with a reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from drawn import blob, png
from vertumnus.document.pictures import Pictures
from vertumnus.elements.element import make_element
from vertumnus.elements.read import keep_picture, store_picture
from vertumnus.errors import VertumnusError


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def stored_image(stored, data) -> Image.Image:
    pictures = Pictures()
    return pictures.image(pictures.add(stored.encoded if stored.encoded is not None else data))


PHOTO = Image.fromarray(blob(1, 60, 40)[..., :3])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF"])
def test_every_format_is_read(kind):
    data = encoded(PHOTO, kind)
    stored = store_picture(data, f"a.{kind.lower()}", 2048)
    image = stored_image(stored, data)
    assert image.size == (60, 40)
    assert stored.alpha.min() == 255
    assert np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(PHOTO)).mean() < 12
    assert (stored.encoded is None) == (kind in ("PNG", "JPEG", "WEBP"))  # what serves unchanged is kept


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PHOTO, "JPEG", exif=exif, quality=95, subsampling=0)
    stored = store_picture(data, "a.jpg", 2048)
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = stored_image(stored, data)
    assert image.size == upright.size
    assert np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(upright)).mean() < 3
    assert (stored.encoded is None) == (orientation == 1)


def test_transparent_margins_are_trimmed_and_nothing_else():
    pixels = np.zeros((50, 70, 4), np.uint8)
    pixels[11:31, 5:45] = blob(2, 40, 20)
    pixels[11, 5:45, 3] = 200  # so that the trimmed box is known
    pixels[30, 5:45, 3] = 200
    pixels[11:31, 5, 3] = pixels[11:31, 44, 3] = 200
    stored = store_picture(png(pixels), "a.png", 2048)
    assert stored.alpha.shape == (20, 40)
    np.testing.assert_array_equal(np.asarray(stored_image(stored, b"")), pixels[11:31, 5:45])


def test_an_image_without_margins_is_kept_byte_for_byte():
    pixels = blob(3)
    pixels[:, 0, 3] = pixels[:, -1, 3] = pixels[0, :, 3] = pixels[-1, :, 3] = 255
    assert store_picture(png(pixels), "a.png", 2048).encoded is None


def test_long_pictures_are_shrunk():
    stored = store_picture(encoded(PHOTO.resize((3000, 200)), "JPEG"), "a.jpg", 500)
    assert stored.alpha.shape == (33, 500)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA", "I;16"])
def test_unusual_modes_are_read(mode):
    grey = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    data = encoded(image, kind)
    stored = store_picture(data, f"a.{kind.lower()}", 2048)
    seen = np.asarray(stored_image(stored, data).convert("L")).astype(int)
    expected = np.where(grey > 127, 255, 0) if mode == "1" else grey
    if mode != "1":  # which is dithered
        assert np.abs(seen - expected).max() <= 6
    assert stored.alpha.shape == (8, 8)


def test_a_palette_with_transparency_keeps_its_silhouette():
    pixels = blob(4)
    pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
    data = encoded(Image.fromarray(pixels).quantize(method=Image.Quantize.FASTOCTREE), "PNG")
    stored = store_picture(data, "a.png", 2048)
    assert np.count_nonzero(stored.alpha > 127) == np.count_nonzero(pixels[..., 3] > 127)


def test_only_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (9, 7), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert stored_image(store_picture(data, "a.gif", 2048), data).getpixel((4, 3))[:3] == (255, 0, 0)


def test_a_colour_profile_is_converted():
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kept = store_picture(encoded(PHOTO, "PNG", icc_profile=srgb), "a.png", 2048)
    assert kept.encoded is None
    assert lab  # a profile that is no RGB profile cannot be applied, and the picture is not lost for it
    broken = store_picture(encoded(PHOTO, "PNG", icc_profile=b"not a profile"), "a.png", 2048)
    assert broken.alpha.shape == (40, 60)


def test_svg_is_drawn():
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><circle cx="10" cy="10" r="8"/></svg>'
    stored = store_picture(svg, "a.svg", 2048)
    assert stored.suffix == ".png"
    height, width = stored.alpha.shape
    assert abs(width - 16 / 40 * 512) <= 2
    assert abs(height - width) <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 1)])
def test_the_smallest_pictures(size):
    made = make_element(png(np.full((size[1], size[0], 4), 255, np.uint8)), None, "a", "a")
    assert (made.width, made.height, made.area) == (*size, size[0] * size[1])
    assert np.isfinite(made.texture.values).all()


def giant(side: int) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "a.png", "not a picture"),
        (b"hello", "a.jpg", "not a picture"),
        (encoded(PHOTO, "JPEG")[:600], "a.jpg", "damaged"),
        (encoded(PHOTO, "PNG")[:200], "a.png", "damaged"),
        (png(np.zeros((5, 5, 4), np.uint8)), "a.png", "fully transparent"),
        (png(np.full((5, 5, 4), 60, np.uint8)), "a.png", "no silhouette"),
        (giant(10_000), "a.png", "too large"),  # 100 megapixels
        (giant(50_000), "a.png", "too large"),  # a bomb
        (b"<svg", "a.svg", "not a well-formed SVG"),
    ],
)
def test_bad_pictures_are_refused_with_a_reason(data, name, words):
    with pytest.raises(VertumnusError) as caught:
        store_picture(data, name, 2048)
    assert str(caught.value).startswith(f"{name}: ")
    assert words in str(caught.value)


def test_keep_picture_changes_nothing():
    data = png(blob(5))
    stored = keep_picture(data, "a")
    assert stored.encoded is None
    assert stored.alpha.shape == blob(5).shape[:2]
