"""Contour maps of shapes whose outline is known."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from vertumnus.errors import VertumnusError
from vertumnus.metrics.contour import LINE, MARGIN, SIDE, contour_map, joined_silhouette

EDGE = round(MARGIN * SIDE)


def rgba(alpha):
    """An H x W alpha as a picture of noise, so that colour must not matter."""
    pixels = np.random.default_rng(0).integers(0, 256, (*alpha.shape, 4), np.uint8)
    pixels[..., 3] = np.round(alpha * 255)
    return Image.fromarray(pixels)


def disc(side=300, radius=100):
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1)


def lines(picture):
    return np.asarray(picture) == 0


def test_a_disc_becomes_a_ring():
    found = contour_map(rgba(disc()))
    assert found.mode == "L"
    assert found.size == (SIDE + 2 * EDGE,) * 2
    assert set(np.unique(np.asarray(found))) == {0, 255}
    y, x = np.mgrid[: found.height, : found.width] + 0.5 - found.height / 2
    off = np.abs(np.hypot(x, y) - 100 / 300 * SIDE)
    assert lines(found)[off < LINE * SIDE / 2 - 1].all()
    assert not lines(found)[off > LINE * SIDE / 2 + 1].any()


def test_colour_and_kind_of_input_do_not_matter():
    alpha = disc()
    floats = np.repeat(alpha[..., None], 4, axis=2).astype(np.float32)
    a, b, c = (np.asarray(contour_map(it)) for it in (rgba(alpha), rgba(alpha).rotate(90), floats))
    assert (a == c).mean() > 0.999
    assert (a == b).mean() > 0.99


def test_the_map_does_not_depend_on_the_render_s_size():
    small, large = (np.asarray(contour_map(rgba(disc(side, side / 3)))) for side in (224, 896))
    assert (small == large).mean() > 0.98


@pytest.mark.parametrize(("apart", "pieces"), [(6, 1), (40, 2)])
def test_narrow_gaps_are_closed_and_wide_ones_are_not(apart, pieces):
    alpha = np.zeros((300, 300))
    alpha[100:200, 40 : 150 - apart // 2] = alpha[100:200, 150 + apart // 2 : 260] = 1
    taken = joined_silhouette(rgba(alpha))
    assert ndimage.label(taken)[1] == pieces
    assert ndimage.label(joined_silhouette(rgba(alpha), gap=0))[1] == 2
    # What is closed does not grow outwards.
    drawn = alpha.sum() + (apart * 100 if pieces == 1 else 0)
    assert taken.sum() * (300 / SIDE) ** 2 == pytest.approx(drawn, rel=0.03)


def test_specks_and_pinholes_leave_no_line_and_real_holes_do():
    alpha = disc(300, 110)
    alpha[20:24, 20:24] = 1
    alpha[118:122, 118:122] = 0
    alpha[140:200, 140:200] = 0
    assert ndimage.label(lines(contour_map(rgba(alpha))))[1] == 2


def test_one_small_piece_is_kept():
    alpha = np.zeros((300, 300))
    alpha[150:155, 150:155] = 1
    assert joined_silhouette(rgba(alpha)).any()


def test_an_outline_at_the_canvas_s_edge_is_whole():
    alpha = np.zeros((100, 200))
    alpha[:, :100] = 1
    found = contour_map(rgba(alpha))
    assert found.size == (SIDE + 2 * EDGE, SIDE // 2 + 2 * EDGE)
    ring = lines(found)
    assert ndimage.label(ring)[1] == 1
    assert ndimage.label(~ring)[1] == 2
    assert not ring[0].any()
    assert not ring[:, 0].any()


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.new("RGB", (20, 20)), "it has no alpha"),
        (Image.new("RGBA", (20, 20), "red"), "opaque everywhere"),
        (Image.new("RGBA", (20, 20)), "transparent everywhere"),
        (np.ones((20, 20, 3), np.float32), "must be H x W x 4, not 20 x 20 x 3"),
    ],
)
def test_no_silhouette_is_one_sentence(picture, words):
    with pytest.raises(VertumnusError, match=words):
        contour_map(picture)
