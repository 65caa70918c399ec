"""Outlines: flattening, area and exact coverage, against points tried one by one."""

import numpy as np
import pytest

from vertumnus.imaging.outline import area, box, coverage, flatten, placed

RING = [
    ("moveTo", ((2.3, 2.1),)),
    ("lineTo", ((17.2, 3.4),)),
    ("qCurveTo", ((22.0, 12.0), (13.1, 17.7))),
    ("curveTo", ((9.0, 20.0), (1.0, 14.0), (3.3, 9.6))),
    ("closePath", ()),
    ("moveTo", ((8.2, 7.1),)),
    ("lineTo", ((8.4, 12.3),)),
    ("lineTo", ((13.7, 9.9),)),
    ("closePath", ()),
]


def winding(points, segments):
    """How often lines wind round each point: crossings of the ray to the right."""
    x0, y0, x1, y1 = segments.T[:, :, None]
    x, y = points.T
    crosses = (y0 <= y) != (y1 <= y)
    at = x0 + (y - y0) * (x1 - x0) / np.where(y1 == y0, 1, y1 - y0)
    return np.where(crosses & (at > x), np.sign(y1 - y0), 0).sum(0)


def test_coverage_is_the_share_of_points_inside():
    segments = flatten(RING, 1e-3)
    fine = 24
    grid = (np.arange(20 * fine) + 0.5) / fine
    points = np.stack(np.meshgrid(np.arange(22 * fine) / fine + 0.5 / fine, grid), -1).reshape(-1, 2)
    inside = (winding(points, segments) != 0).reshape(20, fine, 22, fine).mean((1, 3))
    np.testing.assert_allclose(coverage(segments, 22, 20), inside, atol=0.03)
    assert coverage(segments, 22, 20).sum() == pytest.approx(area(segments), rel=1e-5)


def test_what_is_wound_twice_counts_once():
    square = flatten(
        [("moveTo", ((1, 1),)), *(("lineTo", (p,)) for p in ((5, 1), (5, 5), (1, 5))), ("closePath", ())], 1
    )
    np.testing.assert_array_equal(coverage(np.vstack([square, square]), 7, 7), coverage(square, 7, 7))


def test_what_lies_beyond_the_raster_is_cut_off():
    segments = flatten(RING, 1e-3)
    whole = coverage(segments, 22, 20)
    shifted = coverage(segments - [6, 5, 6, 5], 9, 8)
    np.testing.assert_allclose(shifted, whole[5:13, 6:15], atol=1e-5)


def test_lines_are_near_the_curves():
    control = np.array([[0.0, 0.0], [40.0, 90.0], [-30.0, 80.0], [60.0, 5.0]])
    t = np.linspace(0, 1, 2000)[:, None]
    curve = (1 - t) ** 3 * control[0] + 3 * t * (1 - t) ** 2 * control[1] + 3 * t**2 * (1 - t) * control[2]
    curve = curve + t**3 * control[3]
    lines = flatten([("moveTo", (control[0],)), ("curveTo", tuple(control[1:])), ("endPath", ())], 0.05)[:-1]
    a, b = lines[:, None, :2], lines[:, None, 2:]
    along = np.clip(((curve - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1), 0, 1)
    far = np.hypot(*np.moveaxis(curve - a - along[..., None] * (b - a), -1, 0)).min(0)
    assert far.max() <= 0.05


def test_placed_turns_clockwise():
    line = np.array([[0.0, 0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(placed(line, 2.0, 90.0, 5.0, 7.0), [[5, 7, 5, 9]])
    assert box(placed(line, 2.0, 30.0)) == pytest.approx((0, 0, np.sqrt(3), 1))
