"""How good the small models that ship with the program are: one table, and the same numbers as JSON.

    python benchmarks/mini.py --judge FOLDER [--choose FOLDER] [--weights FOLDER] [--json FILE] [--images FOLDER]

Everything is measured on scenes and prompts that no training saw, with 95 % intervals. FOLDER of the judge is where
``python training/judge.py FOLDER --families judging`` wrote its checkpoint: a classifier that shares no weights and
no drawing with any other model. The guidance is chosen by another judge, of the families for choosing. Times are
CPU seconds of one core. ``--share 0.1`` takes a tenth of everything; ``--only clip
steering`` measures some parts anew and leaves the rest as the JSON file has it.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import mini_clip
import mini_diffusion
import mini_steered
import numpy as np
import torch
from mini_shared import HELD_OUT, Share, save_grid  # puts the training scripts onto the path
from rich.console import Console
from rich.table import Table

from vertumnus.models import load
from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.vocabulary import nouns
from vertumnus.sampling.decode import TINY_FOLDER, beside_autoencoder

import judge as judges  # isort: skip
import second as seconds  # isort: skip
from common import averaged, sizes  # isort: skip
from world import World, WorldOptions  # isort: skip

Row = tuple[str, str, str, str]


PARTS = ("autoencoder", "single", "pairs", "drawings", "sides", "back", "sample", "clip", "steering", "decoders",
         "learned", "guided")  # fmt: skip


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, required=True, help="folder of the trained judge")
    parser.add_argument("--choose", type=Path, help="folder of the judge that guidance is chosen by; 5 without one")
    parser.add_argument("--second", type=Path, help="folder of the second CLIP, which names guided collages")
    parser.add_argument("--sizes", default="cpu", help="the second CLIP's table of training/sizes.toml")
    parser.add_argument("--weights", type=Path, default=mini_folder("."), help="mini's; the package's by default")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-mini.json"))
    parser.add_argument("--images", type=Path, help="a folder to write picture grids to")
    parser.add_argument("--share", type=float, default=1.0, help="of everything")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="measure these anew; the rest is as JSON has it")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    if chosen.only and chosen.json.is_file():
        results = json.loads(chosen.json.read_text())
    results |= {
        "training": json.loads((chosen.weights / "training.json").read_text()),
        "machine": platform.processor(),
    }
    measure(chosen, results)
    results["rows"] = rows(results)
    console = Console(width=max(110, Console().width))
    shown = Table("what", "reached", "true scenes", "goal", title=f"mini, {results['nouns']} nouns")
    for row in results["rows"]:
        shown.add_row(*row)
    console.print(shown)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(results, indent=1) + "\n")
    console.print(str(chosen.json))


def measure(chosen: argparse.Namespace, results: dict[str, Any]) -> None:
    """Adds to the results what is wanted of all that can be measured."""
    wanted = chosen.only or PARTS
    trained = results["training"]
    model = load(chosen.weights / "diffusion", "diffusion")
    known = nouns(trained["diffusion"]["nouns"])
    results["nouns"] = len(known)
    drawings = trained["diffusion"].get("drawings", 1)
    judge = averaged(chosen.judge, judges.build(len(judges.known())), "judge")

    def some(count: int) -> int:
        return max(4, round(chosen.share * count))

    if "guidance" not in results:
        results["guidance"], results["guidances"] = 5.0, {}
        if chosen.choose is not None:
            chooser = averaged(chosen.choose, judges.build(len(judges.known())), "judge")
            found = mini_diffusion.choose_guidance(model, chooser, known, some(64))
            results["guidance"], results["guidances"] = found
    guidance, shown = results["guidance"], {}
    if "autoencoder" in wanted:
        results["autoencoder"], shown["vae"] = mini_diffusion.measure_autoencoder(model, some(100))
    if "single" in wanted:
        results["single"], samples = mini_diffusion.measure_single(model, judge, known, guidance, drawings, some(384))
        shown["samples"] = samples[:40]
    if "pairs" in wanted:
        results["pairs"], pairs = mini_diffusion.measure_pairs(model, judge, known, guidance, drawings, some(256))
        shown["samples"] = np.concatenate([shown["samples"], pairs[:24]]) if "samples" in shown else pairs[:24]
    if "drawings" in wanted:
        results["drawings"] = mini_diffusion.measure_drawings(model, known, guidance, 16, some(24))
    if "sides" in wanted:
        results["sides"] = mini_diffusion.measure_sides(model, known, guidance, some(128))
    if "back" in wanted:
        results["back"] = mini_diffusion.measure_ways_back(model, known, guidance, some(32))
    if "sample" in wanted:
        results["sample"] = mini_diffusion.measure_speed(model)
    if "clip" in wanted and "clip" in trained:
        clip, seen = load(chosen.weights / "clip", "clip"), nouns(trained["clip"]["nouns"])
        results["captions"] = mini_clip.measure_clip(clip, seen, some(1000))
        results["style"] = mini_clip.measure_style(clip, seen, some(480))
        results["collages"] = mini_clip.measure_collages(clip, seen, some(480))
    if "steering" in wanted:
        folders = {name: chosen.weights / name for name in ("colours", "shapes")}
        networks = {name: load(folder, "control") for name, folder in folders.items() if folder.is_dir()}
        results["steering"] = mini_steered.measure_steering(
            model, networks, len(known), drawings, guidance, some(128)
        )
    tiny = beside_autoencoder(model) / TINY_FOLDER
    if "decoders" in wanted and tiny.is_dir():
        results["decoders"] = mini_steered.measure_decoders(model, load(tiny, "decoder"), some(100))
    if "learned" in wanted:
        steps = max(4, min(300, some(300)))
        results["learned"] = mini_steered.measure_learned(model, judge, len(known), steps, guidance, some(12))
    if "guided" in wanted and chosen.second is not None:
        second, words = seconds.trained(chosen.second, sizes(chosen.sizes, "second"))
        seen = nouns(sizes(chosen.sizes, "second")["nouns"])
        steps = max(2, min(200, some(200)))
        found = mini_steered.measure_guided(chosen.weights / "clip", second, words, seen, some(24), steps)
        results["guided"], shown["guided"] = found
    if chosen.images is not None:
        chosen.images.mkdir(parents=True, exist_ok=True)
        for name, pictures in shown.items():
            save_grid(pictures, chosen.images / f"mini-{name}.png")
        save_grid(World(0, WorldOptions()).batch(HELD_OUT, 32)[0], chosen.images / "mini-world.png")


def rows(results: dict[str, Any]) -> list[Row]:
    """What was measured, what was reached, what true scenes reach, and what was asked for."""
    found: list[Row] = []
    for name, value in results.get("autoencoder", {}).items():
        goal = "27 dB" if name == "world" else "26 dB"
        found.append(
            (f"autoencoder, {'its world' if name == 'world' else f'unseen {name}'}", f"{value:.1f} dB", "", goal)
        )
    found += rows_of_samples(results)
    goals = {"inversion and back": "35 dB"}
    for name, value in results.get("back", {}).items():
        found.append((name, f"{value:.1f} dB", "", goals.get(name, "")))
    found.append(("guidance, chosen on other prompts", f"{results['guidance']:g}", "", ""))
    if "sample" in results:
        found.append(("one sample, 30 steps, one core", f"{results['sample']:.2f} s", "", "2 s"))
    found += rows_of_steering(results)
    goals = {
        "top-1 of 32": "75%",
        "beats wrong swap": "75%",
        "judging families: top-1": "60%",
        "judging families: top-5": "85%",
    }
    for name, value in {
        **results.get("captions", {}),
        **results.get("style", {}),
        **results.get("collages", {}),
    }.items():
        told = of(value)
        found.append((f"CLIP, {name} (n = {told.count})", str(told), "", goals.get(name, "")))
    if "guided" in results:
        guided, true = (results["guided"][name] for name in ("guided", "true scenes"))
        for name, words, goal in (("first", "first", ""), ("five", "among five", "60%")):
            told = of(guided[name])
            what = f"CLIP-guided collages (n = {told.count}): the second CLIP names it {words}"
            found.append((what, str(told), str(of(true[name])), goal))
    return found


def of(stored: Any) -> Share:
    """A share as it was measured, or as JSON has it."""
    return Share(*stored)


def rows_of_samples(results: dict[str, Any]) -> list[Row]:
    """One thing, two things, drawings and sides."""
    found: list[Row] = []
    told = (
        ("single", "one thing", (("noun", "noun", "80%"), ("five", "noun among five", ""), ("colour", "colour", ""))),
        (
            "pairs",
            "two things",
            (
                ("nouns", "both nouns", "60%"),
                ("each", "nouns of the two", ""),
                ("side", "each on its side", "80%"),
                ("bound", "colours bound", "70%"),
            ),
        ),
    )
    for part, words, names in told:
        for name, what, goal in names if part in results else ():
            reached, true = of(results[part][name]), of(results[part]["true scenes"][name])
            found.append((f"{words} (n = {reached.count}): {what}", str(reached), str(true), goal))
    if "drawings" in results:
        drawn = results["drawings"]
        reached = f"{drawn['drawings']:.1f} ± {drawn['interval']:.1f}"
        found.append((f"drawings of a noun in {drawn['seeds']} seeds ({drawn['nouns']} nouns)", reached, "", "3"))
    if "sides" in results:
        sides = of(results["sides"])
        found.append((f"one thing on the side asked for (n = {sides.count})", str(sides), "", ""))
    return found


def rows_of_steering(results: dict[str, Any]) -> list[Row]:
    """What steers, decodes and is learned."""
    found: list[Row] = []
    goals = {"colours": "8", "shapes": ".75"}
    words = {"colours": "colour adapter: error of a picture's mean colour, of 255", "shapes": "ControlNet: IoU"}
    for name, told in results.get("steering", {}).items():
        part, _, way = name.partition(", ")
        digits = 1 if part == "colours" else 2
        reached = f"{told['mean']:.{digits}f} ± {told['half']:.{digits}f}"
        what = f"{words[part]}{f', {way}' if way else ', silhouettes' if part == 'shapes' else ''}"
        found.append((f"{what} (n = {told['count']})", reached, "", "" if way == "without" else goals.get(part, "")))
    for name, told in results.get("decoders", {}).items():
        which, _, low = name.partition(", ")
        reached = ", ".join(f"{kind} {value:.1f}" for kind, value in told.items())
        found.append((f"{which} decoder, dB{', made as small as latents' if low else ''}", reached, "", ""))
    goals = {"textual inversion": "50%", "LoRA": "70%"}
    for way, told in results.get("learned", {}).items():
        noun = of(told["noun"])
        what = f"{way} of {len(told['nouns'])} unknown nouns (n = {noun.count})"
        found.append((f"{what}: noun", str(noun), "", goals[way]))
        found.append((f"{what}: among five", str(of(told["five"])), "", ""))
    return found


if __name__ == "__main__":
    main()
