"""Does a stranger name the collage? Composing measured: one table, and the same numbers as JSON.

    python benchmarks/compose.py [--pictures FOLDER] [--nouns 20] [--json FILE] [--quick] [--grid FILE]

The judge (`vertumnus.metrics.silhouette`) knows the nouns of an icon font that the prior does not: Font Awesome
judges, and the prior draws from Material Design, Phosphor, Remix and Elusive. Fonts draw many nouns unlike each
other, and a collage can be no more like the judge's drawing than the one it imitates. So the nouns are the first ones
of the vocabulary of which the judge names every drawing of the prior's among its first five; rows "as they come" are
of the first nouns that both have, whatever the judge makes of their drawings. Times are CPU seconds of one core with
compiled kernels; "ratio" is a time over that of one exact Euclidean distance transform of a 2400 x 2400 raster in the
same run.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import gallery
from pack import machine, reference_seconds

import vertumnus as vt
from vertumnus.composing.compose import ComposeJob
from vertumnus.composing.prior import PictogramPrior
from vertumnus.elements.element import Element, make_element
from vertumnus.elements.icons import draw_icon
from vertumnus.metrics.clip_scores import PriorClip
from vertumnus.metrics.silhouette import SilhouetteJudge
from vertumnus.priors import load
from vertumnus.priors.mini.vocabulary import glyphs_of, nouns, with_article

JUDGE = ("fa6", "fa5")
PRIOR = ("mdi6", "phosphor", "remix", "elusive")
COUNTS = (16, 32, 64)
Row = tuple[
    str, int, float, float, float, int | None
]  # noun, place, CPU seconds, overlap, IoU, the small CLIP's place
SIZE, LOOK = 600, 160  # pixels of the canvas, and at which the judge looks
WANTED = (64, 64)  # pixels of the prior's pictures
GOALS = {32: 0.70, 64: 0.85}


def inked(glyph: Any) -> NDArray[np.float32]:
    """An icon's ink, 0 to 1, with some ground around it."""
    return np.pad(draw_icon(glyph, 128, 128).astype(np.float32) / 255, 8)


def discs() -> list[Element]:
    """Plain discs in four colours."""
    y, x = np.mgrid[:128, :128] + 0.5
    alpha = (np.clip(63 - np.hypot(x - 64, y - 64), 0, 1) * 255).astype(np.uint8)
    made = []
    for colour in ("#d8572a", "#31572c", "#f0c33c", "#3f7d8c"):
        picture = Image.new("RGB", (128, 128), colour)
        picture.putalpha(Image.fromarray(alpha))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        made.append(make_element(stream.getvalue(), None, colour, colour))
    return made


class MiniClip:
    """The small CLIP that ships with the program, as a second judge; it looks at colours and inner edges too."""

    def __init__(self) -> None:
        weights = resources.files("vertumnus.priors.mini") / "weights" / "training.json"
        known = json.loads(weights.read_text())["clip"]["nouns"] if weights.is_file() else 0
        self.nouns = list(nouns(known)) if known else []
        if self.nouns:
            self.model = PriorClip(load("mini", "clip"))
            self.words = self.model.text_features([with_article(noun) for noun in self.nouns])

    def place(self, collage: vt.Collage, noun: str) -> int | None:
        """At which place it names the noun, from 0; None if it does not know it."""
        if noun not in self.nouns:
            return None
        picture = collage.render(scale=256 / SIZE, background="white").convert("RGB")
        likeness = self.words @ self.model.image_features([picture])[0]
        return int((likeness > likeness[self.nouns.index(noun)]).sum())


