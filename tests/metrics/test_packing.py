"""The numbers of a packing on squares whose answer is known."""

import numpy as np
import pytest

import vertumnus as vt
from drawn import element
from vertumnus.document.collage import Collage, Layer
from vertumnus.metrics.packing import measure_packing, overlap_ratio
from vertumnus.shapes import parse_shape


def squares(*places, size=20):
    """A 100 x 100 collage of opaque squares of that many pixels at (x, y, scale)."""
    collage = Collage(width=100, height=100)
    name = collage.pictures.add_pixels(np.full((size, size, 4), 255, np.uint8))
    for x, y, scale in places:
        collage.layers.append(Layer(name="square", image=name, x=x, y=y, scale=scale))
    return collage


CANVAS = parse_shape("canvas")


def test_apart():
    found = measure_packing(squares((20, 20, 1), (60, 60, 1)), CANVAS)
    assert found == pytest.approx((0.08, 0.0, 0.0, 0.0))


def test_overlap_counts_pixels_covered_twice_or_more_once():
    two = measure_packing(squares((20, 20, 1), (30, 20, 1)), CANVAS)
    assert two.coverage == pytest.approx(0.06)
    assert two.overlap == pytest.approx(200 / 800)
    three = measure_packing(squares((20, 20, 1), (20, 20, 1), (20, 20, 1)), CANVAS)
    assert three.overlap == pytest.approx(400 / 1200)


def test_of_a_picture_what_is_cut_out_counts_as_high_as_it_is_squeezed():
    """A half of the square beside a half of it, twice as high: 10 x 20 and 10 x 40 pixels."""
    collage = squares((15, 40, 1), (25, 40, 1))
    collage.layers[0].crop = (0, 0, 10, 20)
    collage.layers[1].crop = (10, 0, 10, 20)
    collage.layers[1].squeeze = 2.0
    found = measure_packing(collage, CANVAS)
    assert found == pytest.approx((0.06, 0.0, 0.0, 1 / 3))
    collage.layers[1].rotation = 90.0  # 40 x 10 about the same middle: 5 to 45 across, 35 to 45 down
    assert measure_packing(collage, CANVAS).overlap == pytest.approx(100 / 600)


def test_spill_within_and_beyond_the_canvas():
    shape = parse_shape("square")  # 4 to 96
    assert measure_packing(squares((10, 50, 1)), shape).spill == pytest.approx(4 / 20)
    assert measure_packing(squares((0, 50, 1)), CANVAS).spill == pytest.approx(0.5)
    assert measure_packing(squares((-50, 50, 1), (50, 50, 1)), CANVAS).spill == pytest.approx(0.5)


def test_spread_of_area():
    found = measure_packing(squares((20, 20, 1), (60, 60, 2)), CANVAS)
    assert found.area_cv == pytest.approx(np.std([400, 1600]) / 1000)


def test_hidden_layers_do_not_count_and_opacity_does_not_matter():
    collage = squares((20, 20, 1), (60, 60, 1))
    collage.layers[0].visible = False
    collage.layers[1].opacity = 0.1
    assert measure_packing(collage, CANVAS).coverage == pytest.approx(0.04)


def test_the_silhouette_is_alpha_above_a_half():
    collage = Collage(width=50, height=50)
    faint = np.full((20, 20, 4), 255, np.uint8)
    faint[:, 10:, 3] = 120
    name = collage.pictures.add_pixels(faint)
    collage.layers.append(Layer(name="a", image=name, x=25, y=25, scale=1))
    assert measure_packing(collage, CANVAS).coverage == pytest.approx(200 / 2500, rel=0.06)


def test_the_report_of_packing_is_what_is_measured(blobs):
    collage = vt.pack(blobs, "heart", size=120, quality="fast", overlap="allow")
    measured = vt.measure_packing(collage, parse_shape("heart"))
    report = collage.made_by.report
    for name, value in measured._asdict().items():
        assert report[name] == pytest.approx(value, abs=1e-6)


def test_nothing_there():
    assert measure_packing(Collage(width=50, height=50), CANVAS) == (0.0, 0.0, 0.0, 0.0)
    assert element(np.full((2, 2, 4), 255, np.uint8)).area == 4


def test_overlap_ratio_is_that_of_the_whole_canvas():
    assert overlap_ratio(squares((20, 20, 1), (30, 20, 1))) == pytest.approx(200 / 800)
    assert overlap_ratio(squares((20, 20, 1), (60, 60, 1))) == 0
    assert overlap_ratio(Collage(width=50, height=50)) == 0


@pytest.mark.parametrize("scale", [8.0, 1e6])
def test_of_what_is_far_larger_than_the_canvas_the_area_tells(scale):
    """A square over all of the canvas, 160 or 20 million pixels a side: what spills is the rest of it."""
    found = measure_packing(squares((50, 50, scale)), CANVAS)
    assert found.coverage == 1.0
    assert found.spill == pytest.approx(1 - (100 / (20 * scale)) ** 2)
