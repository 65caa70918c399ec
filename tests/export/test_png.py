"""The PNG writer, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image

from vertumnus.export.png import write_png


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_what_is_written_is_read(rows):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 37, 4)).astype(np.uint8)
    stream = io.BytesIO()
    write_png(stream, 37, 50, (pixels[top : top + rows] for top in range(0, 50, rows)))
    with Image.open(stream) as image:
        image.load()
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image), pixels)
