"""Writing a mosaic: a picture of any size, deep zoom with its page, a table of its cells, or the document."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.banded import BANDED, check_format, save_bands, watched
from vertumnus.export.deepzoom import check_replaceable, save_deepzoom
from vertumnus.mosaic.bundle import bundled
from vertumnus.mosaic.collage import parse_size, resized
from vertumnus.mosaic.match.assign import use_statistics
from vertumnus.mosaic.viewer import page_path, viewer_files
from vertumnus.mosaic.workers import Threads, Workers
from vertumnus.reading import legible
from vertumnus.render.picture import STRIP_PIXELS, STRIP_ROWS, StripRenderer, picture_size, render_bands
from vertumnus.writing import atomic_write

DOCUMENTS = (".json", ".collage")
KINDS = (*BANDED, ".csv", *DOCUMENTS)
COLUMNS = (
    "left", "top", "right", "bottom", "tile", "crop_left", "crop_top", "crop_width", "crop_height", "turn", "flip",
    "gain", "offset", "cost", "path",
)  # fmt: skip
AT_ONCE = 8  # strips drawn by one job of a cluster
Progress = Callable[[int, int], None]


class Written(NamedTuple):
    """What was written: its files, and its size in pixels (0 x 0 for a document or a table)."""

    paths: list[Path]
    width: int = 0
    height: int = 0


def mosaic_size(collage: Collage, size: str | int | tuple[int, int] | None) -> tuple[int, int]:
    """Width and height in pixels of ``8000`` (the longer side) or ``8000x6000``, or of the canvas.

    Raises `VertumnusError` for anything else.
    """
    return (collage.width, collage.height) if size is None else parse_size(size, collage.width, collage.height)


def draw_mosaic(collage: Collage, width: int | None = None, height: int | None = None) -> Image.Image:
    """The mosaic as an RGB picture in memory, of the size of its canvas or another."""
    sized = resized(collage, width or collage.width, height or collage.height)
    return Image.fromarray(np.concatenate(list(render_bands(sized, channels=3))))


def mosaic_bands(collage: Collage, workers: Workers | None = None) -> Iterator[NDArray[np.uint8]]:
    """Rows of the mosaic, h x width x 3 bytes, top to bottom: the same ones whoever draws them."""
    if workers is None or isinstance(workers, Threads):
        yield from render_bands(collage, channels=3)
        return
    width, height = picture_size(collage, 1.0)
    rows = max(STRIP_ROWS, STRIP_PIXELS // width)
    strips = [(top, min(top + rows, height)) for top in range(0, height, rows)]
    jobs = (range(n, min(n + AT_ONCE, len(strips))) for n in range(0, len(strips), AT_ONCE))
    for drawn in workers.map(_draw_strips, jobs, (collage, strips)):
        yield from drawn


def _draw_strips(shared: tuple[Collage, list[tuple[int, int]]], some: range) -> list[NDArray[np.uint8]]:
    """Some strips of a mosaic; the job of one worker of a cluster."""
    collage, strips = shared
    first, last = strips[some[0]][0], strips[some[-1]][1]
    near = [
        layer for layer in collage.layers if _within(layer.y, layer.scale, layer.squeeze, layer.crop, first, last)
    ]
    part = collage.model_copy()
    part.__dict__["layers"] = near
    scene = StripRenderer(part, 1.0, (255, 255, 255, 255), 3)
    scene.plan(strips)
    return [scene.draw(number) for number in some]


def _within(
    y: float, scale: float, squeeze: float, crop: tuple[int, int, int, int] | None, first: int, last: int
) -> bool:
    """Whether a layer may show in rows first to last, whichever way it is turned."""
    if crop is None:
        return True
    reach = max(crop[2] * scale, crop[3] * scale * squeeze) + 2
    return y + reach >= first and y - reach <= last


def check_kinds(paths: list[Path], force: bool = False) -> None:
    """Raises `VertumnusError` for an output of unknown kind, or deep zoom where something else is."""
    for path in paths:
        if path.suffix.lower() == ".dzi":
            check_replaceable(path, [page_path(path)], force)
        if path.suffix.lower() not in KINDS:
            raise VertumnusError(f"{path}: unknown kind of output; known are {', '.join(KINDS)}")


def check_drawable(collage: Collage, paths: list[Path], size: str | int | tuple[int, int] | None) -> None:
    """Raises `VertumnusError` if an output cannot be drawn: a tile is gone, or the size is not the format's."""
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in (".json", ".csv"):
            width, height = mosaic_size(collage, size)
            if suffix in BANDED:
                check_format(path, width, height)
            sized = resized(collage, width, height)
            StripRenderer(sized, 1.0, (0, 0, 0, 255), 3)


