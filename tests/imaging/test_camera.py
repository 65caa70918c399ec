"""What telephones and cameras write is read, or says what to install."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from photographs import drawn
from vertumnus.elements.read import store_picture
from vertumnus.errors import VertumnusError
from vertumnus.imaging import camera
from vertumnus.imaging.decode import PICTURE_SUFFIXES, decode


def heic(image):
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


def raw(red, green, blue, side=32):
    """A small DNG whose sensor saw one colour, linear, 16 bits."""
    seen = np.empty((side, side + 16), np.uint16)
    seen[0::2, 0::2], seen[0::2, 1::2], seen[1::2, 0::2], seen[1::2, 1::2] = red, green, green, blue
    # From XYZ to the camera, which sees as sRGB's primaries do (IEC 61966-2-1).
    matrix = [3.2404, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572]
    tags = [
        (50706, "B", 4, bytes([1, 4, 0, 0]), True), (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True), (50708, "s", 0, "Test", True), (50778, "H", 1, 21, True),
        (50721, "2i", 9, tuple(v for m in matrix for v in (round(m * 10000), 10000)), True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True), (50714, "H", 1, 0, True), (50717, "H", 1, 65535, True),
    ]  # fmt: skip
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, seen, photometric=32803, extratags=tags, metadata=None)
    return buffer.getvalue()


def test_bmp_is_read():
    buffer = io.BytesIO()
    drawn().save(buffer, "BMP")
    np.testing.assert_array_equal(np.asarray(decode(buffer.getvalue(), "a.bmp").image), np.asarray(drawn()))
    assert {".bmp", ".heic", ".nef"} <= PICTURE_SUFFIXES


def test_heic_is_read_and_stored_as_a_photograph():
    data = heic(drawn(128, 96))
    found = decode(data, "a.heic").image
    assert np.abs(np.asarray(found, int) - np.asarray(drawn(128, 96), int)).mean() < 8
    assert store_picture(data, "a.heic", 2048).suffix == ".jpg"


def test_without_its_library_heic_says_what_to_install(monkeypatch):
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    monkeypatch.setattr("vertumnus.imaging.decode.heif_is_there", lambda: False)
    with pytest.raises(
        VertumnusError, match=r"a.heic: a HEIC picture; to read those, pip install 'vertumnus\[heic\]'"
    ):
        decode(data, "a.heic")


def test_raw_is_developed():
    pytest.importorskip("rawpy")
    stored = store_picture(raw(9000, 30000, 9000), "a.dng", 2048)
    assert stored.suffix == ".jpg"
    assert stored.alpha.shape == (32, 48)
    red, green, blue = np.asarray(Image.open(io.BytesIO(stored.encoded)))[16, 20].tolist()
    assert green > 1.4 * max(red, blue)
    with pytest.raises(VertumnusError, match=r"a.dng: damaged camera raw"):
        decode(b"junk", "a.dng")


def test_raw_without_its_library_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(VertumnusError, match=r"a.NEF: camera raw; to read that, pip install 'vertumnus\[raw\]'"):
        camera.develop(b"", "a.NEF")
