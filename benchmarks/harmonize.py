"""Harmonising measured: the ordering of Collage Diffusion's Table 1, swapped layers, the noise map, and the cost.

    python benchmarks/harmonize.py [--scenes 50] [--seeds 10] [--judge FOLDER] [--json FILE] [--images FOLDER]

Scenes are rough on purpose: two to four icons of a family that no model was trained on, hard-edged, at the wrong
Scenes are rough on purpose: two to four icons of a family that no model was trained on, hard-edged, at a wrong
and, with --judge, of a second one that shares no weights with it. Differences between methods are paired by scene and
seed; the intervals are bootstrapped over scenes.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.icons import draw_icon
from vertumnus.harmonizing.harmonize import HarmonizeJob
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.metrics.clip_scores import ImageTextModel, PriorClip
from vertumnus.metrics.layered import layer_similarities
from vertumnus.models import load
from vertumnus.models.mini.vocabulary import COLOURS, HELD_OUT_FONT, glyphs_of, nouns, with_article

SIDE = 256  # canvas pixels
METHODS = ("gh", "gh+ca", "gh+ca+ln")
PLACES = {2: ((0.28, 0.5), (0.72, 0.5)), 3: ((0.25, 0.3), (0.75, 0.3), (0.5, 0.74))}
PLACES[4] = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))
BOOTSTRAP = 2000


def scene(number: int, swapped: bool = False) -> Collage:
    """A rough collage that nothing was trained on, the same for the same number."""
    rng = np.random.default_rng([31_337, number])
    count = int(rng.choice([2, 2, 3, 4]))
    known = [noun for noun in nouns(48) if glyphs_of(noun, (HELD_OUT_FONT,))]
    chosen = rng.choice(len(known), count, replace=False)
    colours = rng.choice([name for name in COLOURS if name not in ("white", "black", "grey")], count, replace=False)
    made = Collage(width=SIDE, height=SIDE)
    low, high = rng.integers(90, 250, (2, 3))
    ramp = np.linspace(low, high, 64)[:, None] + rng.normal(0, 14, (64, 64, 3))
    ground = np.full((64, 64, 4), 255, np.uint8)
    ground[..., :3] = np.clip(ramp, 0, 255)
    made.layers.append(
        Layer(
            name="ground",
            image=made.pictures.add_pixels(ground),
            x=SIDE / 2,
            y=SIDE / 2,
            scale=SIDE / 64,
            attract=0,  # it is not spoken of
            repel=0,
        )
    )
    places = list(PLACES[count])
    if swapped:
        places[0], places[1] = places[1], places[0]
    for index, (x, y) in zip(chosen, places, strict=True):
        noun, colour = known[index], str(colours[len(made.layers) - 1])
        glyphs = glyphs_of(noun, (HELD_OUT_FONT,))
        ink = draw_icon(glyphs[0], 160, 160)
        picture = np.zeros((*ink.shape, 4), np.uint8)
        picture[..., :3] = COLOURS[colour]
        picture[..., 3] = np.where(ink > 127, 255, 0)  # cut out with scissors
        scale = SIDE * rng.uniform(0.3, 0.46) / max(ink.shape)
        made.layers.append(
            Layer(
                name=f"{colour} {noun}",
                image=made.pictures.add_pixels(picture),
                x=SIDE * x,
                y=SIDE * y,
                scale=scale,
                rotation=float(rng.uniform(-12, 12)),
                prompt=f"{colour} {noun}",
                noise=float(rng.choice([0.6, 0.7, 0.8])),
            )
        )
    texts = [with_article(layer.prompt or "") for layer in made.layers[1:]]
    made.prompt = f"{', '.join(texts[:-1])} and {texts[-1]}"
    return made


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, and the 2.5 and 97.5 percentiles of it over resampled scenes."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (BOOTSTRAP, len(values)))].mean(1)
    return float(values.mean()), *(float(x) for x in np.percentile(means, (2.5, 97.5)))


def ablation(
    scenes: int, seeds: int, steps: int, judges: dict[str, ImageTextModel], images: Path | None, methods: list[str]
) -> dict[str, Any]:
    """Per-layer similarities of every method: Table 1."""
    model = load("mini", "diffusion")
    found: dict[str, dict[str, list[list[float]]]] = {
        f"{judge} {kind}": {method: [] for method in ("input", *methods)}
        for judge in judges
        for kind in ("text-image", "image-image")
    }
    for number in range(scenes):
        rows = []
        for method in ("input", *methods):
            collage = scene(number)
            options = HarmonizeOptions(method="gh" if method == "input" else method, steps=steps)
            job = HarmonizeJob(collage, None, model, None, options)
            composite = job.stack.composite()
            masks = [job.stack.seen(n) for n in job.spoken if job.texts[n] != "ground"]
            texts = [job.texts[n] for n in job.spoken if job.texts[n] != "ground"]
            pictures = [composite] if method == "input" else job.pictures(range(seeds))
            rows.append(np.concatenate([composite, *pictures[:4]], axis=1))
            for name, judge in judges.items():
                both = [layer_similarities(picture, composite, masks, texts, judge) for picture in pictures]
                found[f"{name} text-image"][method].append(
                    [float(np.mean([s.text_image for s in one])) for one in both]
                )
                found[f"{name} image-image"][method].append(
                    [float(np.mean([s.image_image for s in one])) for one in both]
                )
        if images is not None and number < 6:
            wide = max(row.shape[1] for row in rows)
            sheet = np.concatenate([np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0))) for row in rows])
            Image.fromarray(sheet).resize((sheet.shape[1] * 2, sheet.shape[0] * 2)).save(
                images / f"scene-{number}.png"
            )
    table: dict[str, Any] = {}
    for measure, by_method in found.items():
        table[measure] = {}
        before: NDArray[np.float64] | None = None
        for method, rows_of in by_method.items():
            values = np.array([np.mean(row) for row in rows_of])
            entry: dict[str, Any] = {"mean": interval(values)}
            if before is not None and method != "input":
                entry["over the one before"] = interval(values - before)
            before = values if method != "input" else None
            table[measure][method] = entry
    return table


def swaps(scenes: int, steps: int, judge: ImageTextModel) -> dict[str, Any]:
    """Whether the objects go where their layers go: two layers' texts, each judged in the other's place."""
    from vertumnus.metrics.clip_scores import unit
    from vertumnus.metrics.layered import region

    model = load("mini", "diffusion")
    right: dict[str, list[bool]] = {"gh": [], "gh+ca": []}
    for number in range(scenes):
        for method in right:
            collage = scene(number)
            # The pictures stay where they are; the texts are swapped, so that only attention can tell.
            first, second = collage.layers[1], collage.layers[2]
            first.prompt, second.prompt = second.prompt, first.prompt
            for layer in collage.layers:
                layer.noise = 0.95
            job = HarmonizeJob(collage, None, model, None, HarmonizeOptions(method=method, steps=steps))
            picture = job.pictures([number])[0]
            seen = unit(judge.image_features([region(picture, job.stack.seen(n)) for n in (1, 2)]), "image")
            said = unit(judge.text_features([first.prompt or "", second.prompt or ""]), "text")
            scores = seen @ said.T
            right[method].append(bool(scores[0, 0] + scores[1, 1] > scores[0, 1] + scores[1, 0]))
    return {method: interval(np.array(hits, float)) for method, hits in right.items()}


def noise_levels(scenes: int, steps: int) -> dict[str, Any]:
    """Mean change of a layer's own pixels, of 255, by its noise."""
    model = load("mini", "diffusion")
    levels = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    changes: dict[float, list[float]] = {level: [] for level in levels}
    for number in range(scenes):
        for level in levels:
            collage = scene(number)
            for layer in collage.layers:
                layer.noise = 0.0
            collage.layers[1].noise = level
            if level == 0:
                collage.layers[2].noise = 0.5
            job = HarmonizeJob(collage, None, model, None, HarmonizeOptions(steps=steps, blur=0.0))
            picture, before = job.pictures([number])[0], job.stack.composite()
            seen = job.stack.seen(1)
            changes[level].append(float(np.abs(picture[seen].astype(float) - before[seen]).mean()))
    rows = {str(level): interval(np.array(values)) for level, values in changes.items()}
    rows["monotone scenes"] = float(
        np.mean([all(a <= b for a, b in pairwise(one)) for one in zip(*changes.values(), strict=True)])
    )
    return rows


