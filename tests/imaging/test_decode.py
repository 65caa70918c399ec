"""Pictures of every kind become upright RGB."""

import io
import threading

import numpy as np
import pytest
from PIL import GifImagePlugin, Image, TiffImagePlugin

from photographs import drawn
from vertumnus.elements.read import store_picture
from vertumnus.errors import VertumnusError
from vertumnus.imaging import decode as decode_module
from vertumnus.imaging import srgb
from vertumnus.imaging.decode import decode, decode_picture, open_image


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
    assert found.several == (kind == "animated")
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


def test_wide_numbers_become_bytes_in_bands_as_they_would_at_once(monkeypatch):
    monkeypatch.setattr(srgb, "BAND", 100)
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 65536, (37, 23)).astype(np.uint16)
    expected = np.clip(deep.astype(np.int64) / 257 + 0.5, 0, 255).astype(np.uint8)
    for mode in ("I;16", "I"):
        picture = Image.fromarray(deep if mode == "I;16" else deep.astype(np.int32))
        assert picture.mode == mode
        np.testing.assert_array_equal(np.asarray(srgb.eight_bit_rgb(picture))[..., 0], expected)
    shallow = np.where(deep > 60000, np.nan, deep / 50000).astype(np.float32)
    expected = np.clip(np.nan_to_num(shallow) * 255 + 0.5, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(srgb.eight_bit_rgb(Image.fromarray(shallow)))[..., 0], expected)


def test_only_so_many_pixels_are_decoded_at_once(monkeypatch):
    monkeypatch.setattr(decode_module, "_budget", decode_module._Budget(1500))
    data = encoded(Image.new("RGB", (40, 25)), "PNG")
    together = []
    inside = threading.Semaphore(0)

    def look():
        with open_image(data, "a"), open_image(data, "a, within the first"):
            together.append(decode_module._budget.taken)
            inside.release()

    with open_image(data, "first"):
        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert not inside.acquire(timeout=0.05)  # they wait
    for thread in threads:
        thread.join(10)
    assert together == [1000] * 4
    assert decode_module._budget.taken == 0


def test_pages_and_frames_are_not_counted(monkeypatch):
    # A chain of 20,000 pages, in two megabytes, takes many seconds to go through.
    def counted(_):
        raise AssertionError("counted")

    pages = [Image.new("L", (9, 9), 40 * n) for n in range(3)]
    for kind, plugin in (("TIFF", TiffImagePlugin.TiffImageFile), ("GIF", GifImagePlugin.GifImageFile)):
        data = encoded(pages[0], kind, save_all=True, append_images=pages[1:])
        monkeypatch.setattr(plugin, "n_frames", property(counted))
        assert decode(data, "a").several
        assert store_picture(data, "a", 100).suffix == ".png"
