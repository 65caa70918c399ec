"""Training at its smallest: all runs, a stopped run goes on as if it had not been, what is exported loads."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


TRAININGS = ("judge", "vae", "diffusion", "clip", "second", "small_decoder", "adapters")


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae", "clip", "second", "judge"])
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


@pytest.mark.slow
def test_what_is_exported_loads(monkeypatch, tmp_path):
    from vertumnus.models import load
    from vertumnus.sampling.sample import draw_pictures, sample

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
    assert draw_pictures(model, sample(model, "a red star", steps=2)).shape == (1, 3, 128, 128)
    clip = load(str(tmp_path / "out" / "clip"))
    assert clip.similarity(torch.rand(2, 3, 128, 128), ["a red star", "nothing"]).shape == (2, 2)
    assert set(json.loads((tmp_path / "out" / "training.json").read_text())) == {"vae", "diffusion", "clip"}


@pytest.mark.parametrize("kind", ["colour", "silhouette"])
@pytest.mark.slow
def test_what_steers_is_trained_saved_and_steers(monkeypatch, tmp_path, kind):
    from vertumnus.models import load
    from vertumnus.models.checkpoint import mini_folder
    from vertumnus.sampling.control import Control
    from vertumnus.sampling.sample import draw_pictures, sample

    train(monkeypatch, "adapters", tmp_path, "--kind", kind, "--weights", mini_folder("diffusion"))
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["steps"] == 4
    assert set(facts) >= {"without", kind}
    model, network = load("mini"), load(tmp_path / "network", "control")
    assert network.config.get("colour_grid") == (4 if kind == "colour" else None)
    control = Control(network, torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(0)))
    plain, steered = (
        draw_pictures(model, sample(model, "a red star", steps=2, seed=3, control=given)) for given in ((), control)
    )
    assert 0 < (plain - steered).abs().mean() < 0.2  # it began at nothing, and after four steps it says little yet


def test_edges_are_lines_where_things_end_as_harmonising_draws_them():
    adapters = __import__("adapters")
    picture = np.full((32, 40, 3), 90, np.uint8)
    masks = np.zeros((2, 32, 40), bool)
    masks[0, 5:20, 4:30] = True
    masks[1, 12:28, 20:36] = True
    masks[0] &= ~masks[1]
    lines = adapters.edges(picture, masks)  # all of one colour: nothing but the masks tells
    assert lines[5, 4:20].all()
    assert lines[12:28, 20].all()
    assert not lines[7:11, 7:18].any()
    assert not lines[:4].any()
    picture[14:18, 8:12] = 250
    assert adapters.edges(picture, masks)[13:19, 7:13].any()


@pytest.mark.slow
def test_adapters_are_shown_the_mean_colours_that_they_were_trained_on():
    from vertumnus.mosaic.generate.methods import colour_grid, colours_alone

    adapters = __import__("adapters")
    pictures = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    grid = colours_alone(pictures, adapters.GRID)
    assert grid.shape == pictures.shape
    assert torch.allclose(grid[1, :, 5, 13], pictures[1, :, 4:8, 12:18].mean((1, 2)), atol=1e-6)
    unet = __import__("diffusion").build(__import__("common").sizes("tiny", "diffusion"), 4, _words())[0]
    assert colour_grid(adapters.build("colour", unet, {})) == adapters.GRID
    assert colour_grid(object()) == 8


def _words():
    return __import__("tokenizer").build()


@pytest.mark.parametrize("before", [None, "old"])
def test_one_command_runs_every_script_as_it_takes_its_options(monkeypatch, tmp_path, before):
    everything, common = __import__("everything"), __import__("common")
    found = everything.commands(tmp_path, "tiny", before and tmp_path / before, tmp_path / "weights", 1)
    names = [Path(command[0]).stem for command in found]
    assert names.index("judge") < names.index("diffusion") < names.index("export") < names.index("mini")
    assert ("vae" in names) == (before is None)
    taken = []

    def stop(*parsed, **_):
        taken.append(parsed)
        raise KeyboardInterrupt

    monkeypatch.setattr(common.torch, "set_num_threads", stop)  # the first thing that is done with options
    for command in found:
        assert Path(command[0]).is_file()
        name = Path(command[0]).stem
        if name in TRAININGS:
            monkeypatch.setattr(sys, "argv", command)
            with pytest.raises(KeyboardInterrupt):
                __import__(name).main()
    assert len(taken) == sum(name in TRAININGS for name in names)


@pytest.mark.slow
def test_one_command_makes_everything_from_nothing_to_the_card(monkeypatch, tmp_path):
    """In one process, for importing takes longest; no script knows of the others but by files."""
    everything = __import__("everything")
    training = Path(everything.__file__).parent
    monkeypatch.syspath_prepend(str(training.parent / "benchmarks"))
    monkeypatch.syspath_prepend(str(training))
    to = tmp_path / "weights"
    for command in everything.commands(tmp_path, "tiny", None, to, 1, fetch=False, share=0.001):
        monkeypatch.setattr(sys, "argv", command)
        torch.set_grad_enabled(True)
        __import__(Path(command[0]).stem).main()
    assert {file.name for file in to.iterdir()} == {
        "diffusion",
        "clip",
        "colours",
        "shapes",
        "training.json",
        "README.md",
    }
    assert (to / "diffusion" / "vae" / "tiny" / "config.json").is_file()
    card = (to / "README.md").read_text()
    for row in (
        "tiny decoder",
        "colour adapter",
        "ControlNet",
        "two things",
        "LoRA of",
        "CLIP-guided collages",
        "CLIP, collages",
    ):
        assert f"| {row}" in card, row
    made = json.loads((tmp_path / "results.json").read_text())
    assert set(made["training"]) == {"vae", "diffusion", "clip", "tiny", "colour", "silhouette"}


@pytest.mark.parametrize("table", ["cpu", "gpu", "warm"])
def test_every_table_of_sizes_is_small_enough_to_ship(table):
    clips, diffusions, vaes, adapters = (__import__(name) for name in ("clip", "diffusion", "vae", "adapters"))
    sizes = __import__("common").sizes
    tokenizer = __import__("tokenizer").build()
    with torch.device("meta"):
        models = [vaes.build(sizes(table, "vae"))]
        models += [clips.build(sizes(table, "clip"), tokenizer)]
        models += diffusions.build(sizes(table, "diffusion"), sizes(table, "vae")["latents"], tokenizer)
        models += [adapters.build(kind, models[-2], sizes(table, "adapters")) for kind in ("colour", "silhouette")]
    numbers = sum(parameter.numel() for model in models for parameter in model.parameters())
    assert 2 * numbers < 58e6  # bytes, in half precision; the rest are the tokenizers


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


@pytest.mark.slow
def test_a_tiny_decoder_is_trained_saved_and_read(monkeypatch, tmp_path):
    from vertumnus.models import load
    from vertumnus.models.checkpoint import mini_folder
    from vertumnus.sampling.decode import TinyDecoder

    train(monkeypatch, "small_decoder", tmp_path, "--weights", mini_folder("diffusion"))
    facts = json.loads((tmp_path / "network" / "psnr.json").read_text())
    assert set(facts) == {"tiny", "tiny, low", "full", "linear, low"}
    assert set(facts["tiny"]) == {"world", "icons", "emoji", "photographs"}
    decoder = TinyDecoder(load(tmp_path / "network", "decoder"))
    assert decoder.decode(torch.randn(1, 4, 16, 16)).shape == (1, 3, 128, 128)


def test_the_last_layer_asked_for_one_token_says_what_the_stock_tower_says():
    clip = __import__("clip")
    tokenizer, size = _words(), __import__("common").sizes("tiny", "clip")
    torch.manual_seed(0)
    model, x = clip.build(size, tokenizer), torch.rand(3, 3, 32, 32) * 2 - 1
    tokens = tokenizer(["a red star"] * 3, return_tensors="pt").input_ids
    stock = model(input_ids=tokens, pixel_values=x)
    seen, read, pooled, _, patches = clip.encode(model, x, tokens)
    assert torch.allclose(seen, stock.image_embeds, atol=1e-5)
    assert torch.allclose(read, stock.text_embeds, atol=1e-5)
    assert torch.allclose(pooled, model.vision_model(x).pooler_output, atol=1e-5)
    assert patches.shape == (3, 4, 32)
    seen, *_ = clip.encode(model, x, tokens, kept=1)
    seen.square().sum().backward()
    first, last = model.vision_model.encoder.layers
    assert first.mlp.fc1.weight.grad is None
    assert last.self_attn.v_proj.weight.grad is not None


def test_readings_say_which_noun_has_which_colour_and_is_where():
    clip = __import__("clip")
    from captions import relation
    from world import World, WorldOptions

    world = World(4, WorldOptions(empty=0.0, nouns=8, emoji=0.0))
    rng = np.random.default_rng(0)
    colours, places = list(clip.COLOURS), list(clip._PLACES)
    several = 0
    for number in range(40):
        scene = clip.another(world.scene(number), world.nouns, rng)
        assert scene.caption == __import__("captions").caption(scene)
        told = clip.readings(scene, world.nouns)
        sizes = [8, 12, 6, 12, 96, 8 * len(places)]
        assert len(told) == sum(sizes)
        parts = np.split(np.array(told), np.cumsum(sizes)[:-1])
        bound, placed = parts[4].reshape(8, 12), parts[5].reshape(8, -1)
        for thing in scene.things:
            assert bound[world.nouns.index(thing.noun), colours.index(thing.colour)] > 0
            if thing.colour not in scene.caption and not scene.form.colour:
                assert not clip.tells(scene)[4]
        if len(scene.things) == 2 and not scene.alike:
            several += 1
            for one, other in (scene.things, scene.things[::-1]):
                assert placed[world.nouns.index(one.noun), places.index(relation(one, other))] == 0.5
    assert several > 5


def test_ripples_keep_places_and_what_is_even():
    clip = __import__("clip")
    torch.manual_seed(0)
    even = torch.full((2, 3, 32, 32), 0.3)
    assert torch.allclose(clip.ripple(even), even, atol=1e-5)
    down, across = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    bent = clip.ripple(torch.stack([across, down])[None])
    off = (bent - torch.stack([across, down])[None]).abs()
    assert 0 < off.max() < 0.1


@pytest.mark.slow
def test_clip_goes_on_from_what_was_before(monkeypatch, tmp_path):
    train(monkeypatch, "clip", tmp_path / "before")
    __import__("export").export_clip(tmp_path / "before", "tiny", tmp_path / "weights")
    train(monkeypatch, "clip", tmp_path / "after", "--warm", tmp_path / "weights")
    before, after = (weights(tmp_path / name)["models"]["clip"] for name in ("before", "after"))
    kept = [name for name in before if ".layers.0." in name and "vision" in name]
    changed = [name for name in before if ".layers.1." in name and "vision" in name]
    assert kept
    assert all(torch.allclose(before[name], after[name], atol=1e-2) for name in kept)  # halves were exported
    assert not any(torch.equal(before[name].half().float(), after[name]) for name in changed if "weight" in name)


def test_collages_are_of_the_pictures_colours_and_circles_keep_apart():
    collages = __import__("collages")
    from world import SIMPLE, World

    world, rng = World(0, dataclasses.replace(SIMPLE, nouns=4), 64), np.random.default_rng(0)
    scene = world.scene(1)
    picture, masks = world.draw_with_masks(scene)
    for way in collages.WAYS:
        made = collages.remake(world, scene, picture, masks, way, rng)
        assert made.shape == picture.shape
        assert not np.array_equal(made, picture)
        assert np.abs(made.mean((0, 1)) - picture.mean((0, 1))).max() < 60
    found = collages.circles(masks[0] > 127, 6.0, rng)
    assert len(found) > 3
    for n, (x, y, radius) in enumerate(found):
        assert masks[0][int(y), int(x)] > 127
        assert radius <= 6
        for u, v, other in found[:n]:
            assert np.hypot(x - u, y - v) >= max(radius, other) - 1e-6


def test_perspectives_leave_half_alone_and_keep_the_middle():
    clip = __import__("clip")
    torch.manual_seed(0)
    x = torch.rand(64, 3, 32, 32)
    assert torch.allclose(clip.distort(x, 0.0), x, atol=1e-4)
    moved = (clip.distort(x, 0.5) - x).abs().mean((1, 2, 3)) > 1e-3
    assert 16 < int(moved.sum()) < 48


def test_patches_are_told_what_they_show_mostly():
    clip = __import__("clip")
    seen = torch.zeros(1, 3, 16, 16)
    seen[0, 0, :8, :8] = 0.4  # two in the first patch, the second the larger
    seen[0, 1, :8, :8] = 0.5
    seen[0, 1, 8:, 8:12] = 0.2  # a tenth of the last patch: too little to count
    seen[0, 0, :8, 8:] = 1.0
    kinds = torch.tensor([[7, 3, 0]])
    assert clip.patch_truth(seen, kinds, 8).tolist() == [[3, 7, 0, 0]]


def test_wrong_captions_of_a_picture_are_several_and_wrong():
    clip = __import__("clip")
    from world import World, WorldOptions

    from vertumnus.models.mini.vocabulary import nouns

    world, known = World(4, WorldOptions(empty=0.0, nouns=24)), nouns(48)
    for scene in map(world.scene, range(50)):
        found = clip.hard(scene, known, np.random.default_rng(0))
        assert len(found) == clip.WRONG
        assert scene.caption not in found


def test_objects_are_found_and_named_by_their_colours():
    found = __import__("silhouettes")
    from world import SIMPLE, World

    world = World(0, dataclasses.replace(SIMPLE, nouns=24))
    right = []
    for number in range(20):
        scene = world.scene(number)
        (thing,) = scene.things
        picture, masks = world.draw_with_masks(scene)
        seen = found.find_object(picture)
        right.append(found.name_colour(seen.rgb) == thing.colour)
        assert seen.there
        (coloured,) = found.find_coloured(picture, [thing.colour])
        for cover in (seen.cover, coloured.cover):
            assert found.overlap(cover > 0.5, masks[0] > 127) > 0.85
    assert np.mean(right) >= 0.9


def test_two_things_are_found_by_their_colours():
    found = __import__("silhouettes")
    from world import PAIRS, World

    world = World(0, dataclasses.replace(PAIRS, nouns=24))
    overlaps = []
    for number in range(40):
        scene = world.scene(number)
        if scene.things[0].colour == scene.things[1].colour:
            continue
        picture, masks = world.draw_with_masks(scene)
        seen = found.find_coloured(picture, [thing.colour for thing in scene.things])
        overlaps += [found.overlap(one.cover > 0.5, mask > 127) for one, mask in zip(seen, masks, strict=False)]
        gap = [one.middle[0] - other.middle[0] for one, other in [seen]]
        assert np.sign(round(gap[0], 1)) == np.sign(round(scene.things[0].x - scene.things[1].x, 1))
    assert np.mean(np.array(overlaps) > 0.85) > 0.88
    assert np.mean(overlaps) > 0.92


def test_cut_outs_do_not_depend_on_place_and_size():
    found = __import__("silhouettes")
    from drawings import drawings_of, render

    small, large = (render(drawings_of("bird")[0], side)[..., 3] / np.float32(255) for side in (40, 80))
    one, other = np.zeros((128, 128), np.float32), np.zeros((128, 128), np.float32)
    one[3 : 3 + small.shape[0], 80 : 80 + small.shape[1]] = small
    other[40 : 40 + large.shape[0], 20 : 20 + large.shape[1]] = large
    assert found.overlap(found.cut(one), found.cut(other)) > 0.8
    assert not found.cut(np.zeros((9, 9), np.float32)).any()


def test_attention_is_told_where_to_look():
    """Against a plain loop; looking inside costs less than looking outside, and gradients say so."""
    attention = __import__("attention")
    torch.manual_seed(0)
    maps = [torch.rand(2, pixels, 5).softmax(-1) for pixels in (64, 16)]
    masks = torch.zeros(2, 2, 8, 8)
    masks[0, 0, :4] = 1
    masks[0, 1, 4:, 4:] = 0.5
    masks[1, 0, 2:6, 2:6] = 1
    tokens = torch.tensor([[1, 3], [2, -1]])
    losses = []
    for found, side in zip(maps, (8, 4), strict=True):
        for b, thing in ((0, 0), (0, 1), (1, 0)):
            mask = masks[b, thing].reshape(side, 8 // side, side, 8 // side).mean((1, 3)).flatten()
            looks = found[b, :, tokens[b, thing]]
            losses.append(-torch.log((looks * mask).sum() / looks.sum()))
    assert attention.inside_loss(maps, tokens, masks).item() == pytest.approx(
        torch.stack(losses).mean().item(), rel=1e-5
    )
    assert attention.inside_loss(maps, torch.full_like(tokens, -1), masks) == 0
    free = torch.full((1, 64, 5), 0.2, requires_grad=True)
    attention.inside_loss([free], tokens[:1, :1], masks[:1, :1]).backward()
    slope = free.grad[0, :, 1].view(8, 8)
    assert slope[:4].max() < 0 < slope[4:].min()


def test_recording_attention_changes_nothing():
    attention, diffusions = __import__("attention"), __import__("diffusion")
    tokenizer = __import__("tokenizer").build()
    torch.manual_seed(0)
    unet, _ = diffusions.build(__import__("common").sizes("tiny", "diffusion"), 4, tokenizer)
    x, words = torch.randn(2, 4, 16, 24), torch.randn(2, 32, 32)
    with torch.no_grad():
        before = unet(x, 500, words).sample
        recorder = attention.record(unet)
        after = unet(x, 500, words).sample
    assert torch.allclose(before, after, atol=1e-5)
    assert {found.shape[1:] for found in recorder.maps} == {(384, 32), (96, 32), (24, 32)}
    assert all(torch.allclose(found.sum(-1), torch.ones(1), atol=1e-5) for found in recorder.maps)


@pytest.mark.slow
def test_nouns_are_found_among_the_tokens(tmp_path):
    scenes, vaes = __import__("scenes"), __import__("vae")
    tokenizer = __import__("tokenizer").build()
    size = __import__("common").sizes("tiny", "diffusion")
    vaes.build({"widths": [8, 16], "latents": 4}).save_pretrained(tmp_path / "vae")
    scenes.encode(tmp_path, tmp_path / "vae", {**size, "full": 12}, "tiny", 0, torch.device("cpu"))
    found = scenes.read(tmp_path, "full", tokenizer)
    assert found.latents.shape == (12, 4, 16, 16)
    assert found.masks.shape == (12, 3, 16, 16)
    assert found.colours.shape == (12, 3, 4, 4)
    assert scenes.read(tmp_path, "wide", tokenizer).latents.shape[2:] == (16, 24)
    world = scenes.worlds(size["nouns"], size["drawings"], 0, size["easy"], size["paired"])["full"]
    told = 0
    for number, (places, words) in enumerate(zip(found.nouns, found.captions, strict=True)):
        spelt = [tokenizer.decode([token]).strip() for token in tokenizer(words).input_ids]
        for place, thing in zip(places, world.scene(number).things, strict=False):
            if words:
                assert spelt[place].startswith(thing.noun[:4])
                told += 1
    assert told > 8
    latents = np.concatenate([scenes.read(tmp_path, kind, tokenizer).latents for kind in scenes.SQUARE])
    assert latents.astype(np.float32).std((0, 2, 3)) == pytest.approx(1, abs=0.02)


def test_an_autoencoder_with_more_latents_starts_as_the_one_before(tmp_path):
    vaes = __import__("vae")
    torch.manual_seed(0)
    size = {"widths": [8, 16], "latents": 4}
    vaes.build(size).save_pretrained(tmp_path)
    model = vaes.build({**size, "latents": 8}).eval()
    old = vaes.warm(model, tmp_path)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        before, after = old.encode(x).latent_dist, model.encode(x).latent_dist
        assert torch.allclose(after.mean[:, :4], before.mean, atol=1e-5)
        assert torch.allclose(after.logvar[:, :4], before.logvar, atol=1e-5)
        z = torch.cat([before.mean, torch.zeros_like(before.mean)], 1)
        assert torch.allclose(model.decode(z).sample, old.decode(before.mean).sample, atol=1e-4)


def test_a_diffusion_model_with_more_latents_starts_as_the_one_before(tmp_path):
    diffusions = __import__("diffusion")
    tokenizer = __import__("tokenizer").build()
    size = __import__("common").sizes("tiny", "diffusion")
    torch.manual_seed(0)
    old, tower = diffusions.build(size, 4, tokenizer)
    old.save_pretrained(tmp_path / "unet")
    tower.save_pretrained(tmp_path / "text_encoder")
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    model, words = diffusions.build(size, 8, tokenizer)
    diffusions.warm(model, words, tokenizer, tmp_path)
    x, states = torch.randn(1, 4, 16, 16), torch.randn(1, 32, 32)
    with torch.no_grad():
        made = model(torch.cat([x, torch.zeros_like(x)], 1), 300, states).sample
        assert torch.allclose(made[:, :4], old(x, 300, states).sample, atol=1e-5)
    assert same(dict(words.state_dict()), dict(tower.state_dict()))


@pytest.mark.slow
def test_what_is_tested_on_is_not_what_is_trained_on():
    pictures = __import__("pictures")
    trained, tested = (pictures.bank(8, 3, None, test=test) for test in (False, True))
    assert set(trained) == set(tested) == {"world", "icons", "emoji", "photographs"}
    for name in trained:
        assert tested[name].shape[1:] == (128, 128, 3)
        assert tested[name].std((1, 2)).min() >= 0
        assert not any(np.array_equal(one, other) for one in trained[name] for other in tested[name])


def test_words_are_single_tokens_and_others_are_spelt():
    tokenizer = __import__("tokenizer")
    built = tokenizer.build()
    assert all(len(built(word).input_ids) == 3 for word in tokenizer.words())
    assert built.decode(built("zyxw qwertz").input_ids[1:-1]).split() == ["zyxw", "qwertz"]
    assert built.get_vocab() == tokenizer.build().get_vocab()
    assert built.eos_token_id != 2
