"""Swelling, against what is known of discs and squares, and the finish that it ends in."""

from itertools import pairwise

import numpy as np
import pytest

from drawn import element
from vertumnus.packing.options import PackOptions
from vertumnus.packing.problem import make_freedom, make_problem, start_placements
from vertumnus.strict.finish import finish_free, swells
from vertumnus.strict.nesting.scene import NestingScene
from vertumnus.strict.nesting.swell import Swelling


def disc(side=96):
    y, x = np.mgrid[:side, :side] + 0.5
    picture = np.full((side, side, 4), 99, np.uint8)
    picture[..., 3] = 255 * np.clip(side * 0.48 - np.hypot(x - side / 2, y - side / 2) + 0.5, 0, 1)
    return picture


DISC = element(disc(), "disc")
SQUARE = element(np.full((60, 60, 4), 255, np.uint8), "square")


def lying(elements, size, at, side, **options):
    """A problem, what is free, and pieces in places, roots of their areas given."""
    mask = np.ones((2 * size[1], 2 * size[0]), bool)
    problem = make_problem(elements, mask, size, PackOptions(**options))
    start = start_placements(problem, np.random.default_rng(0))
    freedom = make_freedom(problem, start)
    start.x[:], start.y[:] = np.asarray(at, float).T
    start.log_scale[:] = np.log(np.asarray(side) / problem.unit)
    start.rotation[:] = 0
    return problem, freedom, start


def swollen(problem, freedom, start, high=5.0):
    one = Swelling(NestingScene(problem, freedom, start))
    scale = np.exp(start.log_scale)
    one.lay(start, 0.2 * scale, high * scale)
    for _ in range(4):
        one.swell()
    return one


def test_a_disc_alone_becomes_as_large_as_its_container_or_as_it_may():
    alone = lying([DISC], (60, 80), [(25.0, 30.0)], [20.0])
    assert swollen(*alone).size[0] / np.sqrt(np.pi) == pytest.approx(30, rel=0.01)
    assert swollen(*alone, high=1.5).size[0] == pytest.approx(30.0)


def test_squares_in_a_row_give_each_other_way():
    at = [(12.0, 15.0), (33.0, 15.0), (60.0, 15.0)]
    one = swollen(*lying([SQUARE] * 3, (90, 30), at, [18.0] * 3, rotation="none"))
    assert one.size == pytest.approx([30, 30, 30], abs=0.4)
    edges = [(x - side / 2, x + side / 2) for x, side in zip(one.pose[:, 0], one.size, strict=True)]
    for (_, right), (left, _) in pairwise(sorted(edges)):
        assert left - right > -0.15
    assert (one.pose[:, 2] == 0).all()


def test_the_finish_ends_denser_and_keeps_its_promise():
    at = np.random.default_rng(4).uniform(10, 50, (9, 2))

    def finished(quality):
        problem, freedom, start = lying([DISC] * 5 + [SQUARE] * 4, (70, 60), at, [15.0] * 9, quality=quality)
        assert swells(problem) == (quality == "high")
        for grid in finish_free(problem, freedom, start, np.random.default_rng(1)):
            assert grid.taken.max() <= 1
        assert grid.placed.all()
        sizes = grid.pose[:, 2] * problem.unit / problem.fair
        least, most = np.exp(freedom.low.log_scale), np.exp(freedom.high.log_scale)
        assert sizes.max() / sizes.min() <= (most / least).max() * 1.001
        return grid.coverage()

    assert finished("high") > finished("fast") + 0.01


def test_contours_are_those_of_the_level_that_is_drawn():
    fine = element(disc(512), "disc")
    problem, freedom, start = lying([fine, fine], (80, 60), [(20.0, 20.0), (60.0, 40.0)], [30.0, 4.0])
    task = Swelling(NestingScene(problem, freedom, start)).task
    which = task.pieces.which
    assert len(task.contours.values) == 2 == len(set(which))
    assert task.contours.reach[which] == pytest.approx([1 / np.sqrt(np.pi)] * 2, rel=0.03)
