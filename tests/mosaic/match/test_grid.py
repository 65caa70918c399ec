"""Grids cover the canvas, every pixel once."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photographs import drawn
from vertumnus.document.layer import Layer
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.collage import pose_of
from vertumnus.mosaic.match.features import cell_shares
from vertumnus.mosaic.match.grid import adaptive_grid, count_grid, level_grid, regular_grid
from vertumnus.mosaic.match.reference import check_resolution, linear_light
from vertumnus.render.cell import hexagon_mask, snapped


def drawn_cells(grid, width, height):
    """Where the layers of a grid's cells are drawn: pixel boxes, and which of their pixels count."""
    for n, box in enumerate(grid.boxes * ([width / grid.width, height / grid.height] * 2)):
        size = 40 + 7 * n % 1000, 30 + 11 * n % 1000
        outline = "hexagon" if grid.kind == "hexagon" else "rectangle"
        pose = pose_of(box.tolist(), *size, n % 4)
        cell = snapped(Layer(name="", image="elements/00000000.png", snap=True, outline=outline, **pose), size, 1.0)
        left, top, right, bottom = cell.box
        yield cell.box, hexagon_mask(cell) if outline == "hexagon" else np.ones((bottom - top, right - left), bool)


def times_covered(grid, width, height):
    covered = np.zeros((height, width), int)
    for (left, top, right, bottom), mask in drawn_cells(grid, width, height):
        x0, x1, y0, y1 = max(left, 0), min(right, width), max(top, 0), min(bottom, height)
        covered[y0:y1, x0:x1] += mask[y0 - top : y1 - top, x0 - left : x1 - left]
    return covered


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from(["rectangle", "brick", "hexagon"]),
    st.integers(20, 130), st.integers(20, 130),
)  # fmt: skip
def test_every_pixel_is_in_one_cell(rows, columns, kind, width, height):
    grid = regular_grid(100, 75, rows, columns, kind)
    assert (times_covered(grid, width, height) == 1).all()


def test_edges_on_half_a_pixel_leave_no_gap():
    """All sizes at which a cell's edge can lie between two pixels, where rounding errors would part cells."""
    for rows, columns, across in itertools.product((7, 25, 37), (26, 37), (100.0, 451.0)):
        for kind in ("rectangle", "brick"):
            grid = regular_grid(across, 300.0, rows, columns, kind)
            for width, height in ((1503, 1000), (columns * 2 + 1, rows * 2 + 1), (999, 777)):
                boxes = np.array([box for box, _ in drawn_cells(grid, width, height)])
                boxes = np.clip(boxes, 0, [width, height] * 2)
                assert (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).sum() == width * height


def test_levels_and_counts():
    assert len(level_grid(640, 480, 3)) == 64
    grid = count_grid(600, 400, 1000, 1.5)
    assert abs(len(grid) - 1000) < 60
    assert grid.aspect == pytest.approx(1.5, rel=0.05)
    hexagons = count_grid(600, 400, 500, kind="hexagon")
    assert abs(len(hexagons) - 500) < 40
    assert hexagons.aspect == pytest.approx(1, rel=0.06)


def test_hexagons_are_hexagons():
    """An inner cell's area is that of a hexagon in its box: three quarters, and its shares say the same."""
    grid = regular_grid(400, 300, 6, 8, "hexagon")
    cell = 2 * 17 + 3
    _, mask = list(drawn_cells(grid, 1600, 1200))[cell]
    assert mask.mean() == pytest.approx(0.75, abs=0.02)
    shares = cell_shares(grid, 4)
    assert shares.mean() == pytest.approx(0.75, abs=0.02)
    rows, columns = (n // 4 * 4 for n in mask.shape)
    pooled = mask[:rows, :columns].reshape(4, rows // 4, 4, columns // 4).mean(axis=(1, 3))
    np.testing.assert_allclose(shares, pooled, atol=0.1)


def test_neighbours_are_about_one_apart():
    for kind in ("rectangle", "brick", "hexagon"):
        grid = regular_grid(400, 300, 6, 8, kind)
        away = np.hypot(*(grid.centres[:, None] - grid.centres[None]).transpose(2, 0, 1))
        assert 0.9 < np.sort(away, axis=1)[:, 1].max() < 1.2


def test_adaptive_cells_are_small_where_the_detail_is():
    light = linear_light(drawn(160, 120)).copy()
    light[:, :80] = 0.2  # nothing to see on the left
    grid = adaptive_grid(light, 250)
    assert 247 <= len(grid) <= 250
    assert (times_covered(grid, 160, 120) == 1).all()
    assert (times_covered(grid, 1333, 1000) == 1).all()
    sides = grid.boxes[:, 2] - grid.boxes[:, 0]
    left = grid.boxes[:, 2] <= 70
    assert sides[left].min() > sides.min()
    assert len(set(sides.round(3).tolist())) >= 3
    np.testing.assert_array_equal(adaptive_grid(light, 250).boxes, grid.boxes)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: regular_grid(10, 10, 0, 4), "`grid`: 0 x 4"),
    (lambda: level_grid(10, 10, 11), "`level`: must be 0 to 10, not 11"),
    (lambda: count_grid(10, 10, 0), "`count`: must be 1"),
    (lambda: check_resolution(regular_grid(10, 10, 20, 20), 10, 10, "small.png"), "small.png: 10 x 10 pixels is"),
])  # fmt: skip
def test_bad_grids(make, words):
    with pytest.raises(VertumnusError, match=words):
        make()
