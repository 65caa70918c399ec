"""How fast and how full packing is: one table, and the same numbers as JSON.

    python benchmarks/pack.py [--pictures FOLDER --shape FILE] [--seeds 5] [--json FILE] [--quick]

Without pictures of your own it packs icons that come with the program into the letter S. Times are CPU seconds of
one core after the kernels are compiled and the pictures prepared; "ratio" is a time over that of one exact
Euclidean distance transform of a 2400 x 2400 raster by SciPy in the same run, which says how fast the machine was.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy import ndimage

import vertumnus as vt
from vertumnus.elements.collect import collect
from vertumnus.elements.element import Element, make_element
from vertumnus.elements.icons import icon_element
from vertumnus.packing.objective import PackingGuidance
from vertumnus.packing.pack import live_pack
from vertumnus.render.coverage import CoverageRenderer
from vertumnus.render.placements import Placements
from vertumnus.shapes import Shape, parse_shape

SIZE = 600
ICONS = """
anchor apple bat bell bell-concierge bird bone book bread-slice bug butterfly cactus cake camera carrot cat chair
cheese chess-knight chess-rook cloud clover corn couch crow crown dice dog dove dragon drum egg elephant envelope
feather fish flask flower flower-tulip frog fruit-cherries fruit-pear fruit-pineapple fruit-watermelon gem ghost gift
guitar hammer hand hat-cowboy heart hippo horse house jar key kiwi-bird lemon lightbulb moon mosquito mountain mug-hot
mushroom music otter palette paw peanut lotion pencil pepper-hot pig-variant piggy-bank plane pumpkin robot rocket
scissors seedling shield shirt shoe skull snail snowflake snowman spider spoon star sun teddy tent tooth tree trophy
truck turtle umbrella wheat-awn wrench
"""

# Goals on the pictures the published program comes with: (seconds, coverage).
GOALS = {"100": (1.5, 0.75), "100 high": (4.0, 0.77), "1000": (7.0, 0.74), "10000": (15.0, 0.70)}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to pack")
    parser.add_argument("--shape", default=None, help="the shape to fill; the letter S by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-pack.json"))
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("--ablation", action="store_true", help="what each part of the method contributes, instead")
    arguments = parser.parse_args()
    elements = collect([arguments.pictures]).elements if arguments.pictures else drawn_pieces()
    shape = parse_shape(arguments.shape or "text:S")
    reference = reference_seconds()
    console = Console(width=118)
    console.print(f"{machine()}; {len(elements)} pictures; reference {reference * 1e3:.0f} ms")

    warm_up(elements, shape)
    results: dict[str, dict[str, float]] = {}
    rows = ablation(elements, shape) if arguments.ablation else cases(elements, shape, arguments.quick)
    for name, case in rows.items():
        results[name] = measured(*case, seeds=arguments.seeds, reference=reference)
        console.print(f"  {name}: {results[name]['seconds']:.2f} s, coverage {results[name]['coverage']:.3f}")
    console.print(packing_table(results, bool(arguments.pictures)))
    if arguments.ablation:
        return
    iterations = iteration_times(elements, shape, arguments.quick)
    start = cold_start(arguments.pictures, arguments.shape)
    console.print(iteration_table(iterations))
    console.print(f"cold start of the command, kernels kept: {start:.2f} s before the first iteration")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "machine": machine(),
        "reference_seconds": reference,
        "packing": results,
        "iteration_ms": iterations,
        "cold_start_seconds": start,
    }
    arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    console.print(str(arguments.json))


def machine() -> str:
    """The processor's name, as far as the system tells, and the versions that matter."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()
    return f"{processor}, Python {platform.python_version()}, vertumnus {vt.__version__}"


def drawn_pieces() -> list[Element]:
    """A hundred icons."""
    return [icon_element(name) for name in ICONS.split()]


def reference_seconds() -> float:
    """The median time of one distance transform."""
    mask = np.ones((2400, 2400), bool)
    mask[1200, 1200] = False
    times = []
    for _ in range(5):
        began = time.process_time()
        ndimage.distance_transform_edt(mask)
        times.append(time.process_time() - began)
    return statistics.median(times)


Case = tuple[list[Element], Shape, int, dict[str, object]]


def cases(elements: list[Element], shape: Shape, quick: bool) -> dict[str, Case]:
    """Elements, shape, pieces and options of each row."""
    photos = [photo(seed) for seed in range(40)]
    rows: dict[str, Case] = {
        "100": (elements, shape, 100, {}),
        "100 high": (elements, shape, 100, {"quality": "high"}),
        "1000": (elements, shape, 1000, {}),
        "10000": (elements, shape, 10000, {}),
        "letter Q, 100": (elements, parse_shape("text:Q"), 100, {}),
        "butterfly, 100": (elements, parse_shape("icon:butterfly"), 100, {}),
        "photographs, 100": (photos, parse_shape("heart"), 100, {"rotation": 15.0}),
        "100 fast": (elements, shape, 100, {"quality": "fast"}),
        "100 within 30 degrees": (elements, shape, 100, {"rotation": 30.0}),
        "100 proportional": (elements, shape, 100, {"sizes": "proportional"}),
    }
    return {name: rows[name] for name in ("100", "100 fast")} if quick else rows


