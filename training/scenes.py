"""Scenes as the diffusion model is trained on them: encoded once, with captions, masks and what each token means.

Kinds, from easy to hard: ``steady`` is one thing in one place and of one size; ``pairs`` is two things in two fixed
places; ``full`` is everything; ``wide`` and ``tall`` are everything on canvases that are not square.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import text
import torch
import vae as autoencoders
from captions import TELLING, USUAL
from common import autocast, sizes, to_tensor
from numpy.typing import NDArray
from torch.nn import functional
from transformers import CLIPTokenizer
from world import MOST, PAIRS, STEADY, World, WorldOptions

from vertumnus.models.mini.vocabulary import COLOURS, nouns, plural

KINDS = ("steady", "pairs", "full", "wide", "tall")
SQUARE = KINDS[:3]
GRID = 4  # the colours of GRID x GRID parts of a picture are what the colour adapter is given


class Encoded(NamedTuple):
    """Scenes of one kind, N of them.

    latents   N x C x h x w, half precision, of unit deviation
    masks     N x MOST x h x w bytes, what is seen of each thing
    colours   N x 3 x GRID x GRID bytes, the picture's mean colours
    nouns     N x MOST tokens of the things' nouns, -1 for none
    captions  N
    """

    latents: NDArray[np.float16]
    masks: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    nouns: NDArray[np.int16]
    captions: list[str]


def worlds(count: int, drawings: int, seed: int, easy: bool = False, paired: int = 1) -> dict[str, World]:
    """The worlds of the kinds.

    easy    things are flat and mostly on plain grounds, nothing is mirrored, and captions tell what is not as usual,
            which for one thing is to be large and in the middle
    paired  drawings of a noun, the first ones, that are shown in pairs where it is easy
    """
    known: dict[str, Any] = {"nouns": count, "drawings": drawings}
    full = WorldOptions(**known)
    steady, pairs = known, known
    if easy:
        steady, pairs = {**known, "told": USUAL}, {**known, "told": TELLING, "drawings": paired}
        known["told"] = TELLING
        counts = (0.3, 0.55, 0.15)
        full = WorldOptions(
            **known, counts=counts, centred=0.0, plain=0.8, flat=0.9, emoji=0.0, turn=4.0, mirrored=0.0
        )
    return {
        "steady": World(seed + 9, replace(STEADY, **steady)),
        "pairs": World(seed + 10, replace(PAIRS, **pairs)),
        "full": World(seed + 11, full),
        "wide": World(seed + 12, full, aspect=(1.5, 1.0)),
        "tall": World(seed + 13, full, aspect=(1.0, 1.5)),
    }


@torch.no_grad()
def encode(folder: Path, vae_folder: Path, size: dict, table: str, seed: int, device: torch.device) -> None:
    """Writes KIND.npz of every kind and scenes.json, the latents' mean and deviation, if they are not there."""
    if (folder / "scenes.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    vae = autoencoders.trained(vae_folder, sizes(table, "vae")).to(device)
    found: dict[str, list] = {}
    for kind, world in worlds(size["nouns"], size["drawings"], seed, size["easy"], size["paired"]).items():
        latents, masks, colours, things, captions = [], [], [], [], []
        for first in range(0, size[kind], 64):
            scenes = [world.scene(n) for n in range(first, min(first + 64, size[kind]))]
            drawn = [world.draw_with_masks(scene) for scene in scenes]
            pictures = to_tensor(np.stack([picture for picture, _ in drawn]), device)
            with autocast(device):
                latents.append(vae.encode(pictures).latent_dist.mode().half().cpu().numpy())
            seen = torch.from_numpy(np.stack([mask for _, mask in drawn])).float()
            masks.append(functional.avg_pool2d(seen, 8).byte().numpy())
            mean = functional.adaptive_avg_pool2d(pictures, GRID)
            colours.append(((mean + 1) * 127.5).round().byte().cpu().numpy())
            named = [[thing.noun for thing in scene.things] for scene in scenes]
            things.extend(names + [""] * (MOST - len(names)) for names in named)
            captions.extend(scene.caption for scene in scenes)
        found[kind] = [np.concatenate(latents), np.concatenate(masks), np.concatenate(colours), things, captions]
    square = np.concatenate([parts[0] for kind, parts in found.items() if kind in SQUARE]).astype(np.float32)
    middle, spread = square.mean((0, 2, 3)), square.std((0, 2, 3))
    for kind, (latents, masks, colours, things, captions) in found.items():
        whole = (latents - middle[:, None, None]) / spread[:, None, None]
        np.savez(
            folder / f"{kind}.npz",
            latents=whole.astype(np.float16),
            masks=masks,
            colours=colours,
            things=np.array(things),
            captions=np.array(captions),
        )
    (folder / "scenes.json").write_text(json.dumps({"mean": middle.tolist(), "std": spread.tolist()}))


def read(folder: Path, kind: str, tokenizer: CLIPTokenizer) -> Encoded:
    """What was encoded of a kind."""
    stored = np.load(folder / f"{kind}.npz")
    captions = stored["captions"].tolist()
    rows = text.ids(tokenizer, captions, torch.device("cpu")).numpy()
    names = {name: tokenizer(name).input_ids[1] for noun in nouns(64) for name in (noun, plural(noun))}
    places = np.full((len(captions), MOST), -1, np.int16)
    for row, (words, things) in enumerate(zip(rows, stored["things"].tolist(), strict=True)):
        for n, noun in enumerate(things):
            if noun:
                at = np.nonzero((words == names[noun]) | (words == names[plural(noun)]))[0]
                if len(at):
                    places[row, n] = at[0]
    return Encoded(stored["latents"], stored["masks"], stored["colours"], places, captions)


def asked(known: int, count: int, wanted: str, seed: int, several: bool = False) -> list[list[tuple[str, str]]]:
    """What to ask for: (colour, noun) of one thing, or of two that differ in both, of those held out or not."""
    from world import held_out

    pairs = [(c, n) for n in nouns(known) for c in COLOURS if held_out(n, c) == (wanted == "held out")]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pairs))
    found = []
    for n in range(count):
        first = pairs[order[n % len(pairs)]]
        things = [first]
        while several and len(things) < 2:
            other = pairs[rng.integers(len(pairs))]
            if other[0] != first[0] and other[1] != first[1]:
                things.append(other)
        found.append(things)
    return found
