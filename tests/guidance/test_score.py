"""Score distillation from networks: against the formulae, against closed forms, and on tiny random networks."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import FittedGaussian, Gaussian, Schedule, Scripted, Tiny  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.guidance.score import ScoreDistillation  # noqa: E402

SIDE = 8


def canvases(count, side=SIDE, seed=0, channels=5, opaque=False):
    """Premultiplied pictures with something more behind the first four channels."""
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(0.2, 0.8, (count, side, side, channels)).astype(np.float32)
    drawn[..., 3] = 1.0 if opaque else drawn[..., 3]
    drawn[..., :3] *= drawn[..., 3:4]
    return drawn


def guidance(model, seed=0, **options):
    return ScoreDistillation(model, "a tree", np.random.default_rng(seed), **options)


def the_noise(model, asked, x):
    """What was added, from what the predictor was asked."""
    a, sigma = model.levels(asked.t, x)
    return (asked.x_t - a * x) / sigma


def test_sds_is_its_formula_for_a_scripted_predictor():
    """Eq. (3), worked by hand down to the pixels: resizing is none, so dx/dcanvas is 2 for a colour."""
    model = Scripted(lambda x_t, t: torch.tanh(x_t) * 0.3 + 0.1)
    background = (0.9, 0.5, 0.2)
    canvas = canvases(1)
    losses, gradients = guidance(model, method="sds", background=background)(canvas, 0.3)
    (asked,) = model.asked
    assert (asked.text, asked.negative, asked.guidance) == ("a tree", "", 7.5)
    colours, alpha = canvas[..., :3], canvas[..., 3:4]
    x = 2 * (colours + (1 - alpha) * background) - 1
    x = torch.tensor(x).movedim(-1, 1).float()
    noise = the_noise(model, asked, x)
    weight = 1 - float(model.alphas_cumprod[asked.t])
    grad = (weight * (torch.tanh(asked.x_t) * 0.3 + 0.1 - noise)).movedim(1, -1).numpy()
    by_colour = 2 * grad / grad.size
    np.testing.assert_allclose(gradients[..., :3], by_colour, atol=1e-7)
    np.testing.assert_allclose(gradients[..., 3], -(by_colour * background).sum(-1), atol=1e-7)
    np.testing.assert_array_equal(gradients[..., 4], 0)
    assert losses[0] == pytest.approx(0.5 * np.mean(grad**2), rel=1e-4)
    assert gradients.dtype == np.float32
    assert gradients.shape == canvas.shape
    # The noise really is noise, and not what the predictor said.
    assert abs(float(noise.mean())) < 0.3
    assert float(noise.std()) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("weighting", ["sds", "uniform", "fantasia3d", "data"])
def test_vsd_is_teacher_minus_student_for_every_weight(weighting):
    """Eq. (4), with the sign that goes down."""
    model = Scripted(lambda x_t, t: x_t * 0.5 + 1)
    student = FittedGaussian(model, 0.2, 0.7)
    said = []
    ask = student.predict_noise
    student.predict_noise = lambda x_t, t: said.append(ask(x_t, t)) or said[-1]
    canvas = canvases(3, opaque=True)
    _, gradients = guidance(model, student=student, weighting=weighting)(canvas, 0.3)
    (asked,) = model.asked
    assert len(set(asked.t.tolist())) == 3  # each its own
    abar = model.alphas_cumprod[asked.t].view(-1, 1, 1, 1)
    weight = {
        "sds": 1 - abar,
        "uniform": torch.ones_like(abar),
        "fantasia3d": abar.sqrt() * (1 - abar),
        "data": ((1 - abar) / abar).sqrt(),
    }[weighting]
    grad = weight * (asked.x_t * 0.5 + 1 - said[0])
    expected = 2 * grad.movedim(1, -1).numpy() / grad[0].numel()
    np.testing.assert_allclose(gradients[..., :3], expected, rtol=1e-4, atol=1e-7)


def test_the_steps_follow_the_annealing():
    model = Scripted(lambda x_t, t: x_t)
    falling = guidance(model, method="sds", noise_levels=(0.9, 0.1), annealing="sqrt")
    free = guidance(model, method="sds", noise_levels=(0.9, 0.1))
    for progress in (0.0, 0.25, 1.0):
        for _ in range(8):
            falling(canvases(2), progress)
        low, high = (min(int(a.t.min()) for a in model.asked), max(int(a.t.max()) for a in model.asked))
        middle = 1000 * (0.9 - 0.8 * math.sqrt(progress))
        assert middle - 40 < low < high < middle + 40
        model.asked.clear()
    for _ in range(40):
        free(canvases(2), 1.0)
    assert min(int(a.t.min()) for a in model.asked) < 200
    assert max(int(a.t.max()) for a in model.asked) > 800


@pytest.mark.parametrize("shape", [(24, 24), (24, 12), (7, 20)])
def test_the_gradient_is_that_of_finite_differences(shape):
    """For a deterministic predictor and fixed noise: of half the mean of |x(canvas) - target|^2, its target fixed."""
    model = Scripted(lambda x_t, t: torch.sin(3 * x_t))
    background = (1.0, 0.8, 0.3)
    canvas = canvases(1, 24)[:, : shape[0], : shape[1], :4]
    _, gradients = guidance(model, method="sds", background=background)(canvas, 0.5)
    (asked,) = model.asked

    def x_of(changed):
        layers = torch.tensor(changed).movedim(-1, 1)
        side = max(shape)
        rows, columns = (side - shape[0]) // 2, (side - shape[1]) // 2
        square = torch.zeros(1, 4, side, side, dtype=torch.float64)
        square[:, :, rows : rows + shape[0], columns : columns + shape[1]] = layers
        colour = torch.tensor(background, dtype=torch.float64).view(1, 3, 1, 1)
        return model.encode(square[:, :3] + (1 - square[:, 3:]) * colour)

    here = canvas.astype(np.float64)
    x = x_of(here)
    noise = the_noise(model, asked, x)
    abar = model.alphas_cumprod[asked.t].double()
    target = x - (1 - abar) * (torch.sin(3 * asked.x_t) - noise)

    def loss(changed):
        return float(0.5 * (x_of(changed) - target).square().mean())

    rng = np.random.default_rng(3)
    for _ in range(6):
        way = rng.standard_normal(here.shape)
        slope = (loss(here + 1e-4 * way) - loss(here - 1e-4 * way)) / 2e-4
        assert float((gradients * way).sum()) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def descend(model, start, steps, rate, student=None, method="sds"):
    """Particles moved down the gradient of their colours; their values from -1 to 1, N x H x W x 3."""
    particles = np.concatenate([start, np.ones_like(start[..., :1])], axis=-1).astype(np.float32)
    guide = guidance(model, method=method, student=student, guidance_scale=1.0, weighting="sds", seed=4)
    size = model.shape[0] * model.shape[1] * model.shape[2]
    for step in range(steps):
        _, gradients = guide(particles, step / steps)
        particles[..., :3] -= rate * (1 - step / steps) * size * gradients[..., :3]
    return 2 * particles[..., :3] - 1


def test_sds_settles_on_the_mean_and_vsd_keeps_the_variance():
    """A Gaussian prior of known mean and variance; sixteen pictures that start narrow and elsewhere."""
    rng = np.random.default_rng(0)
    mean = torch.tensor(rng.uniform(-0.5, 0.5, (3, SIDE, SIDE)), dtype=torch.float32)
    variance = 0.2
    model = Gaussian(mean, variance)
    start = rng.normal(0.8, 0.05, (16, SIDE, SIDE, 3))
    wanted = mean.movedim(0, -1).numpy()

    by_sds = descend(model, start, 600, 0.3)
    assert np.abs(by_sds - wanted).mean() < 0.1  # every one of them
    assert (by_sds - by_sds.mean(0)).var() < 0.05 * variance

    values = torch.tensor(2 * start - 1).movedim(-1, 1).float()
    student = FittedGaussian(model, values.mean(0), values.var())
    student.learn = lambda x_0: fit(student, x_0)
    by_vsd = descend(model, start, 600, 0.3, student, "vsd")
    assert np.abs(by_vsd.mean(0) - wanted).mean() < 0.02
    spread = by_vsd - by_vsd.mean(0)
    assert (spread**2).sum() / (15 * wanted.size) == pytest.approx(variance, rel=0.05)


def fit(student, x_0):
    """The Gaussian of the particles: a mean for each pixel, one variance for all."""
    student.predictor.mean = x_0.mean(0)
    student.predictor.variance = float(x_0.var(0).mean())
    return 0.0


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    pytest.importorskip("peft")
    return Tiny


def test_the_gradient_passes_through_the_encoder(tiny):
    """As autograd has it for the whole chain, written plainly."""
    model = tiny("sd")
    canvas = canvases(1, 24)
    _, gradients = guidance(model, method="sds", seed=5)(canvas, 0.5)
    rng = np.random.default_rng(np.random.default_rng(5).integers(2**63))
    t = torch.tensor([guidance(model, method="sds").levels.draw(0.5, rng)])
    noise = torch.from_numpy(rng.standard_normal((1, *model.shape), np.float32))
    leaf = torch.tensor(canvas, requires_grad=True)
    picture = (leaf[..., :3] + 1 - leaf[..., 3:4]).permute(0, 3, 1, 2)
    small = torch.nn.functional.interpolate(picture, (16, 16), mode="bilinear", antialias=True)
    z = model.vae.encode(2 * small - 1).latent_dist.mean * 0.5
    abar = model.alphas_cumprod[t]
    with torch.no_grad():
        z_t = abar.sqrt() * z + (1 - abar).sqrt() * noise
        text, nothing = model.encode_text("a tree"), model.encode_text("")
        along, without = (model.unet(z_t, t, states).sample for states in (text, nothing))
        grad = (1 - abar) * (without + 7.5 * (along - without) - noise)
    target = (z - grad).detach()
    (0.5 * (z - target).square().mean()).backward()
    assert float(leaf.grad.abs().max()) > 0
    np.testing.assert_allclose(gradients, leaf.grad.numpy(), atol=1e-4 * float(leaf.grad.abs().max()))


@pytest.mark.parametrize("family", ["sd", "sd-v", "if"])
def test_the_loop_runs_on_random_networks_and_is_reproducible(tiny, family):
    def run(seed, state_at=None, state=None):
        guide = guidance(tiny(family), seed)
        canvas, kept, first = canvases(2, 16), None, 0
        if state is not None:
            first, canvas = state_at, state[0].copy()
            guide.restore(state[1])
        for step in range(first, 5):
            if step == state_at and state is None:
                kept = canvas.copy(), guide.state()
            losses, gradients = guide(canvas, step / 5)
            assert np.isfinite(losses).all()
            assert np.isfinite(guide.student_loss)
            assert all(np.abs(gradients[n, ..., :4]).max() > 0 for n in range(2))
            canvas = canvas - 50 * gradients
        assert guide.skipped == 0
        return canvas, kept

    once, kept = run(1, state_at=3)
    np.testing.assert_array_equal(once, run(1)[0])
    assert np.abs(once - run(2)[0]).max() > 0
    np.testing.assert_array_equal(once, run(1, state_at=3, state=kept)[0])


def test_the_ink_wanted_is_that_of_the_picture_expected():
    """A prior of one picture expects it behind any noise; its dark square is the ink, whatever the canvas shows."""
    picture = torch.full((3, 40, 40), 0.9)
    picture[:, 8:20, 12:30] = 0.2
    guide = guidance(Gaussian(2 * picture - 1, 1e-6, (3, 40, 40)), method="sds")
    assert guide.target_alpha is None
    for seed in range(4):
        guide(canvases(2, 40, seed), 0.5)
    wanted = guide.target_alpha
    assert wanted.shape == (2, 40, 40)
    np.testing.assert_allclose(wanted, np.broadcast_to(picture[0].numpy() < 0.5, wanted.shape), atol=1e-3)
    kept = guide.state()
    other = guidance(Gaussian(2 * picture - 1, 1e-6, (3, 40, 40)), method="sds")
    other.restore(kept)
    np.testing.assert_array_equal(other(canvases(2, 40), 0.5)[1], guide(canvases(2, 40), 0.5)[1])
    np.testing.assert_array_equal(other.target_alpha, guide.target_alpha)


def test_the_wanted_ink_has_the_canvas_s_shape():
    picture = torch.full((3, 40, 40), 1.0)
    picture[:, 10:30, 5:35] = 0.0
    guide = guidance(Gaussian(2 * picture - 1, 1e-6, (3, 40, 40)), method="sds")
    guide(canvases(1, 40)[:, :20], 0.5)
    wanted = guide.target_alpha
    assert wanted.shape == (1, 20, 40)
    np.testing.assert_allclose(wanted[0], 1 - picture[0, 10:30], atol=1e-3)


def test_pieces_may_be_seen_as_ink():
    """Then only alpha counts: black over the background."""
    model = Scripted(lambda x_t, t: x_t)
    canvas = canvases(1)
    _, gradients = guidance(model, method="sds", ink=(0.0, 0.0, 0.0), background=(1.0, 1.0, 1.0))(canvas, 0.5)
    assert not gradients[..., :3].any()
    assert gradients[..., 3].any()
    plain = canvas.copy()
    plain[..., :3] = 0
    _, again = guidance(model, method="sds", background=(1.0, 1.0, 1.0))(plain, 0.5)
    np.testing.assert_array_equal(gradients[..., 3], again[..., 3])


def test_an_answer_that_is_not_finite_is_skipped_and_counted():
    def script(x_t, t):
        said = x_t.clone()
        said[bad] = math.nan
        return said

    bad = [1]
    guide = guidance(Scripted(script), method="sds", patience=3)
    losses, gradients = guide(canvases(3), 0.5)
    assert np.isnan(losses).tolist() == [False, True, False]
    assert (np.abs(gradients).max((1, 2, 3)) > 0).tolist() == [True, False, True]
    guide(canvases(3), 0.5)
    assert guide.skipped == 2
    bad = []
    guide(canvases(3), 0.5)
    bad = [0]
    for _ in range(2):
        guide(canvases(3), 0.5)
    with pytest.raises(VertumnusError, match=r"^scripted: its answer was not finite 3 times in a row"):
        guide(canvases(3), 0.5)
    assert guide.skipped == 5


def test_a_decoder_that_is_not_finite_is_counted_and_gives_no_target():
    """As SDXL's does in half precision: its NaN reached the gradient and was not counted."""
    model = Scripted(lambda x_t, t: torch.zeros_like(x_t))
    decode = model.decode
    guide = guidance(model, method="sds")
    model.decode = lambda x_0: decode(x_0) * math.nan
    guide(canvases(2), 0.5)
    assert guide.target_alpha is None
    assert guide.target_alpha is None
    assert guide.skipped == 2
    model.decode = decode
    guide(canvases(2), 0.5)
    known = guide.target_alpha
    assert np.isfinite(known).all()
    model.decode = lambda x_0: decode(x_0) * torch.tensor([1, math.nan]).view(2, 1, 1, 1)
    guide(canvases(2), 0.5)
    assert np.isfinite(guide.target_alpha).all()
    assert np.array_equal(guide.target_alpha[1], known[1]), "the last known stands in"
    assert guide.skipped == 3