def ablation(elements: list[Element], shape: Shape) -> dict[str, Case]:
    """A hundred pieces, one thing changed at a time."""
    changes: dict[str, dict[str, object]] = {
        "as it is": {},
        "no noise": {"noise": 0.0},
        "no relocation": {"relocate": False},
        "neither": {"noise": 0.0, "relocate": False},
        "start at random": {"init": "random"},
        "start on the medial axis": {"init": "medial-axis"},
        "uniformity 0.1": {"loss": vt.LossWeights(uniformity=0.1)},
        "flips allowed": {"flip": True},
        "upright": {"rotation": "none"},
        "sizes 0.02 to 4": {"size_range": (0.02, 4.0)},
        "sizes 0.2 to 3": {"size_range": (0.2, 3.0)},
        "sizes 0.3 to 2": {"size_range": (0.3, 2.0)},
        "sizes 0.5 to 1.5": {"size_range": (0.5, 1.5)},
        "overlap allowed": {"overlap": "allow"},
    }
    return {name: (elements, shape, 100, options) for name, options in changes.items()}


def photo(seed: int) -> Element:
    """A rectangle of a usual photograph's aspect."""
    rng = np.random.default_rng(seed)
    width, height = [(60, 40), (40, 60), (64, 48), (48, 64), (80, 45), (50, 50)][seed % 6]
    return photo_of(width, height, tuple(rng.integers(0, 256, 3)), f"photo{seed}")


def photo_of(width: int, height: int, colour: tuple[int, ...] = (90, 90, 90), name: str = "photo") -> Element:
    """A rectangle of one colour."""
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :3] = colour
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return make_element(buffer.getvalue(), None, name, name)


def warm_up(elements: list[Element], shape: Shape) -> None:
    """Compiles or loads every kernel the cases use."""
    for options in ({}, {"sizes": "proportional"}):
        live_pack(elements, shape, size=SIZE, count=40, quality="fast", **options).run()


def measured(
    elements: list[Element], shape: Shape, pieces: int, options: dict[str, object], seeds: int, reference: float
) -> dict[str, float]:
    """Medians over seeds of CPU seconds and of what the layouts reach."""
    rows = []
    for seed in range(seeds):
        began = time.process_time()
        live = live_pack(elements, shape, size=SIZE, seed=seed, count=pieces, **options).run()
        reached = live.measure()
        seconds = time.process_time() - began
        unplaced = sum(place is None for place in live.layout())
        rows.append({"seconds": seconds, **reached._asdict(), "unplaced": unplaced})
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    found["coverage_least"] = min(row["coverage"] for row in rows)
    found["overlap"], found["spill"] = (max(row[name] for row in rows) for name in ("overlap", "spill"))
    found["ratio"] = found["seconds"] / reference
    return found


def iteration_times(elements: list[Element], shape: Shape, quick: bool) -> dict[str, float]:
    """Milliseconds of one iteration (forward, loss, backward) on a packed layout at SIZE pixels."""
    found = {}
    for pieces in (100, 1000) if quick else (100, 1000, 10000):
        live = live_pack(elements, shape, size=SIZE, count=pieces, quality="fast").run()
        problem, layout = live.problem, live.layout()
        kept = [n for n, place in enumerate(layout) if place is not None]
        placements = Placements.of(
            [place for place in layout if place is not None], [int(problem.pieces[n]) for n in kept]
        )
        across = np.sqrt(problem.area / pieces)
        textures = problem.textures.reduced() if across < 12 else problem.textures
        renderer = CoverageRenderer(textures, SIZE, SIZE)
        guidance = PackingGuidance(problem.target(1.0), vt.LossWeights())
        times = []
        for _ in range(30):
            began = time.process_time()
            _, grad = guidance(renderer.forward(placements), 0.5)
            renderer.backward(grad)
            times.append(time.process_time() - began)
        found[str(pieces)] = statistics.median(times) * 1e3
    return found


PROBE = """
import sys, time
began = time.perf_counter()
import vertumnus.packing.run as run
from vertumnus.cli.app import run as command
class Reached(BaseException): pass
def reached(self):
    raise Reached
run.Packing.__iter__ = reached
try:
    command(sys.argv[1:])
except Reached:
    print(time.perf_counter() - began)
"""


def cold_start(pictures: Path | None, shape: str | None) -> float:
    """Seconds from the start of a new process to the first iteration, best of three."""
    sources = [str(pictures)] if pictures else ["icon:" + ",".join(ICONS.split())]
    out = Path("build") / "unused.collage"
    out.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-c", PROBE, "pack", *sources, "--shape", shape or "text:S", "-o", str(out)]
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def packing_table(results: dict[str, dict[str, float]], published: bool) -> Table:
    """The rows of packing; beside them what was to be reached on the published pictures."""
    table = Table("pieces", "CPU s", "ratio", "coverage", "least", "overlap", "spill", "area CV", "unplaced", "goal")
    for name, row in results.items():
        goal = GOALS.get(name) if published else None
        table.add_row(
            name,
            f"{row['seconds']:.2f}",
            f"{row['ratio']:.1f}",
            f"{row['coverage']:.3f}",
            f"{row['coverage_least']:.3f}",
            f"{row['overlap']:.4f}",
            f"{row['spill']:.4f}",
            f"{row['area_cv']:.2f}",
            f"{row['unplaced']:.0f}",
            f"{goal[0]} s, {goal[1]}" if goal else "",
        )
    return table


def iteration_table(iterations: dict[str, float]) -> Table:
    """Milliseconds an iteration, and how they grow."""
    table = Table("pieces", f"ms an iteration at {SIZE} px", "times that of 100")
    for pieces, milliseconds in iterations.items():
        table.add_row(pieces, f"{milliseconds:.2f}", f"{milliseconds / iterations['100']:.1f}")
    return table


if __name__ == "__main__":
    main()
