"""Pictures are written whole or not at all."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import vertumnus as vt
from drawn import blob
from vertumnus.document.collage import Collage, Layer

CODE = """
import resource, sys
from pathlib import Path
import vertumnus as vt
from vertumnus.export.picture import save_picture
collage = vt.Collage.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
try:
    save_picture(collage, Path(sys.argv[2]), 2.0, "white")
except vt.VertumnusError as error:
    print(error)
"""


SLOW = [pytest.param(f"a.{kind}", marks=pytest.mark.slow) for kind in ("jpg", "webp", "tif")]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are Unix's")
@pytest.mark.parametrize("name", ["a.png", *SLOW])
def test_a_full_disk_leaves_what_was_there(tmp_path, name):
    import vertumnus as vt

    path = tmp_path / name
    path.write_bytes(b"old")
    vt.pack(["icon:apple"], "circle", size=200, count=9, quality="fast").save(tmp_path / "a.collage")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "a.collage"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written (File too large)" in done.stdout
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "background"),
    [("a.jpg", "#fed"), ("a.tif", "#fed"), ("a.dzi", "#fed"), ("a.png", None), ("b.tif", None)],
)
def test_every_collage_is_written_in_bands(tmp_path, monkeypatch, name, background):
    """No picture of the whole is made, and what is written is what is drawn."""
    collage = Collage(width=300, height=900, background=background)
    for n in range(30):
        image = collage.pictures.add_pixels(blob(n, 40, 40))
        collage.layers.append(Layer(name="a", image=image, x=20 + 9 * n, y=15 + 29 * n, scale=1, rotation=7 * n))
    whole = np.asarray(collage.render())
    drawn = whole[..., :3].astype(float)
    monkeypatch.setattr("vertumnus.export.picture.render", None)
    assert vt.save_picture(collage, tmp_path / name) == (300, 900)
    if name == "a.dzi":
        top = max(int(path.name) for path in (tmp_path / "a_files").iterdir() if path.name.isdigit())
        tile = np.asarray(Image.open(tmp_path / "a_files" / str(top) / "0_0.jpg"), float)
        assert np.abs(tile - drawn[: tile.shape[0], : tile.shape[1]]).mean() < 3
    elif background is None:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), whole)
    else:
        with Image.open(tmp_path / name) as found:
            assert np.abs(np.asarray(found.convert("RGB"), float) - drawn).mean() < 3
