"""Writes mini's model card from what was recorded and measured: python training/card.py --results FILE

FILE is the JSON of benchmarks/mini.py; the card goes beside the weights.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.mini.vocabulary import nouns

CARD = """# mini

A latent diffusion model and a CLIP that ship with Vertumnus, so that everything works offline and every method can
be checked. They know only their world, icons on coloured grounds, and nothing else: no photographs, no people, no
text. Their pictures are 128 x 128. They are for trying and testing; for pictures, point the same option at a big
model.

| part | class | parameters |
|---|---|---|
| autoencoder | `UnshuffleAutoencoderKL`, a small subclass of `AutoencoderKL`; 8x down, 4 channels | {vae_size} |
| UNet | `UNet2DConditionModel`, cross-attention at 16 x 16 and 8 x 8, velocity, zero terminal signal | {unet_size} |
| text tower | `CLIPTextModel`, `CLIPTokenizer` of {tokens} tokens | {text_size} |
| CLIP | `CLIPModel`, 64 x 64 in patches of 8, text tower of its own | {clip_size} |

Half precision, safetensors, {megabytes} MB in all. Licence: Apache-2.0, as the program.

## What they were trained on

Pictures that `training/world.py` draws, without end and without any file: glyphs of Font Awesome 6 (SIL
OFL 1.1), Material Design Icons (Apache-2.0), Remix Icon (Apache-2.0) and Elusive Icons (SIL OFL 1.1), in 12 colours,
with captions made from what is drawn. The font Phosphor was kept aside for testing, as was one in {share}
combinations of noun and colour.

- The autoencoder saw all {all_nouns} nouns of the world.
- The UNet and its text tower saw the first {diffusion_nouns}, one glyph each: {noun_list}.
- CLIP saw the first {clip_nouns}, up to four glyphs each.

## How

Two CPU cores shared with other work (AMD EPYC with bfloat16), one thread a run, by `training/` in the repository.
Minutes are of the wall, on a busy machine.

| run | steps | pictures seen | minutes |
|---|---|---|---|
{runs}

{history}

Latents have unit deviation: what was measured on the training scenes is folded into the autoencoder, so its scaling
factor is 1 (before, it was {scaling:.3f}). What made nouns come early is told in docs/models.md. The diffusion run's
curve, judged on 64 samples of trained combinations at guidance 5 and 20 steps:

| step | minutes | noun | noun in five | colour |
|---|---|---|---|---|
{curve}

## How well they do

By `benchmarks/mini.py`, on scenes that no training saw; the diffusion model's prompts are combinations of noun and
colour held out from its training. Times are CPU seconds.

| what | reached | goal |
|---|---|---|
{results}

The judge is a small classifier that shares nothing with the other models (training/judge.py); "true scenes" are
drawn ones passed through the autoencoder and shown to the same judges.

## What they do badly

{badly}
"""

BADLY = """\
- CLIP cannot tell which colour belongs to which of two things ("beats wrong swap" is chance), as bigger ones can
  hardly; and in scenes of three or four small things it sometimes takes a wrong noun for the right one.
- Asked for one thing on a side, the diffusion model mostly draws a second one opposite, and loses the shapes of
  both. True scenes pass the same test of sides without a fault, so this is the model's doing; why is not known.
- Scenes of several things: colours come out mostly, shapes seldom.
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


def card(results: dict[str, Any], weights: Path) -> str:
    """The card of those results and weights."""
    from safetensors import safe_open
    from world import HELD_OUT_SHARE

    def size(path: str) -> str:
        with safe_open(weights / path, "np") as file:
            count = sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118 - not a dictionary
        return f"{count / 1e6:.1f} M"

    trained = results["training"]
    known = nouns(trained["diffusion"]["nouns"])
    runs = [
        f"| {name} | {run['steps']:,} | {run['samples']:,} | {run['seconds'] / 60:.0f} |"
        for name, run in trained.items()
        if name != "history"
    ]
    curve = [
        f"| {step} | {minutes} | {noun:.0%} | {five:.0%} | {colour:.0%} |"
        for step, minutes, noun, five, colour in trained["diffusion"].get("curve", [])
    ]
    return CARD.format(
        vae_size=size("diffusion/vae/diffusion_pytorch_model.safetensors"),
        unet_size=size("diffusion/unet/diffusion_pytorch_model.safetensors"),
        text_size=size("diffusion/text_encoder/model.safetensors"),
        clip_size=size("clip/model.safetensors"),
        tokens=f"{len(json.loads((weights / 'clip' / 'vocab.json').read_text())):,}",
        megabytes=round(sum(file.stat().st_size for file in weights.rglob("*") if file.is_file()) / 1e6),
        share=HELD_OUT_SHARE,
        all_nouns=len(nouns()),
        diffusion_nouns=len(known),
        noun_list=", ".join(known),
        clip_nouns=trained["clip"]["nouns"],
        runs="\n".join(runs),
        scaling=trained["vae"]["scaling_factor"],
        curve="\n".join(curve),
        results="\n".join(f"| {' | '.join(row)} |" for row in results["rows"]),
        history=trained.get("history", ""),
        badly=BADLY.strip(),
    )


if __name__ == "__main__":
    main()
