"""Generated mosaics with the small model that ships: methods, ablations, guidance, decoders.

    python benchmarks/generated_mosaic.py [--judge FOLDER] [--references 0 1 2 ...] [--seeds 1] [--steps 50]
        [--sets main ...] [--rows AdaIN ...] [--cpu 600] [--json FILE] [--images FOLDER]

References are square crops of the photographs that come with scikit-image, each with a noun of its own for its
tiles, in 8 x 8 cells. PSNR and SSIM are at 64 pixels, pyramid errors of levels 1 to 4, as in the paper. Whether a
tile shows its noun is judged by two networks that share no weights with the model that draws: CLIP of the small
models, and, where FOLDER is given, the classifier of silhouettes that training/judge.py trains on drawings which no
model has seen. Every mosaic is measured as it was drawn and after the affine finish, of two least gains. What is
done is kept in the JSON file and not done again. Intervals are over references, by Student's t.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student
from tile_set import photographs

from vertumnus.metrics.likeness import psnr, pyramid_error, ssim
from vertumnus.models import load_model
from vertumnus.models.mini.vocabulary import nouns, with_article
from vertumnus.mosaic.generate.finish import MOST_GAIN, affine_towards, apply_affine
from vertumnus.mosaic.generate.folder import TileFolder
from vertumnus.mosaic.generate.job import GenerateJob, cell_name
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.match.grid import regular_grid

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

GRID, SIDE, KNOWN = 8, 512, 48
REFERENCES = (0, 3, 4, 15, 12, 11, 9, 10, 14, 5, 6, 2)  # among the photographs
PROMPTS = ("cat", "dog", "cup", "rocket", "car", "moon", "star", "heart", "bird", "key", "fish", "house")
FINISHES = {"finished": 0.6, "finished, gain from .3": 0.3}  # and the least gain of each
NETWORK = {"method": "guided", "decoder": "linear"}
CLEAN = {**NETWORK, "guidance_through": "clean", "guidance_decay": 1.0}
SETS: dict[str, dict[str, dict[str, Any]]] = {
    "main": {
        "match and tone": {"method": "match", "pool": 32},
        "AdaIN": {"method": "adain"},
        "noise blend": {"method": "noise-blend"},
        "image to image": {"method": "image-to-image"},
        "factorized": {"method": "factorized"},
        "guided, w 5000": NETWORK,
    },
    "ours": {
        "quilt .8": {"method": "quilt", "strength": 0.8},
        "clean, w 20,000": {**CLEAN, "guidance_weight": 2e4},
        "clean, w 50,000": {**CLEAN, "guidance_weight": 5e4},
    },
    "ablation": {
        "without integral noise": {**NETWORK, "noise": "independent"},
        "without colour": {**NETWORK, "align": "none"},
        "without guidance": {**NETWORK, "guidance_weight": 0},
    },
    "weights": {f"guided, w {w}": {**NETWORK, "guidance_weight": w} for w in (20000, 2000)},
    "more-weights": {f"guided, w {w}": {**NETWORK, "guidance_weight": w} for w in (500, 10000, 50000)},
    "more-of-ours": {
        "quilt .6": {"method": "quilt"},
        "clean, w 5000": {**CLEAN, "guidance_weight": 5e3},
        "clean, w 100,000": {**CLEAN, "guidance_weight": 1e5},
        "clean, w 20,000, of 3": {**CLEAN, "guidance_weight": 2e4, "candidates": 3, "finish_gain": 0.3},
        "AdaIN, of 3": {"method": "adain", "candidates": 3, "finish_gain": 0.3},
        "clean, w 100,000, decay .7": {**CLEAN, "guidance_weight": 1e5, "guidance_decay": 0.7},
    },
    "kinds": {
        "luminance": {**NETWORK, "guidance_kind": "luminance"},
        "perceptual": {**NETWORK, "guidance_kind": "perceptual"},
    },
    "decoders": {
        "full decoder": {**NETWORK, "decoder": "full"},
        "clean, w 100,000, full decoder": {**CLEAN, "guidance_weight": 1e5, "decoder": "full"},
        "aligned on pixels": {**NETWORK, "align": "pixels"},
        "exact integral noise": {**NETWORK, "noise": "exact"},
        "free": {"method": "free"},
    },
}


class Judges:
    """Says of tiles whether they show a noun: by CLIP, and by silhouettes if there is such a judge."""

    def __init__(self, folder: Path | None) -> None:
        self.clip = load_model("mini-clip", "clip")
        self.texts = self.clip.embed_text([with_article(noun) for noun in nouns(KNOWN)])
        self.network = None
        if folder is not None:
            import judge
            from common import averaged

            self.network = averaged(folder, judge.build(len(judge.known())), "judge")

    def ask(self, tiles: list[np.ndarray], noun: str) -> dict[str, float]:
        """Shares of tiles whose noun is named first, and among five, of the 48 that the model knows."""
        pictures = torch.from_numpy(np.stack(tiles)).movedim(-1, 1).float() / 255
        told = {"clip": (self.clip.embed_image(pictures) @ self.texts.T).numpy()}
        if self.network is not None:
            import judge
            from silhouettes import find_object

            covers = [found.cover if found.there else None for found in map(find_object, tiles)]
            told["judge"] = np.zeros((len(tiles), KNOWN), np.float32)
            there = [n for n, cover in enumerate(covers) if cover is not None]
            known = [judge.known().index(name) for name in nouns(KNOWN)]
            if there:
                told["judge"][there] = judge.scores(self.network, [covers[n] for n in there])[:, known]
        at, answers = nouns(KNOWN).index(noun), {}
        for who, scores in told.items():
            seen = np.ptp(scores, axis=1) > 0
            place = (scores > scores[:, at : at + 1]).sum(1)
            answers[who] = float((seen & (place < 1)).mean())
            answers[f"{who}_five"] = float((seen & (place < 5)).mean())
        return answers


def reference(number: int) -> Image.Image:
    """The middle of a photograph."""
    picture = photographs()[REFERENCES[number]]
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def one_mosaic(
    model: Any, judges: Judges, number: int, seed: int, steps: int, settings: dict[str, Any], keep: Path | None
) -> dict[str, Any]:
    """What one mosaic reaches and costs."""
    picture, noun = reference(number), PROMPTS[number]
    grid = regular_grid(SIDE, SIDE, GRID, GRID)
    options = GenerateOptions(**{"steps": steps, "finish": "affine"} | settings)
    job = GenerateJob(picture, "reference", grid, [with_article(noun)] * len(grid), model, options=options, seed=seed)
    calls = {"network": 0, "decoder": 0}

    def count(name: str) -> Any:
        def hook(_: Any, given: Any, __: Any) -> None:
            calls[name] += len(given[0])

        return hook

    hooks = [
        model.unet.register_forward_hook(count("network")),
        model.vae.decoder.register_forward_hook(count("decoder")),
    ]
    with TemporaryDirectory() as name:
        folder = TileFolder(Path(name), job.identity())
        _ = job.recipe
        start = time.process_time()
        job.run(folder)
        cpu = time.process_time() - start
        tiles = [folder.read(cell_name(n)) for n in range(len(grid))]
    for hook in hooks:
        hook.remove()
    kinds = {"drawn": tiles}
    for name, least in FINISHES.items():
        maps = [affine_towards(tile, job.pictures[n], (least, MOST_GAIN)) for n, tile in enumerate(tiles)]
        kinds[name] = [apply_affine(tile, *found) for tile, found in zip(tiles, maps, strict=True)]
    found: dict[str, Any] = {
        "cpu_per_tile": cpu / len(grid),
        **{f"{key}_calls_per_tile": value / len(grid) for key, value in calls.items()},
    }
    wanted = np.asarray(picture)
    for kind, some in kinds.items():
        rows = [np.concatenate(some[n : n + GRID], 1) for n in range(0, len(some), GRID)]
        whole = np.concatenate(rows, 0)
        found[kind] = {
            "psnr": psnr(whole, wanted), "ssim": ssim(whole, wanted), "pyramid": pyramid_error(whole, wanted),
            **judges.ask(some, noun),
        }  # fmt: skip
        if keep is not None:
            keep.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(whole).save(keep.with_name(f"{keep.name}-{kind}.png"))
    return found


def interval(values: list[float]) -> str:
    """Mean and half-width of the 95 % interval."""
    mean = np.mean(values)
    if len(values) < 2:
        return f"{mean:.3g}"
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{mean:.3g} ± {half:.2g}"


def table(records: dict[str, Any], kind: str) -> Table:
    """All that was measured, a row for each setting; seeds of one reference are averaged first."""
    columns = (
        "PSNR dB",
        "SSIM",
        "E1",
        "E2",
        "E3",
        "E4",
        "noun judge",
        "five",
        "noun CLIP",
        "CPU s",
        "network",
        "decoder",
        "n",
    )
    shown = Table(title=kind)
    shown.add_column("", no_wrap=True)
    for column in columns:
        shown.add_column(column, justify="right", no_wrap=True)
    for name in (name for some in SETS.values() for name in some):
        mine = {key: value for key, value in records.items() if key.split("|")[0] == name and kind in value}
        if not mine:
            continue
        by: dict[str, list[dict[str, Any]]] = {}
        for key, value in mine.items():
            by.setdefault(key.split("|")[1], []).append(value)

        def of(read: Any) -> str:
            return interval([float(np.mean([read(one) for one in some])) for some in by.values()])  # noqa: B023

        cells = [of(lambda r: r[kind]["psnr"]), of(lambda r: r[kind]["ssim"])]
        cells += [f"{np.mean([one[kind]['pyramid'][n] for one in mine.values()]):.4f}" for n in range(4)]
        for who in ("judge", "judge_five", "clip"):
            cells.append(of(lambda r: r[kind][who]) if who in next(iter(mine.values()))[kind] else "")  # noqa: B023
        for cost in ("cpu_per_tile", "network_calls_per_tile", "decoder_calls_per_tile"):
            cells.append(f"{np.mean([one[cost] for one in mine.values()]):.3g}")
        shown.add_row(name, *cells, str(len(mine)))
    return shown


def main() -> None:
    """Runs what is missing and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--references", type=int, nargs="*", default=list(range(12)), help="their numbers, 0 to 11")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--rows", nargs="*", help="of those sets, where not all")
    parser.add_argument("--cpu", type=float, default=np.inf, help="seconds after which no other mosaic is begun")
    parser.add_argument("--json", type=Path, default=Path("build/generated-mosaic.json"))
    parser.add_argument("--images", type=Path)
    given = parser.parse_args()
    records: dict[str, Any] = json.loads(given.json.read_text()) if given.json.is_file() else {}
    judges, model = Judges(given.judge), load_model("mini", "diffusion")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    for number in given.references:
        for seed in range(given.seeds):
            for name, settings in [item for part in given.sets for item in SETS[part].items()]:
                key = f"{name}|{number}|{seed}"
                if key in records or (given.rows and name not in given.rows) or time.process_time() > given.cpu:
                    continue
                keep = None
                if given.images is not None and seed == 0:
                    keep = given.images / f"{number:02d}-{name.replace(' ', '-').replace(',', '')}"
                records[key] = one_mosaic(model, judges, number, seed, given.steps, settings, keep)
                given.json.write_text(json.dumps(records, indent=1) + "\n")
    for kind in ("drawn", *FINISHES):
        Console(width=190).print(table(records, kind))


if __name__ == "__main__":
    main()
