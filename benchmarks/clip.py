"""Do strangers see what CLIP or a classifier had pieces arranged for? One table, and the same as JSON.

    python benchmarks/clip.py [--patches FOLDER] [--nouns 6] [--steps 120] [--only NAMES ...] [--json FILE]
                              [--keep FOLDER]

Classifier: EfficientNet-Lite0 guides, alone or with other guidances; Lite2, trained apart from it, judges, over
looks that no guidance takes (mirrored, blurred, turned a little). Told are the rank of the best true class among the
thousand of ImageNet, and how often it is among five; "random" is the layout that the runs start from, "pictogram"
what icons alone arrange. Patches are cut-outs of scikit-image's pictures, shaded leaves and stones drawn here, or a
folder's.

CLIP: mini guides; its own cosine before and after, and the rank that the judge of silhouettes gives the noun, which
shares nothing with mini and knows Phosphor's drawings, which mini has not seen.

Intervals are 90 % by the bootstrap over nouns. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy import ndimage

import vertumnus as vt
from vertumnus.composing.choose import _judge
from vertumnus.composing.compose import live_compose
from vertumnus.guidance.views import homography, warp
from vertumnus.models import load
from vertumnus.models.classifier import Classifier
from vertumnus.models.imagenet import match_classes

# Nouns that ImageNet has, and that icons have drawings of, so that both can guide.
NOUNS = (
    "butterfly", "mushroom", "umbrella", "airplane", "snail", "violin", "lemon", "spider", "penguin", "pineapple",
    "castle", "goldfish", "rabbit", "guitar", "turtle", "owl", "hourglass", "elephant", "bicycle", "jellyfish",
)  # fmt: skip
MINI = (
    "butterfly", "heart", "star", "fish", "house", "tree", "umbrella", "crown", "leaf", "cat", "apple", "rocket",
    "sun", "flower", "bird", "moon", "key", "car", "mushroom", "anchor",
)  # fmt: skip
MIXES: dict[str, tuple[list[str], dict]] = {
    "random": ([], {}),
    "pictogram": (["pictogram"], {}),
    "classifier": (["classifier"], {}),
    "classifier, wide blur": (["classifier"], {"gradient_blur": (10.0, 2.0)}),
    "classifier + pictogram 20": (["classifier", "pictogram=20"], {}),
    "classifier + pictogram 100": (["classifier", "pictogram=100"], {}),
}


def drawn_patches(folder: Path, count: int = 30) -> Path:
    """Leaves and stones, shaded: closed curves with a light from the upper left, and veins or speckles."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    side = 160
    y, x = np.mgrid[:side, :side] / (side / 2) - 1
    for n in range(count):
        leaf = n % 2 == 0
        if leaf:
            reach = 0.9 * (1 - np.abs(y) ** 1.6).clip(0) * rng.uniform(0.3, 0.6)
            inside = np.clip((reach - np.abs(x + 0.15 * np.sin(3 * y))) * 30, 0, 1)
            hue = np.array([rng.uniform(0.2, 0.9), rng.uniform(0.35, 0.7), rng.uniform(0.05, 0.25)])
            vein = 0.85 + 0.15 * np.tanh(np.abs(x) * 12) * (0.8 + 0.2 * np.cos(y * 14 - np.abs(x) * 10))
            shade = vein * (1 - 0.25 * x)
        else:
            angle = np.arctan2(y, x)
            wave = sum(rng.normal(0, 0.05) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 6))
            inside = np.clip((0.8 + wave - np.hypot(x, y / rng.uniform(0.7, 1))) * 30, 0, 1)
            hue = np.full(3, rng.uniform(0.25, 0.85)) + rng.normal(0, 0.06, 3)
            dome = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
            shade = (0.5 + 0.6 * dome - 0.25 * x - 0.25 * y) * (1 + 0.08 * rng.standard_normal((side, side)))
        rgb = np.clip(hue * shade[..., None], 0, 1)
        pixels = (np.dstack([rgb, inside]) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{'leaf' if leaf else 'stone'}-{n}.png")
    return folder


def cut_patches(folder: Path) -> Path:
    """Cut-outs of scikit-image's colour pictures, and pieces of them in random closed curves."""
    from skimage import data

    from vertumnus.elements.cutout.folder import cut_folder

    photos = folder / ".photos"
    photos.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        Image.fromarray(getattr(data, name)()).save(photos / f"{name}.png")
    cut_folder(sorted(photos.glob("*.png")), folder)
    for name in ("astronaut", "coffee", "chelsea", "rocket", "retina", "hubble_deep_field"):
        try:
            picture = getattr(data, name)()
        except (OSError, ConnectionError, ValueError):
            continue  # one that has to be fetched
        for n in range(7):
            side = 160
            top, left = (int(rng.integers(0, max(1, size - side))) for size in picture.shape[:2])
            part = picture[top : top + side, left : left + side, :3]
            y, x = np.mgrid[: part.shape[0], : part.shape[1]] / 80 - 1
            angle = np.arctan2(y, x)
            wave = sum(rng.normal(0, 0.08) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 5))
            inside = np.clip((0.8 + wave - np.hypot(x, y)) * 30, 0, 1)
            pixels = np.dstack([part, (inside * 255).astype(np.uint8)])
            Image.fromarray(pixels).save(folder / f"{name}-{n}.png")
    return folder


