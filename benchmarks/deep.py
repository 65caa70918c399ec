"""What a classifier's features add to colour: in matching tiles to cells, and in rebuilding a photograph from pieces.

    python benchmarks/deep.py [--cells 24x24] [--steps 120] [--keep FOLDER]

Mosaics of scikit-image's pictures from 600 crops of the others; and 300 shaded leaves and stones of free colours
that rebuild them, with and without a weight on the distance of features. EfficientNet-Lite0 matches and guides. Told
are PSNR and SSIM at 128 pixels, and the distance from the reference of the features that Lite2 sees, which has no
part in either: smaller is more alike. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from clip import drawn_patches  # the leaves and stones of the benchmark beside this one
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

import vertumnus as vt
from vertumnus.metrics.likeness import measure_likeness
from vertumnus.models.classifier import Classifier

NAMES = ("chelsea", "astronaut", "coffee", "rocket")

WAYS: dict[str, dict] = {"colour": {}, "deep": {"features": "deep"}, "deep 4": {"features": "deep", "deep": 4.0}}


def square(name: str) -> Image.Image:
    """The middle of a picture of scikit-image's, 448 pixels a side."""
    picture = Image.fromarray(getattr(data, name)()).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side)).resize((448, 448), Image.Resampling.LANCZOS)


def crops(folder: Path, but: str, count: int = 600) -> Path:
    """Tiles: random squares of all pictures but one."""
    if folder.is_dir():
        return folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pictures = [square(name) for name in NAMES if name != but]
    for n in range(count):
        picture, side = pictures[n % len(pictures)], int(rng.integers(24, 160))
        left, top = (int(rng.integers(0, 448 - side)) for _ in range(2))
        picture.crop((left, top, left + side, top + side)).resize((64, 64)).save(folder / f"{n}.png")
    return folder


def told(judge: Classifier, shown: Image.Image, reference: Image.Image) -> tuple[float, float, float]:
    """PSNR, SSIM, and how far apart the judge's features are."""
    found = measure_likeness(np.asarray(shown.convert("RGB")), np.asarray(reference))
    side = judge.resolution
    tensors = [
        torch.from_numpy(np.array(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)))
        .permute(2, 0, 1)[None]
        .float()
        / 255
        for picture in (shown, reference)
    ]
    with torch.no_grad():
        apart = float(judge.distance(tensors[0], judge.features(tensors[1]))[0])
    return found["psnr"]["128"], found["ssim"]["128"], apart


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="24x24")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--keep", type=Path, default=Path("deep-benchmark"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    judge, rows = Classifier.load("lite2"), []
    leaves = given.keep / "drawn"
    if not leaves.is_dir():
        drawn_patches(leaves)
    for name in NAMES:
        file = given.keep / f"{name}.png"
        reference = square(name)
        reference.save(file)
        tiles = crops(given.keep / f"without-{name}", name)
        for way, more in (
            ("colour", {}),
            ("deep", {"features": "deep"}),
            ("deep 4", {"features": "deep", "deep": 4.0}),
        ):
            began = time.process_time()
            made = vt.make_mosaic(file, tiles, grid=given.cells, size=448, index=given.keep / "index", **more)
            took = time.process_time() - began
            shown = made.render()
            shown.save(given.keep / f"mosaic-{name}-{way}.png")
            rows.append((f"mosaic, {way}", name, *told(judge, shown, reference), took))
        for way, deep in (("colour", 0.0), ("deep 0.003", 0.003), ("deep 0.03", 0.03)):
            began = time.process_time()
            made = vt.compose(str(leaves), like=file, size=448, count=300, iterations=given.steps, deep=deep)
            took = time.process_time() - began
            shown = made.render(background=made.background)
            shown.save(given.keep / f"photo-{name}-{way}.png")
            rows.append((f"photo, {way}", name, *told(judge, shown, reference), took))
        print(*rows[-6:], sep="\n", flush=True)
    table = Table(title="means over scikit-image's pictures")
    for column in ("", "PSNR", "SSIM", "Lite2's distance", "CPU s"):
        table.add_column(column, justify="right")
    for way in dict.fromkeys(row[0] for row in rows):
        found = np.array([row[2:] for row in rows if row[0] == way]).mean(0)
        table.add_row(way, f"{found[0]:.2f}", f"{found[1]:.3f}", f"{found[2]:.4f}", f"{found[3]:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
