"""Formats written band by band, read back by Pillow and tifffile."""

import subprocess
import sys
import textwrap
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.export.banded import save_bands
from vertumnus.export.deepzoom import GENERATED, MARKER, save_deepzoom
from vertumnus.export.pyramid import Pyramid, level_sizes
from vertumnus.imaging.pyramid import halve


def smooth(width, height):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 97 + 60], axis=-1).astype(np.uint8)


def bands(pixels, rows):
    return (pixels[top : top + rows] for top in range(0, len(pixels), rows))


@pytest.mark.parametrize("rows", [1000, 37, 16])
@pytest.mark.parametrize("size", [(300, 211), (1, 1), (65, 640), (700, 520)])
def test_png_and_tiff_keep_every_pixel(tmp_path, size, rows):
    pixels = smooth(*size)
    for name in ("a.png", "a.tif"):
        save_bands(bands(pixels, rows), *size, tmp_path / name)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("size", [(300, 211), (1, 1), (1100, 640)])
def test_a_tiff_with_alpha_is_read_alike_by_others(tmp_path, size):
    width, height = size
    pixels = np.concatenate([smooth(*size), smooth(*size)[..., :1]], axis=-1)
    pixels[: height // 2, : width // 2] = 0
    save_bands(bands(pixels, 37), *size, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.asarray(), pixels)
        assert file.pages[0].extrasamples == (tifffile.EXTRASAMPLE.UNASSALPHA,)
        levels = [level.asarray() for level in file.series[0].levels]
    with Image.open(tmp_path / "a.tif") as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    for large, small in pairwise(levels):
        even = large[: len(large) // 2 * 2, : large.shape[1] // 2 * 2].astype(float)
        four = even.reshape(len(even) // 2, 2, -1, 2, 4).transpose(0, 2, 1, 3, 4).reshape(len(even) // 2, -1, 4, 4)
        alpha = four[..., 3:]
        colour = (four[..., :3] * alpha).sum(axis=2) / np.maximum(alpha.sum(axis=2), 1)
        expected = np.concatenate([colour, alpha.mean(axis=2)], axis=-1)
        assert np.abs(small[: expected.shape[0], : expected.shape[1]] - expected).max(initial=0) <= 0.51


def test_tiff_is_a_pyramid(tmp_path):
    pixels = smooth(1900, 1301)
    save_bands(bands(pixels, 100), 1900, 1301, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        levels = file.series[0].levels
        assert [level.shape for level in levels] == [(1301, 1900, 3), (651, 950, 3), (326, 475, 3)]
        np.testing.assert_array_equal(levels[1].asarray(), halve(pixels))
        assert file.pages[0].is_tiled
    with Image.open(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("size", [(300, 211), (9, 64), (640, 128), (33, 513), (1, 1)])
@pytest.mark.parametrize("rows", [50, 640])
def test_jpeg_joined_at_restart_markers_is_the_jpeg_of_the_whole(tmp_path, size, rows):
    pixels = smooth(*size)
    save_bands(bands(pixels, rows), *size, tmp_path / "a.jpg")
    Image.fromarray(pixels).save(tmp_path / "whole.jpg", quality=92, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as joined, Image.open(tmp_path / "whole.jpg") as whole:
        np.testing.assert_array_equal(np.asarray(joined), np.asarray(whole))


def test_deep_zoom_levels_and_tiles(tmp_path):
    pixels = smooth(700, 520)
    save_bands(bands(pixels, 33), 700, 520, tmp_path / "a.dzi")
    assert 'Width="700" Height="520"' in (tmp_path / "a.dzi").read_text()
    folder = tmp_path / "a_files"
    assert sorted(int(path.name) for path in folder.iterdir() if path.is_dir()) == list(range(11))
    with Image.open(folder / "0" / "0_0.jpg") as image:
        assert image.size == (1, 1)
    top = {path.name for path in (folder / "10").iterdir()}
    assert top == {f"{x}_{y}.jpg" for x in range(3) for y in range(3)}
    with Image.open(folder / "10" / "1_1.jpg") as image:
        assert image.size == (256, 256)  # 254 and one pixel of overlap on each side
        assert np.abs(np.asarray(image, int) - pixels[253:509, 253:509]).mean() < 3
    with Image.open(folder / "10" / "2_2.jpg") as image:
        assert image.size == (700 - 507, 520 - 507)


def test_deep_zoom_replaces_an_older_one(tmp_path):
    for size in ((900, 900), (100, 80)):
        save_bands(bands(smooth(*size), 64), *size, tmp_path / "a.dzi")
    assert len([path for path in (tmp_path / "a_files").iterdir() if path.is_dir()]) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dzi", "a_files"]


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["a.dzi", "a_files/0/0_0.jpg", "a.html"])
def test_deep_zoom_of_others_is_replaced_only_by_force(tmp_path, name):
    """What lies where the pyramid belongs and is not the program's own is named and kept."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("years of work")
    before = everything(tmp_path)
    beside = {tmp_path / "a.html": f"<!-- {GENERATED} -->".encode()}
    save = partial(save_deepzoom, tmp_path / "a.dzi", 40, 30, beside=beside)
    with pytest.raises(VertumnusError, match=f"{name.split('/')[0]}: is not vertumnus's own"):
        save(bands(smooth(40, 30), 16))
    assert everything(tmp_path) == before
    save(bands(smooth(40, 30), 16), force=True)
    assert GENERATED in (tmp_path / "a.dzi").read_text()
    save(bands(smooth(40, 30), 16))  # its own now
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dzi", "a.html", "a_files"]


def test_deep_zoom_never_replaces_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / MARKER).write_text("")
    (tmp_path / "a_files").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VertumnusError, match="a_files: is a link"):
        save_deepzoom(tmp_path / "a.dzi", 40, 30, bands(smooth(40, 30), 16), force=True)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [MARKER]


@pytest.mark.parametrize("step", range(1, 5))
def test_an_old_deep_zoom_is_kept_until_the_new_one_is_whole(tmp_path, monkeypatch, step):
    """Whichever renaming fails, the old pyramid, page and all, is back."""
    page = {tmp_path / "a.html": GENERATED.encode()}
    save_deepzoom(tmp_path / "a.dzi", 90, 90, bands(smooth(90, 90), 64), beside=page)
    before = everything(tmp_path)
    calls, replace = [], Path.replace

    def failing(self, target):
        calls.append(target)
        if len(calls) == step:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(VertumnusError, match="No space left"):
            save_deepzoom(tmp_path / "a.dzi", 30, 20, bands(smooth(30, 20), 64), beside=page)
    assert everything(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dzi", "a.html", "a_files"]


def test_pyramid_levels_do_not_depend_on_the_bands():
    pixels = smooth(203, 157)
    found = []
    for rows in (1, 7, 157):
        levels = {}
        pyramid = Pyramid(
            level_sizes(203, 157, 10), lambda level, first, part, into=levels: into.setdefault(level, []).append(part)
        )
        for band in bands(pixels, rows):
            pyramid.add(band)
        found.append([np.concatenate(levels[level]) for level in sorted(levels)])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert [level.shape[1::-1] for level in found[0]] == level_sizes(203, 157, 10)


def test_what_cannot_be_written(tmp_path):
    for name, size, words in (("a.bmp", (9, 9), "pictures are written as"), ("a.jpg", (70000, 9), "holds at most")):
        with pytest.raises(VertumnusError, match=words):
            save_bands(iter([]), *size, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are Unix's")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.dzi"])
def test_a_full_disk_leaves_what_was_there(tmp_path, name):
    """The system itself refuses to write beyond a limit; the old file stays and no part is left."""
    size = (80, 80)
    save_bands(bands(smooth(*size), 16), *size, tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from vertumnus.errors import VertumnusError
        from vertumnus.export.banded import save_bands
        noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3)).astype(np.uint8)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))
        try:
            save_bands((noise[n : n + 64] for n in range(0, 900, 64)), 900, 900, Path(sys.argv[1]))
        except VertumnusError as error:
            print(error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    assert "cannot be written (File too large)" in done.stdout
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
