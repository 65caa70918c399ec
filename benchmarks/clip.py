"""Do strangers see what CLIP or a classifier had pieces arranged for? Tables, and every run as a line of JSON.

    python benchmarks/clip.py [--patches FOLDER] [--nouns 20] [--steps 80] [--pieces 100] [--mini 20]
                              [--only NAMES ...] [--more] [--slice SECONDS] [--keep FOLDER]

Classifier: EfficientNet-Lite0 guides, alone or with icons; Lite2, trained apart from it, judges, over looks that
no guidance takes (mirrored, blurred, turned a little). Told are the rank of the best true class among the thousand
of ImageNet, and how often it is among five; "random" is the layout that the runs start from, "pictogram" what icons
alone arrange. Patches are cut-outs of scikit-image's pictures, shaded leaves and stones drawn here, and folders'.

CLIP: mini guides; its own cosine before and after, and the rank that the judge of silhouettes gives the noun, which
shares nothing with mini and knows Phosphor's drawings, which mini has not seen.

Runs go noun by noun through all sets and ways, each is a line of ``runs.jsonl`` in the folder that is kept, and what
is there is not made again: ``--slice`` stops after so many CPU seconds, and the next call goes on.

Intervals are 90 % by the bootstrap over nouns. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

import vertumnus as vt
from vertumnus.composing.choose import _judge
from vertumnus.composing.compose import live_compose
from vertumnus.metrics.named import named
from vertumnus.models import load
from vertumnus.models.classifier import Classifier

# Nouns that ImageNet has, and that icons have drawings of, so that both can guide.
NOUNS = (
    "butterfly", "mushroom", "umbrella", "airplane", "snail", "violin", "lemon", "spider", "penguin", "pineapple",
    "castle", "goldfish", "rabbit", "guitar", "turtle", "owl", "hourglass", "elephant", "bicycle", "jellyfish",
)  # fmt: skip
MINI = (
    "butterfly", "heart", "star", "fish", "house", "tree", "umbrella", "crown", "leaf", "cat", "apple", "rocket",
    "sun", "flower", "bird", "moon", "key", "car", "mushroom", "anchor",
)  # fmt: skip


NEAR = {"step": (0.6, 0.15), "noise": 0.0}  # from where icons left the pieces


class Way(NamedTuple):
    """How pieces are arranged: stages one after the other, each from where the last left them.

    stages   what guides, its share of the steps, and further options
    pieces   as many times as many, each so much smaller
    begins   what its first layout is called in the table
    after    what its first stage is called there
    """

    stages: tuple[tuple[list[str], float, dict[str, Any]], ...]
    pieces: float = 1.0
    begins: str = ""
    after: str = ""


PICTOGRAM = (["pictogram"], 4.0, {"strict": False})
BOTH = ["classifier", "pictogram=100"]
WAYS: dict[str, Way] = {
    "classifier": Way(((["classifier"], 1.0, {}),), begins="random"),
    "pictogram, then both": Way((PICTOGRAM, (BOTH, 1.0, NEAR)), after="pictogram"),
}
MORE: dict[str, Way] = {
    "both": Way(((BOTH, 1.0, {}),)),
    "pictogram, then classifier": Way((PICTOGRAM, (["classifier"], 1.0, NEAR))),
    "pictogram, then both, 35 larger pieces": Way((PICTOGRAM, (BOTH, 1.0, NEAR)), 0.35),
    "classifier, 35 larger pieces": Way(((["classifier"], 1.0, {}),), 0.35),
    "classifier, wide blur": Way(((["classifier"], 1.0, {"gradient_blur": (12.0, 3.0)}),)),
    "classifier, no blur": Way(((["classifier"], 1.0, {"gradient_blur": (0.0, 0.0)}),)),
}
TOLD = ("random", "pictogram", *WAYS)
MINI_WAYS: dict[str, tuple[tuple[list[str], int, dict[str, Any]], ...]] = {
    "alone": ((["clip:mini"], 100, {"looks": 3, "swaps": 0}),),
    "swaps": ((["clip:mini"], 100, {"looks": 3, "swaps": 4}),),
    "pictogram, then both": (
        (["pictogram"], 400, {"strict": False}),
        (["clip:mini", "pictogram=30"], 60, {"looks": 2, "swaps": 0, **NEAR}),
    ),
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


def interval(values: list[float], of=np.median) -> tuple[float, float, float]:
    """A statistic and its 90 % interval by the bootstrap."""
    rng = np.random.default_rng(0)
    array = np.array(values, float)
    drawn = [of(rng.choice(array, len(array))) for _ in range(2000)]
    return float(of(array)), *(float(q) for q in np.quantile(drawn, (0.05, 0.95)))


def shown(collage: vt.Collage, side: int = 448) -> Image.Image:
    """On white."""
    return collage.render(scale=side / collage.width, background="white").convert("RGB")


def composed(
    patches: Path, noun: str, way: Way, given: argparse.Namespace
) -> Iterator[tuple[str, vt.Collage, float]]:
    """The layouts that have names, each with the CPU seconds since the last; the way's own has none."""
    began = time.process_time()
    free = {"looks": 2, "colour": "rgb", "gain": (0.3, 1.5), "size": 448, "seed": 0}
    count = max(1, round(way.pieces * given.pieces))
    collage = None
    for number, (guidance, share, more) in enumerate(way.stages, 1):
        live = live_compose(
            str(patches), f"a {noun}", guidance=guidance, start=collage,
            iterations=max(1, round(share * given.steps)), count=count if collage is None else None, **(free | more),
        )  # fmt: skip
        if number == 1 and way.begins:
            yield way.begins, live.document(), time.process_time() - began
        live.run()
        collage = live.document()
        name = "" if number == len(way.stages) else way.after
        if name or number == len(way.stages):
            yield name, collage, time.process_time() - began


