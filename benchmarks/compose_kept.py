"""Collages of a benchmark as they were made, kept in a folder for judges, and shown without labels to readers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


@dataclass
class Made:
    """A collage as it was made: CPU seconds, the overlap before the strict finish, its ink against the ink wanted."""

    noun: str
    seed: int
    seconds: float
    overlap: float
    iou: float
    picture: Image.Image


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two inks from 0 to 1."""
    return float(np.minimum(a, b).sum() / max(float(np.maximum(a, b).sum()), 1e-9))


class Kept:
    """Rows of collages in a folder, so that judges can look at them again."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.rows: dict[str, list[dict[str, Any]]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "rows.json").is_file():
                self.rows = json.loads((folder / "rows.json").read_text())

    def load(self, row: str) -> list[Made] | None:
        """A row that was kept."""
        if self.folder is None or row not in self.rows:
            return None
        return [Made(**{**facts, "picture": Image.open(self.folder / facts["picture"])}) for facts in self.rows[row]]

    def save(self, row: str, made: list[Made]) -> None:
        """Keeps a row."""
        if self.folder is None:
            return
        self.rows[row] = []
        for one in made:
            name = f"{row}-{one.noun}-{one.seed}.png".replace(" ", "_").replace(",", "").replace("|", "-")
            one.picture.save(self.folder / name)
            self.rows[row].append({**vars(one), "picture": name})
        (self.folder / "rows.json").write_text(json.dumps(self.rows, indent=1))


def blind_sheet(kept: Kept, path: Path) -> None:
    """Every kept collage, shuffled and numbered; what they are goes into a JSON file beside it."""
    found = [(row, one) for row in kept.rows for one in kept.load(row) or []]
    order = np.random.default_rng(len(found)).permutation(len(found))
    across, side = 8, 240
    sheet = Image.new("RGB", (across * side, -(-len(found) // across) * side), "white")
    draw = ImageDraw.Draw(sheet)
    labels = {}
    for number, n in enumerate(order.tolist()):
        row, one = found[n]
        x, y = number % across * side, number // across * side
        white = Image.new("RGBA", one.picture.size, "white")
        white.alpha_composite(one.picture.convert("RGBA"))
        sheet.paste(white.convert("RGB").resize((side - 20, side - 20)), (x + 10, y + 16))
        draw.text((x + 6, y + 2), str(number + 1), fill="black")
        labels[number + 1] = {"row": row, "shows": one.noun.replace("|", " "), "seed": one.seed}
    sheet.save(path)
    path.with_suffix(".json").write_text(json.dumps(labels, indent=1))
