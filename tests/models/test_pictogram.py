"""The pictogram prior against a slow plain reference, closed forms and what it is for."""

import itertools

import numpy as np
import pytest

from vertumnus.errors import VertumnusError
from vertumnus.models import load
from vertumnus.models.pictogram import (
    EXTENTS,
    SIDE,
    TURNS,
    Pictogram,
    empirical_mean,
    empirical_noise,
    empirical_weights,
    stable_diffusion_schedule,
)


@pytest.fixture(scope="module")
def prior():
    return Pictogram()


def slow_weights(x_t, abar, points):
    """Bayes' rule, one density after another, in long doubles."""
    likely = []
    for point in points.astype(np.longdouble):
        gap = x_t.astype(np.longdouble) - np.sqrt(np.longdouble(abar)) * point
        likely.append(-(gap**2).sum() / (2 * (1 - np.longdouble(abar))))
    likely = np.exp(np.array(likely) - max(likely))
    return likely / likely.sum()


@pytest.mark.parametrize("abar", [0.01, 0.3, 0.9])
def test_weights_mean_and_noise_are_those_of_the_slow_reference(abar):
    rng = np.random.default_rng(0)
    points = rng.random((7, 12)).astype(np.float32)
    x_t = rng.normal(size=(5, 12)).astype(np.float32)
    for row, weights, mean, noise in zip(
        x_t,
        empirical_weights(x_t, abar, points),
        empirical_mean(x_t, abar, points),
        empirical_noise(x_t, abar, points),
        strict=True,
    ):
        slow = slow_weights(row, abar, points)
        assert weights == pytest.approx(slow.astype(float), abs=1e-5)
        assert mean == pytest.approx((slow @ points).astype(float), abs=1e-5)
        expected = (row - np.sqrt(abar) * (slow @ points)) / np.sqrt(1 - abar)
        assert noise == pytest.approx(expected.astype(float), abs=1e-4)


def test_one_point_is_always_the_answer():
    point = np.linspace(0, 1, 9, dtype=np.float32)[None]
    noise = np.random.default_rng(1).normal(size=(3, 9)).astype(np.float32)
    x_t = np.sqrt(np.float32(0.4)) * point + np.sqrt(np.float32(0.6)) * noise
    assert empirical_mean(x_t, 0.4, point) == pytest.approx(np.repeat(point, 3, 0), abs=1e-6)
    assert empirical_noise(x_t, 0.4, point) == pytest.approx(noise, abs=1e-5)


def test_two_points_give_a_logistic_curve():
    """For points +1 and -1 the posterior mean is tanh(sqrt(abar) x / (1 - abar)), in closed form."""
    points = np.array([[1.0], [-1.0]], np.float32)
    x_t = np.linspace(-3, 3, 13, dtype=np.float32)[:, None]
    assert empirical_mean(x_t, 0.5, points) == pytest.approx(np.tanh(np.sqrt(0.5) * x_t / 0.5), abs=1e-5)


def test_the_noise_is_minus_the_scaled_gradient_of_the_log_density():
    """Tweedie: eps = -sqrt(1 - abar) grad log p(x_t), by central differences of the mixture's density."""
    rng = np.random.default_rng(2)
    points, abar = rng.random((4, 3)), 0.6
    x = rng.normal(size=3)

    def log_density(at):
        gaps = ((at - np.sqrt(abar) * points) ** 2).sum(1) / (2 * (1 - abar))
        return np.log(np.exp(-gaps).sum())

    h = 1e-5
    slope = [(log_density(x + h * unit) - log_density(x - h * unit)) / (2 * h) for unit in np.eye(3)]
    found = empirical_noise(x[None].astype(np.float32), abar, points.astype(np.float32))[0]
    assert found == pytest.approx(-np.sqrt(1 - abar) * np.array(slope), abs=1e-4)


def test_each_row_may_have_its_own_level():
    rng = np.random.default_rng(3)
    points, x_t = rng.random((5, 8)).astype(np.float32), rng.normal(size=(3, 8)).astype(np.float32)
    abar = np.array([0.1, 0.5, 0.9])
    together = empirical_noise(x_t, abar, points)
    alone = [empirical_noise(x_t[n : n + 1], abar[n], points)[0] for n in range(3)]
    assert together == pytest.approx(np.array(alone), abs=1e-4)


@pytest.mark.parametrize("abar", [0.0, 1.0, np.nan])
def test_a_level_that_is_none_is_refused(abar):
    with pytest.raises(VertumnusError, match="abar"):
        empirical_weights(np.zeros((1, 2), np.float32), abar, np.zeros((1, 2), np.float32))


def test_the_schedule_is_stable_diffusions():
    abar, running = stable_diffusion_schedule(), 1.0
    for t in range(1000):
        root = np.sqrt(0.00085) + (np.sqrt(0.012) - np.sqrt(0.00085)) * t / 999
        running *= 1 - root**2
        assert abar[t] == pytest.approx(running)


def test_icons_are_augmented_and_are_ink(prior):
    icons = prior.encode_text("a butterfly")
    assert icons.matched == ("butterfly",)
    assert len(icons.pictures) % (len(TURNS) * len(EXTENTS) * 2) == 0
    assert icons.pictures.shape[1:] == (SIDE, SIDE)
    assert icons.pictures.min() >= 0
    assert 0.99 < icons.pictures.max() <= 1.0001
    assert icons.pictures[:, [0, -1]].max() == 0  # nothing is cut off
    widths = {int(np.count_nonzero(picture.max(0) > 0.5)) for picture in icons.pictures}
    assert len(widths) > 3


@pytest.mark.slow
def test_sampling_gives_an_icon(prior):
    """DDIM from noise by the predictor ends at one of the points, as it must for an exact one."""
    icons = prior.encode_text("a fish")
    x = np.random.default_rng(0).normal(size=(4, SIDE, SIDE)).astype(np.float32)
    abar, times = prior.alphas_cumprod, np.linspace(999, 0, 40).round().astype(int)
    for now, then in itertools.pairwise(times):
        noise = prior.predict_noise(x, now, icons)
        clean = prior.denoise(x, now, icons)
        again = (x - np.sqrt(1 - abar[now]) * noise) / np.sqrt(abar[now])
        assert clean == pytest.approx(again, abs=2e-2)
        x = (np.sqrt(abar[then]) * clean + np.sqrt(1 - abar[then]) * noise).astype(np.float32)
    nearest = np.abs(x[:, None] - icons.pictures[None]).mean((2, 3)).min(1)
    assert (nearest < 0.03).all()


def test_prompts_of_different_things_give_different_noise(prior):
    x = np.random.default_rng(0).normal(size=(1, SIDE, SIDE)).astype(np.float32)
    fish, crown = prior.encode_text("fish"), prior.encode_text("crown")
    assert np.abs(prior.predict_noise(x, 400, fish) - prior.predict_noise(x, 400, crown)).max() > 0.1


def test_the_loader_knows_it():
    assert isinstance(load("pictogram"), Pictogram)
    with pytest.raises(VertumnusError, match="pictogram: is not a clip"):
        load("pictogram", "clip")