def test_a_nan_does_not_reach_the_student(tiny):
    model = tiny("sd")
    guide = guidance(model)
    guide(canvases(1, 16), 0.5)
    before = guide.state()
    broken = canvases(1, 16)
    broken[0, 3, 3, 0] = np.nan
    losses, gradients = guide(broken, 0.5)
    assert np.isnan(losses[0])
    assert not gradients.any()
    for key in ("lora", "lora_mean", "lora_square"):
        np.testing.assert_array_equal(guide.state()[key], before[key])
    last = model.unet.conv_out.bias
    last.data += math.nan
    guide(canvases(1, 16), 0.5)
    np.testing.assert_array_equal(guide.state()["lora"], before["lora"])
    assert guide.skipped == 2


def test_out_of_memory_says_what_to_lower():
    def script(x_t, t):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    with pytest.raises(VertumnusError, match=r"^scripted: out of memory; let it judge fewer"):
        guidance(Scripted(script), method="sds")(canvases(2), 0.5)


def test_errors_after_the_first_answer_are_not_dressed_up():
    def script(x_t, t):
        if asked:
            raise RuntimeError("a bug")
        asked.append(t)
        return x_t

    asked = []
    guide = guidance(Scripted(script), method="sds")
    guide(canvases(1), 0.5)
    with pytest.raises(RuntimeError, match="a bug"):
        guide(canvases(1), 0.5)


