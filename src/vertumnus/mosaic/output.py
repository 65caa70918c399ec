"""Writing a mosaic: a picture of any size, deep zoom with its page, the assignment, or a collage."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.export.banded import BANDED, check_format, save_bands
from vertumnus.export.deepzoom import check_replaceable, save_deepzoom
from vertumnus.export.picture import watched
from vertumnus.mosaic.bands import Bands
from vertumnus.mosaic.collage import to_collage
from vertumnus.mosaic.match.reference import read_reference, shrink_reference
from vertumnus.mosaic.paint import Painter
from vertumnus.mosaic.plan import Plan, save_plan
from vertumnus.mosaic.viewer import page_path, viewer_files
from vertumnus.mosaic.workers import Workers

ASSIGNMENTS = (".json", ".csv")
KINDS = (*BANDED, ".collage", *ASSIGNMENTS)
CELL = 64  # pixels to a cell's side where no size is given
MAX_SIDE = 300_000
Progress = Callable[[int, int], None]


class Written(NamedTuple):
    """What was written: its files, pixels (0 x 0 for an assignment), and channel values clipped of those toned."""

    paths: list[Path]
    width: int = 0
    height: int = 0
    clipped: int = 0
    values: int = 0


def output_size(plan: Plan, size: str | None) -> tuple[int, int]:
    """Width and height in pixels of ``8000`` (the longer side) or ``8000x6000``, or of about 64 pixels to a cell.

    Raises `VertumnusError` for anything else, or less than a pixel to a cell.
    """
    grid = plan.grid
    longer = max(grid.width, grid.height)
    if size is None:
        area = float(np.mean((grid.boxes[:, 2:] - grid.boxes[:, :2]).prod(axis=1)))
        width, height = (max(1, round(side * CELL / math.sqrt(area))) for side in (grid.width, grid.height))
    else:
        first, cross, second = size.lower().partition("x")
        try:
            width = int(first)
            if cross:
                height = int(second)
            else:
                width, height = (round(width * side / longer) for side in (grid.width, grid.height))
        except ValueError:
            raise VertumnusError(f"`size`: {size!r} is not a size; write 8000 or 8000x6000") from None
    if not all(1 <= side <= MAX_SIDE for side in (width, height)):
        raise VertumnusError(f"`size`: {width} x {height} is not between 1 and {MAX_SIDE:,} pixels a side")
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * [width / grid.width, height / grid.height]
    if sides.min() < 1:
        raise VertumnusError(f"`size`: {width} x {height} leaves less than a pixel for the smallest cell")
    return width, height


def make_painter(plan: Plan, width: int, height: int) -> Painter:
    """What draws a plan at a size.

    Raises `VertumnusError` if a tile that is needed is gone, or the reference is and the tone needs it.
    """
    reference = None
    if plan.tone.method != "none":
        image, _ = read_reference(plan.reference)
        reference = np.asarray(shrink_reference(image, plan.grid))
    painter = Painter(plan, width, height, reference)
    painter.check()
    return painter


def draw_mosaic(plan: Plan, width: int, height: int) -> Image.Image:
    """The mosaic as a picture in memory."""
    bands = Bands(make_painter(plan, width, height))
    return Image.fromarray(np.concatenate(list(bands)))


def check_kinds(paths: list[Path], force: bool = False) -> None:
    """Raises `VertumnusError` for an output of unknown kind, or deep zoom where something else is."""
    for path in paths:
        if path.suffix.lower() == ".dzi":
            check_replaceable(path, [page_path(path)], force)
        if path.suffix.lower() not in KINDS:
            raise VertumnusError(f"{path}: unknown kind of output; known are {', '.join(KINDS)}")


def save_mosaic(
    plan: Plan,
    path: str | Path,
    size: str | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> Written:
    """Writes a mosaic; the suffix tells the kind.

    force   deep zoom: replace what is there, though this program did not make it

    Raises `VertumnusError` for a bad size, a tile that is gone, or a place that cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in ASSIGNMENTS:
        save_plan(plan, path)
        return Written([path])
    width, height = output_size(plan, size)
    if suffix in BANDED:
        check_format(path, width, height)
    painter = make_painter(plan, width, height)
    if suffix == ".collage":
        to_collage(plan, painter, workers).save(path)
        return Written([path], width, height)
    bands = Bands(painter, workers)
    paths = [path]
    if suffix == ".dzi":
        inside, beside = viewer_files(path, plan, painter)
        told = watched(bands, height, progress)
        save_deepzoom(path, width, height, told, inside=inside, beside=beside, force=force)
        paths.append(page_path(path))
    else:
        save_bands(bands, width, height, path, progress)
    return Written(paths, width, height, bands.clipped, bands.values)
