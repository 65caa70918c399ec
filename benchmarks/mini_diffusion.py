"""How well mini draws: single things, two things, its several drawings; each beside true scenes, judged alike.

True scenes are drawn by the world, of the drawings that the model was trained on, and passed through the autoencoder.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mini_shared import (  # puts the training scripts onto the path
    HELD_OUT,
    STEPS,
    Pixels,
    Share,
    draw,
    make,
    psnr,
    rebuilt,
    share,
    to_tensor,
)

from vertumnus.models.diffusion import Diffusion
from vertumnus.models.mini.vocabulary import COLOURS, with_article
from vertumnus.sampling.inversion import invert
from vertumnus.sampling.sample import draw_pictures, sample

import judge as judges  # isort: skip
import scenes as kinds  # isort: skip
from captions import relation  # isort: skip
from pictures import bank  # isort: skip
from silhouettes import cut, find_object, overlap  # isort: skip
from world import PAIRS, STEADY, World, held_out  # isort: skip

GUIDANCES = (3.0, 5.0, 7.0)
WAYS = ("left of", "above", "right of", "below")
SAME = 0.6  # drawings of a greater overlap count as one
Known = tuple[str, ...]


def prompts_of(known: Known, wanted: bool, count: int) -> list[tuple[str, str]]:
    """Colours and nouns of combinations held out or not, each in turn."""
    pairs = [(colour, noun) for noun in known for colour in COLOURS if held_out(noun, colour) == wanted]
    order = np.random.default_rng(5).permutation(len(pairs))
    return [pairs[order[k % len(pairs)]] for k in range(count)]


def judged(judge: Any, pictures: Pixels, asked: list[tuple[str, str]]) -> dict[str, Share]:
    """Whether single things are what was asked for, (colour, noun)."""
    found = [judges.judge_single(judge, picture, *pair) for picture, pair in zip(pictures, asked, strict=True)]
    return {name: share([getattr(said, name) for said in found]) for name in judges.Single._fields}


def choose_guidance(model: Diffusion, judge: Any, known: Known, count: int) -> tuple[float, dict[float, float]]:
    """The guidance whose nouns the choosing judge names most often, on combinations that were trained on."""
    asked = prompts_of(known, False, count)
    texts = [with_article(" ".join(pair)) for pair in asked]
    found = {scale: judged(judge, make(model, texts, scale, 1000), asked)["noun"].value for scale in GUIDANCES}
    return max(GUIDANCES, key=found.__getitem__), found


def measure_single(
    model: Diffusion, judge: Any, known: Known, guidance: float, drawings: int, count: int
) -> tuple[dict[str, Any], Pixels]:
    """One thing, of combinations of noun and colour never trained on."""
    asked = prompts_of(known, True, count)
    pictures = make(model, [with_article(" ".join(pair)) for pair in asked], guidance, 5000)
    world = World(80, replace(STEADY, nouns=known, drawings=drawings, combinations="held out"))
    made = [world.scene(HELD_OUT + n) for n in range(count)]
    true = rebuilt(model, np.stack([world.draw(scene) for scene in made]))
    truth = [(scene.things[0].colour, scene.things[0].noun) for scene in made]
    return {**judged(judge, pictures, asked), "true scenes": judged(judge, true, truth)}, pictures


def measure_pairs(
    model: Diffusion, judge: Any, known: Known, guidance: float, drawings: int, count: int
) -> tuple[dict[str, Any], Pixels]:
    """Two things asked for, one beside or above the other."""
    asked = kinds.asked(len(known), count, "held out", 6, several=True)
    ways = [WAYS[n % 4] for n in range(count)]
    texts = [
        f" {way} ".join(with_article(" ".join(thing)) for thing in things)
        for things, way in zip(asked, ways, strict=True)
    ]
    pictures = make(model, texts, guidance, 11)
    found = [judges.judge_pair(judge, *row) for row in zip(pictures, asked, ways, strict=True)]
    world = World(81, replace(PAIRS, nouns=known, drawings=drawings, combinations="all"))
    made = [world.scene(n) for n in range(HELD_OUT, HELD_OUT + 2 * count)]
    made = [scene for scene in made if scene.things[0].colour != scene.things[1].colour][:count]
    drawn = rebuilt(model, np.stack([world.draw(scene) for scene in made]))
    true = [
        judges.judge_pair(
            judge, picture, [(thing.colour, thing.noun) for thing in scene.things], relation(*scene.things)
        )
        for picture, scene in zip(drawn, made, strict=True)
    ]

    def shares(verdicts: list[judges.Pair]) -> dict[str, Share]:
        return {name: share([getattr(said, name) for said in verdicts]) for name in judges.Pair._fields}

    return {**shares(found), "true scenes": shares(true)}, pictures


def measure_drawings(model: Diffusion, known: Known, guidance: float, seeds: int, count: int) -> dict[str, float]:
    """How many drawings of a noun so many seeds show: silhouettes that overlap no other by more than SAME."""
    found = []
    for noun in known[:: max(1, len(known) // count)][:count]:
        pictures = make(model, [with_article(noun)] * seeds, guidance, 70)
        kept: list[Any] = []
        for picture in pictures:
            shape = cut(find_object(picture).cover)
            if all(overlap(shape, other) < SAME for other in kept):
                kept.append(shape)
        found.append(len(kept))
    spread = 1.96 * float(np.std(found)) / np.sqrt(len(found))
    return {"drawings": float(np.mean(found)), "interval": spread, "nouns": len(found), "seeds": seeds}


def measure_sides(model: Diffusion, known: Known, guidance: float, count: int) -> Share:
    """How often a thing asked for on a side lies there: its middle is off the picture's by a tenth that way."""
    ways = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
    sides = [list(ways)[n % 4] for n in range(count)]
    words = {side: f"{'at' if side in ('top', 'bottom') else 'on'} the {side}" for side in ways}
    asked = prompts_of(known, False, count)
    texts = [f"{with_article(' '.join(pair))} {words[side]}" for pair, side in zip(asked, sides, strict=True)]
    right = []
    for picture, side in zip(make(model, texts, guidance, 9), sides, strict=True):
        x, y = find_object(picture).middle
        right.append((x - 0.5) * ways[side][0] + (y - 0.5) * ways[side][1] > 0.1)
    return share(right)


