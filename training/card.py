"""Writes mini's model card from what was recorded and measured: python training/card.py --results FILE

FILE is the JSON of benchmarks/mini.py; the card goes beside the weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawings import CHOOSING, JUDGED_EMOJI, JUDGING, TRAINED

from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.vocabulary import nouns
from vertumnus.sampling.decode import LINEAR_FILE, TINY_FOLDER

CARD = """# mini

A latent diffusion model and a CLIP that ship with Vertumnus, so that everything works offline and every method can
be checked. They know only their world, icons on coloured grounds, and nothing else: no photographs, no people, no
text. Their pictures are 128 x 128. They are for trying and testing; for pictures, point the same option at a big
model.

| part | class | parameters |
|---|---|---|
| autoencoder | `UnshuffleAutoencoderKL`, a small subclass; 8x down, {channels} channels | {vae_size} |
| linear map | from 5 x 5 latents to a colour, `vae/linear.safetensors`; {linear} | {linear_size} |
| UNet | `UNet2DConditionModel`, cross-attention at 16 x 16 and 8 x 8, velocity, zero terminal signal | {unet_size} |
| text tower | `CLIPTextModel`, `CLIPTokenizer` of {tokens} tokens | {text_size} |
{networks}| CLIP | `CLIPModel`, {clip_sees}, text tower of its own | {clip_size} |

Half precision, safetensors, {megabytes} MB in all. Licence: Apache-2.0, as the program.

## What they were trained on

Pictures that `training/world.py` draws, without end: filled icons in 12 colours on coloured grounds, with captions
made from what is drawn. One in {share} combinations of noun and colour is never trained on. The drawings and their
licences are in `training/drawings.json`: trained on are {trained_families}; choices are made by {choosing_families};
{judging_families} are for judging alone, and no model has seen them.

{origins}
- The UNet and its text tower saw {diffusion_nouns} nouns, {drawings} drawings each of a thing alone and the first of
  these of things in pairs: {noun_list}.

## How

Two CPU cores shared with other work (AMD EPYC with bfloat16), one thread a run, by `training/` in the repository.
Minutes are of the wall, on a busy machine.

| run | steps | pictures seen | minutes |
|---|---|---|---|
{runs}

{history}

Latents have unit deviation: what was measured on the training scenes is folded into the autoencoder, so its scaling
factor is 1. What made nouns come is told in docs/models.md and training/README.md. The diffusion run's curve, by the
judge for choosing (it knows the trained drawings), 32 single things and 32 pairs of trained combinations at guidance
5 and 16 steps:

| step | minutes | noun | noun in five | colour | both nouns of two | each on its side | colours bound |
|---|---|---|---|---|---|---|---|
{curve}

## How well they do

By `benchmarks/mini.py`, on scenes that no training saw; the diffusion model's prompts are combinations of noun and
colour held out from its training. Shares have 95 % intervals. Times are CPU seconds.

| what | reached | true scenes | goal |
|---|---|---|---|
{results}

The judge is a small classifier that shares no weights and no drawing with the other models (training/judge.py);
"true scenes" are drawn ones of the trained drawings, passed through the autoencoder and shown to the same judge.

## What they do badly

{badly}
"""

BADLY = """\
- CLIP cannot tell which colour belongs to which of two things ("beats wrong swap" is chance), as bigger ones can
  hardly, and seldom on which side of another a thing is; in scenes of several small things it sometimes takes a wrong
  noun for the right one.
- The colour adapter brings colours at the price of shapes: what is drawn is often a blob in the right place.
- Shapes are soft, and those of two things more so: the autoencoder sees a thing of half the picture as 7 x 7 latents.
- Three things, counts and photographs as grounds were not what the diffusion model was trained for.
- Things smaller than about 48 pixels are soft, stripes and fine patterns are lost: one latent is 8 x 8 pixels.
- Words they were not trained on are read as noise; they do not crash, and they mean nothing.
"""


def main() -> None:
    """Writes the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=mini_folder("."))
    chosen = parser.parse_args()
    results = json.loads(chosen.results.read_text())
    (chosen.weights / "README.md").write_text(card(results, chosen.weights))


