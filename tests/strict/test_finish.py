"""The strict finish keeps its promise at every moment, whatever the layout it is given."""

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.packing.options import PackOptions
from vertumnus.packing.problem import make_freedom, make_problem, start_placements
from vertumnus.shapes import parse_shape
from vertumnus.strict import finish, narrow
from vertumnus.strict.finish import coarse_zoom, finish_free
from vertumnus.strict.fixed import finish_fixed, pour
from vertumnus.strict.moves import put
from vertumnus.strict.narrow import finish_narrow
from vertumnus.strict.nesting.nest import nest
from vertumnus.strict.problem import RASTER

PIECES = [element(blob(seed, 30 + 5 * seed, 60 - 4 * seed), f"{seed}") for seed in range(8)]


def circle(side: int):
    return parse_shape("circle").mask(RASTER * side, RASTER * side)


def chaos(seed: int, count: int, **options):
    """A problem and a layout in which everything lies on everything."""
    problem = make_problem(
        [PIECES[n % 8] for n in range(count)], circle(120), (120, 120), PackOptions(quality="fast", **options)
    )
    rng = np.random.default_rng(seed)
    start = start_placements(problem, rng)
    freedom = make_freedom(problem, start)
    start.x[:] = rng.uniform(40, 80, count)
    start.y[:] = rng.uniform(20, 100, count)
    start.log_scale += rng.normal(0, 0.6, count)
    start.rotation[:] = rng.uniform(-9, 9, count)
    freedom.clip(start)
    return problem, freedom, start, rng


def check(grid, most=1, sizes=2e-5):
    """What is taken, recomputed from the poses: nothing twice, nothing outside, and as the grid has it."""
    again = np.zeros_like(grid.taken)
    for piece in np.flatnonzero(grid.placed):
        put(1, again, grid.pose, piece, grid.flip, grid.which, grid.pictures, grid.gap)
    if not grid.gap:
        assert again.max() <= most
        assert not again[grid.outside].any()
    np.testing.assert_array_equal(again + grid.outside, grid.taken)
    low, high = grid.bounds[grid.placed, 0], grid.bounds[grid.placed, 1]
    assert (grid.pose[grid.placed, 2] >= low * (1 - sizes)).all()
    assert (grid.pose[grid.placed, 2] <= high * (1 + sizes)).all()


@pytest.mark.parametrize("options", [{}, {"gap": 1.5}, {"size_range": (0.8, 1.25)}])
def test_layouts_found_on_coarse_rasters_are_strict_on_the_full_one(monkeypatch, options):
    for module in (finish, narrow):
        monkeypatch.setattr(module, "LAST_PIXELS", 150)
    monkeypatch.setattr(finish, "PIECE_PIXELS", 60)
    monkeypatch.setattr(finish, "SETTLED_PIXELS", 400)
    found = {}
    for pixels in (150, 10**9):
        for module in (finish, narrow):
            monkeypatch.setattr(module, "LAST_PIXELS", pixels)
        problem, freedom, start, rng = chaos(3, 24, **options)
        method = finish_narrow if problem.options.narrow else finish_free
        rasters = []
        for grid in method(problem, freedom, start, rng):
            check(grid, sizes=2e-4)
            rasters.append(grid.zoom)
        assert grid.final
        assert np.count_nonzero(~grid.placed) <= problem.options.narrow  # on so coarse a raster
        found[pixels] = grid.coverage(), len(set(rasters))
    assert found[150][1] > found[10**9][1] >= 2 - (options.get("size_range") is not None)
    assert found[150][0] > 0.88 * found[10**9][0], found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("options", [{}, {"gap": 1.5}, {"size_range": (0.5, 1.5)}, {"flip": True, "rotation": 20.0}])
def test_free_sizes(seed, options):
    problem, freedom, start, rng = chaos(seed, 60, **options)
    yields = 0
    for grid in finish_free(problem, freedom, start, rng):
        check(grid)
        yields += 1
    assert yields > 5
    assert grid.final


def test_a_large_canvas_goes_over_a_coarse_raster():
    problem = make_problem(PIECES, circle(500), (500, 500), PackOptions(quality="fast"))
    assert 0 < coarse_zoom(problem) < 2
    start = start_placements(problem, np.random.default_rng(0))
    freedom = make_freedom(problem, start)
    finals = []
    for grid in finish_free(problem, freedom, start, np.random.default_rng(0)):
        check(grid)
        finals.append(grid.final)
    assert not finals[0]
    assert finals[-1]


@pytest.mark.parametrize("seed", range(3))
def test_proportional_sizes(seed):
    problem, freedom, start, rng = chaos(seed, 20, sizes="proportional")
    start.log_scale[:] = np.log(0.5 * problem.fair / problem.unit)
    for grid in nest(problem, freedom, start, rng):
        ratio = grid.pose[:, 2] / problem.fair * problem.unit
        np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-3)
    assert grid.final
    check(grid)
    assert grid.placed.all()


@pytest.mark.parametrize("finish", [finish_fixed, pour])
@pytest.mark.parametrize("seed", range(3))
def test_fixed_sizes(seed, finish):
    problem, freedom, start, rng = chaos(seed, 30, sizes="fixed", open=finish is pour, fill=0.4)
    for grid in finish(problem, freedom, start, rng):
        check(grid)
    size = grid.pose[grid.placed, 2] / 2
    np.testing.assert_allclose(size, (problem.fair / problem.unit)[grid.placed], rtol=1e-3)
    assert grid.placed.mean() > 0.9


def test_more_than_can_be_placed():
    problem, freedom, start, rng = chaos(0, 60, sizes="fixed", fill=1.0)
    for grid in finish_fixed(problem, freedom, start, rng):
        check(grid)
    assert 0 < grid.placed.sum() < 60
