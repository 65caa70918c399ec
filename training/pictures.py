"""What the autoencoder sees: the world, other icons and emoji in any colours, and crops of photographs.

An autoencoder that is to serve pictures beyond the world must see beyond it. Icons are of every set that is trained
on (of drawings.json alone where they were not fetched), on grounds of any colour; photographs are
scikit-image's, and others that lie in a folder. Those that are for testing are never among them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from drawings import EMOJI, JUDGED_EMOJI, JUDGING, TRAINED, drawings_of, drawn_nouns, render, render_svg
from fetch import as_svg
from grounds import PHOTOGRAPHS, TESTED_PHOTOGRAPHS, photograph
from numpy.typing import NDArray
from PIL import Image
from world import World, WorldOptions

SIDE = 128
_TEXELS = 160
SHARES = {"world": 0.35, "icons": 0.2, "emoji": 0.2, "photographs": 0.25}
Pixels = NDArray[np.uint8]


def some_icons(families: tuple[str, ...], folder: Path | None, count: int, rng: np.random.Generator) -> list[Pixels]:
    """Icons drawn at random: straight RGBA, the longer side of 160 pixels."""
    found: list[Pixels] = []
    if folder is None:
        known = [drawing for noun in drawn_nouns() for drawing in drawings_of(noun, families)]
        return [render(known[n], _TEXELS) for n in rng.permutation(len(known))[:count]]
    for family in families:
        icons = json.loads((folder / f"{family}.json").read_text())
        names = sorted(icons["icons"])
        for n in rng.permutation(len(names))[: -(-count // len(families))]:
            try:
                found.append(render_svg(as_svg(icons, names[n]), _TEXELS))
            except ValueError:  # a few icons are empty
                continue
    return found


def icon_scene(icons: list[Pixels], coloured: bool, rng: np.random.Generator, most: int = 6) -> Pixels:
    """One icon to so many of any size on a ground of any colours: SIDE x SIDE x 3."""
    first, last = rng.random((2, 3)) if rng.random() < 0.4 else np.repeat(rng.random((1, 3)), 2, 0)
    share = np.linspace(0, 1, SIDE)[:, None, None]
    ground = np.broadcast_to(255 * (first + share * (last - first)), (SIDE, SIDE, 3)).astype(np.uint8)
    canvas = Image.fromarray(np.rot90(ground, rng.integers(4)).copy())
    for _ in range(rng.integers(1, most + 1)):
        icon = icons[rng.integers(len(icons))]
        if not coloured:
            icon = icon.copy()
            icon[..., :3] = (255 * rng.random(3)).astype(np.uint8)
        extent = SIDE * rng.uniform(0.2 if most > 1 else 0.5, 0.95)
        scale = extent / max(icon.shape)
        picture = Image.fromarray(icon).convert("RGBa")
        size = (max(1, round(scale * picture.width)), max(1, round(scale * picture.height)))
        picture = picture.resize(size, Image.Resampling.BOX).rotate(
            rng.uniform(-180, 180) if rng.random() < 0.3 else 0.0, Image.Resampling.BILINEAR, expand=True
        )
        picture = picture.convert("RGBA")
        left, top = (
            int((rng.uniform(-0.2, 1.2) if most > 1 else rng.random()) * (SIDE - length)) for length in picture.size
        )
        canvas.paste(picture, (left, top), picture)
    return np.asarray(canvas)


def photo_crop(pictures: list[Image.Image], rng: np.random.Generator) -> Pixels:
    """A square crop of a photograph at a random size: SIDE x SIDE x 3."""
    picture = pictures[rng.integers(len(pictures))]
    shorter = min(picture.size)
    length = float(np.exp(rng.uniform(np.log(min(SIDE, shorter)), np.log(shorter))))
    left, top = (rng.random() * (room - length) for room in picture.size)
    box = (left, top, left + length, top + length)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box))


def bank(count: int, seed: int, icons: Path | None, test: bool = False) -> dict[str, Pixels]:
    """Pictures of every kind, N x SIDE x SIDE x 3.

    icons  folder of whole sets and photographs (fetch.py), if there is one
    test   of families and photographs that are never trained on, and held-out combinations
    """
    rng = np.random.default_rng((seed, test))
    each = {name: max(1, round(share * count)) for name, share in SHARES.items()}
    if test:
        each = dict.fromkeys(SHARES, max(1, count // len(SHARES)))
    enough = 4 * count  # no more icons than few pictures can show
    plain = some_icons(JUDGING if test else TRAINED, icons, min(enough, 300 if test else 1500), rng)
    emoji = some_icons(JUDGED_EMOJI if test else EMOJI, icons, min(enough, 100 if test else 900), rng)
    photographs = [photograph(name) for name in (TESTED_PHOTOGRAPHS if test else PHOTOGRAPHS)]
    if icons is not None and not test:
        photographs += [Image.open(file).convert("RGB") for file in sorted((icons / "photographs").glob("*.jpg"))]
    most = 1 if test else 6
    world = World(seed, WorldOptions(combinations="held out" if test else "all"))
    return {
        "world": np.stack([world.draw(world.scene(n)) for n in range(each["world"])]),
        "icons": np.stack([icon_scene(plain, False, rng, most) for _ in range(each["icons"])]),
        "emoji": np.stack([icon_scene(emoji, True, rng, most) for _ in range(each["emoji"])]),
        "photographs": np.stack([photo_crop(photographs, rng) for _ in range(each["photographs"])]),
    }


def kept_pictures(chosen: argparse.Namespace, size: dict[str, Any]) -> tuple[Pixels, dict[str, Pixels]]:
    """The pictures of a run, all styles together, and those it is tested with by style: drawn once, then read."""
    chosen.out.mkdir(parents=True, exist_ok=True)
    file, kept = chosen.out / "bank.npy", chosen.out / "tested.npz"
    if not file.exists():
        np.save(file, np.concatenate(list(bank(size["pictures"], chosen.seed, chosen.icons).values())))
    if not kept.exists():
        np.savez(kept, **bank(size["tested"], chosen.seed + 1, chosen.icons, test=True))
    return np.load(file, mmap_mode="r"), dict(np.load(kept))
