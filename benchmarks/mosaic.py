"""How fast and how like mosaics are: indexing, matching, drawing, peers, the paper's Match & Tone row.

    python benchmarks/mosaic.py [--tiles FOLDER] [--count 10000] [--peer-python PYTHON] [--only PART ...]

Tiles are made by benchmarks/tile_set.py where the folder has none (some minutes, 2.7 GB for 10,000). Times are CPU
seconds of this process, which a busy machine changes little, and wall seconds beside them. ``--peer-python`` is the
interpreter of an environment where phomo and photomosaic are installed; metapixel is asked if it is there. All get
the same 2,000 tiles, reference, grid and output size as this program.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment
from tile_set import make_tiles, photographs

import vertumnus as vt
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.match.auction import auction
from vertumnus.mosaic.match.search import nearest

REFERENCES = {"astronaut": 0, "cat": 3, "coffee": 4}
PARTS = ("index", "match", "draw", "exact", "memory", "tone", "peers")
PEER_TILES, PEER_GRID, PEER_CELL = 2000, 40, 50
PEER_REFERENCES = {"astronaut": 0, "cat": 3, "coffee": 4, "rocket": 15, "motorcycle": 12}
EVERYWHERE = ("vertumnus, 4 crops", "vertumnus, 4 crops, rgb", "metapixel")
console = Console(width=118)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=Path, default=Path("build/tiles"))
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-mosaic.json"))
    arguments = parser.parse_args()
    make_tiles(arguments.tiles, arguments.count)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {vt.__version__}"
    )
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        warm_up(place)
        found: dict[str, Any] = {}
        for part in arguments.only:
            if part == "peers" and arguments.peer_python is None:
                continue
            found[part] = RUN[part](arguments, place)
            console.print(table(part, found[part]))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gives, and its CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def reference(place: Path, name: str) -> Path:
    """A bundled photograph as a file."""
    path = place / f"{name}.png"
    photographs()[REFERENCES[name]].save(path)
    return path


def warm_up(place: Path) -> None:
    """Compiles or loads the kernels."""
    make_tiles(place / "few", 300, megapixels=0.05)
    mosaic = vt.make_mosaic(reference(place, "cat"), [place / "few"], grid="17x17", unique=True, tone="mean-std:0.5")
    vt.save_mosaic(mosaic, place / "warm.png", "300")


def index(arguments: argparse.Namespace, _: Path) -> dict[str, Any]:
    """Indexing all tiles anew; the goal is 4 ms a picture and core."""
    shutil.rmtree(index_place(arguments.tiles), ignore_errors=True)
    report, times = timed(lambda: vt.update_index(arguments.tiles))
    again, second = timed(lambda: vt.update_index(arguments.tiles))
    return {
        "tiles": report.tiles,
        "ms_each": 1e3 * times["cpu_s"] / report.read,
        **times,
        "again_s": second["wall_s"],
        "read_again": again.read,
    }


def match(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """100 x 100 cells, each tile once; the goal is 10 s."""
    vt.update_index(arguments.tiles)
    side = int(min(100, arguments.count**0.5))
    mosaic, times = timed(
        lambda: vt.make_mosaic(
            reference(place, "astronaut"), [arguments.tiles], grid=f"{side}x{side}", unique=True, importance="none"
        )
    )
    return {**times, "proved_gap": mosaic.made_by.report["gap"], "cells": len(mosaic.layers)}


def draw(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """8,000 x 8,000 pixels; the goal is 10 s."""
    side = int(min(100, arguments.count**0.5))
    options = {"grid": f"{side}x{side}", "max_uses": 4, "tone": "mean-std:0.5", "importance": "none"}
    mosaic = vt.make_mosaic(reference(place, "astronaut"), [arguments.tiles], **options)
    found = {}
    for name in ("a.png", "a.jpg", "a.tif", "a.dzi"):
        _, times = timed(lambda name=name: vt.save_mosaic(mosaic, place / name, "8000x8000"))
        found |= {f"{name[2:]}_{key}": value for key, value in times.items()}
    return found


def exact(_: argparse.Namespace, place: Path) -> dict[str, Any]:
    """The cost against SciPy's exact assignment, on cases small enough for it; the goal is 1.02."""
    found = {}
    for cells, tiles, uses in ((2000, 2000, 1), (2000, 2200, 1), (2000, 700, 3)):
        asked, offered = synthetic(cells, 1, 0.6), synthetic(tiles, 2)[:, None]
        result, times = timed(lambda: auction(asked, offered, nearest(asked, offered, 48), uses))  # noqa: B023
        cost = np.repeat(
            ((asked**2).sum(1)[:, None] + (offered[:, 0] ** 2).sum(1) - 2 * asked @ offered[:, 0].T), uses, 1
        )
        best = cost[linear_sum_assignment(cost)].sum(dtype=float)
        key = f"{cells} of {tiles} x {uses}"
        found |= {f"{key} ratio": float(result.cost.sum(dtype=float)) / best, f"{key} cpu_s": times["cpu_s"]}
    return found