# What ships beside the diffusion model where it was trained: its folder, what it is called, what it is.
NETWORKS = (
    (f"diffusion/vae/{TINY_FOLDER}", "tiny decoder", "`AutoencoderTiny`, beside the autoencoder"),
    ("colours", "colour adapter", "`T2IAdapter`, shown 4 x 4 mean colours; `mini-colours`"),
    ("shapes", "ControlNet", "`ControlNetModel`, shown silhouettes or edges; `mini-shapes`"),
)


def networks(weights: Path, size: Callable[[str], str]) -> str:
    """Their rows of the table of parts."""
    file = "diffusion_pytorch_model.safetensors"
    found = [(folder, name, what) for folder, name, what in NETWORKS if (weights / folder / file).is_file()]
    return "".join(f"| {name} | {what} | {size(f'{folder}/{file}')} |\n" for folder, name, what in found)


def card(results: dict[str, Any], weights: Path) -> str:
    """The card of those results and weights."""
    from safetensors import safe_open
    from world import HELD_OUT_SHARE

    def number(path: str) -> float:
        with safe_open(weights / path, "np") as file:
            count = sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118 - not a dictionary
        return count / 1e6

    def size(path: str) -> str:
        found = number(path)
        return f"{found:.1f} M" if found >= 1 else f"{found:.2f} M"

    trained = results["training"]
    known = nouns(trained["diffusion"]["nouns"])
    runs = [
        f"| {name} | {run['steps']:,} | {run['samples']:,} | {run['seconds'] / 60:.0f} |"
        for name, run in trained.items()
        if isinstance(run, dict) and "steps" in run
    ]
    curve = [
        f"| {step} | {minutes} | {' | '.join(f'{value:.0%}' for value in values)} |"
        for step, minutes, *values in trained["diffusion"].get("curve", [])
    ]
    with safe_open(weights / "diffusion" / "vae" / LINEAR_FILE, "np") as file:
        reached = json.loads(file.metadata()["psnr"])
    linear = ", ".join(f"{name} {value:.1f} dB" for name, value in reached.items())
    seen = json.loads((weights / "clip" / "config.json").read_text())["vision_config"]
    return CARD.format(
        networks=networks(weights, size),
        origins=trained.get("origins", "- The autoencoder saw all kinds of pictures of training/pictures.py."),
        clip_sees=f"{seen['image_size']} x {seen['image_size']} in patches of {seen['patch_size']}",
        channels=json.loads((weights / "diffusion" / "vae" / "config.json").read_text())["latent_channels"],
        linear=linear,
        linear_size=f"{round(1e6 * number(f'diffusion/vae/{LINEAR_FILE}'))}",
        trained_families=", ".join(TRAINED),
        choosing_families=", ".join(CHOOSING),
        judging_families=", ".join((*JUDGING, *JUDGED_EMOJI)),
        drawings=trained["diffusion"].get("drawings", 1),
        vae_size=size("diffusion/vae/diffusion_pytorch_model.safetensors"),
        unet_size=size("diffusion/unet/diffusion_pytorch_model.safetensors"),
        text_size=size("diffusion/text_encoder/model.safetensors"),
        clip_size=size("clip/model.safetensors"),
        tokens=f"{len(json.loads((weights / 'clip' / 'vocab.json').read_text())):,}",
        megabytes=round(sum(file.stat().st_size for file in weights.rglob("*") if file.is_file()) / 1e6),
        share=HELD_OUT_SHARE,
        diffusion_nouns=len(known),
        noun_list=", ".join(known),
        runs="\n".join(runs),
        curve="\n".join(curve),
        results="\n".join(f"| {' | '.join(row)} |" for row in results["rows"]),
        history=trained.get("history", ""),
        badly=BADLY.strip(),
    )


if __name__ == "__main__":
    main()
