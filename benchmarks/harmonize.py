"""Harmonising measured: the ordering of Collage Diffusion's Table 1, swapped layers, the noise map, and the cost.

    python benchmarks/harmonize.py [--scenes 50] [--seeds 10] [--steps 50] [--learning 250] [--images FOLDER]

Scenes are rough on purpose: two to four icons of a family that no model was trained on, hard-edged, turned, of wrong
sizes, on a noisy ground. What is reported of a method is the mean over layers of the cosines of Table 1 by the CLIP
that ships, and by judges that share no weights with it nor with the diffusion model: the share of a layer's pixels
whose nearest named colour is the layer's own, and the likeness of an ImageNet classifier's features. Texts say a
layer's thing and its colour, and then the share of pixels judges text and image, or its thing alone (``--texts
things``), and then it judges image and image, for the colour is what a learned word is to say. Differences are paired
by scene; intervals are bootstrapped over scenes.

What Table 1 has taken is kept beside the report, scene by scene, and gone on with: ``--slice SECONDS`` ends it early.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
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
from vertumnus.metrics.layered import layer_similarities, region
from vertumnus.models import load
from vertumnus.models.mini.vocabulary import COLOURS, HELD_OUT_FONT, glyphs_of, nouns, with_article

SIDE = 256  # canvas pixels
METHODS = ("sa", "gh", "gh+ca", "gh+ca+ti", "gh+ca+ti+ln")
PLACES = {2: ((0.28, 0.5), (0.72, 0.5)), 3: ((0.25, 0.3), (0.75, 0.3), (0.5, 0.74))}
PLACES[4] = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))
BOOTSTRAP = 2000
PARTS = ("cost", "large", "seams", "swaps", "noise", "table")


def scene(
    number: int,
    swapped: bool = False,
    noises: tuple[float, ...] = (0.6, 0.7, 0.8),
    texts: str = "colours",
) -> Collage:
    """A rough collage that nothing was trained on, the same for the same number.

    swapped  whether the first two change places
    noises   of which each layer has one; the ground has the last
    texts    ``colours`` to say the colour and the thing, ``things`` the thing alone
    """
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
            noise=noises[-1],
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
                prompt=f"{colour} {noun}" if texts == "colours" else noun,
                noise=float(rng.choice(noises)),
            )
        )
    texts = [with_article(layer.prompt or "") for layer in made.layers[1:]]
    made.prompt = f"{', '.join(texts[:-1])} and {texts[-1]}"
    return made


class ColourJudge:
    """How much of a layer's region has its colour, from 0 to 1: no network."""

    def __call__(self, picture: NDArray[np.uint8], mask: NDArray[np.bool_], text: str) -> float:
        """The share of a region's pixels whose nearest named colour is that of a name "COLOUR NOUN"."""
        table = np.array(list(COLOURS.values()), float)
        far = ((picture[mask].astype(float)[:, None] - table) ** 2).sum(-1)
        return float((far.argmin(1) == list(COLOURS).index(text.split()[0])).mean())


class FeatureJudge:
    """How alike a layer's region looks before and after, to a classifier of photographs; 1 is the same."""

    def __init__(self) -> None:
        self.network = load("lite0", "classifier")

    @torch.no_grad()
    def __call__(
        self, picture: NDArray[np.uint8], composite: NDArray[np.uint8], masks: list[NDArray[np.bool_]]
    ) -> list[float]:
        """Of each layer."""
        seen = [
            torch.stack([torch.tensor(np.asarray(region(one, mask).resize((64, 64)))) for mask in masks])
            for one in (picture, composite)
        ]
        after, before = (one.movedim(-1, 1).float() / 255 for one in seen)
        return (1 - self.network.distance(after, self.network.features(before))).tolist()


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, and the 2.5 and 97.5 percentiles of it over resampled scenes."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (BOOTSTRAP, len(values)))].mean(1)
    return float(values.mean()), *(float(x) for x in np.percentile(means, (2.5, 97.5)))


KINDS = ("text-image, CLIP", "image-image, CLIP", "colours", "image-image, features")


