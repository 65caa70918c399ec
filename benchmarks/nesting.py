"""How tightly pieces of given sizes are packed, beside sparrow, on the same outlines and in the same run.

    python benchmarks/nesting.py [--pictures FOLDER --letter FILE] [--rows "equal;Zipf"] [--seeds 5]
                                 [--quality normal] [--sparrow SECONDS] [--json FILE]

Each row is 100 pieces unless it says otherwise. Density is the pieces' own area over the container's; overlap and
spill are counted anew from the finished document by `vertumnus measure`. Times are CPU seconds of one core after the
kernels are compiled. sparrow (PyPI: spyrrow, in the extra `dev`) packs the same outlines, simplified to 1.5 units of
100 to the root of a piece's area, with free rotation into a strip of height sqrt(100 x 10,000 / .7); its density
is by the same true areas. What was measured is kept in the JSON after each run, so a run that is cut short goes on
where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pack import drawn_pieces, machine, photo_of
from rich.console import Console
from rich.table import Table
from skimage.measure import approximate_polygon, find_contours

import vertumnus as vt
from vertumnus.elements.collect import collect
from vertumnus.elements.element import Element
from vertumnus.metrics.packing import measure_packing
from vertumnus.packing.pack import live_pack
from vertumnus.shapes import parse_shape

RECTANGLE = (640, 535)
SQUARE = (600, 600)
SIMPLIFIED = 1.5  # of 100 units to the root of a piece's area
GOALS = {
    "rectangle, equal cut-outs": ".59 in 8 s, .61 in 45 s",
    "letter S, equal cut-outs": ".60 in 8 s",
    "rectangle, Zipf 30 : 1": ".64 in 5 s, .66 in 12 s",
    "letter S, Zipf 30 : 1": ".63 in 5 s",
    "rectangle, photographs upright": ".92 in 4 s",
    "rectangle, photographs free": ".89 in 4 s",
    "heart, photographs upright": ".82 in 4 s",
    "heart, photographs free": ".86 in 4 s",
    "letter S, free sizes": ".80 in 4 s, .82 in 15 s",
}


def rows(cut_outs: list[Element], letter: str) -> dict[str, tuple[list[Element], str, tuple[int, int], dict]]:
    """Elements, shape, canvas and options of each row."""
    zipf = [e.weighted(max(1 / (n + 1), 1 / 30)) for n, e in enumerate(cut_outs)]
    photographs = [photo_of(80, 60) if n % 2 else photo_of(60, 80) for n in range(100)]
    given = {"sizes": "proportional"}
    return {
        "rectangle, equal cut-outs": (cut_outs, "canvas", RECTANGLE, given),
        "letter S, equal cut-outs": (cut_outs, letter, SQUARE, given),
        "rectangle, Zipf 30 : 1": (zipf, "canvas", RECTANGLE, given),
        "letter S, Zipf 30 : 1": (zipf, letter, SQUARE, given),
        "rectangle, photographs upright": (photographs, "canvas", RECTANGLE, {**given, "rotation": "none"}),
        "rectangle, photographs free": (photographs, "canvas", RECTANGLE, {**given, "rotation": "free"}),
        "heart, photographs upright": (photographs, "heart", SQUARE, {**given, "rotation": "none"}),
        "heart, photographs free": (photographs, "heart", SQUARE, {**given, "rotation": "free"}),
        "rectangle, gap 4": (cut_outs, "canvas", RECTANGLE, {**given, "gap": 4.0}),
        "rectangle, within 15 degrees": (cut_outs, "canvas", RECTANGLE, {**given, "rotation": 15.0}),
        "rectangle, 10 locked": (cut_outs, "canvas", RECTANGLE, {**given, "locked": 10}),
        "rectangle with a hole": (cut_outs, "canvas", RECTANGLE, {**given, "block": ["icon:star"]}),
        "rectangle, 20 pieces": (cut_outs, "canvas", RECTANGLE, {**given, "count": 20}),
        "rectangle, 1,000 pieces": (cut_outs, "canvas", RECTANGLE, {**given, "count": 1000}),
        "letter S, free sizes": (cut_outs, letter, SQUARE, {}),
        "letter S, sizes .5 to 1.5": (cut_outs, letter, SQUARE, {"size_range": (0.5, 1.5)}),
        "letter S, free sizes, 100,000 pieces, 2,400 px": (cut_outs, letter, (2400, 2400), {"count": 100_000}),
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of cut-outs; icons by default")
    parser.add_argument("--letter", default="text:S")
    parser.add_argument("--rows", default="", help="names or parts of names, separated by semicolons")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--sparrow", type=int, default=0, help="seconds that sparrow is given; 0 leaves it out")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-nesting.json"))
    arguments = parser.parse_args()
    cut_outs = collect([arguments.pictures]).elements if arguments.pictures else drawn_pieces()
    known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {"machine": machine(), "runs": {}}
    wanted = [part.strip() for part in arguments.rows.split(";") if part.strip()]
    known_rows = rows(cut_outs, arguments.letter)
    chosen = {
        name: row
        for name, row in known_rows.items()
        if not wanted or any(part == name or (part in name and part not in known_rows) for part in wanted)
    }
    console = Console(width=118)
    warm = False
    for seed in range(arguments.seeds):
        for name, row in chosen.items():
            key = f"{name} | {arguments.quality} | {seed}"
            if key not in known["runs"]:
                if not warm:
                    warm_up(cut_outs)
                    warm = True
                known["runs"][key] = measured(*row, seed=seed, quality=arguments.quality)
                keep(known, arguments.json)
                console.print(f"  {key}: {known['runs'][key]}")
            if arguments.sparrow and name in ("rectangle, equal cut-outs", "rectangle, Zipf 30 : 1"):
                key = f"{name} | sparrow {arguments.sparrow} s | {seed}"
                if key not in known["runs"]:
                    known["runs"][key] = sparrow(row[0], arguments.sparrow, seed)
                    keep(known, arguments.json)
                    console.print(f"  {key}: {known['runs'][key]}")
    console.print(table(known["runs"]))


def keep(known: dict, path: Path) -> None:
    """Writes what is known so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1) + "\n")


