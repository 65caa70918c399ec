"""Training at its smallest: all runs, a stopped run goes on as if it had not been, what is exported loads."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
SCRIPTS = Path(__file__).parents[2] / "training"


@pytest.fixture(scope="module", autouse=True)
def _scripts():
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


def train(monkeypatch, name, out, *more):
    module = __import__(name)
    given = [name, str(out), "--sizes", "tiny", "--threads", "1", *map(str, more)]
    monkeypatch.setattr(sys, "argv", given)
    module.main()


def weights(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("name", ["vae", "clip", "judge"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(monkeypatch, tmp_path, name):
    train(monkeypatch, name, tmp_path / "whole")
    # The schedule is that of the whole run, so a run is stopped by its time and not by fewer steps.
    common = __import__("common")
    ordinary = common.Run.descend

    def stop_after_two(run, loss, samples):
        ordinary(run, loss, samples)
        if run.step == 1 and run.folder.name == "stopped":
            run.minutes = -1.0

    monkeypatch.setattr(common.Run, "descend", stop_after_two)
    train(monkeypatch, name, tmp_path / "stopped")
    assert json.loads((tmp_path / "stopped" / "run.json").read_text())["steps"] == 2
    train(monkeypatch, name, tmp_path / "stopped")
    whole, stopped = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert whole["step"] == stopped["step"] == 4
    assert whole["samples"] == stopped["samples"]
    for part in ("models", "average", "optimiser"):
        assert same(whole[part], stopped[part]), part


def test_what_is_exported_loads(monkeypatch, tmp_path):
    from vertumnus.models import load

    train(monkeypatch, "vae", tmp_path / "vae")
    train(monkeypatch, "clip", tmp_path / "clip")
    train(monkeypatch, "diffusion", tmp_path / "diffusion", "--vae", tmp_path / "vae")
    export = __import__("export")
    given = [f"--{name}={tmp_path / name}" for name in ("vae", "diffusion", "clip")]
    monkeypatch.setattr(sys, "argv", ["export", *given, f"--to={tmp_path / 'out'}", "--sizes=tiny"])
    export.main()
    model = load(str(tmp_path / "out" / "diffusion"))
    assert model.resolution == 128
    assert model.shape == (4, 16, 16)
    assert model.sample("a red star", steps=2).shape == (1, 3, 128, 128)
    clip = load(str(tmp_path / "out" / "clip"))
    assert clip.similarity(torch.rand(2, 3, 128, 128), ["a red star", "nothing"]).shape == (2, 2)
    assert set(json.loads((tmp_path / "out" / "training.json").read_text())) == {"vae", "diffusion", "clip"}


@pytest.mark.parametrize("table", ["cpu", "gpu"])
def test_every_table_of_sizes_is_small_enough_to_ship(table):
    clips, diffusions, vaes = (__import__(name) for name in ("clip", "diffusion", "vae"))
    sizes = __import__("common").sizes
    tokenizer = __import__("tokenizer").build()
    with torch.device("meta"):
        vae = vaes.build(sizes(table, "vae"))
        models = [clips.build(sizes(table, "clip"), tokenizer), vae]
        models += diffusions.build(sizes(table, "diffusion"), sizes(table, "vae")["latents"], tokenizer)
    numbers = sum(parameter.numel() for model in models for parameter in model.parameters())
    assert 2 * numbers < 29.5e6  # bytes, in half precision; the rest are the tokenizers


def test_latents_are_folded_into_the_autoencoder():
    """Encoding gives (z - mean) / std, decoding undoes it, and the posterior's width is divided too."""
    export, vaes = __import__("export"), __import__("vae")
    torch.manual_seed(0)
    model = vaes.build({"widths": [8, 16], "latents": 4}).eval()
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before, image = model.encode(x).latent_dist, None
        image = model.decode(before.mean).sample
        mean, std = [0.5, -1.0, 2.0, 0.0], [2.0, 0.5, 1.0, 3.0]
        export.fold(model, mean, std)
        after = model.encode(x).latent_dist
        again = model.decode(after.mean).sample
    middle, spread = (torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std))
    assert torch.allclose(after.mean, (before.mean - middle) / spread, atol=1e-5)
    assert torch.allclose(after.std, before.std / spread, rtol=1e-4)
    assert torch.allclose(again, image, atol=1e-4)


def test_perspectives_leave_half_alone_and_keep_the_middle():
    clip = __import__("clip")
    torch.manual_seed(0)
    x = torch.rand(64, 3, 32, 32)
    assert torch.allclose(clip.distort(x, 0.0), x, atol=1e-4)
    moved = (clip.distort(x, 0.5) - x).abs().mean((1, 2, 3)) > 1e-3
    assert 16 < int(moved.sum()) < 48


def test_what_is_seen_of_each_thing_adds_up_to_what_covers_the_ground():
    clip = __import__("clip")
    from vertumnus.models.mini.world import World, WorldOptions

    world = World(3, WorldOptions(single=0.0), side=64)
    hidden = 0
    for scene in map(world.scene, range(24)):
        seen = clip.shown(world, scene).astype(float) / 255
        alone = [layer[..., 3] / 255 for layer, _ in world.layers(scene)[1:]]
        through = np.prod([1 - cover for cover in alone], axis=0)
        assert np.abs(seen.sum(0) - (1 - through)).max() < 0.02
        assert np.abs(seen[len(alone) - 1] - alone[-1]).max() < 0.01  # nothing lies on the last
        assert not seen[len(alone) :].any()
        hidden += int((alone[0] - seen[0]).max() > 0.5)
    assert hidden  # in some scenes things overlap


def test_patches_are_told_what_they_show_mostly():
    clip = __import__("clip")
    seen = torch.zeros(1, 4, 16, 16)
    seen[0, 0, :8, :8] = 0.4  # two in the first patch, the second the larger
    seen[0, 1, :8, :8] = 0.5
    seen[0, 1, 8:, 8:12] = 0.2  # a tenth of the last patch: too little to count
    seen[0, 0, :8, 8:] = 1.0
    kinds = torch.tensor([[7, 3, 0, 0]])
    assert clip.patch_truth(seen, kinds, 8).tolist() == [[3, 7, 0, 0]]


def test_wrong_captions_of_a_picture_are_several_and_wrong():
    clip = __import__("clip")
    from vertumnus.models.mini.vocabulary import nouns
    from vertumnus.models.mini.world import World, WorldOptions

    world, known = World(4, WorldOptions(empty=0.0)), nouns(48)
    for scene in map(world.scene, range(50)):
        found = clip.hard(scene, known, np.random.default_rng(0))
        assert len(found) == clip.WRONG
        assert scene.caption not in found


def test_the_judge_finds_and_names_objects():
    judge = __import__("judge")
    from vertumnus.models.mini.world import SIMPLE, World

    world = World(0, SIMPLE)
    right = []
    for number in range(20):
        scene = world.scene(number)
        found = judge.find_object(world.draw(scene))
        right.append(judge.name_colour(found.rgb) == scene.things[0].colour)
        assert np.hypot(found.middle[0] - scene.things[0].x, found.middle[1] - scene.things[0].y) < 0.08
    assert np.mean(right) >= 0.9


def test_words_are_single_tokens_and_others_are_spelt():
    tokenizer = __import__("tokenizer")
    built = tokenizer.build()
    assert all(len(built(word).input_ids) == 3 for word in tokenizer.words())
    assert built.decode(built("zyxw qwertz").input_ids[1:-1]).split() == ["zyxw", "qwertz"]
    assert built.get_vocab() == tokenizer.build().get_vocab()
    assert built.eos_token_id != 2