class Bench:
    """The judge, the nouns, and what was measured of one way to compose."""

    def __init__(self, count: int) -> None:
        self.judge = SilhouetteJudge((noun, inked(glyph)) for noun in nouns() for glyph in glyphs_of(noun, JUDGE))
        both = [noun for noun in nouns() if noun in self.judge.nouns and glyphs_of(noun, PRIOR)]
        self.as_they_come = both[:count]
        ranks = {noun: [self.place(inked(glyph), noun) for glyph in glyphs_of(noun, PRIOR)] for noun in both}
        drawn = [place for noun in self.as_they_come for place in ranks[noun]]
        self.own = float(np.mean([place == 0 for place in drawn])), float(np.mean([place < 5 for place in drawn]))
        self.nouns = [noun for noun in both if max(ranks[noun]) < 5][:count]
        self.prior = PictogramPrior(PRIOR)
        self.clip = MiniClip()

    def place(self, ink: NDArray[np.floating], noun: str) -> int:
        """At which place the judge names the noun, from 0."""
        if not (np.asarray(ink) > 0.5).any():
            return len(self.judge.nouns)
        return [name for name, _ in self.judge.rank(ink)].index(noun)

    def compose(
        self, elements: list[Element], noun: str, count: int, **options: Any
    ) -> tuple[vt.Collage, float, float, NDArray[np.float32]]:
        """The collage, its CPU seconds, its overlap before the strict finish, and the ink that was wanted."""
        chosen = vt.ComposeOptions(**options)
        began = time.process_time()
        job = ComposeJob(elements, noun, self.prior, (SIZE, SIZE), chosen, count)
        composition = job.composition(0)
        for _ in composition:
            pass
        seconds = time.process_time() - began
        assert composition.optimiser.canvas is not None
        over = composition.optimiser.canvas[..., 4]
        overlap = float(np.maximum(over - 1, 0).sum() / max(float(over.sum()), 1e-9))
        wanted = composition.semantic.wanted
        assert wanted is not None
        return job.collage(composition, {}), seconds, overlap, wanted

    def run(
        self, elements: list[Element], count: int, names: list[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """All nouns composed of so many pieces, and judged."""
        rows = []
        for noun in names or self.nouns:
            collage, seconds, overlap, wanted = self.compose(elements, noun, count, **options)
            ink = Image.fromarray(look(collage)[8:-8, 8:-8]).resize(WANTED, Image.Resampling.BOX)
            agreement = iou(np.asarray(ink), wanted)
            rows.append(
                (noun, self.place(look(collage), noun), seconds, overlap, agreement, self.clip.place(collage, noun))
            )
        return summary(rows)

    def packed(self, elements: list[Element], count: int) -> dict[str, Any]:
        """The same nouns packed into the true contour, the first drawing that the prior has of each."""
        rows = []
        for noun in self.nouns:
            glyph = glyphs_of(noun, PRIOR)[0]
            began = time.process_time()
            shape = f"icon:{glyph.font}.{glyph.name}"
            collage = vt.pack(elements, shape, size=SIZE, count=count)
            seconds = time.process_time() - began
            ink, mask = look(collage)[8:-8, 8:-8], vt.parse_shape(shape).mask(LOOK, LOOK)
            agreement = iou(ink, mask.astype(np.float32))
            rows.append(
                (noun, self.place(look(collage), noun), seconds, 0.0, agreement, self.clip.place(collage, noun))
            )
        return summary(rows)


def look(collage: vt.Collage) -> NDArray[np.float32]:
    """A collage's ink as the judge sees it."""
    picture = collage.render(scale=LOOK / SIZE, background="#ffffff00")
    return np.pad(np.asarray(picture.getchannel("A"), np.float32) / 255, 8)


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two inks from 0 to 1."""
    return float(np.minimum(a, b).sum() / max(float(np.maximum(a, b).sum()), 1e-9))


def summary(rows: list[Row]) -> dict[str, Any]:
    """Shares and means of rows."""
    places = np.array([place for _, place, *_ in rows])
    clip = np.array([place for *_, place in rows if place is not None])
    return {
        "top1": float((places == 0).mean()),
        "top5": float((places < 5).mean()),
        "seconds": statistics.median(seconds for _, _, seconds, *_ in rows),
        "overlap": statistics.mean(overlap for _, _, _, overlap, *_ in rows),
        "iou": statistics.mean(agreement for *_, agreement, _ in rows),
        "clip_top5": float((clip < 5).mean()) if len(clip) else None,
        "clip_nouns": len(clip),
        "missed": [noun for noun, place, *_ in rows if place >= 5],
    }


def step_growth(bench: Bench, elements: list[Element]) -> dict[str, float]:
    """Milliseconds a step for 20 and for 200 pieces."""
    found = {}
    for count in (20, 200):
        job = ComposeJob(elements, "star", bench.prior, (SIZE, SIZE), vt.ComposeOptions(strict=False), count)
        steps = iter(job.composition(0))
        for _ in range(20):
            next(steps)
        began = time.process_time()
        for _ in range(200):
            next(steps)
        found[str(count)] = (time.process_time() - began) / 200 * 1000
    return found


def picture_grid(bench: Bench, sets: dict[str, list[Element]], path: Path) -> None:
    """What some of the nouns look like, a row an element set."""
    side, shown = 220, ("butterfly", "heart", "crown", "fish", "umbrella", "cat")
    grid = Image.new("RGB", (side * len(shown), side * len(sets)), "white")
    for row, elements in enumerate(sets.values()):
        for column, noun in enumerate(shown):
            job = ComposeJob(elements, noun, PictogramPrior(), (SIZE, SIZE), vt.ComposeOptions(), 48)
            composition = job.composition(1)
            for _ in composition:
                pass
            picture = job.collage(composition, {}).render(scale=side / SIZE, background="white")
            grid.paste(picture.convert("RGB"), (column * side, row * side))
    grid.save(path)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of cut-outs, as one more element set")
    parser.add_argument("--nouns", type=int, default=20)
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-compose.json"))
    parser.add_argument("--quick", action="store_true", help="icons alone, without the ablation")
    parser.add_argument("--grid", type=Path, help="write a grid of pictures there")
    arguments = parser.parse_args()
    console = Console()
    bench = Bench(arguments.nouns)
    reference = reference_seconds()
    sets = {"icons": gallery.ALL, "discs": discs()}
    if arguments.pictures:
        sets["cut-outs"] = vt.collect([arguments.pictures]).elements
    console.print(f"{machine()}; the judge knows {len(bench.judge.nouns)} nouns")
    console.print(f"of the prior's own drawings of nouns as they come it has {bench.own[0]:.0%} first")
    console.print(f"and {bench.own[1]:.0%} among five")
    results: dict[str, Any] = {}
    bench.compose(sets["icons"], "star", 16, iterations=30)  # compiles
    for name, elements in sets.items():
        for count in COUNTS:
            results[f"{name}, {count}"] = bench.run(elements, count)
            console.print(f"  {name}, {count}: {results[f'{name}, {count}']}")
        if arguments.quick:
            break
    results["32 icons packed into the contour"] = bench.packed(gallery.ALL, 32)
    for count in (32, 64):
        results[f"{count} icons, nouns as they come"] = bench.run(gallery.ALL, count, bench.as_they_come)
    if not arguments.quick:
        for name, options in {
            "without geometry": {"loss": {"geometry": 0}},
            "without overlap": {"loss": {"overlap": 0}},
            "full": {},
            "SDS instead of VSD": {"method": "sds"},
            "without relocation": {"relocate": False},
            "without reach": {"reach": (0, 0)},
            "kernel of 1 px": {"splat": 1.0, "reach": (0, 0)},
            "kernel of 2 px": {"splat": 2.0, "reach": (0, 0)},
        }.items():
            results[f"32 icons {name}"] = bench.run(gallery.ALL, 32, strict=False, **options)
            console.print(f"  32 icons {name}: {results[f'32 icons {name}']}")
    table = Table("", "top 1", "top 5", "mini CLIP, top 5", "IoU", "CPU s", "ratio", "overlap", "goal")
    for name, row in results.items():
        goal = next((f"top 5 {share}" for count, share in GOALS.items() if name.endswith(f", {count}")), "")
        clip = "" if row["clip_top5"] is None else f"{row['clip_top5']:.2f} of {row['clip_nouns']}"
        numbers = [
            row["top1"],
            row["top5"],
            clip,
            row["iou"],
            row["seconds"],
            row["seconds"] / reference,
            row["overlap"],
        ]
        table.add_row(name, *(cell if isinstance(cell, str) else f"{cell:.2f}" for cell in numbers), goal)
    console.print(table)
    steps = step_growth(bench, gallery.ALL)
    console.print(f"a step: {steps['20']:.2f} ms for 20 pieces, {steps['200']:.2f} for 200,"
                  f" {steps['200'] / steps['20']:.1f} times that")  # fmt: skip
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(
        json.dumps(
            {
                "machine": machine(),
                "judge_nouns": len(bench.judge.nouns),
                "own": bench.own,
                "nouns": bench.nouns,
                "as_they_come": bench.as_they_come,
                "results": results,
                "step_ms": steps,
            },
            indent=1,
        )
    )
    if arguments.grid:
        picture_grid(bench, sets, arguments.grid)


if __name__ == "__main__":
    main()