def synthetic(count: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Features like those of photographs: few directions matter."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(0).standard_normal((8, 80))
    few = rng.standard_normal((count, 8)) * [1, 0.6, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1] * spread
    return (few @ axes * 0.1 + 0.03 * rng.standard_normal((count, 80))).astype(np.float32)


PROBE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from mosaic import synthetic
from vertumnus.mosaic.match import search
from vertumnus.mosaic.match.auction import auction
count = int(sys.argv[1])
tiles = np.lib.format.open_memmap(sys.argv[3], "w+", np.float32, (count, 1, 80))
for first in range(0, count, 5000):
    tiles[first : first + 5000, 0] = synthetic(min(5000, count - first), first)
tiles.flush()
tiles = np.load(sys.argv[3], mmap_mode="r")
cells = synthetic(5000, 1, 0.6)
search.nearest(cells[:99], tiles[:999], 48)
listed = search.nearest(cells, tiles, 48)
auction(cells, tiles, listed, 1)
# Not getrusage: what it says begins with the parent's peak.
print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024)
"""


def memory(_: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Peak memory of matching 5,000 cells, each tile once, as the library grows; megabytes."""
    found = {}
    for count in (10_000, 50_000, 200_000):
        command = [sys.executable, "-c", PROBE, str(count), str(Path(__file__).parent), str(place / "features.npy")]
        found[f"{count} tiles MB"] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def tone(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """The paper's Match & Tone: nearest tile by L2, then mean and deviation, at level 3 and 5."""
    found = {}
    for level in (3, 5):
        rows = []
        for name in REFERENCES:
            mosaic = vt.make_mosaic(
                reference(place, name), [arguments.tiles], level=level, tone="mean-std:1", **PLAIN
            )
            picture = np.asarray(vt.draw_mosaic(mosaic, *(n * 768 // 256 for n in (256, 256))))
            rows.append(
                vt.measure_likeness(picture, np.asarray(Image.open(place / f"{name}.png").resize((768, 768))))
            )
        for measure in ("psnr", "ssim"):
            found[f"level {level} {measure} at 64"] = float(np.mean([row[measure]["64"] for row in rows]))
        for k in range(4):
            found[f"level {level} pyramid {k + 1}"] = float(np.mean([row["pyramid"][k] for row in rows]))
    return found


PLAIN = {"edges": 0, "mean": 0, "min_distance": 0}
PHOTOMOSAIC = """
import sys
import photomosaic as pm
from skimage.io import imread
image = imread(sys.argv[1])
pool = pm.make_pool(sys.argv[2] + "/*.jpg")
pm.imsave(sys.argv[3], pm.basic_mosaic(pm.rescale_commensurate(image, (40, 40)), pool, (40, 40)))
"""


def peers(arguments: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Peers and this program from pictures to mosaic: 2,000 tiles, 40 x 40 cells, 2,000 pixels, no tone.

    Where tiles may be used any number of times they may lie beside each other in all programs. The second set has
    other tiles of .3 megapixels, and only the programs that are near each other are compared with it.
    """
    folders = {"": place / "peer-tiles", ", small tiles": place / "other-tiles"}
    folders[""].mkdir()
    for path in sorted(arguments.tiles.glob("*.jpg"))[:PEER_TILES]:
        (folders[""] / path.name).symlink_to(path.resolve())
    make_tiles(folders[", small tiles"], PEER_TILES, seed=1, megapixels=0.3)
    found = {}
    for among, folder in folders.items():
        for number, name in enumerate(PEER_REFERENCES):
            for who, command in peer_commands(square(place, name), folder, place, arguments.peer_python).items():
                if who in EVERYWHERE or (number == 0 and not among):
                    found[f"{name}{among}: {who}"] = peer_run(command, folder, place / f"{name}.png")
                    console.print(f"{name}{among}: {who} {found[f'{name}{among}: {who}']}")
    return found


def square(place: Path, name: str) -> Path:
    """The middle of a bundled photograph, 500 x 500, as a file without a profile."""
    picture = photographs()[PEER_REFERENCES[name]]
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    path = place / f"{name}.png"
    Image.fromarray(np.asarray(picture.resize((500, 500), box=(left, top, left + side, top + side)))).save(path)
    return path


def peer_commands(picture: Path, folder: Path, place: Path, python: Path) -> dict[str, list[str]]:
    """What to run for each program; the last word is the output."""
    size, cell = PEER_GRID * PEER_CELL, PEER_CELL
    ours = [sys.executable, "-m", "vertumnus", "mosaic", str(picture), "--tiles", str(folder), "--size", str(size)]
    ours += ["--grid", f"{PEER_GRID}x{PEER_GRID}"]
    often = [*ours, "--min-distance", "0"]
    phomo = [str(python.parent / "phomo"), str(picture), str(folder), "-s", str(size), str(size)]
    phomo += ["-S", str(cell), str(cell), "-n", "1", "-j", "1", "--greedy"]
    library = place / "library"
    metapixel = (
        f"rm -rf {library} && mkdir {library} && metapixel-prepare {folder} {library} --width=64 --height=64 &&"
        f" metapixel --metapixel --library {library} --width={cell} --height={cell} --distance=0 --scale={size / 500}"
        f" {picture} $0"
    )
    commands = {
        "vertumnus each once": [*ours, "--unique", "-o", str(place / "ours-unique.png")],
        "phomo each once": [*phomo, "-o", str(place / "phomo.png")],
        "photomosaic": [str(python), "-c", PHOTOMOSAIC, str(picture), str(folder), str(place / "pm.png")],
        "vertumnus": [*often, "-o", str(place / "ours.png")],
        "vertumnus, 4 crops": [*often, "--crops", "4", "-o", str(place / "ours-4.png")],
        "vertumnus, 4 crops, rgb": [*often, "--crops", "4", "--space", "rgb", "-o", str(place / "ours-rgb.png")],
    }
    if shutil.which("metapixel"):
        commands["metapixel"] = ["sh", "-c", metapixel, str(place / "metapixel.png")]
    return commands


def peer_run(command: list[str], folder: Path, picture: Path) -> dict[str, Any] | str:
    """Seconds and likeness of one run from nothing."""
    shutil.rmtree(index_place(folder), ignore_errors=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    output = Path(command[-1])
    if done.returncode or not output.exists():
        return "failed: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    likeness = vt.measure_likeness(np.asarray(Image.open(output).convert("RGB")), np.asarray(Image.open(picture)))
    output.unlink()
    return {
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "wall_s": round(seconds, 2),
        "psnr": [round(value, 2) for value in likeness["psnr"].values()],
        "pyramid": [round(value, 5) for value in likeness["pyramid"]],
    }


def table(part: str, found: dict[str, Any]) -> Table:
    """One part's numbers."""
    rows = Table(part, "")
    for name, value in found.items():
        rows.add_row(name, f"{value:.4g}" if isinstance(value, float) else json.dumps(value))
    return rows


RUN = {
    "index": index, "match": match, "draw": draw, "exact": exact, "memory": memory, "tone": tone, "peers": peers,
}  # fmt: skip

if __name__ == "__main__":
    main()
