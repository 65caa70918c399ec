"""What a caller may change between the steps of a sampler, and what follows from it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402
from vertumnus.sampling.schedulers import Schedule, make_scheduler  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

SCHEDULERS = ("ddim", "euler", "euler_ancestral", "dpm++", "lcm")
FAMILIES = ("sd1", "sd2", "mini")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_latents_are_signal_and_noise(models, family, scheduler):
    """The clean prediction, the noise and the level are one equation, and schedulers see it as we do."""
    for step in sample(models[family], "a fish", steps=4, scheduler=scheduler, guidance=3.0, size=(32, 16)):
        clean, noise = step.predicted_clean, step.predicted_noise
        assert torch.allclose(step.noised(clean, noise), step.latents, rtol=1e-4, atol=1e-3)
        if scheduler in ("euler", "euler_ancestral", "ddim"):
            said = step.schedule.saying(step.latents, clean, step.index)
            index = step.schedule.scheduler.__dict__.copy()
            found = step.schedule.scheduler.step(said, step.timestep, step.latents, generator=step.generators)
            step.schedule.scheduler.__dict__.update(index)
            assert torch.allclose(found.pred_original_sample, clean, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_steps_lead_to_the_clean_prediction_that_replaces(models, family, scheduler):
    """If every clean prediction is one picture, so is the result, whatever the scheduler."""
    model = models[family]
    wanted = torch.full((1, model.channels, 8, 8), 0.5)
    for step in sample(model, "a fish", steps=5, scheduler=scheduler, size=(8 * model.factor,) * 2):
        step.predicted_clean = wanted
    if family != "mini" and scheduler == "ddim":  # whose last step keeps the schedule's least noise
        assert step.next_latents.mean().item() == pytest.approx(0.5, abs=0.05)
    else:
        assert torch.allclose(step.next_latents, wanted, atol=1e-3)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_clean_prediction_put_back_changes_little(model, scheduler):
    plain = finish(sample(model, "a fish", steps=4, scheduler=scheduler))
    for step in sample(model, "a fish", steps=4, scheduler=scheduler):
        step.predicted_clean = step.predicted_clean.clone()
    assert torch.allclose(step.next_latents, plain, atol=1e-3)


def test_latents_that_are_replaced_are_where_the_step_begins(model):
    first = finish(sample(model, "a fish", steps=3, scheduler="ddim", seed=1))
    kept = [step.latents for step in sample(model, "a fish", steps=3, scheduler="ddim", seed=1)]
    for step in sample(model, "a fish", steps=3, scheduler="ddim", seed=2):
        _ = step.predicted_clean
        if step.index == 1:
            step.latents = kept[1]
    assert torch.equal(step.next_latents, first)
    for step in sample(model, "a fish", steps=3, scheduler="ddim", seed=2):
        if step.index == 0:
            step.next_latents = kept[1]
    assert torch.equal(step.next_latents, first)


def test_a_run_begins_in_the_middle_from_latents(model):
    kept = [step.latents for step in sample(model, "a fish", steps=4, scheduler="euler", seed=1)]
    whole = finish(sample(model, "a fish", steps=4, scheduler="euler", seed=1))
    rest = sample(model, "a fish", steps=4, scheduler="euler", latents=kept[2], strength=0.5)
    assert torch.equal(finish(rest), whole)


def test_the_last_step_has_no_noise_left(model):
    clean, noise = torch.rand(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    for step in sample(model, "a fish", steps=3, scheduler="euler_ancestral"):
        assert step.count == 3
        noised = step.noised_next(clean, noise)
    assert torch.equal(noised, clean)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_levels_are_those_of_diffusers_noise(models, scheduler):
    clean, noise = torch.rand(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    for family in FAMILIES:
        made = Schedule(make_scheduler(scheduler, models[family].scheduler_config), 7, torch.device("cpu"), 0.6)
        signal, level = made.level(0)
        assert torch.allclose(made.begin_from(clean, noise), signal * clean + level * noise, rtol=1e-5, atol=1e-4)
        assert made.level(len(made)) == (1.0, 0.0)
        sigmas = [made.sigma(place) for place in range(len(made))]
        assert sigmas == sorted(sigmas, reverse=True)


def test_gradients_by_the_latents(model):
    """Through network and schedule, against finite differences."""
    (step, *_) = sample(model, "a fish", steps=2, scheduler="ddim", strength=0.5, guidance=2.0, seed=4)
    weight = torch.randn(step.latents.shape, generator=torch.Generator().manual_seed(0))
    direction = torch.randn(step.latents.shape, generator=torch.Generator().manual_seed(1))
    latents = step.latents.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((step.predict(latents) * weight).sum(), latents)
    h = 1e-2
    ahead, behind = (step.predict(step.latents + sign * h * direction) for sign in (1, -1))
    slope = ((ahead - behind) * weight).sum() / (2 * h)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=2e-2)
    for step in sample(model, "a fish", steps=2, scheduler="ddim"):
        step.latents = step.latents.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((step.predicted_clean * weight).sum(), step.latents)
        assert gradient.abs().max() > 0
        assert not step.next_latents.requires_grad


@pytest.mark.parametrize("scheduler", ["euler_ancestral", "lcm"])
def test_an_image_does_not_depend_on_its_batch(model, scheduler):
    prompts = ["a fish", "a star", "a red cat"]
    options = {"steps": 3, "scheduler": scheduler, "guidance": 3.0}
    image = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for more in ({}, {"image": image, "strength": 0.7}):
        together = finish(sample(model, prompts, negative=["", "dark", "grey"], seed=[4, 9, 5], **options, **more))
        if more:
            more = {**more, "image": image[1]}
        alone = finish(sample(model, prompts[1], negative="dark", seed=9, **options, **more))
        assert torch.allclose(together[1:2], alone, atol=1e-4)
        assert not torch.allclose(together[0:1], alone, atol=1e-2)


def test_seeds_follow_on_each_other(model):
    counted = finish(sample(model, "a fish", steps=2, seed=5, batch=2))
    assert torch.equal(counted, finish(sample(model, "a fish", steps=2, seed=[5, 6])))


def test_pixels_are_sampled_too(models):
    pixels = finish(sample(models["if"], "a fish", steps=3, scheduler="ddim", size=(16, 16), guidance=2.0))
    assert pixels.shape == (1, 3, 16, 16)
    assert torch.isfinite(pixels).all()


def test_images_in_every_form(model):
    array = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    tensor = torch.tensor(array).permute(2, 0, 1) / 255
    found = [
        finish(sample(model, "a fish", steps=2, strength=0.5, image=one)) for one in (array, tensor, array / 255)
    ]
    assert found[0].shape == (1, 4, 8, 12)
    assert torch.equal(found[0], found[1])
    assert torch.allclose(found[0], found[2], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": (15, 16)}, "size: a width of 15 is no multiple of 2; 16 is the nearest"),
        ({"steps": 0}, "steps: 0"),
        ({"steps": 2000, "scheduler": "ddim"}, "steps: 2000 cannot be taken by DDIMScheduler"),
        ({"strength": 1.5}, "strength: 1.5"),
        ({"strength": 0.0}, "leaves none to run"),
        ({"scheduler": "dddim"}, "there is no 'dddim'; did you mean ddim"),
        ({"seed": [1, 2], "batch": 3}, "batch: prompts, seeds"),
        ({"image": torch.rand(1, 4, 8, 8)}, "image: is"),
        ({"image": torch.rand(3, 16, 16), "size": (32, 32)}, "size: 32 x 32 is not that of the image, 16 x 16"),
    ],
)
def test_what_cannot_be_sampled(model, options, sentence):
    with pytest.raises(VertumnusError, match=sentence):
        next(sample(model, "a fish", **options))


def test_what_cannot_be_replaced(model):
    step = next(sample(model, "a fish", steps=2))
    with pytest.raises(VertumnusError, match=r"latents: is \(2, 4, 8, 8\), and"):
        step.latents = torch.zeros(2, 4, 8, 8)
    _ = step.next_latents
    with pytest.raises(VertumnusError, match="predicted_clean: the scheduler has gone on from step 0"):
        step.predicted_clean = torch.zeros(1, 4, 8, 8)