def cost(steps: int) -> dict[str, float]:
    """CPU seconds a step beside plain image-to-image, at equal batch: the median of five alternating runs."""
    model = load("mini", "diffusion")
    seconds: dict[str, list[float]] = {"gh": [], "gh+ca": [], "gh+ca+ln": []}
    for _ in range(5):
        for method, taken in seconds.items():
            job = HarmonizeJob(scene(1), None, model, None, HarmonizeOptions(method=method, steps=steps))
            began = time.process_time()
            job.pictures([0, 1])
            taken.append(time.process_time() - began)
    return {method: float(np.median(taken) / np.median(seconds["gh"])) for method, taken in seconds.items()}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--judge", help="a second CLIP, a folder or a name")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-harmonize.json"))
    parser.add_argument("--images", type=Path, help="a folder for pictures of the first scenes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.images is not None:
        chosen.images.mkdir(parents=True, exist_ok=True)
    judges: dict[str, ImageTextModel] = {"mini": PriorClip(load("mini", "clip"))}
    if chosen.judge:
        judges["judge"] = PriorClip(load(chosen.judge, "clip"))
    last = list(judges.values())[-1]
    report = {
        "scenes": chosen.scenes,
        "seeds": chosen.seeds,
        "steps": chosen.steps,
        "table 1": ablation(chosen.scenes, chosen.seeds, chosen.steps, judges, chosen.images, chosen.methods),
        "swapped texts follow": swaps(chosen.scenes, chosen.steps, last),
        "change by noise": noise_levels(max(chosen.scenes // 3, 1), chosen.steps),
        "cost": cost(min(chosen.steps, 20)),
    }
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(report, indent=1))
    console = Console()
    for measure, methods in report["table 1"].items():
        table = Table("method", "mean", "95 %", "over the one before", "95 %", title=measure)
        for method, entry in methods.items():
            mean, low, high = entry["mean"]
            row = [method, f"{mean:.3f}", f"{low:.3f} to {high:.3f}"]
            if "over the one before" in entry:
                step, below, above = entry["over the one before"]
                row += [f"{step:+.3f}", f"{below:+.3f} to {above:+.3f}"]
            table.add_row(*row)
        console.print(table)
    for name in ("swapped texts follow", "change by noise", "cost"):
        console.print(name, report[name])


if __name__ == "__main__":
    main()