def unseen_looks(picture: Image.Image, side: int) -> torch.Tensor:
    """Looks that no guidance takes: mirrored, blurred, turned by 10 degrees either way."""
    square = np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), np.float32) / 255
    soft = ndimage.gaussian_filter(square, (1.2, 1.2, 0))
    plain = torch.from_numpy(np.stack([square, square[:, ::-1], soft])).permute(0, 3, 1, 2).contiguous()
    turned = []
    corners = torch.tensor([[[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]])
    for angle in (-10, 10):
        c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        spin = torch.tensor([[c, -s], [s, c]], dtype=torch.float32)
        turned.append(warp(plain[:1], homography(corners, corners @ spin.T), side, "border"))
    return torch.cat([plain, *turned])


def rank(judge: Classifier, picture: Image.Image, noun: str) -> int:
    """The place of the best of a noun's classes, from 1, by mean log-probability over unseen looks."""
    with torch.no_grad():
        said = judge.log_probabilities(unseen_looks(picture, judge.resolution)).mean(0)
    return int((said > said[list(match_classes(noun))].max()).sum()) + 1


def interval(values: list[float], of=np.median) -> tuple[float, float, float]:
    """A statistic and its 90 % interval by the bootstrap."""
    rng = np.random.default_rng(0)
    array = np.array(values, float)
    drawn = [of(rng.choice(array, len(array))) for _ in range(2000)]
    return float(of(array)), *(float(q) for q in np.quantile(drawn, (0.05, 0.95)))


def shown(collage: vt.Collage, side: int = 448) -> Image.Image:
    """On white."""
    return collage.render(scale=side / collage.width, background="white").convert("RGB")


def composed(patches: list[Path], noun: str, guidance: list[str], given, **more) -> tuple[vt.Collage, float]:
    """The collage and its CPU seconds."""
    began = time.process_time()
    start = guidance or ["classifier"]
    free = {"looks": 2, "colour": "rgb", "gain": (0.3, 1.5)} | more
    live = live_compose(
        [str(patch) for patch in patches], f"a {noun}", guidance=start, size=448, count=given.pieces, seed=0,
        iterations=1500 if start == ["pictogram"] else given.steps, **free,
    )  # fmt: skip
    if guidance:
        live.run()
    return live.document(), time.process_time() - began


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=Path, action="append", default=[])
    parser.add_argument("--nouns", type=int, default=6)
    parser.add_argument("--mini", type=int, default=8, help="prompts for mini CLIP")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--pieces", type=int, default=60)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("clip-benchmark"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.keep.mkdir(parents=True, exist_ok=True)
    sets = given.patches or [drawn_patches(given.keep / "drawn"), cut_patches(given.keep / "cut")]
    console, numbers = Console(), {}
    judge = Classifier.load("lite2")
    table = Table(title=f"lite2's rank of the noun of 1,000, {given.nouns} nouns, {given.pieces} pieces")
    for column in ("patches", "guided by", "median rank", "90 %", "among five", "CPU s each"):
        table.add_column(column, justify="right")
    for folder in sets:
        for name, (guidance, more) in MIXES.items():
            if given.only and name not in given.only:
                continue
            ranks, seconds = [], []
            for noun in NOUNS[: given.nouns]:
                collage, took = composed([folder], noun, guidance, given, **more)
                picture = shown(collage)
                picture.save(given.keep / f"{folder.name}-{name.replace(' ', '-')}-{noun}.png".replace(",", ""))
                ranks.append(rank(judge, picture, noun))
                seconds.append(took)
            middle, low, high = interval(ranks)
            five = float(np.mean(np.array(ranks) <= 5))
            numbers[f"{folder.name}, {name}"] = {"ranks": ranks, "seconds": float(np.mean(seconds))}
            row = (folder.name, name, f"{middle:.0f}", f"{low:.0f} to {high:.0f}", f"{five:.2f}")
            table.add_row(*row, f"{np.mean(seconds):.1f}")
            print(*row, ranks, flush=True)
    console.print(table)
    if given.mini:
        numbers["mini"] = mini(console, sets[0], given)
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=1))


def mini(console: Console, folder: Path, given: argparse.Namespace) -> dict[str, list[float]]:
    """Mini CLIP: before and after, with swaps and without, and who else sees it."""
    model, silhouettes = load("mini", "clip"), _judge()
    rows: dict[str, list[float]] = {}
    for name, more in (("none", {"swaps": 0}), ("4 at a time", {"swaps": 4})):
        before, after, places = [], [], []
        for noun in [noun for noun in MINI if noun in silhouettes.nouns][: given.mini]:
            live = live_compose(
                str(folder), f"a {noun}", guidance="clip:mini", size=448, count=given.pieces, seed=0, iterations=200,
                colour="rgb", gain=(0.0, 1.0), looks=4, **more,
            )  # fmt: skip
            pictures = [shown(live.document()), shown(live.run().document())]
            seen = torch.from_numpy(
                np.stack([np.asarray(p.resize((64, 64), Image.Resampling.BOX)) for p in pictures])
            )
            with torch.no_grad():
                cosines = model.similarity(seen.permute(0, 3, 1, 2).float() / 255, f"a {noun}")[:, 0]
            before.append(float(cosines[0]))
            after.append(float(cosines[1]))
            alpha = live.document().render(scale=160 / 448, background="#ffffff00").getchannel("A")
            ink = np.pad(np.asarray(alpha, np.float32) / 255, 8)
            places.append([word for word, _ in silhouettes.rank(ink)].index(noun) + 1 if ink.max() > 0.5 else 999)
            pictures[1].save(given.keep / f"mini-{name.split()[0]}-{noun}.png")
        rows[name] = after
        rows[f"{name}, before"], rows[f"{name}, places"] = before, places
        middle, low, high = interval(after, np.mean)
        console.print(
            f"mini CLIP, swaps {name}: cosine {np.mean(before):.2f} before, {middle:.2f} ({low:.2f} to {high:.2f})"
            f" after; the judge's place of the noun {np.median(places):.0f},"
            f" among five {np.mean(np.array(places) <= 5):.2f}"
        )
    return rows


if __name__ == "__main__":
    main()