class Kept:
    """What was measured of scenes, a line of JSON each, by everything that it depends on."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings
        lines = path.read_text().splitlines() if path.is_file() else []
        rows = [row for row in map(json.loads, lines) if row["settings"] == settings]
        self.scores = {(row["scene"], row["method"]): row["scores"] for row in rows}

    def put(self, number: int, method: str, scores: list[list[float]]) -> None:
        """The four scores of every seed of a scene."""
        self.scores[number, method] = scores
        row = {"settings": self.settings, "scene": number, "method": method, "scores": scores}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def ablation(
    chosen: argparse.Namespace, clip: ImageTextModel, images: Path | None, numbers: range, until: float
) -> dict[str, Any]:
    """Per-layer similarities of every method: Table 1.

    until   CPU seconds after which no scene is begun
    """
    model = load("mini", "diffusion")
    settings = {name: getattr(chosen, name) for name in ("seeds", "steps", "learning", "vectors", "texts", "noises")}
    kept = Kept(chosen.json.with_suffix(".jsonl"), settings)
    colours, features = ColourJudge(), FeatureJudge()
    for number in numbers:
        rows = []
        for method in ("input", *chosen.methods):
            if (number, method) in kept.scores or time.process_time() > until:
                continue
            collage = scene(number, noises=tuple(chosen.noises), texts=chosen.texts)
            options = HarmonizeOptions(
                method="gh" if method == "input" else method,
                steps=chosen.steps,
                learning=chosen.learning,
                vectors=chosen.vectors,
                eta=0,
            )
            job = HarmonizeJob(collage, None, model, None, options)
            composite, spoken = job.stack.composite(), job.spoken
            masks, names = [job.stack.seen(n) for n in spoken], [job.stack.layers[n].name for n in spoken]
            # As published, seeds of SA are all one.
            seeds = range(1 if method == "sa" else chosen.seeds)
            pictures = [composite] if method == "input" else in_batches(job, seeds)
            rows.append(np.concatenate([composite, *pictures[:4]] if method != "input" else [composite], axis=1))
            scores = []
            for picture in pictures:
                both = layer_similarities(picture, composite, masks, [job.texts[n] for n in spoken], clip)
                scores.append(
                    [
                        float(np.mean([one.text_image for one in both])),
                        float(np.mean([one.image_image for one in both])),
                        float(
                            np.mean([colours(picture, mask, name) for mask, name in zip(masks, names, strict=True)])
                        ),
                        float(np.mean(features(picture, composite, masks))),
                    ]
                )
            kept.put(number, method, scores)
        if images is not None and number < 6 and len(rows) > 1:
            wide = max(row.shape[1] for row in rows)
            filled = [np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
            sheet = np.concatenate(filled)
            Image.fromarray(sheet).resize((sheet.shape[1] * 2, sheet.shape[0] * 2)).save(
                images / f"scene-{number}-{chosen.texts}.png"
            )
    whole = [
        number for number in numbers if all((number, method) in kept.scores for method in ("input", *chosen.methods))
    ]
    console.print(f"Table 1: {len(whole)} of {len(numbers)} scenes", style="dim")
    table: dict[str, Any] = {}
    for place, measure in enumerate(KINDS if whole else ()):
        table[measure] = {}
        before: NDArray[np.float64] | None = None
        for method in ("input", *chosen.methods):
            values = np.array([np.mean([one[place] for one in kept.scores[number, method]]) for number in whole])
            entry: dict[str, Any] = {"mean": interval(values), "scenes": len(whole)}
            if before is not None and method != "input":
                entry["over the one before"] = interval(values - before)
            before = values if method != "input" else None
            table[measure][method] = entry
    return table


def in_batches(job: HarmonizeJob, seeds: range) -> list[NDArray[np.uint8]]:
    """The results of some seeds, a few at a time."""
    return [picture for n in range(0, len(seeds), 4) for picture in job.pictures(seeds[n : n + 4])]


def swaps(scenes: int, steps: int, judge: ImageTextModel) -> dict[str, Any]:
    """Whether the objects go where their layers go: two layers' texts, each judged in the other's place."""
    from vertumnus.metrics.clip_scores import unit

    model = load("mini", "diffusion")
    right: dict[str, list[bool]] = {f"{method}, {by}": [] for by in ("CLIP", "colours") for method in ("gh", "gh+ca")}
    colours = ColourJudge()
    for number in range(scenes):
        for method in ("gh", "gh+ca"):
            collage = scene(number)
            # The pictures stay where they are; the texts are swapped, so that only attention can tell.
            first, second = collage.layers[1], collage.layers[2]
            first.prompt, second.prompt = second.prompt, first.prompt
            for layer in collage.layers:
                layer.noise = 0.95
                if layer.repel:
                    layer.attract = layer.repel = 1.0
            job = HarmonizeJob(collage, None, model, None, HarmonizeOptions(method=method, steps=steps))
            picture = job.pictures([number])[0]
            seen = unit(judge.image_features([region(picture, job.stack.seen(n)) for n in (1, 2)]), "image")
            said = unit(judge.text_features([first.prompt or "", second.prompt or ""]), "text")
            scores = seen @ said.T
            right[f"{method}, CLIP"].append(bool(scores[0, 0] + scores[1, 1] > scores[0, 1] + scores[1, 0]))
            own = [
                [colours(picture, job.stack.seen(n), text or "") for text in (first.prompt, second.prompt)]
                for n in (1, 2)
            ]
            right[f"{method}, colours"].append(own[0][0] + own[1][1] > own[0][1] + own[1][0])
    return {method: interval(np.array(hits, float)) for method, hits in right.items()}


LEVELS = (0.0, 0.08, 0.16, 0.24, 0.4, 0.8)  # of noise, finer where mini's latents, 16 a side, still tell them apart


def noise_levels(scenes: int, seeds: int, steps: int) -> dict[str, Any]:
    """Mean change of a layer's own pixels, of 255, by its noise, over some seeds a scene."""
    model = load("mini", "diffusion")
    changes: dict[float, list[float]] = {level: [] for level in LEVELS}
    for number in range(scenes):
        for level in LEVELS:
            collage = scene(number)
            for layer in collage.layers:
                layer.noise = 0.0
            collage.layers[1].noise = level
            collage.layers[2].noise = 1.0  # what the whole schedule is run for
            job = HarmonizeJob(collage, None, model, None, HarmonizeOptions(steps=steps, blur=0.0))
            before, seen = job.stack.composite(), job.stack.seen(1)
            each = [np.abs(one[seen].astype(float) - before[seen]).mean() for one in in_batches(job, range(seeds))]
            changes[level].append(float(np.mean(each)))
    rows = {str(level): interval(np.array(values)) for level, values in changes.items()}
    by_scene = list(zip(*changes.values(), strict=True))
    rows["monotone scenes"] = float(np.mean([all(a <= b for a, b in pairwise(one)) for one in by_scene]))
    steps_up = [a < b for one in by_scene for a, b in pairwise(one)]
    rows["steps upward"] = float(np.mean(steps_up))
    return rows


