"""mini with the weights that ship: stock classes load them, and they know their world."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from vertumnus.models import load  # noqa: E402
from vertumnus.models.checkpoint import mini_folder  # noqa: E402
from vertumnus.models.mini.vocabulary import COLOURS, nouns  # noqa: E402
from vertumnus.sampling.sample import draw_pictures, sample  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))
from captions import wrong_captions  # noqa: E402
from world import SIMPLE, World, WorldOptions  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
UNSEEN = 1 << 42
torch.set_num_threads(1)  # small models are no faster with more


@pytest.fixture(scope="module")
def mini():
    return load("mini")


@pytest.fixture(scope="module")
def clip():
    return load("mini", "clip")


@pytest.fixture(scope="module")
def trained():
    return json.loads((mini_folder(".") / "training.json").read_text())


def to_tensor(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def test_it_is_small_enough_and_safe():
    files = [file for file in mini_folder(".").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 60e6
    assert not [file for file in files if file.suffix in (".bin", ".pt", ".ckpt", ".pkl")]
    assert (mini_folder(".") / "README.md").read_text().startswith("# ")


def test_the_second_clip_does_not_ship_and_no_guidance_takes_it():
    from vertumnus.guidance.registry import KINDS

    parts = {entry.name for entry in mini_folder(".").iterdir() if entry.is_dir()}
    assert parts <= {"diffusion", "clip", "colours", "shapes"}
    assert not any("second" in name for name in KINDS)
    assert not list(mini_folder(".").rglob("*second*"))


def test_the_stock_pipeline_loads_it_unchanged(mini):
    from diffusers import StableDiffusionPipeline

    import vertumnus.models.mini.autoencoder  # noqa: F401 - the one class of the pipeline that is not stock

    pipeline = StableDiffusionPipeline.from_pretrained(mini_folder("diffusion"))
    pipeline.set_progress_bar_config(disable=True)
    maker = torch.Generator().manual_seed(0)
    image = pipeline("a red fish", num_inference_steps=3, generator=maker, output_type="np").images
    assert image.shape == (1, mini.resolution, mini.resolution, 3)
    noise = torch.randn((1, *mini.shape), generator=torch.Generator().manual_seed(0))
    pipeline.scheduler.set_timesteps(3)
    text, empty = mini.encode_text("a red fish"), mini.encode_text("")
    x = noise
    times = pipeline.scheduler.timesteps.tolist()
    for now, then in zip(times, [*times[1:], None], strict=True):
        x_0, eps = mini.predict(x, now, text, 7.5, empty)
        x = x_0 if then is None else mini.add_noise(x_0, eps, then)
    ours = mini.decode(x).clamp(0, 1).detach().permute(0, 2, 3, 1).numpy()
    assert ours == pytest.approx(image, abs=2e-2)


def test_the_stock_clip_loads_it_unchanged(clip):
    from transformers import CLIPModel, CLIPTokenizer

    model = CLIPModel.from_pretrained(mini_folder("clip"), dtype=torch.float32)
    words = CLIPTokenizer.from_pretrained(mini_folder("clip"))
    image = torch.rand(1, 3, clip.resolution, clip.resolution)
    read = words(["a red fish"], padding="max_length", return_tensors="pt")
    said = model(input_ids=read.input_ids, pixel_values=image * 2 - 1)
    cosine = (said.logits_per_image / model.logit_scale.exp()).item()
    assert clip.similarity(image, "a red fish").item() == pytest.approx(cosine, abs=1e-4)


def test_cross_attention_is_there_to_steer(mini):
    names = [name for name in mini.unet.attn_processors if "attn2" in name]
    assert any(name.startswith("down_blocks.0") for name in names)
    assert any(name.startswith("down_blocks.1") for name in names)
    assert mini.resolution == 128
    assert mini.shape[1:] == (16, 16)
    assert 4 <= mini.channels <= 8


def test_unknown_words_do_not_crash(mini, clip):
    for text in ("a qwertz of Łódź 漢字 🙂", "word " * 200, ""):
        assert torch.isfinite(mini.encode_text(text).states).all()
        assert torch.isfinite(clip.embed_text(text)).all()


@pytest.mark.slow
def test_latents_have_unit_deviation(mini):
    world = World(1, WorldOptions(combinations="all"))
    latents = mini.encode(to_tensor(world.batch(UNSEEN, 32)[0]))
    assert latents.std().item() == pytest.approx(1, abs=0.2)
    assert latents.mean().item() == pytest.approx(0, abs=0.2)


@pytest.mark.slow
def test_reconstructions_are_close(mini):
    pictures = World(2, WorldOptions(combinations="all")).batch(UNSEEN, 24)[0]
    made = mini.decode(mini.encode(to_tensor(pictures))).clamp(0, 1)
    error = ((made - to_tensor(pictures)) ** 2).mean((1, 2, 3))
    assert (-10 * error.log10()).mean() > 25


def test_clip_prefers_true_captions(clip, trained):
    known = nouns(trained["clip"]["nouns"])
    world = World(
        3,
        replace(
            WorldOptions(),
            nouns=len(known),
            combinations="all",
            empty=0.0,
            emoji=0.0,
            drawings=1,
            counts=(1.0, 0.0, 0.0),
        ),
    )
    rng = np.random.default_rng(0)
    won = {"noun": [], "colour": []}
    for number in range(60):
        scene = world.scene(UNSEEN + number)
        wrong = wrong_captions(scene, known, rng)
        texts = [scene.caption, *wrong.values()]
        scores = clip.similarity(to_tensor([world.draw(scene)]), texts)[0]
        for at, kind in enumerate(wrong, 1):
            if kind in won:
                won[kind].append(bool(scores[0] > scores[at]))
    assert np.mean(won["colour"]) > 0.8
    assert np.mean(won["noun"]) > 0.8


def test_samples_are_of_the_colour_asked_for(mini):
    asked = ["red", "blue", "yellow", "green", "black", "white"]
    prompts = [f"a {colour} heart" for colour in asked]
    images = draw_pictures(mini, sample(mini, prompts, steps=12, guidance=5.0, scheduler="ddim", seed=1))
    middle = images[:, :, 48:80, 48:80].permute(0, 2, 3, 1).reshape(len(asked), -1, 3).median(1).values.numpy()
    table = np.array(list(COLOURS.values())) / 255
    named = [list(COLOURS)[int(np.argmin(np.linalg.norm(table - rgb, axis=1)))] for rgb in middle]
    assert sum(a == b for a, b in zip(named, asked, strict=True)) >= 5


def test_text_steers_the_prediction(mini):
    world = World(4, replace(SIMPLE, nouns=24))
    scenes = [world.scene(UNSEEN + n) for n in range(24)]
    clean = mini.encode(to_tensor([world.draw(scene) for scene in scenes]))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    x_t = mini.add_noise(clean, noise, 700)
    right = mini.encode_text([f"a {scene.things[0].colour} {scene.things[0].noun}" for scene in scenes])
    wrong = mini.encode_text([f"a {scene.ground.colour} {scene.things[0].noun}" for scene in scenes])
    errors = [((mini.predict(x_t, 700, text)[0] - clean) ** 2).mean((1, 2, 3)) for text in (right, wrong)]
    assert (errors[0] < errors[1]).float().mean() > 0.9