@torch.no_grad()
def measure_autoencoder(model: Diffusion, count: int) -> tuple[dict[str, float], Pixels]:
    """Reconstruction in dB of scenes, and of icons, emoji and photographs that nothing was trained on."""
    found, shown = {}, []
    for name, pictures in bank(4 * count, 77, None, test=True).items():
        made = rebuilt(model, pictures)
        found[name] = float(psnr(to_tensor(made), to_tensor(pictures)).mean())
        shown += [picture for pair in zip(pictures[:4], made[:4], strict=True) for picture in pair]
    return found, np.stack(shown)


@torch.no_grad()
def measure_ways_back(model: Diffusion, known: Known, guidance: float, count: int) -> dict[str, float]:
    """Inversion and back against the autoencoder's own picture, and image-to-image against the input, in dB."""
    world = World(82, replace(STEADY, nouns=known, combinations="all"))
    made = [world.scene(HELD_OUT + n) for n in range(count)]
    pictures = to_tensor(np.stack([world.draw(scene) for scene in made]))
    texts = [scene.caption for scene in made]
    own = model.decode(model.to_latents(pictures))
    noise = invert(model, pictures, texts, steps=50)[0]
    back = sample(model, texts, steps=50, guidance=1.0, scheduler="ddim", latents=noise)
    found = {"inversion and back": float(psnr(draw_pictures(model, back), own).mean())}
    for strength in (0.3, 0.5, 0.7):
        steps = sample(
            model, texts, image=pictures, strength=strength, steps=STEPS, guidance=guidance, scheduler="ddim", seed=4
        )
        found[f"image to image {strength:g}"] = float(psnr(draw_pictures(model, steps), pictures).mean())
    return found


def measure_speed(model: Diffusion) -> float:
    """One sample of 30 steps with guidance at batch 1 on one core, the best of three, in CPU seconds."""
    draw(model, "a red fish", 2, 5.0, 0)
    times = []
    for seed in range(3):
        started = time.process_time()
        draw(model, "a red fish", STEPS, 5.0, seed)
        times.append(time.process_time() - started)
    return min(times)
