"""Scattered photographs: framed, tilted, overlapping as much as asked, on a background picture."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import vertumnus as vt
from drawn import blob, element
from vertumnus.elements.frame import Frame, framed
from vertumnus.packing.options import PackOptions


def photos(count, size=(60, 40)):
    rng = np.random.default_rng(0)
    return [photo(rng.integers(0, 255, 3), size, f"p{n}") for n in range(count)]


def photo(colour, size, name="p"):
    rgba = np.full((*size[::-1], 4), 255, np.uint8)
    rgba[..., :3] = colour
    return element(rgba, name)


def pixels(one):
    pictures = vt.Collage(width=1, height=1).pictures
    pictures.add_source(one.image, one.source)
    return np.asarray(pictures.image(one.image), int)


def test_a_frame_corners_and_a_shadow_are_drawn():
    red = photo((200, 30, 30), (150, 100))
    seen = pixels(framed(red, Frame(width=0.1, colour="#00ff00")))
    assert seen.shape == (120, 170, 4)
    assert np.abs(seen[5, 80, :3] - [0, 255, 0]).max() < 12
    assert np.abs(seen[60, 80, :3] - [200, 30, 30]).max() < 12
    rounded = pixels(framed(red, Frame(corners=0.2)))[..., 3]
    assert rounded[0, 0] == 0
    assert rounded[50, 0] == rounded[0, 75] == 255
    missing = (255 - rounded).sum() / 255
    assert missing == pytest.approx((4 - np.pi) * 20**2, rel=0.02)  # four squares less four quarters of a disc
    shaded = framed(red, Frame(shadow=1.0))
    assert shaded.area == 150 * 100  # a shadow takes no room
    alpha = pixels(shaded)[..., 3]
    below, above = alpha[(alpha.shape[0] + 100) // 2 + 2 :].sum(), alpha[: (alpha.shape[0] - 100) // 2 - 2].sum()
    assert below > 1.5 * above > 0
    cut = element(blob(3, 50, 50), "blob")
    assert framed(cut, Frame(width=0.1)) is cut
    assert framed(red, Frame()) is red


def test_a_photograph_is_cut_around_its_faces():
    wide = np.full((512, 1200, 4), 255, np.uint8)
    wide[..., :3] = 90
    wide[:, :512, :3] = data.astronaut()  # the face is at the left
    cut = framed(element(wide, "p"), Frame(aspect=0.6))
    assert cut.width / cut.height == pytest.approx(0.6, abs=0.01)
    middle = pixels(framed(element(wide, "p"), Frame(aspect=0.6)))[:, :, :3]
    face = data.astronaut()[70:160, 180:270]
    assert np.abs(middle[70:160].mean(axis=(0, 1)) - 90).max() > 20  # not the grey middle of the picture
    scale = middle.shape[0] / 512
    left = min(
        range(middle.shape[1] - 90),
        key=lambda x: np.abs(middle[int(70 * scale) : int(70 * scale) + 90, x : x + 90] - face).mean(),
    )
    found = middle[int(70 * scale) : int(70 * scale) + 90, left : left + 90]
    assert np.abs(found - face).mean() < 12  # all of the face is there


@pytest.mark.parametrize("share", [0.1, 0.35])
def test_pieces_overlap_as_much_as_asked(share, tmp_path):
    collage = vt.pack(photos(24), "canvas", size=(200, 150), overlap="scatter", scatter=share, tilt=8, frame=0.06,
                      corners=0.05, shadow=0.7)  # fmt: skip
    report = collage.made_by.report
    assert report["hidden"] == pytest.approx(share, abs=0.03)
    assert report["coverage"] > (0.7 if share > 0.2 else 0.5)
    turns = np.array([layer.rotation for layer in collage.layers])
    assert 1.5 < np.abs(turns).mean() < 8
    assert np.abs(turns).max() <= 8 + 1e-6
    points = np.array([(layer.x, layer.y) for layer in collage.layers])
    away = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) + 1e9 * np.eye(24)
    assert away.min() > 0.5 * np.sqrt(200 * 150 / 24)  # even
    collage.save(tmp_path / "a.collage")
    vt.again(vt.Collage.load(tmp_path / "a.collage")).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()


def test_a_background_picture_lies_under_it_all(tmp_path):
    Image.new("RGB", (80, 20), (10, 200, 30)).save(tmp_path / "paper.png")
    how = {"size": (120, 90), "overlap": "scatter", "scatter": 0.05}
    collage = vt.pack(photos(4), "circle", background=str(tmp_path / "paper.png"), **how)
    ground = collage.layers[0]
    assert (ground.id, ground.locked, len(collage.layers)) == ("background", True, 5)
    drawn = np.asarray(collage.render())
    assert (drawn[[0, 0, -1, -1], [0, -1, 0, -1]] == [10, 200, 30, 255]).all()
    collage.save(tmp_path / "a.collage")
    start = vt.Collage.load(tmp_path / "a.collage")
    vt.again(start).save(tmp_path / "b.collage")
    assert (tmp_path / "a.collage").read_bytes() == (tmp_path / "b.collage").read_bytes()
    more = vt.pack(photos(6)[4:], start=start)
    assert [layer.id for layer in more.layers].count("background") == 1
    assert len(more.layers) == 7
    with pytest.raises(vt.VertumnusError, match="background"):
        vt.pack(photos(4), "circle", background="nocolour", **how)


def test_what_goes_with_scatter():
    with pytest.raises(vt.VertumnusError, match="scatter"):
        PackOptions(overlap="scatter", open=True)
    with pytest.raises(vt.VertumnusError, match="frame_color"):
        PackOptions(frame=0.1, frame_color="nocolour")
    with pytest.raises(vt.VertumnusError, match="photo_aspect"):
        PackOptions(photo_aspect="wide")