def save_mosaic(
    collage: Collage,
    path: str | Path,
    size: str | int | tuple[int, int] | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    tile_pixels: int | None = None,
    bundle: bool = False,
) -> Written:
    """Writes a mosaic; the suffix tells the kind.

    A ``.json`` links to the tiles where they lie; a ``.collage`` holds them, as large as its canvas needs.

    size    in pixels: the longer side, or (width, height); that of the canvas by default
    force   deep zoom: replace what is there, though this program did not make it
    tile_pixels   a ``.collage``: pixels of a cell's shorter side at least, where its file has as many
    bundle  deep zoom: copies of the pictures that hovering shows lie with it

    Raises `VertumnusError` for a bad size, a tile that is gone, or a place that cannot be written.
    """
    path = Path(path)
    check_kinds([path], force)
    suffix = path.suffix.lower()
    if suffix == ".json":
        collage.save(path)
        return Written([path])
    if suffix == ".csv":
        with atomic_write(path) as stream:
            stream.write(_table(collage))
        return Written([path])
    width, height = mosaic_size(collage, size)
    if suffix in BANDED:
        check_format(path, width, height)
    sized = resized(collage, width, height)
    if suffix == ".collage":
        bundled(sized, workers, tile_pixels).save(path)
        return Written([path], width, height)
    bands = mosaic_bands(sized, workers)
    if suffix != ".dzi":
        save_bands(bands, width, height, path, progress)
        return Written([path], width, height)
    inside, beside = viewer_files(path, sized, bundle)
    told = watched(bands, height, progress)
    save_deepzoom(path, width, height, told, inside=inside, beside=beside, force=force)
    return Written([path, page_path(path)], width, height)


def mosaic_statistics(collage: Collage) -> dict[str, object]:
    """How tiles are used, see `use_statistics`, told from the layers alone."""
    names = {name: n for n, name in enumerate(dict.fromkeys(layer.image for layer in collage.layers))}
    boxes = np.array([layer_box(collage, n) for n in range(len(collage.layers))])
    unit = (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)
    if any(layer.outline == "hexagon" for layer in collage.layers):
        unit = unit * [1, 3 / 4]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / unit
    return use_statistics(np.array([names[layer.image] for layer in collage.layers]), centres, len(names))


def layer_box(collage: Collage, number: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a cell, canvas pixels."""
    layer = collage.layers[number]
    across, down = layer.crop[2:] if layer.crop else collage.pictures.size(layer.image)
    wide, tall = across * layer.scale / 2, down * layer.scale * layer.squeeze / 2
    if round(layer.rotation / 90) % 2:
        wide, tall = tall, wide
    return layer.x - wide, layer.y - tall, layer.x + wide, layer.y + tall


def _table(collage: Collage) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    costs = str(collage.made_by.report.get("costs", "")).split() if collage.made_by else []
    numbers = {name: n for n, name in enumerate(dict.fromkeys(layer.image for layer in collage.layers))}
    for n, layer in enumerate(collage.layers):
        crop = layer.crop or (0, 0, *collage.pictures.size(layer.image))
        path = collage.pictures.linked(layer.image)
        writer.writerow([
            *(round(edge, 6) for edge in layer_box(collage, n)), numbers[layer.image], *crop,
            round(layer.rotation / 90) % 4, int(layer.flip), " ".join(map(str, layer.gain)),
            " ".join(map(str, layer.offset)), costs[n] if n < len(costs) else "",
            os.fspath(path) if path else layer.image,
        ])  # fmt: skip
    return legible(text.getvalue()).encode()
