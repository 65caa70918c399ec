"""Moving mosaics: tiles stay where they are until a change is worth it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from photographs import drawn, photograph
from vertumnus.errors import VertumnusError
from vertumnus.export.video import read_frames, save_video
from vertumnus.mosaic.collage import canvas_size, make_collage
from vertumnus.mosaic.library.index import update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.motion import STILL, Eye, Lattice, laid_anew
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


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_a_film_says_how_its_colours_are_meant(tmp_path, name):
    av = pytest.importorskip("av")
    picture = Image.new("RGB", (64, 48), (200, 20, 30))
    picture.paste((20, 180, 40), (32, 0, 64, 48))
    save_video([picture] * 3, tmp_path / name, 10.0)
    with av.open(str(tmp_path / name)) as film:
        frame = next(film.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (
            1,
            1,
        )  # BT.709, narrow: as players take it that go by the size
        shown = np.asarray(frame.reformat(format="rgb24", src_colorspace="ITU709").to_image(), int)
    assert np.abs(shown[24, 8] - (200, 20, 30)).max() <= 4  # 16 levels off by BT.601
    assert np.abs(shown[24, 56] - (20, 180, 40)).max() <= 4


def test_bad_films(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.gif").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="holds no frame"):
        read_frames(tmp_path / "empty")
    with pytest.raises(VertumnusError, match="not a video or an animation"):
        read_frames(tmp_path / "bad.gif")
    with pytest.raises(VertumnusError, match="there is no such file"):
        read_frames(tmp_path / "no.mp4")
    huge = bytearray((io := BytesIO(), Image.new("P", (1, 1)).save(io, "GIF"))[0].getvalue())
    huge[6:10] = b"\xff\xff\xff\xff"  # of 65,535 x 65,535 pixels, it says
    (tmp_path / "huge.gif").write_bytes(huge)
    with pytest.raises(VertumnusError, match=r"huge.gif: (frames of 65535 x 65535|not a video)"):
        read_frames(tmp_path / "huge.gif")
    pytest.importorskip("av")
    (tmp_path / "bad.mp4").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="not a video that can be read"):
        read_frames(tmp_path / "bad.mp4")
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{tmp_path / 'secret.png'}\n#EXT-X-ENDLIST\n")
    with pytest.raises(VertumnusError, match="not a video that can be read"):
        read_frames(tmp_path / "list.mp4")


def test_a_film_without_frames_is_none(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "empty.avi"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 32, 16
        film.start_encoding()
    with pytest.raises(VertumnusError, match=r"empty\.avi: the video holds no frame"):
        list(read_frames(path)[0])


def test_a_folder_of_somebody_elses_is_not_replaced_by_frames(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_bytes(b"cat")
    with pytest.raises(VertumnusError, match="photos: is not a folder of vertumnus's own frames"):
        save_video(film(0.0, 2), tmp_path / "photos", 10.0)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    for count in (3, 2):  # its own is
        save_video(film(0.0, count), tmp_path / "frames", 10.0)
    assert sorted(path.name for path in (tmp_path / "frames").glob("*.png")) == ["000001.png", "000002.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "photos"]


def pan(step, count=6, side=(120, 90)):
    """A photograph that goes past, and what does not move in the second half."""
    whole = photograph("coffee.png").resize((300, 200))
    for n in range(count):
        left = 20 + step * n
        yield whole.transform(side, Image.Transform.AFFINE, (1, 0, left, 0, 1, 30), Image.Resampling.BILINEAR)


@pytest.mark.parametrize("limits", [{}, {"max_uses": 3}, {"min_distance": 2.0}])
def test_cells_go_along_with_a_pan(tiles, limits):
    update_index(tiles)
    options = MosaicOptions(grid="6x8", **limits)
    library = TileLibrary([tiles])
    still, moving = (list(follow(pan(2.5), library, tiles, options, 0.1, pan=on)) for on in (False, True))
    count = len(still[0].cells.grid)
    # A column of 6 comes into sight every 6 frames, and that is nearly all that changes.
    assert sum(step.changed for step in moving[1:]) < 0.5 * sum(step.changed for step in still[1:])
    assert sum(step.changed for step in moving[1:]) / 5 / count < 0.12
    assert moving[-1].cells.cost.mean() < 1.15 * still[-1].cells.cost.mean()
    last = moving[-1].cells
    assert len(last.grid) == 54  # one column more, cut at both rims
    assert last.grid.boxes[:, 0].min() == pytest.approx(-12.5, abs=0.8)  # the picture went 12.5 pixels to the left
    if "max_uses" in limits:
        assert np.bincount(last.tile).max() <= 3
    picture = make_collage(last, moving[-1].frame, canvas_size(last.grid, None), {})
    assert (picture.width, picture.height) == (512, 384)
    assert np.asarray(picture.render(background="magenta"))[..., 1].min() >= 0


def zoom(by, count=5, side=(120, 90), across=0.0):
    """A photograph seen ever nearer: what lies at p from the middle lies at p times ``by`` in the next frame."""
    whole = photograph("coffee.png").resize((300, 200))
    for n in range(count):
        near = by**-n
        places = (near, 0, 150 - near * side[0] / 2 + across * n, 0, near, 100 - near * side[1] / 2)
        yield whole.transform(side, Image.Transform.AFFINE, places, Image.Resampling.BICUBIC)


def test_motion_is_that_of_the_whole_picture(tiles):
    eye = Eye()
    seen = [eye.moved(frame) for frame in pan(-2.5, 3)]
    assert seen[0] == STILL
    np.testing.assert_allclose(seen[1:], [(1, 2.5, 0), (1, 2.5, 0)], atol=0.1)
    eye = Eye()
    assert [eye.moved(frame) for frame in film()] == [STILL] * 5  # a part of it gets darker
    assert [eye.moved(frame) for frame in [*pan(0, 2), drawn()]][1:] == [STILL] * 2  # nothing moves; a cut


@pytest.mark.parametrize("by", [1.005, 1.02, 0.98])
def test_a_zoom_is_told_from_a_shift(by):
    eye = Eye()
    for n, frame in enumerate(zoom(by, 4, across=0.7)):
        found = eye.moved(frame)
        if n:  # the middle of the frame goes to the left by .7 pixels of the photograph
            left = -0.7 * by**n
            np.testing.assert_allclose(found, (by, 60 * (1 - by) + left, 45 * (1 - by)), atol=0.1)
            assert found.scale == pytest.approx(by, abs=0.0012)


def test_cells_grow_with_a_zoom_and_are_laid_anew_when_they_are_too_large(tiles):
    update_index(tiles)
    options, library = MosaicOptions(grid="6x8"), TileLibrary([tiles])
    still, moving = (list(follow(zoom(1.04, 12), library, tiles, options, 0.1, pan=on)) for on in (False, True))
    sides = [float(np.diff(step.cells.grid.boxes[0, [0, 2]])[0]) for step in moving]
    np.testing.assert_allclose(
        sides[:9], 15 * 1.04 ** np.arange(9), rtol=0.01
    )  # sqrt(2) is reached in the ninth step
    np.testing.assert_allclose(sides[9:], 15 * 1.04 ** np.arange(3), rtol=0.01)
    assert sum(step.changed for step in moving[1:9]) < 0.6 * sum(step.changed for step in still[1:9])
    out = list(follow(zoom(0.97, 8), library, tiles, MosaicOptions(grid="6x8", unique=True), 0.1))
    assert all(np.bincount(step.cells.tile).max() == 1 for step in out)  # 48 of 60 tiles, and no room for many more


def test_a_cell_laid_anew_is_given_to_one(tiles):
    old = Lattice((-3.0, 2.0), (14.0, 14.0))
    before = old.shown(120, 90)
    now = Lattice((0.0, 0.0), (10.0, 10.0)).shown(120, 90).grid
    kept = laid_anew(old, before.keys, now)
    for n, box in enumerate(now.boxes):
        middle = (box[:2] + box[2:]) / 2
        (over,) = np.flatnonzero(
            (before.grid.boxes[:, :2] <= middle).all(axis=1) & (middle < before.grid.boxes[:, 2:]).all(axis=1)
        )
        assert kept[n] in (over, -1)
    held = kept[kept >= 0]
    assert len(np.unique(held)) == len(held) > 0.7 * len(before.keys)


def test_frames_at_another_rate(tiles, tmp_path, vertumnus):
    save_video(film(0.0, 4), tmp_path / "a.gif", 10.0)
    code, _, err = vertumnus(
        "mosaic", tmp_path / "a.gif", "--tiles", tiles, "--grid", "2x3", "--size", "30", "--fps", "5", "-o",
        tmp_path / "b",
    )  # fmt: skip
    assert code == 0, err
    assert len(list((tmp_path / "b").glob("*.png"))) == 2
    assert vertumnus("mosaic", tmp_path / "a.gif", "--tiles", tiles, "--fps", "0", "-o", tmp_path / "c")[0] == 2
