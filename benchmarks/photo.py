"""How well pieces rebuild photographs, how fast, and what more pieces cost.

    python benchmarks/photo.py [--patches FOLDER] [--pictures 5] [--side 512] [--count 1000] [--steps 500]
                               [--json FILE] [--keep FOLDER]

White dots and ellipses of free colour, as DiffBMP (arXiv 2602.22625) places bitmap primitives, and patches of a
folder, on five of scikit-image's pictures, squares of their middles. PSNR and SSIM are of the final picture against
the photograph at the same size. DiffBMP's own figures are of other photographs, primitives and a GPU, so they are no
row here. Growth is the CPU time of a step with 100, 500 and 2,000 pieces on one canvas. Times are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import vertumnus as vt
from vertumnus.composing.compose import live_compose
from vertumnus.guidance.photo import cropped

PICTURES = ("chelsea", "astronaut", "coffee", "rocket", "camera")


def dots(folder: Path) -> Path:
    """A dot and two ellipses, white."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:96, :96] / 47.5 - 1
    for n, narrow in enumerate((1.0, 0.6, 0.35)):
        ink = np.clip((1 - np.hypot(x, y / narrow)) * 12, 0, 1)
        pixels = np.dstack([np.full((96, 96, 3), 255, np.uint8), (ink * 255).astype(np.uint8)])
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def rebuilt(patches: Path, photo: Path, given, count: int, steps: int, **more) -> tuple[vt.Collage, float, float]:
    """The collage, and CPU seconds of all and of a step."""
    began = time.process_time()
    live = live_compose(
        str(patches),
        like=photo,
        size=given.side,
        count=count,
        iterations=steps,
        resolution=given.side,
        seed=0,
        **more,
    )
    ready = time.process_time()
    live.run()
    done = time.process_time()
    return live.document(), done - began, (done - ready) / steps


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=Path)
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES), choices=PICTURES)
    parser.add_argument("--only", nargs="+", default=[], help="cases")
    parser.add_argument("--no-growth", action="store_true")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("photo-benchmark"))
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    white = dots(given.keep / "dots")
    cases = {
        "dots": (white, {"gain": (0.0, 1.0)}),
        "dots, squeezed": (white, {"gain": (0.0, 1.0), "squeeze": (0.4, 2.5)}),
        "dots, random start": (white, {"gain": (0.0, 1.0), "initial": "random"}),
    }
    if given.patches:
        cases |= {
            "patches, free colours": (given.patches, {}),
            "patches, own colours": (given.patches, {"colour": "own"}),
        }
    rebuilt(white, _photo("chelsea", given), given, 20, 3, gain=(0.0, 1.0))  # kernels are compiled
    table = Table(title=f"{given.count:,} pieces, {given.side} px, {given.steps} steps")
    for column in ("pieces", "photograph", "PSNR", "SSIM", "CPU s"):
        table.add_column(column, justify="right")
    numbers: dict[str, object] = {}
    for name, (patches, more) in cases.items():
        if given.only and name not in given.only:
            continue
        for picture in given.pictures:
            photo = _photo(picture, given)
            collage, seconds, _ = rebuilt(patches, photo, given, given.count, given.steps, **more)
            drawn = collage.render().convert("RGB")
            drawn.save(given.keep / f"{name.replace(' ', '-').replace(',', '')}-{picture}.png")
            reference, found = np.asarray(Image.open(photo)), np.asarray(drawn)
            psnr = float(peak_signal_noise_ratio(reference, found))
            ssim = float(structural_similarity(reference, found, channel_axis=-1))
            numbers[f"{name}, {picture}"] = {"psnr": psnr, "ssim": ssim, "seconds": seconds}
            table.add_row(name, picture, f"{psnr:.2f}", f"{ssim:.3f}", f"{seconds:.1f}")
            print(name, picture, f"{psnr:.2f} {ssim:.3f} {seconds:.1f}", flush=True)
    Console().print(table)
    counts = () if given.no_growth else (100, 500, 2000)
    steps = {
        count: rebuilt(white, _photo("chelsea", given), given, count, 20, gain=(0.0, 1.0))[2] for count in counts
    }
    numbers["growth"] = steps
    print("a step's CPU ms:", {count: round(1000 * each, 1) for count, each in steps.items()})
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=1))


def _photo(name: str, given: argparse.Namespace) -> Path:
    path = given.keep / f"{name}.png"
    if not path.is_file():
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        cropped(picture, 1.0).resize((given.side, given.side), Image.Resampling.BOX).save(path)
    return path


if __name__ == "__main__":
    main()
