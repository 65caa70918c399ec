"""Makes the pictures of docs/harmonize.md with the small model that ships.

``python examples/harmonized.py docs/images`` takes a minute or two. Scenes are those of benchmarks/harmonize.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import vertumnus as vt
from vertumnus.harmonizing.harmonize import HarmonizeJob

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from harmonize import scene

SHOWN = (6, 3, 5)  # scenes
SEEDS = {6: 1, 3: 1, 5: 2}
ROUNDS = (("turquoise cat", 1), ("red star", 5), ("brown horse", 5))  # which layer is made anew, and the seed taken
SIDE = 192  # pixels a picture is shown at
OPTIONS = {"steps": 30, "guidance": 4.0, "learning": 40}
NOISE = 0.75, 0.35  # of the ground, and of what lies on it


def options(method: str) -> vt.HarmonizeOptions:
    """The settings of all pictures, with a method."""
    return vt.HarmonizeOptions.model_validate({**OPTIONS, "method": method})


def rough(number: int) -> vt.Collage:
    """A scene whose ground may change more than what lies on it."""
    collage = scene(number)
    for layer in collage.layers:
        layer.noise = NOISE[layer.prompt is not None]
    return collage


def save(rows: list[list[np.ndarray]], path: Path) -> None:
    """A sheet of pictures of one size."""
    wide, high = max(map(len, rows)), len(rows)
    sheet = Image.new("RGB", (wide * (SIDE + 4) - 4, high * (SIDE + 4) - 4), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            shown = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            sheet.paste(shown, (x * (SIDE + 4), y * (SIDE + 4)))
    sheet.save(path, quality=74, optimize=True)


def main(folder: Path) -> None:
    """Both sheets."""
    model = vt.load_model("mini", "diffusion")
    rows, done = [], {}
    for number in SHOWN:
        row = []
        for method in ("gh", "gh+ca", "gh+ca+ti+ln"):
            job = HarmonizeJob(rough(number), None, model, None, options(method))
            picture = job.pictures([SEEDS[number]])[0]
            row += [picture] if row else [job.stack.composite(), picture]
            done[number] = job.document(picture, SEEDS[number])
        rows.append(row)
    save(rows, folder / "harmonized.jpg")
    collage = done[SHOWN[0]]
    pictures = [rows[0][-1]]
    for layer, seed in ROUNDS:
        job = HarmonizeJob(collage, None, model, layer, options("gh+ca+ti+ln"))
        pictures.append(job.pictures([seed])[0])
        collage = job.document(pictures[-1], seed)
    save([pictures], folder / "harmonized-rounds.jpg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
