"""Poisson's equation against a direct solve of a matrix written down pixel by pixel."""

import numpy as np
import pytest
from scipy import ndimage

from reference import poisson_directly as direct
from vertumnus.errors import VertumnusError
from vertumnus.imaging.multigrid import Multigrid, laplacian
from vertumnus.imaging.poisson import divergence, solve_poisson


def ragged(seed, height, width):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((height, width)), 3)
    return field > np.quantile(field, 0.35)


MASKS = {
    "ragged": ragged(0, 41, 60),
    "odd and even": ragged(1, 64, 33),
    "lines": np.arange(24)[:, None] * np.ones(30, int) % 3 == 1,
    "inner rectangle": np.pad(np.ones((9, 14), bool), ((3, 2), (1, 5))),
    "rectangle at two edges": np.pad(np.ones((9, 14), bool), ((0, 2), (0, 5))),
    "one pixel": np.pad(np.ones((1, 1), bool), 3),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("screening", [0.0, 0.03])
def test_equals_a_direct_solve(name, screening):
    free = MASKS[name]
    rhs = np.random.default_rng(5).standard_normal((*free.shape, 2))
    solution = solve_poisson(rhs, free, screening=screening, tolerance=1e-10)
    assert solution.residual < 1e-6
    np.testing.assert_allclose(solution.field, direct(rhs, free, screening), atol=1e-6)


@pytest.mark.parametrize("size", [1e-200, 1e-39])
def test_what_is_very_small_is_solved_like_the_rest(size):
    free = MASKS["ragged"]
    rhs = np.random.default_rng(5).standard_normal((*free.shape, 1))
    np.testing.assert_allclose(
        solve_poisson(rhs * size, free).field / size, solve_poisson(rhs, free).field, atol=1e-5
    )


def test_a_rectangle_needs_no_iteration():
    assert solve_poisson(np.ones((14, 20, 1)), MASKS["inner rectangle"]).steps == 0


def test_a_whole_picture_is_right_up_to_its_mean():
    rng = np.random.default_rng(2)
    wanted = rng.standard_normal((12, 17, 3))
    rhs = divergence(np.diff(wanted, axis=1), np.diff(wanted, axis=0))
    found = solve_poisson(rhs, np.ones((12, 17), bool)).field
    np.testing.assert_allclose(found, wanted - wanted.mean((0, 1)), atol=1e-9)


def test_steps_do_not_grow_with_size():
    steps = []
    for side in (40, 160):
        free = ndimage.zoom(ragged(3, 40, 40).astype(float), side / 40, order=0) > 0.5
        free[0] = free[-1] = False
        rhs = np.random.default_rng(1).standard_normal((side, side, 1))
        steps.append(solve_poisson(rhs, free).steps)
    assert max(steps) <= 10


def test_the_cycle_is_symmetric():
    """Conjugate gradients may only lean on a symmetric positive preconditioner."""
    free = MASKS["ragged"]
    apply = Multigrid(free, 0.0).preconditioner()
    one, other = np.random.default_rng(0).standard_normal((2, *free.shape)) * free
    there, back = float((other * apply(one)).sum()), float((one * apply(other)).sum())
    assert there == pytest.approx(back, rel=1e-3)
    assert float((one * apply(one)).sum()) > 0


def test_divergence_is_the_operator_on_differences():
    field = np.random.default_rng(4).standard_normal((8, 9, 1))
    free = np.ones((8, 9), bool)
    weights = Multigrid(free, 0.0).diagonal
    plain = laplacian(field[..., 0], weights, np.empty((8, 9)))
    found = divergence(np.diff(field, axis=1), np.diff(field, axis=0))[..., 0]
    np.testing.assert_allclose(found, plain, atol=1e-12)


def test_what_is_not_finite_is_refused():
    with pytest.raises(VertumnusError, match="finite"):
        solve_poisson(np.full((4, 4, 1), np.nan), np.ones((4, 4), bool))