def seams(scenes: int) -> dict[str, Any]:
    """Without a model: the step from layer to layer, of 255, before and after; and how far tones are from around."""
    from vertumnus.harmonizing.tone import linear, seam_gradient

    found: dict[str, list[float]] = {"seam, before": [], "seam, after": [], "tone, before": [], "tone, after": []}
    for number in range(scenes):
        job = HarmonizeJob(scene(number), None, None, None, HarmonizeOptions(method="none"))
        for name, picture in (("before", job.stack.composite()), ("after", job.pictures([0])[0])):
            found[f"seam, {name}"].append(seam_gradient(job.stack, picture))
            light, ground = linear(picture), job.stack.seen(0)
            means = [light[job.stack.seen(n)].mean(0) for n in range(1, len(job.stack.layers))]
            found[f"tone, {name}"].append(float(np.abs(np.array(means) - light[ground].mean(0)).mean()))
    return {name: interval(np.array(values)) for name, values in found.items()}


def cost(steps: int) -> dict[str, float]:
    """CPU seconds a step beside plain image-to-image, at equal batch: the median of five alternating runs."""
    model = load("mini", "diffusion")
    seconds: dict[str, list[float]] = {"gh": [], "gh+ca": [], "gh+ca+ln": []}
    for method in seconds:  # once without counting
        HarmonizeJob(scene(1), None, model, None, HarmonizeOptions(method=method, steps=2)).pictures([0, 1])
    for _ in range(5):
        for method, taken in seconds.items():
            job = HarmonizeJob(scene(1), None, model, None, HarmonizeOptions(method=method, steps=steps))
            job.learn()
            began = time.process_time()
            job.pictures([0, 1])
            taken.append(time.process_time() - began)
    return {method: float(np.median(taken) / np.median(seconds["gh"])) for method, taken in seconds.items()}


