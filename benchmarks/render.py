"""How near pictures are to what they show, and how fast and in how little memory a large one is drawn.

    python benchmarks/render.py [--pictures FOLDER] [--seeds 2] [--layers 10000] [--side 8000] [--json FILE]

Nearness: collages of 600 x 600 pixels of icons, of photographs (scikit-image's, cut into 24) and of the pictures of
a folder, drawn at 1:1 and at half the size, and compared with the same collage drawn eight times as large and reduced
by the mean of 8 x 8, or 16 x 16; the mean difference of 255, on white, of the pixels that are not white. Then a large
collage, packed first, is drawn to a PNG by a program of its own; its wall and CPU seconds and peak memory are as the
operating system counts them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

import vertumnus as vt

LARGE = 8  # times
SCALES = (1.0, 0.5)
ICONS = "icon:apple,lemon,leaf,cat,dog,bird,star,heart,fish,carrot,bell,tree,key,moon,rocket,snail"


def photographs(folder: Path) -> Path:
    """Twenty-four parts of photographs, some 300 pixels long."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    whole = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    for n in range(24):
        of = whole[n % 4]
        height, width = (240, 320) if n % 3 else (300, 225)
        top, left = rng.integers(0, of.shape[0] - height + 1), rng.integers(0, of.shape[1] - width + 1)
        Image.fromarray(of[top : top + height, left : left + width]).save(folder / f"{n}.png")
    return folder


def away(collage: vt.Collage) -> list[tuple[float, float, float]]:
    """Scale, mean difference, of 255, from the large picture reduced, and the CPU seconds of the picture."""
    whole = collage.render(LARGE, background="white").convert("RGB")
    found = []
    for scale in SCALES:
        took = []
        for _ in range(3):
            began = time.process_time()
            shown = collage.render(scale, background="white")
            took.append(time.process_time() - began)
        large = np.asarray(whole.reduce(round(LARGE / scale)), float)
        drawn = (large < 254).any(axis=-1)
        difference = np.abs(np.asarray(shown.convert("RGB"), float) - large)[drawn].mean()
        found.append((scale, float(difference), min(took)))
    return found


def nearness(given: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """A row a collage."""
    kinds = {"icons": (ICONS, 100, "free"), "photographs": (photographs(folder / "photographs"), 60, "free")}
    kinds["photographs, upright"] = (folder / "photographs", 60, "none")
    if given.pictures:
        kinds["pictures"] = (given.pictures, 100, "free")
    rows: list[dict[str, object]] = []
    for kind, (source, count, rotation) in kinds.items():
        for seed in range(given.seeds):
            made = vt.pack(str(source), "heart", count=count, size=600, seed=seed, quality="fast", rotation=rotation)
            for scale, difference, seconds in away(made):
                rows.append({"kind": kind, "scale": scale, "seed": seed, "away": difference, "cpu": seconds})
    return rows


def large(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Packs so many icons, and has another program draw them."""
    collage = vt.pack(ICONS, "square", count=given.layers, size=2400, seed=0, quality="fast")
    path = folder / "large.collage"
    collage.save(path)
    scale = given.side / collage.width
    command = [sys.executable, "-m", "vertumnus", "render", str(path), "-o", str(folder / "large.png")]
    subprocess.run([*command, "--scale", "0.1"], check=True)  # kernels are compiled
    began = time.monotonic()
    drawing = subprocess.Popen([*command, "--scale", str(scale)])
    _, status, used = os.wait4(drawing.pid, 0)
    wall = time.monotonic() - began
    if status:
        raise SystemExit("the large picture was not drawn")
    return {
        "layers": len(collage.layers),
        "side": Image.open(folder / "large.png").width,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "memory_mb": used.ru_maxrss / 1024,
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of pictures, besides")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--layers", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=8_000, help="of the large picture, pixels")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-render.json"))
    given = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as made:
        found = {"nearness": nearness(given, Path(made)), "large": large(given, Path(made))}
    table = Table("", "scale", "seed", "of 255 from the large one", "CPU s")
    for row in found["nearness"]:
        table.add_row(row["kind"], f"{row['scale']:g}", str(row["seed"]), f"{row['away']:.2f}", f"{row['cpu']:.3f}")
    console = Console(width=118)
    console.print(table)
    console.print(
        "{layers:,} layers at {side:,} px: {wall:.1f} s wall, {cpu:.1f} s CPU, {memory_mb:.0f} MB".format(
            **found["large"]
        )
    )
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
