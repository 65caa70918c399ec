"""Layers through a tiny diffusion model of random weights, where results have closed forms."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from harmonizing.scenes import rough  # noqa: E402
from tiny import stable_diffusion  # noqa: E402
from vertumnus.errors import VertumnusError  # noqa: E402
from vertumnus.harmonizing.attention import layer_bias  # noqa: E402
from vertumnus.harmonizing.diffuse import Harmonizer, keep, make_plan, size_multiple, to_latent_size  # noqa: E402
from vertumnus.harmonizing.gallery import Gallery  # noqa: E402
from vertumnus.harmonizing.harmonize import HarmonizeJob  # noqa: E402
from vertumnus.harmonizing.layers import stack_of  # noqa: E402
from vertumnus.harmonizing.options import HarmonizeOptions  # noqa: E402
from vertumnus.harmonizing.tokens import speak  # noqa: E402
from vertumnus.models import load  # noqa: E402
from vertumnus.sampling.control import Control  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402
from vertumnus.sampling.schedulers import make_scheduler  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
torch.set_num_threads(1)  # tiny models are no faster with more
SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(stable_diffusion(tmp_path_factory.mktemp("tiny")), "diffusion", device="cpu")


def harmonizer(model, collage=None, noise=None, **options):
    stack = stack_of(collage or rough(SIDE), (SIDE, SIDE))
    chosen = HarmonizeOptions(**{"method": "gh+ca+ln", "steps": 8} | options)
    return Harmonizer(stack, "a ball", model, chosen, make_plan(stack, chosen, noise))


def test_a_constant_noise_map_is_sdedit_at_that_strength(model):
    for scheduler in ("euler_ancestral", "ddim"):
        run = harmonizer(model, noise=[0.6] * 3, scheduler=scheduler)
        plain = finish(
            sample(
                model,
                "a ball",
                steps=8,
                guidance=7.0,
                scheduler=scheduler,
                image=run.composite,
                strength=0.6,
                seed=[5, 6],
            )
        )
        last = None
        for step in run.steps([5, 6]):
            last = step
        assert torch.equal(last.next_latents, plain)


def test_change_grows_with_a_layers_noise_and_is_nought_at_nought(model):
    changes = []
    for level in (0.0, 0.3, 0.6, 0.9):
        run = harmonizer(model, noise=[0.0, level, 0.0], background=0.9, blur=0.0)
        picture = run.run([3])[0]
        seen = run.stack.seen(1)
        changes.append(np.abs(picture[seen].astype(float) - run.composite[seen]).mean())
        others = ~seen & ~(run.stack.alpha[1] > 0)
        assert (picture[others] == run.composite[others]).all()
    assert changes[0] == 0
    # The latents' part of it: pinned places are held to the input's own latents.
    assert changes[1] > 0


def test_latents_are_held_to_the_noised_input_until_their_level(model):
    """Eq. (2), at the level after the step; at the end what is held is clean."""
    run = harmonizer(model, noise=[0.0, 0.5, 0.9], blur=0.0)
    clean = model.to_latents(torch.tensor(run.image).movedim(-1, 0)[None].float() / 255)
    held = torch.from_numpy(run.h == 0)
    freed = torch.from_numpy(run.h == run.h.max())
    for step in run.steps([1]):
        after = step.next_latents
        if step.index + 1 == step.count:
            assert torch.equal(after[..., held], clean[..., held])
        else:
            signal, level = step.schedule.level(step.index + 1)
            noise = (after - signal * clean) / level
            pinned = noise[..., held]
            assert abs(float(pinned.std()) - 1) < 0.25
            assert not torch.allclose(after[..., freed], signal * clean[..., freed], atol=1e-3)


def test_kept_layers_are_bit_identical(model):
    run = harmonizer(model, noise=[0.0, 0.8, 0.8])
    one, two = run.run([1, 2])
    alone = run.stack.seen(0) & ~(run.stack.alpha[1:] > 0).any(0)
    for picture in (one, two):
        assert (picture[alone] == run.composite[alone]).all()
        assert (picture[run.stack.seen(1)] != run.composite[run.stack.seen(1)]).any()
    assert (one != two).any()


def test_a_seed_does_not_depend_on_its_batch(model):
    run = harmonizer(model, noise=[0.2, 0.8, 0.8])
    together = run.run([1, 2])
    alone = run.run([2])
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1


def test_a_kept_layer_over_another_covers_it_by_its_alpha():
    stack = stack_of(rough(SIDE), (SIDE, SIDE))
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    h = stack.map_of([0.8, 0.0, 0.8], 0.8)
    result = keep(stack, h, picture)
    own = np.where(stack.seen(1), stack.alpha[1], 0)[..., None]
    wanted = np.floor(stack.pictures[1, ..., :3] * own + 0.5)
    assert np.abs(result - wanted).max() <= 1
    opaque = stack.seen(1) & (stack.pictures[1, ..., 3] == 255)
    assert (result[opaque] == stack.composite()[opaque]).all()


def test_the_map_shrinks_to_means():
    h = np.random.default_rng(0).random((16, 24)).astype(np.float32)
    small = to_latent_size(h, 8)
    assert np.allclose(small[1, 2], h[8:16, 16:24].mean())
    assert (to_latent_size(np.full((8, 8), np.float32(0.6)), 8) == np.float32(0.6)).all()


def test_a_collage_that_is_all_kept_is_refused(model):
    with pytest.raises(VertumnusError, match="nothing to harmonise"):
        harmonizer(model, noise=[0.0] * 3)


def test_sizes_that_the_model_does_not_take_are_filled_up(model):
    collage = rough(SIDE)
    collage.width = 41
    stack = stack_of(collage, (41, SIDE))
    options = HarmonizeOptions(steps=4)
    run = Harmonizer(stack, "a ball", model, options, make_plan(stack, options, [0.0, 0.7, 0.7]))
    picture = run.run([0])[0]
    assert picture.shape == (SIDE, 41, 3)
    alone = stack.seen(0)
    assert (picture[alone] == stack.composite()[alone]).all()


def test_numbers_that_are_none_end_in_a_sentence(model, monkeypatch):
    run = harmonizer(model, noise=[0.6] * 3)
    monkeypatch.setattr(model, "decode", lambda z: torch.full((len(z), 3, SIDE, SIDE), float("nan")))
    with pytest.raises(VertumnusError, match="full precision"):
        run.run([0])


def test_a_controlnet_is_loaded_and_changes_what_has_weight(model, tmp_path):
    from diffusers import ControlNetModel

    from vertumnus.harmonizing.control import ControlSpec, make_controls

    torch.manual_seed(1)
    network = ControlNetModel.from_unet(model.unet, conditioning_embedding_out_channels=(16, 32))
    for part in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(part.weight, std=0.5)
    network.save_pretrained(tmp_path / "control")
    plain = harmonizer(model, noise=[0.6] * 3)
    pictures = []
    for weight in (0.0, 1.0):
        weights = np.full((SIDE, SIDE), weight, np.float32)
        controls = make_controls(
            [ControlSpec(str(tmp_path / "control"))], plain.stack, weights, model, plain.multiple
        )
        run = Harmonizer(plain.stack, "a ball", model, plain.options, plain.plan, controls=controls)
        pictures.append(run.run([1])[0])
    assert (pictures[0] == plain.run([1])[0]).all()
    assert (pictures[1] != pictures[0]).any()
    with pytest.raises(VertumnusError, match="holds no checkpoint"):
        make_controls([ControlSpec(str(tmp_path))], plain.stack, weights, model, plain.multiple)


def ended(run, seeds):
    last = None
    for step in run.steps(seeds):
        last = step
    return last.next_latents


def test_attention_weights_of_nought_are_plain_image_to_image(model):
    stack = stack_of(rough(SIDE), (SIDE, SIDE))
    options = HarmonizeOptions(method="gh+ca", steps=6)
    plan = make_plan(stack, options)
    spoken = list(enumerate(speak(model.text.tokenizers, "a table, a ball and a cup", ["table", "ball", "cup"])))
    hooks = {
        weight: [layer_bias(stack, spoken, [weight] * 3, [weight] * 3, 77, size_multiple(model))]
        for weight in (0.0, 1.0)
    }
    prompt = "a table, a ball and a cup"
    runs = {weight: Harmonizer(stack, prompt, model, options, plan, hooks=hooks[weight]) for weight in hooks}
    plain = finish(
        sample(model, prompt, steps=6, guidance=7.0, image=runs[0.0].image, strength=plan.strength, seed=[4, 9])
    )
    assert torch.equal(ended(runs[0.0], [4, 9]), plain)
    assert not torch.equal(ended(runs[1.0], [4, 9]), plain)


def test_control_of_ones_is_diffusers_own_pipeline(model):
    import diffusers

    torch.manual_seed(2)
    network = diffusers.ControlNetModel.from_unet(model.unet, conditioning_embedding_out_channels=(16, 32))
    for part in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(part.weight, std=0.5)
    network.requires_grad_(False).eval()
    plain = harmonizer(model, method="gh", noise=[0.7] * 3)
    edge = torch.rand((3, *plain.image.shape[:2]), generator=torch.Generator().manual_seed(1))
    control = Control(network, edge, weight_map=torch.ones(plain.image.shape[:2]))
    run = Harmonizer(plain.stack, "a ball", model, plain.options, plain.plan, controls=[control])
    parts = {key: part for key, part in model.pipeline.components.items() if key != "scheduler" and part is not None}
    theirs = diffusers.StableDiffusionControlNetImg2ImgPipeline(
        **parts,
        controlnet=network,
        scheduler=make_scheduler("euler_ancestral", model.scheduler_config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    expected = theirs(
        "a ball",
        image=run._picture(model.device),
        control_image=edge[None],
        strength=0.7,
        num_inference_steps=8,
        guidance_scale=7.0,
        controlnet_conditioning_scale=1.0,
        generator=[torch.Generator().manual_seed(6)],
        output_type="latent",
    ).images
    assert torch.equal(ended(run, [6]), expected)
    assert not torch.equal(ended(plain, [6]), expected)


def test_large_pictures_are_decoded_tile_by_tile(model, monkeypatch):
    run = harmonizer(model, noise=[0.6] * 3)
    whole = run.run([1])[0]
    seen = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: seen.append(model.vae.use_tiling) or decode(z))
    assert (run.run([1])[0] == whole).all()
    monkeypatch.setattr("vertumnus.harmonizing.diffuse.LARGE", 100)
    in_tiles = run.run([1])[0]
    assert seen == [False, True]
    assert not model.vae.use_tiling
    assert in_tiles.shape == whole.shape
    assert (in_tiles != whole).any()


def test_memory_that_runs_out_ends_in_a_sentence(model, monkeypatch, tmp_path):
    """Smaller batches first, and for one picture a sentence."""
    job = HarmonizeJob(rough(SIDE), None, model, None, HarmonizeOptions(steps=2, longest=SIDE))
    answer, batches = model.answer, []

    def scarce(x_t, *args, **kwargs):
        batches.append(len(x_t))
        if len(x_t) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return answer(x_t, *args, **kwargs)

    monkeypatch.setattr(model, "answer", scarce)
    gallery = Gallery(tmp_path / "g", job.identity())
    job.fill(gallery, range(5))
    assert sorted(gallery.pictures) == [0, 1, 2, 3, 4]
    assert max(batches) == 4
    assert batches[1] == 2

    def none(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "answer", none)
    with pytest.raises(VertumnusError, match="not enough memory for one picture"):
        job.pictures([7])
    with pytest.raises(VertumnusError, match="not enough memory for one picture"):
        job.fill(gallery, [8, 9])


def test_a_layer_made_anew_over_a_kept_one_is_seamed_by_its_own_alpha():
    """Pixel by pixel: the result where it is whole, the kept picture where it is not, and between by its alpha."""
    collage = rough(SIDE)
    soft = np.zeros((32, 32, 4), np.uint8)
    soft[..., :3] = (220, 30, 30)
    soft[..., 3] = np.clip(np.arange(32) * 12, 0, 255)[:, None]
    collage.layers[1].image = collage.pictures.add_pixels(soft)
    for opacity in (1.0, 0.5):
        collage.layers[1].opacity = opacity
        stack = stack_of(collage, (SIDE, SIDE))
        picture = np.full((SIDE, SIDE, 3), (10, 200, 250), np.uint8)
        result = keep(stack, stack.map_of([0.0, 0.8, 0.0], 0.0), picture)
        alpha = stack.pictures[1, ..., 3].astype(float)
        for y in range(SIDE):
            for x in range(SIDE):
                if stack.pictures[2, y, x, 3]:
                    continue
                share = alpha[y, x] / alpha.max()
                wanted = share * picture[y, x] + (1 - share) * stack.pictures[0, y, x, :3].astype(float)
                assert np.abs(result[y, x] - wanted).max() <= 0.51
        assert len(np.unique(result[stack.seen(1)], axis=0)) > 4
