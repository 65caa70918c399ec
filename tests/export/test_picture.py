"""Pictures are written whole or not at all."""

import subprocess
import sys

import pytest

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


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are Unix's")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
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