def cost_at_size(side: int, times: int) -> dict[str, float]:
    """CPU seconds and peak memory of a step of Stable Diffusion 1.5's network with random weights, CA over plain.

    side   pixels of the picture
    times  steps each, alternating; the least counts
    """
    import resource

    from diffusers import UNet2DConditionModel

    from vertumnus.sampling.attention import attention_control
    from vertumnus.sampling.attention_maps import TokenBias

    with torch.device("cpu"):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=side // 8,
            cross_attention_dim=768,
            attention_head_dim=8,
            block_out_channels=(320, 640, 1280, 1280),
        ).requires_grad_(False)
    mini = load("mini", "diffusion")
    mini.unet, mini.branches = unet, 2
    latents = torch.randn((2, 4, side // 8, side // 8))
    states = torch.randn((2, 77, 768))
    maps = torch.zeros((77, side, side))
    maps[2:6, : side // 2] = 0.4
    seconds: dict[str, list[float]] = {"plain": [], "ca": []}
    peak: dict[str, int] = {}
    for _ in range(times):
        for name, taken in seconds.items():
            hooks = [TokenBias(maps, maps.flip(1))] if name == "ca" else []
            began = time.process_time()
            with torch.no_grad(), attention_control(mini, *hooks):
                unet(latents, 500, states)
            taken.append(time.process_time() - began)
            peak.setdefault(name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return {
        "side": side,
        "seconds of a plain step": min(seconds["plain"]),
        "ca over plain": min(seconds["ca"]) / min(seconds["plain"]),
        "peak memory, ca over plain": peak["ca"] / peak["plain"],
    }


console = Console()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--learning", type=int, default=250, help="steps of learning a word, at most")
    parser.add_argument("--vectors", type=int, default=1, help="of a word")
    parser.add_argument("--texts", default="colours", choices=("colours", "things"), help="what layers' texts say")
    parser.add_argument("--noises", type=float, nargs="+", default=[0.6, 0.7, 0.8], help="that layers have one of")
    parser.add_argument("--first", type=int, default=0, help="number of the first scene")
    parser.add_argument("--slice", type=float, default=float("inf"), help="CPU seconds after which Table 1 pauses")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--side", type=int, default=512, help="pixels at which the cost of a large model is measured")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-harmonize.json"))
    parser.add_argument("--images", type=Path, help="a folder for pictures of the first scenes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.images is not None:
        chosen.images.mkdir(parents=True, exist_ok=True)
    clip: ImageTextModel = PriorClip(load("mini", "clip"))
    said = ("scenes", "seeds", "steps", "learning", "vectors", "texts", "noises")
    report: dict[str, Any] = {name: getattr(chosen, name) for name in said}
    numbers = range(chosen.first, chosen.first + chosen.scenes)
    compute: dict[str, Callable[[], dict[str, Any]]] = {
        "cost": lambda: cost(min(chosen.steps, 20)),
        "large": lambda: cost_at_size(chosen.side, 3),
        "swaps": lambda: swaps(chosen.scenes, chosen.steps, clip),
        "noise": lambda: noise_levels(max(chosen.scenes // 3, 1), min(chosen.seeds, 4), chosen.steps),
        "seams": lambda: seams(chosen.scenes),
        "table": lambda: ablation(chosen, clip, chosen.images, numbers, time.process_time() + chosen.slice),
    }
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    for name in chosen.parts:
        report[name] = compute[name]()
        chosen.json.write_text(json.dumps(report, indent=1))
        if name != "table":
            console.print(name, report[name])
    for measure, methods in report.get("table", {}).items():
        table = Table("method", "mean", "95 %", "over the one before", "95 %", title=measure)
        for method, entry in methods.items():
            mean, low, high = entry["mean"]
            row = [method, f"{mean:.3f}", f"{low:.3f} to {high:.3f}"]
            if "over the one before" in entry:
                step, below, above = entry["over the one before"]
                row += [f"{step:+.3f}", f"{below:+.3f} to {above:+.3f}"]
            table.add_row(*row)
        console.print(table)


if __name__ == "__main__":
    main()