class Rows:
    """Runs that were made, a line of JSON each, by patches, way and noun."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file.is_file() else []
        self.rows = {tuple(row["run"]): row for row in map(json.loads, lines)}

    def add(self, run: tuple[str, ...], **found: Any) -> None:
        """Keeps one."""
        self.rows[run] = {"run": run, **found}
        with self.file.open("a") as stream:
            stream.write(json.dumps(self.rows[run]) + "\n")


def main() -> None:
    """Makes what is missing and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=Path, action="append", default=[], help="further folders")
    parser.add_argument("--nouns", type=int, default=20)
    parser.add_argument("--mini", type=int, default=20, help="prompts for mini CLIP")
    parser.add_argument("--thirds", type=int, default=6, help="times three nouns side by side")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--more", action="store_true", help="the ways compared, too, of the first set")
    parser.add_argument("--slice", type=float, default=1e9, help="CPU seconds")
    parser.add_argument("--keep", type=Path, default=Path("clip-benchmark"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.keep.mkdir(parents=True, exist_ok=True)
    sets = {"cut": given.keep / "cut", "drawn": given.keep / "drawn"}
    for name, draw in (("cut", cut_patches), ("drawn", drawn_patches)):
        if not sets[name].is_dir():
            draw(sets[name])
    sets |= {folder.name: folder for folder in given.patches}
    rows, console = Rows(given.keep / "runs.jsonl"), Console()
    if given.nouns:
        classifier(rows, sets, given)
        tell(console, rows, list(sets), given)
    if given.mini:
        mini(console, rows, sets["cut"], given)
    if given.thirds:
        thirds(console, rows, sets["cut"], given)


def classifier(rows: Rows, sets: dict[str, Path], given: argparse.Namespace) -> None:
    """Every noun, set and way that is not there yet, as far as time goes."""
    judge = Classifier.load("lite2")
    for noun in NOUNS[: given.nouns]:
        for set_, folder in sets.items():
            for name, way in {**WAYS, **(MORE if given.more and set_ == next(iter(sets)) else {})}.items():
                run = (set_, name, noun)
                if run in rows.rows or (given.only and name not in given.only):
                    continue
                if time.process_time() > given.slice:
                    return
                for called, collage, took in composed(folder, noun, way, given):
                    run = (set_, called or name, noun)
                    picture = shown(collage)
                    picture.save(given.keep / f"{set_}-{run[1].replace(' ', '-')}-{noun}.png".replace(",", ""))
                    rows.add(run, rank=named(picture, noun, judge).place, seconds=took)
                    print(*run, rows.rows[run]["rank"], f"{took:.1f} s", flush=True)


def tell(console: Console, rows: Rows, sets: list[str], given: argparse.Namespace) -> None:
    """A line a way: of nouns that all ways of its table were tried with."""
    for title, ways, among in (("ways", TOLD, sets), ("regularisers", (*TOLD, *MORE), sets[:1])):
        wanted = [name for name in ways if not given.only or name in given.only]
        there = [
            (set_, noun)
            for set_ in among
            for noun in NOUNS
            if all((set_, name, noun) in rows.rows for name in wanted)
        ]
        if not there:
            continue
        table = Table(title=f"{title}: lite2's rank of the noun of 1,000; {len(there)} runs, {given.pieces} pieces")
        for column in ("patches", "guided by", "runs", "median rank", "90 %", "among five", "90 %", "CPU s each"):
            table.add_column(column, justify="right")
        for set_ in [*among, "all"] if len(among) > 1 else among:
            for name in wanted:
                found = [rows.rows[s, name, noun] for s, noun in there if set_ in (s, "all")]
                if not found:
                    continue
                ranks = [row["rank"] for row in found]
                middle, low, high = interval(ranks)
                five, least, most = interval([rank <= 5 for rank in ranks], np.mean)
                spent = np.mean([row["seconds"] for row in found])
                table.add_row(
                    set_, name, f"{len(ranks)}", f"{middle:.0f}", f"{low:.0f} to {high:.0f}", f"{five:.2f}",
                    f"{least:.2f} to {most:.2f}", f"{spent:.1f}",
                )  # fmt: skip
        console.print(table)


def mini(console: Console, rows: Rows, folder: Path, given: argparse.Namespace) -> None:
    """Mini CLIP: before and after, with swaps and without, and who else sees it."""
    model, silhouettes = load("mini", "clip"), _judge()
    nouns = [noun for noun in MINI if noun in silhouettes.nouns][: given.mini]
    for noun in nouns:
        for name, way in MINI_WAYS.items():
            run = ("mini", name, noun)
            if run in rows.rows:
                continue
            if time.process_time() > given.slice:
                break
            began = time.process_time()
            collage, before = None, None
            for guidance, steps, more in way:
                live = live_compose(
                    str(folder), f"a {noun}", guidance=guidance, size=448, seed=0, iterations=steps, start=collage,
                    count=64 if collage is None else None, colour="rgb", gain=(0.0, 1.0), **more,
                )  # fmt: skip
                before = before or shown(live.document())
                collage = live.run().document()
            pictures = [before, shown(collage)]
            seen = torch.from_numpy(
                np.stack([np.asarray(p.resize((64, 64), Image.Resampling.BOX)) for p in pictures])
            )
            with torch.no_grad():
                cosines = model.similarity(seen.permute(0, 3, 1, 2).float() / 255, f"a {noun}")[:, 0]
            pictures[1].save(given.keep / f"mini-{name.replace(' ', '-').replace(',', '')}-{noun}.png")
            rows.add(
                run, before=float(cosines[0]), after=float(cosines[1]), place=place(silhouettes, collage, noun),
                seconds=time.process_time() - began,
            )  # fmt: skip
            print(*run, rows.rows[run], flush=True)
    there = [noun for noun in nouns if all(("mini", name, noun) in rows.rows for name in MINI_WAYS)]
    for name in MINI_WAYS if there else ():
        found = [rows.rows["mini", name, noun] for noun in there]
        middle, low, high = interval([row["after"] for row in found], np.mean)
        five, least, most = interval([row["place"] <= 5 for row in found], np.mean)
        console.print(
            f"mini CLIP, {len(there)} nouns, {name}: cosine {np.mean([row['before'] for row in found]):.2f} before,"
            f" {middle:.2f} ({low:.2f} to {high:.2f}) after; the judge's place of the noun"
            f" {np.median([row['place'] for row in found]):.0f}, among five {five:.2f} ({least:.2f} to {most:.2f}),"
            f" {np.mean([row['seconds'] for row in found]):.0f} CPU s"
        )


def thirds(console: Console, rows: Rows, folder: Path, given: argparse.Namespace) -> None:
    """Three nouns side by side: who finds which where, of the three. Windows by mini; wide pictures by icons."""
    model, silhouettes = load("mini", "clip"), _judge()
    known = [noun for noun in MINI if noun in silhouettes.nouns]
    free: dict[str, Any] = {"colour": "rgb", "gain": (0.0, 1.0), "seed": 0}
    for first in range(given.thirds):
        nouns = [known[(3 * first + 5 * n) % len(known)] for n in range(3)]
        for way in ("windows, mini", "wide, pictogram"):
            run = ("thirds", way, "|".join(nouns))
            if run in rows.rows or time.process_time() > given.slice:
                continue
            if way.startswith("windows"):
                collage = vt.compose(
                    str(folder), " and ".join(nouns), guidance="clip:mini", size=(600, 300), iterations=100, looks=1,
                    count=90, windows=("|".join(nouns),), **free,
                )  # fmt: skip
            else:
                prompts = "|".join(f"a {noun}" for noun in nouns)
                collage = vt.compose_wide(
                    str(folder), [prompts], size=300, overlap=0.1, iterations=400, count=40, **free
                )
            step = (collage.width - 300) // 2
            picture = collage.render(background="white").convert("RGB")
            ink = np.asarray(collage.render(background="#ffffff00").getchannel("A"), np.float32) / 255
            picture.save(given.keep / f"thirds-{way.split(',')[0]}-{'-'.join(nouns)}.png")
            own, others = [], []
            for n, noun in enumerate(nouns):
                part = picture.crop((step * n, 0, step * n + 300, 300)).resize((64, 64), Image.Resampling.BOX)
                seen = torch.from_numpy(np.array(part)).permute(2, 0, 1)[None].float() / 255
                with torch.no_grad():
                    said = model.similarity(seen, [f"a {each}" for each in nouns])[0]
                own.append(int(said.argmax()) == n)
                order = [word for word, _ in silhouettes.rank(np.pad(ink[:, step * n : step * n + 300], 8))]
                others.append(min(nouns, key=order.index) == noun)
            rows.add(run, own=own, others=others)
            print(*run, own, others, flush=True)
    for way in ("windows, mini", "wide, pictogram"):
        found = [row for key, row in rows.rows.items() if key[:2] == ("thirds", way)]
        if found:
            own, others = (np.array([row[name] for row in found]).mean() for name in ("own", "others"))
            console.print(
                f"three nouns side by side, {way}, {len(found)} times: mini names the right one of the three in"
                f" {own:.2f} of the windows, the judge of silhouettes in {others:.2f}; by chance .33"
            )


def place(silhouettes: Any, collage: vt.Collage, noun: str) -> int:
    """The place of the noun by the judge of silhouettes, of the collage's ink."""
    alpha = collage.render(scale=160 / collage.width, background="#ffffff00").getchannel("A")
    ink = np.pad(np.asarray(alpha, np.float32) / 255, 8)
    return [word for word, _ in silhouettes.rank(ink)].index(noun) + 1 if ink.max() > 0.5 else 999


if __name__ == "__main__":
    main()
