"""How good the small models that ship with the program are: one table, and the same numbers as JSON.

    python benchmarks/mini.py --judge FOLDER [--weights FOLDER] [--json FILE] [--images FOLDER] [--quick]

Everything is measured on scenes and prompts that no training saw. FOLDER of the judge is where
``python training/judge.py FOLDER`` wrote its checkpoint: a classifier that shares no weights with any other model.
Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from vertumnus.models.checkpoint import mini_folder, understand
from vertumnus.models.clip import Clip
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.mini.vocabulary import COLOURS, nouns, with_article
from vertumnus.sampling.sample import draw_pictures, sample

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))
import judge as judges
import scenes as kinds
from captions import wrong_captions
from clip import distort
from common import averaged
from drawings import CHOOSING, JUDGING, TRAINED
from silhouettes import find_object, name_colour
from world import PAIRS, SIMPLE, World, WorldOptions, held_out

HELD_OUT = 1 << 41  # scene numbers from here on; training stays far below
CANDIDATES = 32
GUIDANCES = (2.0, 3.0, 5.0, 7.0)
STEPS = 30
Pixels = NDArray[np.uint8]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, required=True, help="folder of the trained judge")
    parser.add_argument("--weights", type=Path, default=mini_folder("."), help="mini's; the package's by default")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-mini.json"))
    parser.add_argument("--images", type=Path, help="a folder to write picture grids to")
    parser.add_argument("--samples", type=Path, help="a .npz to keep the samples in, and to take them from again")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    share = 10 if chosen.quick else 1
    trained = json.loads((chosen.weights / "training.json").read_text())
    diffusion = Diffusion.load(understand("mini", chosen.weights / "diffusion"))
    clip = Clip.load(understand("mini-clip", chosen.weights / "clip"))
    known, seen = nouns(trained["diffusion"]["nouns"]), nouns(trained["clip"]["nouns"])
    judge = averaged(chosen.judge, judges.build(len(judges.known())), "judge")
    results: dict[str, Any] = {"training": trained, "nouns": len(known), "machine": platform.processor()}
    results["vae"], rebuilt = measure_vae(diffusion, 1000 // share)
    results["clip"] = measure_clip(clip, seen, 1000 // share)
    results["style"] = measure_style(clip, seen)
    results["diffusion"], samples = measure_diffusion(diffusion, clip, judge, known, 512 // share, chosen.samples)
    results["sides"] = measure_sides(diffusion, known, results["diffusion"]["guidance"], 128 // share)
    results["pairs"] = measure_pairs(diffusion, judge, known, results["diffusion"]["guidance"], 128 // share)
    results["speed"] = measure_speed(diffusion)
    results["rows"] = rows(results)
    console = Console()
    shown = Table("what", "reached", "goal", title=f"mini, {len(known)} nouns")
    for row in results["rows"]:
        shown.add_row(*row)
    console.print(shown)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(results, indent=1) + "\n")
    console.print(str(chosen.json))
    if chosen.images is not None:
        chosen.images.mkdir(parents=True, exist_ok=True)
        save_grid(samples[:64], chosen.images / "mini-samples.png")
        save_grid(rebuilt, chosen.images / "mini-vae.png")
        world = World(0, WorldOptions(nouns=len(seen)))
        save_grid(world.batch(HELD_OUT, 32)[0], chosen.images / "mini-world.png")


def to_tensor(pictures: Pixels) -> torch.Tensor:
    """Pictures from 0 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255


