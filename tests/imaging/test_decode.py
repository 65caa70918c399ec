"""Pictures of every kind become upright RGB."""

import io

import numpy as np
import pytest
from PIL import Image

from photographs import drawn
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def odd_pictures():
    image = drawn()
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    frames = [image.quantize(16), image.rotate(180).quantize(16)]
    return {
        "cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "16-bit": encoded(deep, "PNG"),
        "palette": encoded(image.quantize(32), "PNG"),
        "animated": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "grey": encoded(image.convert("L"), "JPEG"),
        "alpha": encoded(image.convert("RGBA"), "PNG"),
        "bilevel": encoded(image.convert("1"), "PNG"),
    }


@pytest.mark.parametrize("kind", odd_pictures())
def test_odd_pictures(kind):
    found = decode_picture(odd_pictures()[kind], kind)
    assert found.image.mode == "RGB"
    assert (found.width, found.height) == found.image.size == (120, 90)
    assert found.frames == (2 if kind == "animated" else 1)
    wanted = drawn() if kind not in ("16-bit", "grey", "bilevel") else drawn().convert("L").convert("RGB")
    if kind != "bilevel":
        assert np.abs(np.asarray(found.image, int) - np.asarray(wanted, int)).mean() < (
            20 if kind in ("palette", "animated") else 8
        )


def test_transparent_parts_lie_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    assert decode_picture(encoded(Image.fromarray(pixels), "PNG"), "x").image.getpixel((0, 0)) == (255, 255, 255)


def test_exif_turns_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6  # its top is at the right
    found = decode_picture(encoded(drawn(), "JPEG", exif=exif, quality=95), "x")
    assert (found.width, found.height) == found.image.size == (90, 120)
    upright = np.asarray(drawn().transpose(Image.Transpose.ROTATE_270), int)
    assert np.abs(np.asarray(found.image, int) - upright).mean() < 3


def test_large_jpegs_are_decoded_small():
    found = decode_picture(encoded(drawn(1600, 1200), "JPEG"), "x", least=100)
    assert (found.width, found.height) == (1600, 1200)
    assert 100 <= min(found.image.size) <= 300


@pytest.mark.parametrize("data", [b"", b"junk", encoded(drawn(), "JPEG")[:400], encoded(drawn(), "PNG")[:200]])
def test_broken_pictures(data):
    with pytest.raises(VertumnusError, match=r"broken\.jpg: "):
        decode_picture(data, "broken.jpg")
