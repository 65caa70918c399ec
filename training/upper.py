"""Goes on with mini's CLIP where cores are few: python training/upper.py OUT --warm WEIGHTS

As clip.py trains it, but only the picture tower's last layers and the text tower: what the layers below say of some
thousand pictures is computed once and kept, and every picture is met several times, with other captions. A step
costs a third, and the last layer is asked for the picture's own token alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import text
import tokenizer as byte_pairs
import torch
from captions import any_form, caption
from clip import (
    WRONG,
    Readouts,
    Stream,
    begin,
    build,
    contrast,
    distort,
    hard,
    learn,
    mixture,
    patch_truth,
    tell,
    worlds,
)
from common import Run, autocast, options, sizes, to_tensor
from torch import nn
from torch.nn import functional
from transformers import CLIPModel
from world import WorldOptions

FORMS = 3  # captions of a picture, one of which is shown at a time
_PART = 1024  # pictures a file


class Kept(NamedTuple):
    """What is kept of N pictures.

    states    N x tokens x width, half precision, after the layers that stay as they are
    held      N x readouts
    patches   2 x N x patches, the nouns and the colours that they show
    captions  N x FORMS x (1 + WRONG), the right one first
    told      N x FORMS x 2, whether they tell colours, and sides
    """

    states: np.ndarray
    held: np.ndarray
    patches: np.ndarray
    captions: np.ndarray
    told: np.ndarray


@torch.no_grad()
def lower(model: CLIPModel, x: torch.Tensor, layers: int) -> torch.Tensor:
    """Pictures after the tower's first layers."""
    tower = model.vision_model
    states = tower.pre_layrnorm(tower.embeddings(x))
    for layer in tower.encoder.layers[:layers]:
        states = layer(states, None)
    return states


def upper(model: CLIPModel, states: torch.Tensor, layers: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The rest of the way: pictures' pooled states, and their patches' before the last layer."""
    tower = model.vision_model
    for layer in tower.encoder.layers[layers:-1]:
        states = layer(states, None)
    return tower.post_layernorm(first_alone(tower.encoder.layers[-1], states)), states[:, 1:]


def first_alone(layer: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """What a layer makes of the first token, N x width, without the others' queries and multilayer perceptrons."""
    attention = layer.self_attn
    normal = layer.layer_norm1(states)
    shape = (len(states), -1, attention.num_heads, attention.head_dim)
    query = attention.q_proj(normal[:, :1]).view(shape).transpose(1, 2) * attention.scale
    keys, values = (part(normal).view(shape).transpose(1, 2) for part in (attention.k_proj, attention.v_proj))
    looks = (query @ keys.transpose(-1, -2)).softmax(-1) @ values
    first = states[:, 0] + attention.out_proj(looks.transpose(1, 2).flatten(2))[:, 0]
    return first + layer.mlp(layer.layer_norm2(first))


def keep(file: Path, model: CLIPModel, stream: Stream, first: int, count: int, size: dict) -> None:
    """Writes what is to be kept of the pictures from number ``first`` on, if it is not there."""
    if file.exists():
        return
    rng = np.random.default_rng((stream.seed, 8, first))
    found: list[list[np.ndarray]] = []
    for number in range(first // 64, (first + count) // 64):
        batch = stream.batch(number, 64, mixture(1.0))
        both = torch.cat([to_tensor(batch.pictures, torch.device("cpu")), torch.from_numpy(batch.shown) / 255], 1)
        both = distort(both)
        with autocast(both.device):
            states = lower(model, both[:, :3].contiguous(), size["kept"])
        kinds = [torch.from_numpy(which) for which in (batch.nouns, batch.colours)]
        shows = np.stack([patch_truth(both[:, 3:], kind, size["patch"]).numpy() for kind in kinds])
        words, told = [], []
        for scene in batch.scenes:
            for _ in range(FORMS):
                form = any_form(rng, not scene.things[0].colour)
                other = replace(scene, form=form)
                words.append([caption(other), *hard(other, stream.known, rng)])
                told.append((form.colour, form.side))
        found.append(
            [
                states.half().numpy(),
                batch.held.astype(np.float16),
                shows.astype(np.uint8),
                np.array(words).reshape(64, FORMS, 1 + WRONG),
                np.array(told, np.float32).reshape(64, FORMS, 2),
            ]
        )
    parts = zip(*found, strict=True)
    joined = {
        name: np.concatenate(part, 1 if name == "patches" else 0)
        for name, part in zip(Kept._fields, parts, strict=True)
    }
    part = file.with_suffix(".part.npz")
    np.savez(part, **joined)
    part.replace(file)


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "warm")
    size = sizes(chosen.sizes, "clip")
    device, tokenizer, count = chosen.device, byte_pairs.build(), size["nouns"]
    model = build(size, tokenizer)
    begin(model, chosen.warm)
    chosen.out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(chosen.out / "tokenizer")
    stream = Stream(chosen.seed, count, size["side"], worlds(count), made_again=1)
    files = [chosen.out / f"kept{first:06d}.npz" for first in range(0, size["stored"], _PART)]
    for n, file in enumerate(files):
        keep(file, model, stream, n * _PART, min(_PART, size["stored"]), size)
    parts = [np.load(file) for file in files]
    joined = {name: [part[name] for part in parts] for name in Kept._fields}
    kept = Kept(*(np.concatenate(found, 1 if name == "patches" else 0) for name, found in joined.items()))
    for part in (model.vision_model.embeddings, model.vision_model.pre_layrnorm):
        part.requires_grad_(False)
    model.vision_model.encoder.layers[: size["kept"]].requires_grad_(False)
    readouts = Readouts(count, size["width"], size["text_width"])
    tested = Stream(chosen.seed + 99, count, size["side"], [WorldOptions(nouns=count, empty=0.0, combinations="all")])
    run = Run(chosen, size, {"clip": model, "readouts": readouts})
    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        rows, form = rng.integers(len(kept.states), size=size["batch"]), rng.integers(FORMS, size=size["batch"])
        captions = kept.captions[rows, form]
        right = captions[:, 0].tolist()
        tokens = text.ids(tokenizer, right + captions[:, 1:].flatten().tolist(), device, full=False)
        states = torch.from_numpy(kept.states[rows]).to(device).float()
        held, told = (torch.from_numpy(one).to(device).float() for one in (kept.held[rows], kept.told[rows, form]))
        shown = torch.from_numpy(kept.patches[:, rows]).to(device).long()
        with autocast(device):
            pooled, patches = upper(model, states, size["kept"])
            ended = model.text_model(tokens).pooler_output
            seen = functional.normalize(model.visual_projection(pooled), dim=-1)
            read = functional.normalize(model.text_projection(ended), dim=-1)
            asked = readouts.losses(pooled, ended[: len(right)], patches, held, told, list(shown))
        contrasted = contrast(model.logit_scale.exp() * seen.float() @ read.float().T, right)
        learn(run, model, contrasted, asked, size["batch"])
        if step % 250 == 249:
            tell(run, model, tokenizer, tested, contrasted, asked)


if __name__ == "__main__":
    main()
