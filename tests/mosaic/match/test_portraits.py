"""A tile that is cut to its cell keeps its face."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from vertumnus.mosaic.mosaic import make_mosaic

FACE = (178, 62, 275, 165)  # of the astronaut's 512 x 512 pixels; told by eye


@pytest.fixture
def portraits(tmp_path):
    """Two strips three times as wide as high, a face at their left or right end, and a plain one."""
    folder = tmp_path / "portraits"
    folder.mkdir()
    part = Image.fromarray(data.astronaut()).crop((100, 0, 356, 256))
    for n, x in enumerate((0, 512)):
        strip = Image.new("RGB", (768, 256), (30 + 60 * n, 90, 60))
        strip.paste(part, (x, 0))
        strip.save(folder / f"{'left' if n == 0 else 'right'}.png")
    Image.new("RGB", (768, 256), "white").save(folder / "plain.png")
    return folder


@pytest.mark.parametrize("turns", [False, True])
def test_a_tile_that_is_cut_to_its_cell_keeps_its_face(portraits, tmp_path, turns):
    ramp = np.linspace(0, 255, 60, dtype=np.uint8)
    Image.fromarray(np.broadcast_to(ramp[None, :, None], (20, 60, 3)).copy()).save(tmp_path / "reference.png")
    wanted = {"left": (0 + FACE[0] - 100, 0 + FACE[2] - 100), "right": (512 + FACE[0] - 100, 512 + FACE[2] - 100)}
    kept, middle = (
        make_mosaic(tmp_path / "reference.png", portraits, grid="1x3", unique=True, turns=turns, keep_faces=keep)
        for keep in (True, False)
    )
    assert kept.made_by.report["faces"] == 2
    assert "faces" not in middle.made_by.report
    for collage, whole in ((kept, True), (middle, False)):
        for layer in collage.layers:
            left, top, wide, tall = layer.crop
            assert (wide, tall, top) == (256, 256, 0)
            if layer.name == "plain":
                assert left == 256
            else:
                first, last = wanted[layer.name]
                assert (left <= first and last <= left + wide) == whole
