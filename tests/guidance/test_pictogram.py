"""Score distillation in closed form, where the answer is known."""

import numpy as np
import pytest

from vertumnus.guidance.options import PictogramOptions
from vertumnus.guidance.pictogram import PictogramGuidance, PictogramSource, RecentRenders, distil
from vertumnus.guidance.protocol import Request
from vertumnus.guidance.schedule import NoiseLevels, weight_of
from vertumnus.models.pictogram import Pictogram, stable_diffusion_schedule
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites

ABAR = stable_diffusion_schedule()
MEAN, SPREAD = np.array([1.0, -2.0, 0.5]), 0.7


def gaussian(mean, variance):
    """The exact noise predictor of a Gaussian: its posterior mean is linear in x_t."""

    def predict(x_t, t):
        abar = ABAR[t]
        total = abar * variance + 1 - abar
        clean = mean + np.sqrt(abar) * variance / total * (x_t - np.sqrt(abar) * mean)
        return (x_t - np.sqrt(abar) * clean) / np.sqrt(1 - abar)

    return predict


def test_the_gradient_is_equations_3_and_4():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, 4, 5)).astype(np.float32)
    t, abar = 300, float(ABAR[300])
    x_t = np.sqrt(abar) * x + np.sqrt(1 - abar) * noise
    teacher, student = (lambda z, t: z * 0.5 + 1), (lambda z, t: z * 0.2 - 3)
    plain = distil(x, t, abar, noise, 1.7, teacher, None)
    np.testing.assert_allclose(plain, 1.7 * (x_t * 0.5 + 1 - noise), rtol=1e-4, atol=1e-5)
    both = distil(x, t, abar, noise, 1.7, teacher, student)
    np.testing.assert_allclose(both, 1.7 * (x_t * 0.3 + 4), rtol=1e-4, atol=1e-5)


