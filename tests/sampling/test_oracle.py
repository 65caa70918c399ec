"""With nothing special asked, sampling equals diffusers' own pipelines, to the bit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from vertumnus.sampling.control import Control  # noqa: E402
from vertumnus.sampling.sample import finish, sample  # noqa: E402
from vertumnus.sampling.schedulers import make_scheduler  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

FAMILIES = ("sd1", "sd2", "xl", "mini")
SCHEDULERS = ("ddim", "euler", "euler_ancestral", "dpm++", "lcm")


def pipeline(model, kind, scheduler, **more):
    """One of diffusers' own pipelines around a model's parts."""
    name = f"StableDiffusion{'XL' if model.family == 'stable-diffusion-xl' else ''}{kind}Pipeline"
    parts = {key: value for key, value in model.pipeline.components.items() if key != "scheduler"}
    given = {} if "XL" in name else {"safety_checker": None, "feature_extractor": None}
    made = getattr(diffusers, name)(
        **{**{key: value for key, value in parts.items() if value is not None}, **given, **more},
        scheduler=make_scheduler(scheduler, model.scheduler_config),
        **({"add_watermarker": False} if "XL" in name else {"requires_safety_checker": False}),
    )
    made.set_progress_bar_config(disable=True)
    return made


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def decoded(model, steps):
    with torch.no_grad():
        return model.decode(finish(steps)).clamp(0, 1)


def picture(size=(16, 24), seed=3):
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_text_to_image(models, family, scheduler):
    model = models[family]
    wide, high = (128, 64) if family == "mini" else (24, 16)
    theirs = pipeline(model, "", scheduler)
    seeds = (3, 8)
    expected = theirs(
        ["a red fish", "a star"],
        width=wide,
        height=high,
        num_inference_steps=3,
        guidance_scale=4.0,
        generator=generators(*seeds),
        output_type="pt",
    ).images
    ours = sample(
        model, ["a red fish", "a star"], size=(wide, high), steps=3, guidance=4.0, seed=seeds, scheduler=scheduler
    )
    assert torch.equal(decoded(model, ours), expected)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_image_to_image(models, family, scheduler):
    model = models[family]
    image = picture((64, 128) if family == "mini" else (16, 24))
    expected = pipeline(model, "Img2Img", scheduler)(
        "a red fish",
        image=image,
        num_inference_steps=5,
        strength=0.65,
        guidance_scale=4.0,
        generator=generators(3),
        output_type="pt",
    ).images
    ours = sample(
        model, "a red fish", image=image[0], steps=5, strength=0.65, guidance=4.0, seed=3, scheduler=scheduler
    )
    assert torch.equal(decoded(model, ours), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_negative_prompt_and_no_guidance(models, family):
    model = models[family]
    theirs = pipeline(model, "", "ddim")
    for guidance, negative in ((1.0, None), (3.0, "grey")):
        expected = theirs(
            "a red fish",
            negative_prompt=negative,
            num_inference_steps=2,
            guidance_scale=guidance,
            generator=generators(3),
            output_type="pt",
            width=model.resolution,
            height=model.resolution,
        ).images
        ours = sample(
            model, "a red fish", negative=negative or "", steps=2, guidance=guidance, seed=3, scheduler="ddim"
        )
        assert torch.equal(decoded(model, ours), expected)


def controlnet(model, seed=0):
    """A ControlNet of a model's shape that says something: its last layers, zero at first, are random."""
    torch.manual_seed(seed)
    levels = int(np.log2(model.factor))
    network = diffusers.ControlNetModel.from_unet(
        model.unet, conditioning_embedding_out_channels=(16, 32, 96, 256)[: levels + 1]
    )
    for block in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(block.weight, std=0.2)
    torch.nn.init.normal_(network.controlnet_cond_embedding.conv_out.weight, std=0.2)
    return network.requires_grad_(False).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_controlnet(models, family):
    model = models[family]
    size = (64, 128) if family == "mini" else (16, 24)
    network, image = controlnet(model), picture(size)
    common = {"num_inference_steps": 4, "guidance_scale": 4.0, "output_type": "pt"}
    expected = pipeline(model, "ControlNet", "euler_ancestral", controlnet=network)(
        "a red fish",
        image=image,
        controlnet_conditioning_scale=0.7,
        control_guidance_end=0.6,
        width=size[1],
        height=size[0],
        generator=generators(3),
        **common,
    ).images
    steered = Control(network, image, weight=0.7, end=0.6)
    ours = decoded(
        model, sample(model, "a red fish", size=size[::-1], steps=4, guidance=4.0, seed=3, control=steered)
    )
    assert torch.equal(ours, expected)
    plain = decoded(model, sample(model, "a red fish", size=size[::-1], steps=4, guidance=4.0, seed=3))
    assert not torch.equal(ours, plain)
    ones = Control(network, image, weight=0.7, end=0.6, weight_map=torch.ones(5, 7))
    mapped = decoded(model, sample(model, "a red fish", size=size[::-1], steps=4, guidance=4.0, seed=3, control=ones))
    assert torch.equal(mapped, expected)
    none = Control(network, image, weight_map=torch.zeros(5, 7))
    assert torch.equal(
        decoded(model, sample(model, "a red fish", size=size[::-1], steps=4, guidance=4.0, seed=3, control=none)),
        plain,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_two_controlnets_from_an_image(models, family):
    model = models[family]
    size = (64, 128) if family == "mini" else (16, 24)
    networks = [controlnet(model, 0), controlnet(model, 1)]
    image, edges = picture(size), [picture(size, 5), picture(size, 6)]
    expected = pipeline(model, "ControlNetImg2Img", "dpm++", controlnet=networks)(
        "a red fish",
        image=image,
        control_image=edges,
        controlnet_conditioning_scale=[0.7, 0.4],
        strength=0.7,
        num_inference_steps=4,
        guidance_scale=4.0,
        generator=generators(3),
        output_type="pt",
    ).images
    controls = [Control(networks[0], edges[0], 0.7), Control(networks[1], edges[1][0], 0.4)]
    ours = sample(
        model,
        "a red fish",
        image=image,
        strength=0.7,
        steps=4,
        guidance=4.0,
        seed=3,
        scheduler="dpm++",
        control=controls,
    )
    assert torch.equal(decoded(model, ours), expected)


def test_t2i_adapter(models):
    model = models["mini"]
    torch.manual_seed(0)
    adapter = diffusers.T2IAdapter(
        in_channels=3, channels=[48, 96, 192], num_res_blocks=1, downscale_factor=8, adapter_type="full_adapter"
    ).requires_grad_(False)
    image = picture((64, 128))
    expected = pipeline(model, "Adapter", "ddim", adapter=adapter)(
        "a red fish",
        image=image,
        adapter_conditioning_scale=0.8,
        num_inference_steps=3,
        guidance_scale=4.0,
        generator=generators(3),
        output_type="latent",
        width=128,
        height=64,
    ).images
    ours = sample(
        model,
        "a red fish",
        size=(128, 64),
        steps=3,
        guidance=4.0,
        seed=3,
        scheduler="ddim",
        control=Control(adapter, image, 0.8),
    )
    assert torch.equal(finish(ours), expected)
