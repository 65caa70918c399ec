"""A mosaic as a collage: a layer for each cell, with its part of a tile's picture and its tone.

A layer links to the tile's file and says which part of it is shown; what a tone does to a channel by itself is the
layer's gain and offset in linear light. A stronger tone (`histogram`, `transport`) makes a new picture for each cell,
at the size that the cell has on the canvas.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.document.pictures import Pictures
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_RENDER
from vertumnus.mosaic.library.library import Tile
from vertumnus.mosaic.library.record import cut_size
from vertumnus.mosaic.library.thumbnails import Thumbnail, find_thumbnails
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.reference import shrink_reference
from vertumnus.mosaic.match.tone import AFFINE, Tone, affine, apply_tone, clipped_values, histograms, moments
from vertumnus.mosaic.pixels import part_of
from vertumnus.mosaic.workers import Threads, Workers
from vertumnus.reading import legible
from vertumnus.version import __version__

CELL = 64  # canvas pixels to a cell's side where no size is given
QUALITY = 95  # of the JPEGs of cells that are new pictures
DIGITS = 5  # decimals of gain and offset: a thirtieth of a level at black
BATCH = 2048  # cells whose colours are counted at a time
JOB = 32  # cells drawn by one job

Box = tuple[int, int, int, int]


@dataclass(eq=False)
class Cells:
    """Which part of which tile each of N cells shows.

    tiles       each tile in use once
    tile        N: index into tiles
    crop        N x 4: the part shown, left, top, right, bottom as shares of the tile as it is shown
    turn, flip  N: quarter turns clockwise after mirroring or not
    cost        N
    """

    grid: Grid
    tone: Tone
    tiles: list[Tile]
    tile: NDArray[np.int64]
    crop: NDArray[np.float64]
    turn: NDArray[np.int64]
    flip: NDArray[np.bool_]
    cost: NDArray[np.float64]
    report: dict[str, Any] = field(default_factory=dict)


def canvas_size(grid: Grid, size: str | int | tuple[int, int] | None, reference: str | Path = "") -> tuple[int, int]:
    """Width and height in pixels of ``8000`` (the longer side) or ``8000x6000``, or of about 64 pixels to a cell.

    reference  the file whose proportions these are, for messages

    Raises `VertumnusError` for anything else, or less than a pixel to a cell.
    """
    if size is None:
        area = float(np.mean((grid.boxes[:, 2:] - grid.boxes[:, :2]).prod(axis=1)))
        width, height = (max(1, round(side * CELL / math.sqrt(area))) for side in (grid.width, grid.height))
    else:
        width, height = parse_size(size, grid.width, grid.height)
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * [width / grid.width, height / grid.height]
    check_cells(width, height, float(sides.min()), reference)
    return width, height


def parse_size(size: str | int | tuple[int, int], across: float, down: float) -> tuple[int, int]:
    """Width and height of ``8000`` (the longer side of what is ``across`` by ``down``) or ``8000x6000``.

    Raises `VertumnusError` for anything else.
    """
    text = "x".join(map(str, size)) if isinstance(size, tuple) else str(size).lower()
    first, cross, second = text.partition("x")
    try:
        width = int(first)
        if cross:
            height = int(second)
        else:
            width, height = (round(width * side / max(across, down)) or min(1, width) for side in (across, down))
    except ValueError:
        raise VertumnusError(f"`size`: {text!r} is not a size; write 8000 or 8000x6000") from None
    if not all(1 <= side <= MAX_RENDER for side in (width, height)):
        raise VertumnusError(f"`size`: {width} x {height} is not between 1 and {MAX_RENDER:,} pixels a side")
    return width, height


def check_cells(width: int, height: int, smallest: float, reference: str | Path = "") -> None:
    """Raises `VertumnusError` unless the smallest side of any cell has a pixel."""
    if smallest < 1 - 1e-9:
        of = f" of {reference}" if str(reference) else ""
        raise VertumnusError(f"`size`: {width} x {height}{of} leaves less than a pixel for the smallest cell")


def make_collage(
    cells: Cells,
    reference: Image.Image | None,
    size: tuple[int, int],
    made_by: dict[str, Any],
    seed: int | None = None,
    workers: Workers | None = None,
) -> Collage:
    """The mosaic as a collage of ``size`` pixels, a layer a cell, in the order of the cells.

    reference   for the tone
    made_by     options and inputs, for the document

    Its report says which share of values the tone clipped. Raises `VertumnusError` if a tile that the tone needs
    cannot be read.
    """
    width, height = size
    collage = Collage(width=width, height=height, background="white", seed=seed)
    pictures = collage.pictures
    thumbnails = find_thumbnails(cells.tiles)
    names = []
    for tile, thumbnail in zip(cells.tiles, thumbnails, strict=True):
        name = pictures.link(tile.path, tile.digest, (tile.width, tile.height))
        names.append(name)
        if thumbnail is not None:
            thumbnail.serve(pictures, name, tile)
    boxes = cells.grid.boxes * ([width / cells.grid.width, height / cells.grid.height] * 2)
    crops = _pixel_crops(cells)
    report = dict(cells.report)
    parts = None if reference is None or cells.tone.method == "none" else _parts(cells.grid, reference)
    if parts is None or cells.tone.method in AFFINE:
        gain, offset = np.ones((len(boxes), 3)), np.zeros((len(boxes), 3))
        if parts is not None:
            gain, offset, report["clipped"] = _tones(cells, crops, thumbnails, pictures, names, parts)
        gains, offsets = ([tuple(row) for row in values.round(DIGITS).tolist()] for values in (gain, offset))
        for n, (box, crop) in enumerate(zip(boxes.tolist(), crops, strict=True)):
            number = int(cells.tile[n])
            collage.layers.append(
                Layer(
                    name=legible(cells.tiles[number].path.stem), image=names[number], crop=crop,
                    gain=gains[n], offset=offsets[n], flip=bool(cells.flip[n]), snap=True,
                    **pose_of(box, crop[2], crop[3], int(cells.turn[n])),
                    outline="hexagon" if cells.grid.kind == "hexagon" else "rectangle",
                )
            )  # fmt: skip
    else:
        report["clipped"] = _paint(collage, cells, boxes, crops, names, parts, workers or Threads())
    collage.made_by = MadeBy(tool="mosaic", versions={"vertumnus": __version__}, report=report, **made_by)
    return collage


def _pixel_crops(cells: Cells) -> list[Box]:
    """The part of its tile's picture that each cell shows: left, top, width, height in whole pixels."""
    size = np.array([(tile.width, tile.height) for tile in cells.tiles])[cells.tile]
    shown = np.array([cut_size(tile.width, tile.height) for tile in cells.tiles])[cells.tile]
    room = (size - shown) // 2
    first = np.clip(np.round(cells.crop[:, :2] * shown), 0, shown - 1).astype(np.int64)
    # The size is rounded by itself, so that equal shares make equal pixels.
    sides = np.maximum(np.round((cells.crop[:, 2:] - cells.crop[:, :2]) * shown), 1).astype(np.int64)
    sides = np.minimum(sides, shown - first)
    return [(a, b, c, d) for a, b, c, d in np.concatenate([room + first, sides], axis=1).tolist()]