def to_pictures(images: torch.Tensor) -> Pixels:
    """The way back."""
    return (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


@torch.no_grad()
def measure_vae(model: Diffusion, count: int) -> tuple[dict[str, float], Pixels]:
    """Reconstruction of held-out scenes of every noun of the world, in dB; and some side by side."""
    world = World(77, WorldOptions(combinations="all"))
    found, shown = [], []
    for first in range(0, count, 50):
        pictures, _ = world.batch(HELD_OUT + first, min(50, count - first))
        made = to_pictures(model.decode(model.encode(to_tensor(pictures))))
        error = ((made.astype(float) - pictures) ** 2).mean(axis=(1, 2, 3))
        found.extend(10 * np.log10(255**2 / np.maximum(error, 1e-9)))
        if not shown:
            shown = [picture for pair in zip(pictures[:16], made[:16], strict=True) for picture in pair]
    return {"psnr": float(np.mean(found)), "worst tenth": float(np.quantile(found, 0.1))}, np.stack(shown)


@torch.no_grad()
def measure_clip(model: Clip, known: tuple[str, ...], count: int) -> dict[str, float]:
    """How often a held-out scene's caption comes first of 32: wrong in one word, and of other scenes.

    Captions of other scenes are taken only if they name a noun that is not in this one, so none is true by chance.
    """
    world = World(78, WorldOptions(nouns=len(known), combinations="all", empty=0.0, emoji=0.0))
    rng = np.random.default_rng(0)
    scenes = [world.scene(HELD_OUT + n) for n in range(count)]
    first, by_kind = 0, {}
    for n, scene in enumerate(scenes):
        wrong: dict[str, str] = {}
        for _ in range(4):  # several wrong nouns, colours and sides
            wrong.update({text: kind for kind, text in wrong_captions(scene, known, rng).items()})
        wrong.pop(scene.caption, None)
        held = {thing.noun for thing in scene.things}
        texts = [scene.caption, *wrong]
        for m in rng.permutation(count):
            other = scenes[m]
            if len(texts) == CANDIDATES:
                break
            if m != n and not {thing.noun for thing in other.things} <= held and other.caption not in texts:
                texts.append(other.caption)
        image = to_tensor(world.draw(scene)[None])
        scores = model.similarity(image, texts)[0].numpy()
        first += bool(scores.argmax() == 0)
        for kind in set(wrong.values()):
            rivals = [at for at, text in enumerate(texts) if wrong.get(text) == kind]
            by_kind.setdefault(kind, []).append(scores[0] > scores[rivals].max())
    beaten = {f"beats wrong {kind}": float(np.mean(won)) for kind, won in sorted(by_kind.items())}
    return {"top-1 of 32": first / count, **beaten}


@torch.no_grad()
def measure_style(model: Clip, known: tuple[str, ...]) -> dict[str, float]:
    """Naming single icons of families that were never trained on, among all nouns of the model's vocabulary.

    And, for comparison, of those that are; and through the random perspectives and crops that CLIP-CLOP uses.
    """
    read = model.embed_text([with_article(noun) for noun in known])
    found = {}
    plain = replace(SIMPLE, nouns=len(known), combinations="all", extents=((0.55, 0.8),), turn=6.0, drawings=9)
    for name, options in (
        ("judging families", replace(plain, families=JUDGING)),
        ("choosing family", replace(plain, families=CHOOSING)),
        ("trained families", replace(plain, families=TRAINED)),
    ):
        world = World(79, options)
        scenes = [world.scene(HELD_OUT + n) for n in range(480)]
        pictures = to_tensor(np.stack([world.draw(scene) for scene in scenes]))
        aims = np.array([known.index(scene.things[0].noun) for scene in scenes])
        found[f"{name}: nouns shown"] = float(len(world.nouns))
        torch.manual_seed(0)
        for seen, way in ((pictures, ""), (distort(pictures, 1.0), ", distorted")):
            best = np.argsort(-(model.embed_image(seen) @ read.T).numpy(), axis=1)
            found[f"{name}{way}: top-1"] = float((best[:, 0] == aims).mean())
            found[f"{name}{way}: top-5"] = float((best[:, :5] == aims[:, None]).any(1).mean())
    return found


def make(model: Diffusion, prompts: list[str], guidance: float, seed: int) -> Pixels:
    """Samples for prompts."""
    made = [
        to_pictures(draw(model, prompts[n : n + 32], STEPS, guidance, seed + n)) for n in range(0, len(prompts), 32)
    ]
    return np.concatenate(made)


def draw(model: Diffusion, prompts: str | list[str], steps: int, guidance: float, seed: int) -> torch.Tensor:
    """Pictures by DDIM."""
    return draw_pictures(model, sample(model, prompts, steps=steps, guidance=guidance, scheduler="ddim", seed=seed))


def prompts_of(known: tuple[str, ...], wanted: bool, count: int) -> list[tuple[str, str, str]]:
    """Prompts "a COLOUR NOUN" with their colours and nouns, of combinations held out or not, each in turn."""
    pairs = [(colour, noun) for noun in known for colour in COLOURS if held_out(noun, colour) == wanted]
    order = np.random.default_rng(5).permutation(len(pairs))
    return [(with_article(f"{c} {n}"), c, n) for c, n in (pairs[order[k % len(pairs)]] for k in range(count))]


@torch.no_grad()
def verdicts(
    pictures: Pixels, asked: list[tuple[str, str, str]], known: tuple[str, ...], clip: Clip, judge: Any
) -> dict[str, float]:
    """How often noun and colour are right, by the judge and by CLIP."""
    nouns_at = np.array([known.index(noun) for _, _, noun in asked])
    colours_at = np.array([list(COLOURS).index(colour) for _, colour, _ in asked])
    seen = [find_object(picture) for picture in pictures]
    scores, found = judges.scores(judge, [thing.cover for thing in seen]), [name_colour(thing.rgb) for thing in seen]
    best = np.argsort(-scores, axis=1)
    image = clip.embed_image(to_tensor(pictures))
    by_noun, by_colour = [], []
    texts = [with_article(f"{colour} {noun}") for colour in COLOURS for noun in known]
    near = (image @ clip.embed_text(texts).T).view(len(asked), len(COLOURS), len(known))
    for scores_, colour, noun in zip(near, colours_at, nouns_at, strict=True):
        by_noun.append(scores_[colour].argsort(descending=True)[:5].numpy())
        by_colour.append(int(scores_[:, noun].argmax()))
    named = np.array(by_noun)
    return {
        "noun, judge": float((best[:, 0] == nouns_at).mean()),
        "noun top-5, judge": float((best[:, :5] == nouns_at[:, None]).any(1).mean()),
        "colour, judge": float(np.mean([a == c for a, (_, c, _) in zip(found, asked, strict=True)])),
        "noun, CLIP": float((named[:, 0] == nouns_at).mean()),
        "noun top-5, CLIP": float((named == nouns_at[:, None]).any(1).mean()),
        "colour, CLIP": float((np.array(by_colour) == colours_at).mean()),
    }


def measure_diffusion(
    model: Diffusion, clip: Clip, judge: Any, known: tuple[str, ...], count: int, kept: Path | None
) -> tuple[dict[str, Any], Pixels]:
    """Samples of combinations never trained on; the guidance is chosen on combinations that were."""
    tuning, asked = prompts_of(known, False, 64), prompts_of(known, True, count)
    if kept is not None and kept.exists():
        stored = np.load(kept)
        pictures, tried = stored["pictures"], list(stored["tried"])
    else:
        pictures, tried = None, [make(model, [text for text, _, _ in tuning], scale, 1000) for scale in GUIDANCES]
    scores = {
        guidance: verdicts(trial, tuning, known, clip, judge)["noun, judge"]
        for guidance, trial in zip(GUIDANCES, tried, strict=True)
    }
    best = max(GUIDANCES, key=scores.__getitem__)
    if pictures is None:
        pictures = make(model, [text for text, _, _ in asked], best, 5000)
        if kept is not None:
            np.savez(kept, pictures=pictures, tried=np.stack(tried))
    # What the judges make of true scenes of the same combinations, drawn and passed through the autoencoder.
    world = World(80, replace(SIMPLE, nouns=len(known), combinations="held out"))
    scenes = [world.scene(HELD_OUT + n) for n in range(min(count, 256))]
    drawn = to_tensor(np.stack([world.draw(scene) for scene in scenes]))
    with torch.no_grad():
        drawn = to_pictures(model.decode(model.encode(drawn)))
    truth = [("", scene.things[0].colour, scene.things[0].noun) for scene in scenes]
    found = {
        "samples": count,
        "combinations": len({text for text, _, _ in asked}),
        "guidance": best,
        "guidances": scores,
        **verdicts(pictures, asked, known, clip, judge),
        "true scenes": verdicts(drawn, truth, known, clip, judge),
    }
    return found, pictures


def measure_sides(model: Diffusion, known: tuple[str, ...], guidance: float, count: int) -> dict[str, float]:
    """How often a thing asked for on a side lies there: its middle is off the picture's by a tenth that way."""
    ways = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
    right = 0
    asked = prompts_of(known, False, count)
    sides = [list(ways)[n % 4] for n in range(count)]
    words = {side: f"{'at' if side in ('top', 'bottom') else 'on'} the {side}" for side in ways}
    pictures = make(
        model, [f"{text} {words[side]}" for (text, _, _), side in zip(asked, sides, strict=True)], guidance, 9
    )
    for picture, side in zip(pictures, sides, strict=True):
        x, y = find_object(picture).middle
        right += (x - 0.5) * ways[side][0] + (y - 0.5) * ways[side][1] > 0.1
    return {"side": right / count}


@torch.no_grad()
def measure_pairs(
    model: Diffusion, judge: Any, known: tuple[str, ...], guidance: float, count: int
) -> dict[str, Any]:
    """Two things asked for, one beside or above the other; and true scenes passed through the autoencoder."""
    ways = ("left of", "above", "right of", "below")
    asked = kinds.asked(len(known), count, "held out", 6, several=True)
    texts = [
        f" {ways[n % 4]} ".join(with_article(" ".join(thing)) for thing in things) for n, things in enumerate(asked)
    ]
    made = make(model, texts, guidance, 11)
    found = [judges.judge_pair(judge, made[n], asked[n], ways[n % 4]) for n in range(count)]
    world = World(81, replace(PAIRS, nouns=len(known), combinations="all"))
    scenes = list(map(world.scene, range(HELD_OUT, HELD_OUT + 2 * count)))
    scenes = [scene for scene in scenes if scene.things[0].colour != scene.things[1].colour][:count]
    drawn = to_pictures(model.decode(model.encode(to_tensor(np.stack([world.draw(scene) for scene in scenes])))))
    true = []
    for picture, scene in zip(drawn, scenes, strict=True):
        one, two = scene.things
        way = (
            ("left of" if one.x < two.x else "right of") if one.y == two.y else "above" if one.y < two.y else "below"
        )
        true.append(judges.judge_pair(judge, picture, [(one.colour, one.noun), (two.colour, two.noun)], way))

    def shares(verdicts: list[judges.Pair]) -> dict[str, float]:
        return {name: float(np.mean([getattr(said, name) for said in verdicts])) for name in judges.Pair._fields}

    return {**shares(found), "true scenes": shares(true)}


def measure_speed(model: Diffusion) -> dict[str, float]:
    """One sample of 30 steps with guidance at batch 1 on one core, the best of three, in CPU seconds."""
    draw(model, "a red fish", 2, 5.0, 0)
    times = []
    for seed in range(3):
        started = time.process_time()
        draw(model, "a red fish", STEPS, 5.0, seed)
        times.append(time.process_time() - started)
    return {"sample": min(times)}


def rows(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was measured, what was reached, and what was asked for."""
    vae, made = results["vae"], results["diffusion"]
    seen = results["training"]["clip"]["nouns"]
    found = [("autoencoder: PSNR", f"{vae['psnr']:.1f} dB", "26 dB")]
    for name, value in results["clip"].items():
        found.append((f"CLIP ({seen} nouns): {name}", f"{value:.1%}", "75%" if name == "top-1 of 32" else ""))
    for name, value in results["style"].items():
        text = f"{value:.0f}" if "shown" in name else f"{value:.1%}"
        found.append(
            (f"CLIP ({seen} nouns), icons of {name}", text, "85%" if name == "judging families: top-5" else "")
        )
    goals = {"noun, judge": "60%", "noun, CLIP": "60%", "colour, judge": "80%", "colour, CLIP": "80%"}
    for name, value in made["true scenes"].items():
        reached = f"{made[name]:.1%} (true scenes {value:.1%})"
        found.append((f"diffusion ({results['nouns']} nouns): {name}", reached, goals.get(name, "")))
    found.append(("diffusion: guidance, chosen on other prompts", f"{made['guidance']:g}", ""))
    found.append(("diffusion: on the side asked for", f"{results['sides']['side']:.1%}", ""))
    names = {"nouns": "both nouns", "each": "nouns of the two", "side": "each on its side", "bound": "colours bound"}
    aims = {"nouns": "60%", "side": "80%", "bound": "70%"}
    for name, words in names.items():
        pairs = results["pairs"]
        reached = f"{pairs[name]:.1%} (true scenes {pairs['true scenes'][name]:.1%})"
        found.append((f"two things: {words}", reached, aims.get(name, "")))
    found.append(("one sample, 30 steps, one core", f"{results['speed']['sample']:.2f} s", ""))
    return found


def save_grid(pictures: Pixels, file: Path, columns: int = 8) -> None:
    """Pictures side by side, in few enough colours to be a small file."""
    count, side = pictures.shape[:2]
    grid = np.full((-(-count // columns) * side, columns * side, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        top, left = n // columns * side, n % columns * side
        grid[top : top + side, left : left + side] = picture
    small = Image.fromarray(grid).resize((columns * 96, -(-count // columns) * 96), Image.Resampling.LANCZOS)
    small.quantize(128).save(file, optimize=True)


if __name__ == "__main__":
    main()