def warm_up(elements: list[Element]) -> None:
    """Compiles or loads every kernel."""
    for options in ({"sizes": "proportional"}, {"size_range": (0.5, 1.5)}, {}):
        vt.pack(elements[:20], "canvas", size=(160, 120), quality="fast", **options)


def measured(
    elements: list[Element], shape: str, size: tuple[int, int], options: dict, seed: int, quality: str
) -> dict[str, float]:
    """One run, counted anew from its document."""
    options = dict(options)
    block, locked = options.pop("block", []), options.pop("locked", 0)
    start = None
    if locked:
        start = vt.pack(elements, shape, size=size, seed=seed, quality="fast", **options)
        for layer in start.layers[:locked]:
            layer.locked = True
    began = time.process_time()
    live = live_pack(
        elements if start is None else (), shape, size=size, seed=seed, block=block, start=start, quality=quality,
        **options,
    ).run()  # fmt: skip
    seconds = time.process_time() - began
    collage = live.document()
    measure = measure_packing(collage, parse_shape(shape, block=block))
    return {
        "seconds": round(seconds, 2),
        "density": round(measure.coverage, 4),
        "overlap": measure.overlap,
        "spill": measure.spill,
        "unplaced": len(collage.made_by.report["unplaced"]),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def outline(element: Element) -> list[tuple[float, float]]:
    """The silhouette's outer boundary, 100 units to the root of its area, simplified."""
    mask = np.pad(element.alpha > 127, 1).astype(float)
    unit = math.sqrt(np.count_nonzero(element.alpha > 127))
    longest = max(find_contours(mask, 0.5), key=len) * 100 / unit
    simple = approximate_polygon(longest, SIMPLIFIED)
    return [(float(x), float(y)) for y, x in simple[:-1]]


def sparrow(elements: Sequence[Element], seconds: int, seed: int) -> dict[str, float]:
    """The same pieces by sparrow: CPU seconds and density by true area."""
    import spyrrow

    weight = np.array([e.weight for e in elements])
    side = np.sqrt(weight / weight.mean())
    items = [
        spyrrow.Item(str(n), [(x * s, y * s) for x, y in outline(e)], 1, None)
        for n, (e, s) in enumerate(zip(elements, side, strict=True))
    ]
    instance = spyrrow.StripPackingInstance("pieces", math.sqrt(len(items) * 10_000 / 0.7), items)
    config = spyrrow.StripPackingConfig(
        early_termination=False, total_computation_time=seconds, num_workers=1, seed=seed
    )
    began = time.process_time()
    found = instance.solve(config)
    used = time.process_time() - began
    return {
        "seconds": round(used, 2),
        "density": round(len(items) * 10_000 / (found.width * instance.strip_height), 4),
    }


def table(runs: dict[str, dict[str, float]]) -> Table:
    """Medians over seeds."""
    shown = Table("100 pieces", "how", "seeds", "CPU s", "density", "least", "overlap", "spill", "unplaced", "goal")
    grouped: dict[tuple[str, str], list[dict[str, float]]] = {}
    for key, run in runs.items():
        name, how, _ = key.split(" | ")
        grouped.setdefault((name, how), []).append(run)
    for (name, how), found in grouped.items():
        density = [run["density"] for run in found]
        shown.add_row(
            name,
            how,
            str(len(found)),
            f"{statistics.median(run['seconds'] for run in found):.1f}",
            f"{statistics.median(density):.3f}",
            f"{min(density):.3f}",
            *(f"{max(run.get(what, 0) for run in found):.2g}" for what in ("overlap", "spill", "unplaced")),
            GOALS.get(name, ""),
        )
    return shown


if __name__ == "__main__":
    main()
