"""What steers mini and what it is taught: the colour adapter, the ControlNet, the tiny decoder, words and LoRAs.

And collages that its CLIP arranges, named by a second CLIP of another architecture, which never guides.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mini_shared import (  # puts the training scripts onto the path
    HELD_OUT,
    STEPS,
    Pixels,
    Share,
    share,
    to_pictures,
    to_tensor,
)
from PIL import Image, ImageDraw

import vertumnus as vt
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.mini.vocabulary import nouns, with_article
from vertumnus.mosaic.generate.methods import colour_grid, colours_alone
from vertumnus.mosaic.personalize.learn import Learner
from vertumnus.mosaic.personalize.options import PersonalizeOptions
from vertumnus.sampling.control import Control
from vertumnus.sampling.decode import FullDecoder, LinearDecoder, TinyDecoder
from vertumnus.sampling.sample import draw_pictures, sample

import judge as judges  # isort: skip
import second as seconds  # isort: skip
from adapters import scenes_of, three  # isort: skip
from pictures import bank  # isort: skip
from silhouettes import find_object, overlap  # isort: skip
from small_decoder import reached  # isort: skip
from world import SIMPLE, STEADY, World  # isort: skip

PIECES = 100  # of a collage that CLIP arranges


def measure_steering(
    model: Diffusion, networks: dict[str, Any], known: int, drawings: int, guidance: float, count: int
) -> dict[str, Any]:
    """What steers, on scenes that no training saw, with 95 % intervals of the mean.

    ``colours``: the mean error of a picture's mean colour, of 255, where the prompt says the noun alone; ``shapes``
    and ``edges``: intersection over union of the silhouette drawn with the one asked for. Each also without it.
    """
    found: dict[str, Any] = {}
    size = {"nouns": known, "drawings": drawings}
    for kind, name in (("colour", "colours"), ("silhouette", "shapes")):
        if name not in networks:
            continue
        network = networks[name]
        pictures, shapes, lines, captions = scenes_of(kind, count, size, 92, HELD_OUT)
        true = to_tensor(np.stack(pictures))
        ways = {"colours": colours_alone(true, colour_grid(network))} if kind == "colour" else {}
        ways = ways or {"shapes": three(shapes), "edges": three(lines)}
        for way, asked in {"without": None, **ways}.items():
            control = () if asked is None else [Control(network, asked)]
            steps = sample(model, captions, steps=STEPS, guidance=guidance, scheduler="ddim", seed=6, control=control)
            made = draw_pictures(model, steps).clamp(0, 1)
            if kind == "colour":
                values = 255 * (made.mean((2, 3)) - true.mean((2, 3))).abs().mean(1).numpy()
            else:
                drawn = [find_object(picture).cover > 0.5 for picture in to_pictures(made)]
                values = np.array([overlap(one, two) for one, two in zip(drawn, shapes, strict=True)])
            found[f"{name}, {way}" if way != name else name] = spread(values)
    return found


def spread(values: Any) -> dict[str, float]:
    """A mean, half its 95 % interval, and how many there were."""
    array = np.asarray(values, float)
    return {
        "mean": float(array.mean()),
        "half": float(1.96 * array.std(ddof=1) / np.sqrt(len(array))),
        "count": len(array),
    }


def measure_decoders(model: Diffusion, tiny: Any, count: int) -> dict[str, Any]:
    """Decibels by kind of picture that nothing was trained on: whole, and made as small as the latents are."""
    tested = bank(4 * count, 77, None, test=True)
    decoders = {"full": FullDecoder(model), "tiny": TinyDecoder(tiny)}
    found = {name: reached(model, decoder, tested) for name, decoder in decoders.items()}
    small = {**decoders, "linear": LinearDecoder.of(model)}
    return found | {f"{name}, low": reached(model, decoder, tested, small=True) for name, decoder in small.items()}


def measure_learned(
    model: Diffusion, judge: Any, first: int, steps: int, guidance: float, count: int
) -> dict[str, Any]:
    """Nouns that the model was never shown, learned from ten pictures, as the judge of other families names them.

    first  of the vocabulary's 64 nouns that the model does not know
    Textual inversion trains words alone, one for each layer; LoRA words and rank-4 matrices. Eight pictures a noun.
    """
    found: dict[str, Any] = {}
    unknown = nouns(64)[max(first, 52) :][:count]
    rates = {"textual inversion": (0.0, 0.0), "LoRA": (1e-4, 1e-3)}
    for way, (text_rate, network_rate) in rates.items():
        right, five = [], []
        for noun in unknown:
            world = World(83, replace(STEADY, nouns=(noun,), drawings=3, combinations="all"))
            pictures = [Image.fromarray(world.draw(world.scene(n))) for n in range(10)]
            options = PersonalizeOptions(
                steps=steps, batch=8, word_rate=2e-2, text_rate=text_rate, network_rate=network_rate
            )
            learner = Learner(model, pictures, "<it>", "icon", options=options, seed=0)
            try:
                for _ in learner:
                    pass
                with torch.no_grad():
                    prompts = [f"a {colour} <it>" for colour in ("red", "blue", "green", "black") * 2]
                    states, nothing = learner.names.encode(prompts), model.encode_text("")
                    made = draw_pictures(
                        model,
                        sample(
                            model, states, negative=nothing, steps=STEPS, guidance=guidance, scheduler="ddim", seed=8
                        ),
                    )
            finally:
                learner.close()
            said = [
                judges.judge_single(judge, picture, colour, noun)
                for picture, colour in zip(to_pictures(made), ("red", "blue", "green", "black") * 2, strict=True)
            ]
            right += [one.noun for one in said]
            five += [one.five for one in said]
        found[way] = {"noun": share(right), "five": share(five), "nouns": list(unknown)}
    return found


def patches(folder: Path, count: int = 24) -> Path:
    """Plain cut-outs: discs, leaves and stones in many colours."""
    rng = np.random.default_rng(3)
    for n in range(count):
        picture = Image.new("RGBA", (96, 96))
        pen, colour = ImageDraw.Draw(picture), tuple(int(value) for value in rng.integers(20, 250, 3))
        angle = np.arange(24) * 2 * np.pi / 24
        reach = 44 * (1 + 0.25 * np.cos(2 * angle + rng.uniform(0, 6)) * (n % 3)) / (1 + 0.25 * (n % 3))
        outline = [
            (48 + r * np.cos(a), 48 + r * np.sin(a) * (0.5 if n % 2 else 1.0))
            for r, a in zip(reach, angle, strict=True)
        ]
        pen.polygon(outline, fill=(*colour, 255))
        picture.save(folder / f"{n}.png")
    return folder


def measure_guided(
    clip: Path, second: Any, tokenizer: Any, known: tuple[str, ...], count: int, steps: int
) -> tuple[dict[str, Any], Pixels]:
    """Collages of a hundred patches that CLIP arranges, named among all its nouns by the second CLIP.

    clip   folder of the one that guides
    steps  of arranging
    Beside them drawn things, seen by the same judge: what it could say at best.
    """
    asked = known[:: max(1, len(known) // count)][:count]
    texts = [with_article(noun) for noun in known]
    made = []
    with TemporaryDirectory() as where:
        folder = patches(Path(where))
        for noun in asked:
            collage = vt.compose(
                str(folder), with_article(noun), guidance=f"clip:{clip}", size=256, count=PIECES, iterations=steps,
                colour="rgb", gain=(0.0, 1.0), looks=4, seed=0,
            )  # fmt: skip
            made.append(np.asarray(collage.render(scale=0.5, background="white").convert("RGB")))
    world = World(84, replace(SIMPLE, nouns=asked, combinations="all"))
    scenes = [world.scene(HELD_OUT + n) for n in range(4 * count)]
    true = to_tensor(np.stack([world.draw(scene) for scene in scenes]))
    truth = [scene.things[0].noun for scene in scenes]
    found: dict[str, Any] = {}
    for name, pictures, aims in (("guided", to_tensor(np.stack(made)), asked), ("true scenes", true, truth)):
        best = (-seconds.similarity(second, tokenizer, pictures, texts)).argsort(1).numpy()
        at = np.array([known.index(noun) for noun in aims])[:, None]
        found[name] = {"first": named(best[:, :1] == at), "five": named(best[:, :5] == at)}
    return found, np.stack(made)


def named(found: Any) -> Share:
    """The share of rows in which anything is true."""
    return share(found.any(1))
