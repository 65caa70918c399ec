"""From a picture to the noise that it would come from, and back."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.sampling.inversion import invert  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def gaussian(model, mean, variance):
    """The exact noise predictor of independent Gaussians."""

    def predict_noise(x, t, *_, **__):
        abar = model.alphas_cumprod[torch.as_tensor(t)].view(-1, 1, 1, 1)
        level = (1 - abar).sqrt()
        return level * (x - abar.sqrt() * mean) / (abar * variance + level**2)

    return predict_noise


def test_the_noise_of_a_gaussian_is_known(models, monkeypatch):
    """The probability flow takes z = m + s u to a m + sqrt(a^2 s^2 + 1 - a^2) u, and inversion comes near."""
    model = models["sd1"]
    monkeypatch.setattr(model, "predict_noise", gaussian(model, 0.3, 0.25))
    u = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def error(steps, refine=0):
        found = invert(model, latents=0.3 + 0.5 * u, prompt="a fish", steps=steps, refine=refine)[0]
        abar = model.alphas_cumprod[1000 // steps * (steps - 1)]
        return (found - (abar.sqrt() * 0.3 + (abar * 0.25 + 1 - abar).sqrt() * u)).abs().mean().item()

    assert error(200) < 0.01
    assert error(200) < 0.3 * error(25)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("family", ["sd1", pytest.param("sd2", marks=SLOW), pytest.param("xl", marks=SLOW)])
def test_there_and_back(models, family):
    """Solved again a few times, every DDIM step is undone exactly; the run passes through the same latents."""
    model = models[family]
    clean = 0.5 * torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(0))
    found = invert(model, latents=clean, prompt="a fish", steps=25, refine=15)
    assert len(found) == 26
    assert torch.equal(found[-1], clean)
    steps = list(sample(model, "a fish", steps=25, guidance=1.0, scheduler="ddim", latents=found[0]))
    for place, step in enumerate(steps):
        assert torch.allclose(step.latents, found[place], atol=2e-3)
    assert torch.allclose(steps[-1].next_latents, clean, atol=2e-3)


@pytest.mark.slow
def test_a_picture_of_mini_comes_back(models):
    model = models["mini"]
    picture = model.decode(finish(sample(model, "a red fish", steps=8, seed=3))).detach().clamp(0, 1)
    # mini's last level is pure noise, of which nothing leads back; so the run begins one step later.
    kept = model.decode(model.to_latents(picture)).clamp(0, 1)

    def error(refine):
        found = invert(model, picture, "a red fish", steps=20, refine=refine)
        rest = sample(model, "a red fish", steps=20, guidance=1.0, scheduler="ddim", latents=found[1], strength=0.95)
        with torch.no_grad():
            return (model.decode(finish(rest)).clamp(0, 1) - kept).abs().mean().item()

    errors = [error(0), error(6)]
    assert errors[0] < 0.05
    assert errors[1] < 0.1 * errors[0]


def test_one_of_image_and_latents(models):
    with pytest.raises(VertumnusError, match="either an image or latents"):
        invert(models["sd1"])
