"""What cuts a canvas: outlines traced, kept in the document, drawn exactly."""

import io

import numpy as np
import pytest

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.outline import parse_outline, write_outline
from vertumnus.errors import VertumnusError
from vertumnus.export.openraster import layer_pixels
from vertumnus.export.svg import save_svg
from vertumnus.render.clip import outline_coverage, trace_outline
from vertumnus.shapes import parse_shape


def supersampled(polygons, rows, width, fine=16):
    """Even-odd by counting crossings to the left, at fine x fine points of each pixel."""
    y, x = (np.mgrid[: rows * fine, : width * fine] + 0.5) / fine
    inside = np.zeros(x.shape, bool)
    for points in polygons:
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if y0 != y1:
                crosses = (y0 <= y) != (y1 <= y)
                inside ^= crosses & (x0 + (y - y0) * (x1 - x0) / (y1 - y0) < x)
    return inside.reshape(rows, fine, width, fine).mean(axis=(1, 3))


def test_coverage_is_the_area_of_each_pixel():
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 10)[:9]
    star = np.array([9.3, 7.1]) + (rng.uniform(5, 11, 9) * [np.cos(angles), np.sin(angles)]).T  # reaches beyond
    hole = np.array([[8.4, 6.3], [8.4, 8.1], [10.1, 8.1], [10.1, 6.3]])
    for polygons in ([star], [star, hole], [star, hole[::-1]]):
        found = outline_coverage(polygons, 1.0, 0, 14, 18)
        assert np.abs(found - supersampled(polygons, 14, 18)).max() < 0.06
        part = outline_coverage(polygons, 1.0, 5, 4, 7, left=6)  # a raster that begins elsewhere
        np.testing.assert_allclose(part, found[5:9, 6:13], atol=1e-6)


def test_a_traced_circle_is_round_at_any_size():
    coverage = parse_shape("circle").coverage(200, 200)
    polygons = parse_outline(trace_outline(coverage, 2.0))
    middle, radius = np.array([50, 50]), 50 * (1 - 2 * 0.04)
    for points in polygons:
        assert np.abs(np.hypot(*(points - middle).T) - radius).max() < 0.1  # canvas pixels
    large = outline_coverage(polygons, 8.0, 0, 800, 800)
    assert large.sum() == pytest.approx(np.pi * (8 * radius) ** 2, rel=2e-3)
    assert np.count_nonzero((large > 0.01) & (large < 0.99)) < 3 * 2 * np.pi * 8 * radius  # crisp


def test_outlines_are_read_as_they_are_written():
    text = write_outline([np.array([[0, 0], [10.126, -3], [4, 5.5]]), np.array([[1, 1], [2, 1], [2, 2]])])
    assert text == "M0,0 10.13,-3 4,5.5ZM1,1 2,1 2,2Z"
    assert write_outline(parse_outline(text)) == text
    for bad in ("", "M0,0 1,1Z", "M0,0 1,1 2,2", "M0,0 1,1 1e9,2Z", "M0,0 1,1 99999999,2Z", '"/><script>'):
        with pytest.raises(VertumnusError, match="clip"):
            Collage(width=4, height=4, clip=bad)


@pytest.fixture
def clipped():
    collage = Collage(width=20, height=10, background="lime", clip="M0,0 10,0 10,10 0,10Z")
    red = collage.pictures.add_pixels(np.full((10, 20, 4), [255, 0, 0, 255], np.uint8))
    collage.layers.append(Layer(name="red", image=red, x=10, y=5, scale=1.0))
    collage.name_layers()
    return collage


def test_layers_are_cut_and_the_background_is_not(clipped, tmp_path):
    for rendering in ("alpha", "opacity"):
        clipped.rendering = rendering
        drawn = np.asarray(clipped.render(2.0))
        assert (drawn[:, :20] == [255, 0, 0, 255]).all()
        assert (drawn[:, 20:] == [0, 255, 0, 255]).all()
    clear = clipped.model_copy(update={"background": None, "rendering": "alpha"})
    assert (np.asarray(clear.render())[:, 10:, 3] == 0).all()
    half = clipped.model_copy(update={"clip": "M0,0 10.5,0 10.5,10 0,10Z", "background": None, "rendering": "alpha"})
    assert (np.asarray(half.render())[:, 10] == [255, 0, 0, 128]).all()  # anti-aliased
    clipped.save(tmp_path / "a.collage")
    assert Collage.load(tmp_path / "a.collage").clip == clipped.clip
    picture, left, top = layer_pixels(clipped, clipped.layers[0], 1.0)
    assert (picture.size, left, top) == ((10, 10), 0, 0)


def test_an_svg_is_cut_to_the_same(clipped, tmp_path):
    import resvg_py
    from PIL import Image

    save_svg(clipped, tmp_path / "a.svg")
    drawn = resvg_py.svg_to_bytes(svg_string=(tmp_path / "a.svg").read_text())
    seen = np.asarray(Image.open(io.BytesIO(bytes(drawn))).convert("RGBA"))
    np.testing.assert_array_equal(seen, np.asarray(clipped.render()))