def pose_of(box: Sequence[float], across: float, down: float, turn: int) -> dict[str, float]:
    """Where a picture of across x down pixels fills a box of the canvas, turned by quarters."""
    left, top, right, bottom = box
    wide, tall = (bottom - top, right - left) if turn % 2 else (right - left, bottom - top)
    scale = float(f"{wide / across:.12g}")  # a document says it in half the letters
    squeeze = tall / (down * scale)
    return {
        "x": (left + right) / 2,
        "y": (top + bottom) / 2,
        "scale": scale,
        "squeeze": 1.0 if abs(squeeze - 1) < 1e-10 else squeeze,
        "rotation": 90.0 * turn,
    }


def _parts(grid: Grid, reference: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The reference as it is looked at, and the pixels of it that each cell stands for; at least one."""
    seen = np.asarray(shrink_reference(reference, grid))
    rows, columns, _ = seen.shape
    boxes = np.round(grid.boxes * ([columns / grid.width, rows / grid.height] * 2)).astype(np.int64)
    first = np.clip(boxes[:, :2], 0, [columns - 1, rows - 1])
    last = np.clip(np.maximum(boxes[:, 2:], first + 1), 1, [columns, rows])
    return seen, np.concatenate([first, last], axis=1)


def _tones(
    cells: Cells,
    crops: list[Box],
    thumbnails: list[Thumbnail | None],
    pictures: Pictures,
    names: list[str],
    parts: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Gain and offset of each cell, N x 3 each, and the share of channel values that they clip."""
    gain, offset = np.empty((len(crops), 3)), np.empty((len(crops), 3))
    clipped = values = 0
    users: dict[int, list[int]] = defaultdict(list)
    for n, tile in enumerate(cells.tile.tolist()):
        users[tile].append(n)
    waiting: list[int] = []
    counted: list[NDArray[np.int64]] = []

    def settle() -> None:
        nonlocal clipped, values
        some, tiles = np.array(waiting), np.concatenate(counted)
        wanted = histograms(parts[0], parts[1][some])
        gain[some], offset[some] = affine(*moments(tiles), *moments(wanted), cells.tone)
        clipped += clipped_values(tiles, gain[some], offset[some])
        values += int(tiles.sum())
        waiting.clear()
        counted.clear()

    for tile, some in users.items():
        thumbnail = thumbnails[tile]
        source = cells.tiles[tile]
        if thumbnail is not None:
            seen = thumbnail.pixels()
            shown = cut_size(source.width, source.height)
        else:
            seen = np.asarray(part_of(pictures, names[tile], (0, 0, source.width, source.height), None))
            shown = source.width, source.height
        room = ((source.width - shown[0]) // 2, (source.height - shown[1]) // 2)
        by = np.array([seen.shape[1] / shown[0], seen.shape[0] / shown[1]] * 2)
        boxes = np.array([(a - room[0], b - room[1], a - room[0] + c, b - room[1] + d) for a, b, c, d in
                          (crops[n] for n in some)]) * by  # fmt: skip
        first = np.clip(np.round(boxes[:, :2]), 0, [seen.shape[1] - 1, seen.shape[0] - 1])
        last = np.clip(np.maximum(np.round(boxes[:, 2:]), first + 1), 1, [seen.shape[1], seen.shape[0]])
        counted.append(histograms(seen, np.concatenate([first, last], axis=1).astype(np.int64)))
        waiting.extend(some)
        if len(waiting) >= BATCH:
            settle()
    if waiting:
        settle()
    return gain, offset, clipped / max(values, 1)


def _paint(
    collage: Collage,
    cells: Cells,
    boxes: NDArray[np.float64],
    crops: list[Box],
    names: list[str],
    parts: tuple[NDArray[np.uint8], NDArray[np.int64]],
    workers: Workers,
) -> float:
    """Adds cells as new pictures, each of its cell's size on the canvas; returns the share of values clipped."""
    sizes = np.maximum(np.ceil((boxes[:, 2:] - boxes[:, :2]) - 1e-6), 1).astype(np.int64)
    sizes = np.where(cells.turn[:, None] % 2 == 1, sizes[:, ::-1], sizes)
    shared = collage.pictures, names, cells.tile, crops, sizes, parts, cells.tone
    jobs = (range(n, min(n + JOB, len(crops))) for n in range(0, len(crops), JOB))
    clipped = values = n = 0
    for results in workers.map(_painted, jobs, shared):
        for data, hit, of in results:
            clipped, values = clipped + hit, values + of
            tile = int(cells.tile[n])
            collage.layers.append(
                Layer(
                    name=legible(cells.tiles[tile].path.stem), image=collage.pictures.add(data),
                    flip=bool(cells.flip[n]), snap=True,
                    outline="hexagon" if cells.grid.kind == "hexagon" else "rectangle",
                    **pose_of(boxes[n].tolist(), int(sizes[n][0]), int(sizes[n][1]), int(cells.turn[n])),
                )
            )  # fmt: skip
            n += 1
    return clipped / max(values, 1)


def _painted(shared: tuple[Any, ...], some: Sequence[int]) -> list[tuple[bytes, int, int]]:
    """Encoded pictures of some cells, and how many of their values were clipped; the job of one worker."""
    pictures, names, tile, crops, sizes, (seen, boxes), tone = shared
    out = []
    for n in some:
        left, top, across, down = crops[n]
        box = (left, top, left + across, top + down)
        pixels = np.asarray(part_of(pictures, names[tile[n]], box, (int(sizes[n][0]), int(sizes[n][1]))))
        x0, y0, x1, y1 = boxes[n]
        toned, clipping = apply_tone(pixels, np.ascontiguousarray(seen[y0:y1, x0:x1]), tone)
        out.append((encoded(Image.fromarray(toned), QUALITY), *clipping))
    return out


def encoded(image: Image.Image, quality: int) -> bytes:
    """A JPEG without chroma subsampling, or a PNG of what has transparent parts."""
    buffer = io.BytesIO()
    if image.mode == "RGBA":
        image.save(buffer, "PNG", compress_level=6)
    else:
        image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def resized(collage: Collage, width: int, height: int, file: str | Path = "") -> Collage:
    """The same mosaic on a canvas of another size, which may have another aspect.

    file   that the mosaic was read from, for messages

    Raises `VertumnusError` for less than a pixel to a cell.
    """
    if (width, height) == (collage.width, collage.height):
        return collage
    by_x, by_y = width / collage.width, height / collage.height
    smallest = math.inf
    layers = []
    for layer in collage.layers:
        across, down = (layer.crop[2], layer.crop[3]) if layer.crop else collage.pictures.size(layer.image)
        turn = round(layer.rotation / 90)
        wide, tall = across * layer.scale, down * layer.scale * layer.squeeze
        if turn % 2:
            wide, tall = tall, wide
        wide, tall = wide * by_x, tall * by_y
        smallest = min(smallest, wide, tall)
        x, y = layer.x * by_x, layer.y * by_y
        box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
        pose = pose_of(box, across, down, turn) | {"x": x, "y": y, "rotation": layer.rotation}
        layers.append(layer.model_copy(update=pose))
    check_cells(width, height, smallest, file)
    other = collage.model_copy()
    other.__dict__.update(width=width, height=height, layers=layers)
    return other
