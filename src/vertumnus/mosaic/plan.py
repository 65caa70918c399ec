"""A mosaic as a document: which part of which tile goes where. Independent of size; JSON and CSV.

A mosaic's JSON is re-rendered at any size; its CSV is for spreadsheets.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.atomic import atomic_write
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.match.grid import Grid, Kind
from vertumnus.mosaic.match.tone import Tone

FORMAT = "vertumnus/mosaic"
VERSION = 1
COLUMNS = (
    "left", "top", "right", "bottom", "tile", "crop_left", "crop_top", "crop_right", "crop_bottom", "turn", "flip",
    "cost",
)  # fmt: skip


class Source(NamedTuple):
    """A picture that tiles show: its file, the SHA-256 of its bytes, its size and where its index is."""

    path: Path
    digest: str
    width: int
    height: int
    store: Path


@dataclass(eq=False)
class Plan:
    """A mosaic, ready to be drawn.

    reference   the picture rebuilt
    sources     each tile in use once
    tile        N: index into sources
    crop        N x 4: the part shown, left, top, right, bottom as shares of the picture
    turn, flip  N: quarter turns clockwise after mirroring or not
    cost        N
    """

    reference: Path
    grid: Grid
    tone: Tone
    sources: list[Source]
    tile: NDArray[np.int64]
    crop: NDArray[np.float64]
    turn: NDArray[np.int64]
    flip: NDArray[np.bool_]
    cost: NDArray[np.float64]
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> NDArray[np.float64]:
        """One row a cell, as `COLUMNS` says."""
        parts = [self.grid.boxes, self.tile[:, None], self.crop, self.turn[:, None], self.flip[:, None]]
        return np.concatenate([*parts, self.cost[:, None]], axis=1)


def save_plan(plan: Plan, path: Path) -> None:
    """Writes a mosaic as ``.json`` or ``.csv``, atomically."""
    with atomic_write(path) as stream:
        stream.write(_to_csv(plan) if path.suffix.lower() == ".csv" else _to_json(plan))


def _to_json(plan: Plan) -> bytes:
    head = {
        "format": FORMAT,
        "version": VERSION,
        "reference": str(plan.reference),
        "width": float(plan.grid.width),
        "height": float(plan.grid.height),
        "cells": plan.grid.kind,
        "step": list(plan.grid.step),
        "tone": str(plan.tone),
        "seed": plan.seed,
        "options": plan.options,
        "report": plan.report,
        "columns": COLUMNS,
    }
    tiles = ",\n  ".join(
        json.dumps([str(path), digest, width, height, str(store)], ensure_ascii=False)
        for path, digest, width, height, store in plan.sources
    )
    rows = ",\n  ".join("[" + ", ".join(_short(v) for v in row) + "]" for row in plan.rows().tolist())
    text = json.dumps(head, indent=1, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    return f'{text},\n "tiles": [\n  {tiles}\n ],\n "rows": [\n  {rows}\n ]\n}}\n'.encode()


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _to_csv(plan: Plan) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "path"])
    for row in plan.rows().tolist():
        writer.writerow([*(_short(v) for v in row), str(plan.sources[int(row[4])].path)])
    return text.getvalue().encode()


def load_plan(path: Path) -> Plan:
    """Reads a mosaic's JSON.

    Raises `VertumnusError` naming the file and the field for anything that is not a whole, consistent mosaic.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise VertumnusError(
            f"{path}: not readable JSON ({error}); `assignment` takes what -o NAME.json wrote"
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VertumnusError(f"{path}: format: not a mosaic's assignment; `assignment` takes what -o NAME.json wrote")
    if document.get("version") != VERSION:
        raise VertumnusError(f"{path}: version: {document.get('version')!r} is not known, only {VERSION} is")
    try:
        return _parse(path, document)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, VertumnusError):
            raise
        raise VertumnusError(f"{path}: not a whole mosaic ({type(error).__name__}: {error})") from None


def _parse(path: Path, document: dict[str, Any]) -> Plan:
    def refuse(field: str, problem: str) -> VertumnusError:
        return VertumnusError(f"{path}: {field}: {problem}")

    if document["cells"] not in get_args(Kind):
        raise refuse("cells", f"{document['cells']!r} is not one of {', '.join(get_args(Kind))}")
    if tuple(document["columns"]) != COLUMNS:
        raise refuse("columns", "not those of a mosaic")
    rows = np.array(document["rows"], np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(COLUMNS) or not np.isfinite(rows).all():
        raise refuse("rows", f"must be lists of {len(COLUMNS)} numbers")
    sources = [
        Source(Path(name), str(digest), int(w), int(h), Path(folder))
        for name, digest, w, h, folder in document["tiles"]
    ]
    tile, crop, turn = rows[:, 4].astype(np.int64), rows[:, 5:9], rows[:, 9].astype(np.int64)
    width, height = float(document["width"]), float(document["height"])
    if not (0 < width < np.inf and 0 < height < np.inf):
        raise refuse("width, height", "must be above 0")
    if not ((tile >= 0) & (tile < len(sources))).all():
        raise refuse("rows", f"name a tile that is not one of the {len(sources)}")
    if (rows[:, 2:4] <= rows[:, :2]).any():
        raise refuse("rows", "hold a cell without area")
    if (crop[:, :2] < -1e-9).any() or (crop[:, 2:] > 1 + 1e-9).any() or (crop[:, 2:] <= crop[:, :2]).any():
        raise refuse("rows", "hold a crop that is not within its tile")
    if not ((turn >= 0) & (turn < 4)).all():
        raise refuse("rows", "hold a turn that is not 0 to 3")
    across, down = document["step"]
    grid = Grid(width, height, rows[:, :4], cast(Kind, document["cells"]), (float(across), float(down)))
    if grid.kind == "hexagon" and not (across > 0 and down > 0):
        raise refuse("step", "must be above 0")
    return Plan(
        Path(document["reference"]),
        grid,
        Tone.parse(document["tone"]),
        sources,
        tile,
        crop,
        turn,
        rows[:, 10].astype(bool),
        rows[:, 11],
        int(document["seed"]),
        document["options"],
        document["report"],
    )