def particles(method, count=256, steps=3000, rate=0.02):
    """Particles that walk down the distilled gradient; the student is the Gaussian fitted to them."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((count, 3)) * 2
    levels = NoiseLevels(ABAR, 0.02, 0.98, "none")
    for _ in range(steps):
        t = levels.draw(0, rng)
        noise = rng.standard_normal(x.shape)
        student = None if method == "sds" else gaussian(x.mean(0), x.var(0))
        x = x - rate * distil(x, t, ABAR[t], noise, weight_of("uniform", ABAR[t]), gaussian(MEAN, SPREAD**2), student)
    return x


def test_sds_settles_on_the_mean():
    x = particles("sds")
    np.testing.assert_allclose(x.mean(0), MEAN, atol=0.05)
    assert (x.std(0) < 0.3 * SPREAD).all()


def test_vsd_keeps_the_variance():
    x = particles("vsd")
    np.testing.assert_allclose(x.mean(0), MEAN, atol=0.1)
    np.testing.assert_allclose(x.std(0), SPREAD, rtol=0.15)


class Ramp:
    """A piece wider than the canvas whose alpha rises evenly from left to right: its render is linear in its place.

    All renders lie on one line, image = middle + along * z with |along| = 1, and z = ``rise`` times the place.
    """

    SIDE, WIDE = 6, 64

    def __init__(self):
        alpha = np.broadcast_to((np.arange(self.WIDE) + 0.5) / self.WIDE * 255, (self.WIDE, self.WIDE))
        picture = np.repeat(alpha[..., None], 4, axis=-1).round().astype(np.uint8)
        self.renderer = SpriteRenderer(Sprites.of([picture], [(self.WIDE, self.WIDE)], [0]), self.SIDE, self.SIDE)
        self.along = np.full(self.SIDE**2, 1 / self.SIDE)
        self.rise = -self.SIDE / self.WIDE

    def render(self, x):
        zero = np.zeros(1)
        place = Placements(np.array([x]), zero + 3, zero, zero, zero != 0, np.zeros(1, np.int32))
        return self.renderer.forward(place)[..., 3].ravel().astype(np.float64)

    def slope(self, grad):
        """The gradient by the place last rendered."""
        by = np.zeros((self.SIDE, self.SIDE, 4), np.float32)
        by[..., 3] = grad.reshape(self.SIDE, self.SIDE)
        return self.renderer.backward(by).x[0]

    def gaussian(self, mean, variance):
        """The exact noise predictor of renders whose z is a Gaussian; across the line there is no variance."""

        def predict(x_t, t):
            a, sigma = np.sqrt(ABAR[t]), np.sqrt(1 - ABAR[t])
            off = x_t - a * mean
            along = (off @ self.along) * self.along
            return (off - along) / sigma + sigma * along / (a**2 * variance + sigma**2)

        return predict


def layouts(method, place, spread, count=40, steps=700, rate=0.06):
    """Places of a ramp that walk down the distilled gradient, through the renderer and back."""
    ramp, rng = Ramp(), np.random.default_rng(2)
    levels = NoiseLevels(ABAR, 0.02, 0.98, "none")
    teacher = ramp.gaussian(ramp.render(place), (ramp.rise * spread) ** 2)
    places = rng.normal(place + 4, 0.5, count)
    for _ in range(steps):
        t = levels.draw(0, rng)
        middle, z = ramp.render(places.mean()), ramp.rise * places
        student = None if method == "sds" else ramp.gaussian(middle, z.var())
        for n in range(count):
            x, noise = ramp.render(places[n]), rng.standard_normal(ramp.SIDE**2)
            grad = distil(x, t, ABAR[t], noise, weight_of("uniform", ABAR[t]), teacher, student)
            places[n] -= rate / ramp.rise**2 * ramp.slope(grad)
    return places


@pytest.mark.slow
def test_layouts_settle_on_the_mean_by_sds_and_keep_the_variance_by_vsd():
    """A Gaussian prior of layouts, in closed form."""
    by_sds = layouts("sds", 2.0, 3.0)
    assert by_sds.mean() == pytest.approx(2.0, abs=0.6)
    assert by_sds.std() < 0.5 * 3.0
    by_vsd = layouts("vsd", 2.0, 3.0)
    assert by_vsd.mean() == pytest.approx(2.0, abs=0.6)
    assert by_vsd.std() == pytest.approx(3.0, rel=0.15)


def test_the_student_of_one_render_knows_it():
    rng = np.random.default_rng(1)
    student = RecentRenders(ABAR, 4)
    x, noise = rng.standard_normal((2, 8, 8)).astype(np.float32)
    student.learn(x)
    x_t = np.sqrt(ABAR[500]) * x + np.sqrt(1 - ABAR[500]) * noise
    np.testing.assert_allclose(student.predict_noise(x_t.astype(np.float32), 500), noise, atol=1e-4)
    for _ in range(9):
        student.learn(x)
    assert len(student.renders) == 4


@pytest.mark.parametrize("method", ["sds", "vsd"])
def test_ink_is_drawn_towards_an_icon(method):
    prior = Pictogram()
    icons = prior.encode_text("heart")
    rng = np.random.default_rng(2)
    levels = NoiseLevels(prior.alphas_cumprod, 0.9, 0.05, "sqrt")
    student = RecentRenders(prior.alphas_cumprod, 8) if method == "vsd" else None
    guidance = PictogramGuidance(prior, icons, levels, "data", student, (64, 50), rng)
    canvas = np.zeros((1, 64, 50, 4), np.float32)
    ink = canvas[0, ..., 3]
    ink[:] = rng.uniform(0.2, 0.8, (64, 50))

    def nearest():
        return np.abs(icons.pictures[:, :, 7:57] - ink).mean((1, 2)).min()

    before = nearest()
    for step in range(150):
        (loss,), grad = guidance(canvas, step / 150)
        assert np.isfinite(loss)
        assert not grad[..., :3].any()
        ink[:] = np.clip(ink - 0.1 * ink.size * grad[0, ..., 3], 0, 1)
    assert nearest() < 0.2 * before
    assert guidance.target_alpha.shape == (1, 64, 50)


def test_canvases_are_judged_each_for_itself():
    """By SDS, where nothing is shared: a batch is what its canvases are alone, with the same draws."""
    prior, rng = Pictogram(), np.random.default_rng(4)
    canvases = rng.uniform(0, 1, (3, 40, 64, 5)).astype(np.float32)

    class Told:
        """Draws that are the same for every canvas."""

        def uniform(self, low, high):
            return 0.0

        def standard_normal(self, shape):
            return np.broadcast_to(np.random.default_rng(9).standard_normal(shape[1:]), shape)

    def judged(some):
        source = PictogramSource(PictogramOptions(method="sds"))
        guidance = source.guidance(Request("a fish", (40, 64), Told()))
        return *guidance(some, 0.4), guidance.target_alpha

    together = judged(canvases)
    for n in range(3):
        for whole, one in zip(together, judged(canvases[n : n + 1]), strict=True):
            np.testing.assert_allclose(whole[n], one[0], rtol=1e-4, atol=1e-9)
    assert np.ptp(together[0]) > 0
    assert prior.resolution == 64


@pytest.mark.parametrize("prompt", ["a star", "a star to the left of two hearts"])
def test_a_state_goes_on_as_if_it_had_never_stopped(prompt):
    canvases = np.random.default_rng(6).uniform(0, 1, (9, 1, 30, 30, 5)).astype(np.float32)

    def run(first, state=None, rng=None):
        drawn = rng.bit_generator.state if rng else None
        guidance = PictogramSource().guidance(Request(prompt, (30, 30), rng or np.random.default_rng(1)))
        if state is not None:
            rng.bit_generator.state = drawn  # as a run does, which makes its guidance before it goes back
            guidance.restore(state)
        return guidance, [guidance(canvas, 0.2)[1] for canvas in canvases[first:]]

    rng = np.random.default_rng(1)
    guidance = PictogramSource().guidance(Request(prompt, (30, 30), rng))
    for canvas in canvases[:5]:
        guidance(canvas, 0.2)
    np.testing.assert_array_equal(run(5, guidance.state(), rng)[1], run(0)[1][5:])


def test_each_canvas_gets_a_layout_of_its_own_and_both_things():
    guidance = PictogramSource().guidance(
        Request("a key to the right of a heart", (48, 64), np.random.default_rng(3))
    )
    canvases = np.zeros((2, 48, 64, 5), np.float32)
    for step in range(40):
        guidance(canvases, step / 40)
        canvases[..., 3] = 0.7 * canvases[..., 3] + 0.3 * guidance.target_alpha
    for target in guidance.target_alpha:
        sides = [target[:, :32].sum(), target[:, 32:].sum()]
        assert min(sides) > 0.15 * max(sides)
    assert np.abs(guidance.target_alpha[0] - guidance.target_alpha[1]).mean() > 0.01


def test_noise_levels_fall_as_asked():
    rng = np.random.default_rng(3)
    for annealing, middle in (("linear", 0.5), ("sqrt", 0.9 - 0.8 * np.sqrt(0.5))):
        levels = NoiseLevels(ABAR, 0.9, 0.1, annealing)
        drawn = [levels.draw(0.5, rng) for _ in range(200)]
        assert np.mean(drawn) / 999 == pytest.approx(middle, abs=0.01)
        assert np.std(drawn) > 5
    spread = [NoiseLevels(ABAR, 0.9, 0.1, "none").draw(0.5, rng) for _ in range(500)]
    assert min(spread) < 150
    assert max(spread) > 850
