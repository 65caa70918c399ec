"""Moving mosaics: tiles stay where they are until a change is worth it."""

import numpy as np
import pytest
from PIL import Image

from photographs import drawn
from vertumnus.errors import VertumnusError
from vertumnus.export.video import read_frames, save_video
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.video import follow


def film(noise=3.0, count=5):
    """A picture whose left part flickers a little and whose right part gets darker."""
    base = np.asarray(drawn(), float)
    rng = np.random.default_rng(0)
    for n in range(count):
        frame = base + noise * rng.standard_normal(base.shape)
        frame[:, 60:] *= 1 - 0.15 * n
        yield Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))


def steps(tiles, **more):
    update_index(tiles)
    coherence = more.pop("coherence", 0.5)
    return list(follow(film(), TileLibrary([tiles]), tiles, MosaicOptions(grid="9x12", **more), coherence))


def test_coherence_keeps_tiles_that_flicker_and_changes_those_that_matter(tiles):
    free, calm = steps(tiles, coherence=0.0), steps(tiles, coherence=1.0)
    assert sum(step.changed for step in calm[1:]) < 0.75 * sum(step.changed for step in free[1:])
    first, last = (np.array([calm[n].cells.tiles[t].path.name for t in calm[n].cells.tile]) for n in (0, -1))
    changed = (first != last).reshape(9, 12)
    assert changed[:, 6:].mean() > 3 * changed[:, :6].mean()
    for a, b in zip(free, calm, strict=True):  # what is kept costs no more than was allowed
        assert b.cells.cost.sum() <= a.cells.cost.sum() + 1.0 * calm[0].cells.cost.mean() * 108 + 1e-6


@pytest.mark.parametrize("limits", [{}, {"min_distance": 3}, {"max_uses": 2}])
def test_a_still_picture_does_not_move(tiles, limits):
    update_index(tiles)
    options = MosaicOptions(grid="9x12", **limits)
    for coherence in (0.0, 0.5):
        changed = [step.changed for step in follow([drawn()] * 4, TileLibrary([tiles]), tiles, options, coherence)]
        assert changed[2:] == [0, 0]
        assert changed[1] < (1 if coherence else 10)  # what the auction left to gain


def test_tiles_change_places_where_all_are_in_use(tiles):
    """Sixty tiles, sixty cells, each tile once: a picture turned upside down is followed all the same."""
    update_index(tiles)
    options = MosaicOptions(grid="6x10", unique=True)
    turned = drawn().rotate(180)
    found = list(follow([drawn(), turned, turned], TileLibrary([tiles]), tiles, options, 0.1))
    assert all(np.bincount(step.cells.tile).max() == 1 for step in found)
    (again,) = follow([turned], TileLibrary([tiles]), tiles, options)
    assert found[1].cells.cost.sum() < 1.15 * again.cells.cost.sum()
    assert found[2].changed == 0


def test_limits_hold_in_every_frame(tiles):
    for step in steps(tiles, max_uses=2, coherence=0.1):
        assert np.bincount(step.cells.tile).max() <= 2
    for step in steps(tiles, min_distance=3, coherence=0.1):
        assert step.cells.report["repeat_distance"] >= 3 - 1e-6


def test_frames_of_another_size_are_refused(tiles):
    update_index(tiles)
    frames = [drawn(), drawn(60, 60)]
    with pytest.raises(VertumnusError, match="frame 2 is 60 x 60 pixels, the first is 120 x 90"):
        list(follow(frames, TileLibrary([tiles]), tiles, MosaicOptions(grid="3x4")))


@pytest.mark.parametrize("name", ["frames", "a.gif", "a.webp", "a.apng", "a.mp4", "a.webm"])
def test_videos_there_and_back(tmp_path, name):
    if name.endswith(("mp4", "webm")):
        pytest.importorskip("av")
    path = tmp_path / name
    assert save_video(film(0.0, 4), path, 10.0) == 4
    frames, rate = read_frames(path)
    found = [np.asarray(frame, int) for frame in frames]
    assert len(found) == 4
    assert rate == pytest.approx(10 if name != "frames" else 24, rel=0.05)
    for wanted, frame in zip(film(0.0, 4), found, strict=True):
        assert frame.shape == (90, 120, 3)
        assert np.abs(frame - np.asarray(wanted, int)).mean() < 9
    assert len(list(tmp_path.iterdir())) == 1


def test_bad_films(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.gif").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="holds no frame"):
        read_frames(tmp_path / "empty")
    with pytest.raises(VertumnusError, match="not a video or an animation"):
        read_frames(tmp_path / "bad.gif")
    with pytest.raises(VertumnusError, match="there is no such file"):
        read_frames(tmp_path / "no.mp4")
    pytest.importorskip("av")
    (tmp_path / "bad.mp4").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="not a video that can be read"):
        read_frames(tmp_path / "bad.mp4")
