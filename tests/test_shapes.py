"""Shapes from every source, fitted whole and centred, and refused where there is none."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from vertumnus import shapes
from vertumnus.errors import VertumnusError
from vertumnus.live.spec import regions
from vertumnus.shapes import BUILT_IN, parse_shape


def save(tmp_path, pixels, name="mask.png"):
    Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path / name


def disc(size=100, radius=30.0, dark=0, light=255):
    y, x = np.mgrid[:size, :size] + 0.5
    share = np.clip(radius - np.hypot(x - size / 2, y - size / 2) + 0.5, 0, 1)
    return (light + (dark - light) * share + 0.5).astype(np.uint8)


@pytest.mark.parametrize(("dark", "light"), [(0, 255), (33, 255), (100, 140), (0, 60), (200, 254)])
def test_dark_pixels_are_the_shape_wherever_dark_begins(tmp_path, dark, light):
    path = save(tmp_path, disc(dark=dark, light=light))
    area = parse_shape(path).mask(200, 200).sum()
    assert area == pytest.approx(np.pi * 60**2, rel=0.01)
    inverted = parse_shape(path, invert=True).mask(200, 200).sum()
    assert inverted == pytest.approx(200**2 - np.pi * 60**2, rel=0.01)


def test_alpha_is_the_shape_if_there_is_any(tmp_path):
    pixels = np.zeros((100, 100, 4), np.uint8)  # all black, only alpha tells
    pixels[..., 3] = 255 - disc()
    path = save(tmp_path, pixels)
    assert parse_shape(path).mask(100, 100).sum() == pytest.approx(np.pi * 30**2, rel=0.01)
    assert parse_shape(path, invert=True).mask(100, 100).sum() == pytest.approx(100**2 - np.pi * 30**2, rel=0.01)


def test_an_opaque_alpha_channel_tells_nothing(tmp_path):
    pixels = np.full((100, 100, 4), 255, np.uint8)
    pixels[..., :3] = disc()[..., None]
    assert parse_shape(save(tmp_path, pixels)).mask(100, 100).sum() == pytest.approx(np.pi * 30**2, rel=0.01)


@pytest.mark.parametrize("canvas", [(300, 100), (100, 300), (640, 480)])
def test_fitted_whole_centred_and_not_stretched(tmp_path, canvas):
    pixels = np.full((50, 100), 255, np.uint8)
    pixels[:, :4] = pixels[:, -4:] = pixels[:4] = pixels[-4:] = 0  # a frame along the picture's edge
    mask = parse_shape(save(tmp_path, pixels)).mask(*canvas)
    rows, columns = np.nonzero(mask)
    width, height = canvas
    fitted = min(width / 100, height / 50)
    assert np.ptp(columns) + 1 == pytest.approx(100 * fitted, abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(50 * fitted, abs=1)
    assert columns.min() == pytest.approx(width - 1 - columns.max(), abs=1)
    assert rows.min() == pytest.approx(height - 1 - rows.max(), abs=1)


def test_inverting_does_not_fill_the_bars_beside_the_picture(tmp_path):
    mask = parse_shape(save(tmp_path, disc()), invert=True).mask(300, 100)
    assert not mask[:, :99].any()
    assert mask[:, 105:110].any()


def test_svg(tmp_path):
    path = tmp_path / "a.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 0H10V5H0Z"/></svg>')
    mask = parse_shape(path).mask(200, 100)
    assert mask.sum() == pytest.approx(100 * 50, rel=0.02)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_shapes_fill_the_canvas_but_for_a_margin(name):
    mask = parse_shape(name).mask(200, 200)
    rows, columns = np.nonzero(mask)
    assert min(rows.min(), columns.min(), 199 - rows.max(), 199 - columns.max()) >= 6
    assert max(np.ptp(rows), np.ptp(columns)) >= 180
    assert ndimage.label(mask)[1] == 1


def test_areas_known_in_closed_form():
    assert parse_shape("circle").mask(500, 500).sum() == pytest.approx(np.pi * 230**2, rel=0.005)
    assert parse_shape("square").mask(500, 500).sum() == pytest.approx(460**2, rel=0.005)
    assert parse_shape("canvas").mask(50, 30).all()


def count(mask):
    return ndimage.label(mask)[1], ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1


def test_text_has_holes_and_islands():
    assert count(parse_shape("text:Q").mask(300, 300)) == (1, 1)
    assert count(parse_shape("text:B").mask(300, 300)) == (1, 2)
    assert count(parse_shape("text:oT").mask(300, 300)) == (2, 1)
    assert count(parse_shape("text:A\\nB").mask(300, 600)) == (2, 3)


def test_letters_that_a_font_lacks_are_drawn_by_one_that_has_them():
    # Counted in the letters: islands and holes. A box with a cross has three holes and more.
    assert count(parse_shape("text:É").mask(300, 300)) == (2, 0)
    assert count(parse_shape("text:♥").mask(300, 300)) == (1, 0)
    assert count(parse_shape("text:Ж").mask(300, 300)) == (1, 0)
    assert count(parse_shape("text:RÉSUMÉ").mask(900, 300)) == (8, 1)


def test_joined_letters_are_drawn_joined():
    # Four Arabic letters that join to one stroke, with one dot between two of them.
    assert count(parse_shape("text:سلم").mask(600, 300))[0] == 1
    assert count(parse_shape("text:س ل م").mask(600, 300))[0] == 3


def test_a_sign_that_no_font_has_is_named():
    with pytest.raises(VertumnusError, match=r"text:a\U000e1234.*no font at hand has this sign \(U\+E1234\)"):
        parse_shape("text:a\U000e1234")


def test_text_in_a_given_font():
    from vertumnus.elements.icons import find_icon

    font = find_icon("heart").file
    letter = chr(find_icon("heart").codepoint)
    assert parse_shape(f"text:{letter}", font=font).mask(100, 100).any()
    with pytest.raises(VertumnusError, match="not a font file"):
        parse_shape("text:A", font=__file__)


def test_the_same_shape_at_any_size():
    small = parse_shape("icon:heart").mask(100, 100)
    large = parse_shape("icon:heart").mask(400, 400)
    again = large.reshape(100, 4, 100, 4).mean((1, 3)) > 0.5
    assert (small != again).mean() < 0.01


def test_blocks_are_kept_free(tmp_path):
    free = parse_shape("canvas", block=["circle", "icon:star"]).mask(100, 100)
    assert not (free & parse_shape("circle").mask(100, 100)).any()
    assert not (free & parse_shape("icon:star").mask(100, 100)).any()
    path = save(tmp_path, disc(light=140, dark=100))  # a block of little contrast blocks just the same
    assert parse_shape("canvas", block=[path]).mask(100, 100).sum() == pytest.approx(1e4 - np.pi * 30**2, rel=0.01)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: str(p / "missing.png"), "there is no such shape"),
        (lambda _: "hart", "did you mean heart"),
        (lambda _: "icon:buterfly", "did you mean butterfly"),
        (lambda _: "text: ", "text is empty"),
        (lambda p: save(p, np.full((9, 9), 200, np.uint8)), "one flat colour"),
        (lambda p: save(p, np.zeros((9, 9, 4), np.uint8)), "the shape is empty; try --invert"),
        (lambda p: str(p), "a folder, not a file"),
    ],
)
def test_what_is_no_shape(tmp_path, make, words):
    spec = make(tmp_path)
    with pytest.raises(VertumnusError) as caught:
        parse_shape(spec).mask(100, 100)
    assert words in str(caught.value)


def test_a_shape_that_is_all_of_the_picture(tmp_path):
    pixels = np.zeros((9, 9, 4), np.uint8)
    with pytest.raises(VertumnusError, match="whole picture"):
        parse_shape(save(tmp_path, pixels), invert=True)


def test_a_damaged_picture_and_everything_blocked(tmp_path):
    (tmp_path / "a.png").write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="not a picture"):
        parse_shape(tmp_path / "a.png")
    with pytest.raises(VertumnusError, match="the shape is empty at the size"):
        parse_shape("circle", block=["canvas"]).mask(100, 100)


def test_large_masks_are_drawn_smaller_and_enlarged(monkeypatch):
    monkeypatch.setattr(shapes, "MASK_PIXELS", 10_000)
    shape = parse_shape("heart")
    large = shape.mask(300, 240)
    assert large.shape == (240, 300)
    small, _, _ = regions(shape, 300, 240)
    assert small.shape == shapes.drawn_size(300, 240)[::-1]
    assert small.size <= 10_100
    np.testing.assert_array_equal(shapes.enlarged(small, 300, 240), large)
    monkeypatch.setattr(shapes, "MASK_PIXELS", 10**9)
    exact = shape.mask(300, 240)
    # What differs is along the edge, by less than one of the smaller pixels.
    assert np.count_nonzero(large != exact) < 0.02 * exact.sum()
