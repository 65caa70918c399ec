"""How good the small models that ship with the program are: one table, and the same numbers as JSON.

    python benchmarks/mini.py --judge FOLDER [--choose FOLDER] [--weights FOLDER] [--json FILE] [--images FOLDER]

Everything is measured on scenes and prompts that no training saw, with 95 % intervals. FOLDER of the judge is where
``python training/judge.py FOLDER --families judging`` wrote its checkpoint: a classifier that shares no weights and
no drawing with any other model. The guidance is chosen by another judge, of the families for choosing. Times are
CPU seconds of one core. ``--share 0.1`` takes a tenth of everything.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import mini_clip
import mini_diffusion
import numpy as np
import torch
from mini_shared import HELD_OUT, save_grid  # puts the training scripts onto the path
from rich.console import Console
from rich.table import Table

from vertumnus.models import load
from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.vocabulary import nouns

import judge as judges  # isort: skip
from common import averaged  # isort: skip
from world import World, WorldOptions  # isort: skip

Row = tuple[str, str, str, str]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, required=True, help="folder of the trained judge")
    parser.add_argument("--choose", type=Path, help="folder of the judge that guidance is chosen by; 5 without one")
    parser.add_argument("--weights", type=Path, default=mini_folder("."), help="mini's; the package's by default")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-mini.json"))
    parser.add_argument("--images", type=Path, help="a folder to write picture grids to")
    parser.add_argument("--share", type=float, default=1.0, help="of everything")
    parser.add_argument("--without-clip", action="store_true", help="measure the diffusion model alone")
    chosen = parser.parse_args()
    torch.set_num_threads(1)

    def some(count: int) -> int:
        return max(4, round(chosen.share * count))

    trained = json.loads((chosen.weights / "training.json").read_text())
    model = load(chosen.weights / "diffusion", "diffusion")
    known = nouns(trained["diffusion"]["nouns"])
    drawings = trained["diffusion"].get("drawings", 1)
    judge = averaged(chosen.judge, judges.build(len(judges.known())), "judge")
    results: dict[str, Any] = {"training": trained, "nouns": len(known), "machine": platform.processor()}
    guidance, tried = 5.0, {}
    if chosen.choose is not None:
        chooser = averaged(chosen.choose, judges.build(len(judges.known())), "judge")
        guidance, tried = mini_diffusion.choose_guidance(model, chooser, known, some(64))
    results["guidance"], results["guidances"] = guidance, tried
    results["autoencoder"], rebuilt = mini_diffusion.measure_autoencoder(model, some(100))
    results["single"], samples = mini_diffusion.measure_single(model, judge, known, guidance, drawings, some(384))
    results["pairs"], pairs = mini_diffusion.measure_pairs(model, judge, known, guidance, drawings, some(256))
    results["drawings"] = mini_diffusion.measure_drawings(model, known, guidance, 16, some(24))
    results["sides"] = mini_diffusion.measure_sides(model, known, guidance, some(128))
    results["back"] = mini_diffusion.measure_ways_back(model, known, guidance, some(32))
    results["sample"] = mini_diffusion.measure_speed(model)
    if not chosen.without_clip:
        clip, seen = load(chosen.weights / "clip", "clip"), nouns(trained["clip"]["nouns"])
        results["captions"] = mini_clip.measure_clip(clip, seen, some(1000))
        results["style"] = mini_clip.measure_style(clip, seen, some(480))
    results["rows"] = rows(results)
    console = Console(width=max(110, Console().width))
    shown = Table("what", "reached", "true scenes", "goal", title=f"mini, {len(known)} nouns")
    for row in results["rows"]:
        shown.add_row(*row)
    console.print(shown)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(results, indent=1) + "\n")
    console.print(str(chosen.json))
    if chosen.images is not None:
        chosen.images.mkdir(parents=True, exist_ok=True)
        save_grid(np.concatenate([samples[:40], pairs[:24]]), chosen.images / "mini-samples.png")
        save_grid(rebuilt, chosen.images / "mini-vae.png")
        world = World(0, WorldOptions())
        save_grid(world.batch(HELD_OUT, 32)[0], chosen.images / "mini-world.png")


def rows(results: dict[str, Any]) -> list[Row]:
    """What was measured, what was reached, what true scenes reach, and what was asked for."""
    found: list[Row] = []
    for name, value in results["autoencoder"].items():
        goal = "27 dB" if name == "world" else "26 dB"
        found.append(
            (f"autoencoder, {'its world' if name == 'world' else f'unseen {name}'}", f"{value:.1f} dB", "", goal)
        )
    single, pairs = results["single"], results["pairs"]
    count = single["noun"].count
    for name, words, goal in (
        ("noun", "noun", "80%"),
        ("five", "noun among five", ""),
        ("colour", "colour", ""),
    ):
        found.append((f"one thing (n = {count}): {words}", str(single[name]), str(single["true scenes"][name]), goal))
    told = results["drawings"]
    reached = f"{told['drawings']:.1f} ± {told['interval']:.1f}"
    found.append((f"drawings of a noun in {told['seeds']} seeds ({told['nouns']} nouns)", reached, "", "3"))
    found.append((f"one thing on the side asked for (n = {results['sides'].count})", str(results["sides"]), "", ""))
    count = pairs["side"].count
    for name, words, goal in (
        ("nouns", "both nouns", "60%"),
        ("each", "nouns of the two", ""),
        ("side", "each on its side", "80%"),
        ("bound", "colours bound", "70%"),
    ):
        found.append((f"two things (n = {count}): {words}", str(pairs[name]), str(pairs["true scenes"][name]), goal))
    goals = {"inversion and back": "35 dB"}
    for name, value in results["back"].items():
        found.append((name, f"{value:.1f} dB", "", goals.get(name, "")))
    found.append(("guidance, chosen on other prompts", f"{results['guidance']:g}", "", ""))
    found.append(("one sample, 30 steps, one core", f"{results['sample']:.2f} s", "", "2 s"))
    goals = {
        "top-1 of 32": "75%",
        "beats wrong swap": "75%",
        "judging families: top-1": "60%",
        "judging families: top-5": "85%",
    }
    for name, value in {**results.get("captions", {}), **results.get("style", {})}.items():
        found.append((f"CLIP, {name} (n = {value.count})", str(value), "", goals.get(name, "")))
    return found


if __name__ == "__main__":
    main()