def test_weights_for_another_architecture(tiny):
    with pytest.raises(VertumnusError, match=r"^tiny-sd: its parts do not fit together.*another architecture"):
        guidance(tiny("sd", text_width=16), method="sds")(canvases(1), 0.5)
    with pytest.raises(VertumnusError, match=r"^scripted: a Identity has no attention"):
        guidance(Scripted(lambda x_t, t: x_t))


def test_bad_input():
    class Clip:
        name = "a-clip"

    with pytest.raises(VertumnusError, match=r"^a-clip: is no diffusion network"):
        guidance(Clip())
    with pytest.raises(VertumnusError, match=r"^prompt: is empty"):
        ScoreDistillation(Schedule((3, 8, 8)), " ", np.random.default_rng(0))


@pytest.mark.parametrize(("weights", "threads"), [(10, 1), (100, 2)])
def test_small_networks_compute_on_one_thread_and_leave_the_others_as_they_were(monkeypatch, weights, threads):
    monkeypatch.setattr("vertumnus.models.device.SMALL", 50)
    before, used = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        model = Scripted(lambda x_t, t: used.append(torch.get_num_threads()) or x_t)
        model.unet = torch.nn.Linear(weights, 1, bias=False)
        guidance(model, method="sds")(canvases(1), 0.3)
        assert used == [threads]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
