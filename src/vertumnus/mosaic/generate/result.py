"""Generated tiles as a mosaic: a collage with a layer for each cell, its finish as the layer's gain and offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, MadeBy
from vertumnus.mosaic.collage import DIGITS, Cells, canvas_size, make_collage
from vertumnus.mosaic.generate.blocks import shown_parts
from vertumnus.mosaic.generate.finish import apply_affine
from vertumnus.mosaic.generate.job import GenerateJob, cell_name
from vertumnus.mosaic.generate.origin import TOOL, keep_origin
from vertumnus.mosaic.library.library import Tile
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.tone import Tone
from vertumnus.version import __version__

if TYPE_CHECKING:
    from vertumnus.mosaic.generate.folder import Tiles

Bytes = NDArray[np.uint8]
LONGEST = 8192  # canvas pixels of a side, where no size is given


def make_result(job: GenerateJob, folder: Tiles, size: str | int | tuple[int, int] | None = None) -> Collage:
    """The mosaic of a folder's tiles, and of the photographs that take cells.

    size  of the canvas in pixels; one canvas pixel for each of a tile by default, within reason

    Raises `VertumnusError` for a size that is none, and for a tile that is damaged.
    """
    drawn, (width, height) = [n for n in job.drawn() if folder.has(cell_name(n))], job.extent
    names = [cell_name(n) for n in drawn]
    tiles = [Tile(folder.file(name), folder.digest(name), width, height, folder.path) for name in names]
    maps, costs = [], []
    for n, name in zip(drawn, names, strict=True):
        tile = folder.read(name)
        gain, offset = job.finish(n, tile)
        maps.append((gain, offset))
        seen = _shrunk(apply_affine(tile, gain, offset), job.blocks.shape[1:3]) / 255
        costs.append(float(((seen - job.blocks[n] / 255) ** 2).mean()))
    report = {
        "tiles": len(drawn), "batch": folder.state.get("batch"), "again": folder.state.get("attempts", {}),
        "costs": " ".join(f"{cost:.4g}" for cost in costs),
    }  # fmt: skip
    if job.photographs is not None and job.photographs.cells:
        report["photographs"] = len(job.photographs.cells)
    count = len(drawn)
    grid = Grid(job.grid.width, job.grid.height, job.grid.boxes[drawn], job.grid.kind, job.grid.step)
    cells = Cells(
        grid, Tone(), tiles, np.arange(count), shown_parts(job.grid, job.extent)[drawn], np.zeros(count, np.int64),
        np.zeros(count, np.bool_), np.array(costs), report,
    )  # fmt: skip
    canvas = canvas_of(job, size)
    collage = make_collage(cells, None, canvas, {}, job.seed)
    assert collage.made_by is not None
    report = collage.made_by.report
    for n, layer, (gain, offset) in zip(drawn, collage.layers, maps, strict=True):
        layer.name, layer.prompt = job.prompts[n], job.prompts[n]
        red, green, blue = (round(value, DIGITS) for value in gain.tolist())
        layer.gain = (red, green, blue)
        red, green, blue = (round(value, DIGITS) for value in offset.tolist())
        layer.offset = (red, green, blue)
    photographs = None if job.photographs is None else job.photographs.collage(canvas)
    if job.origin is not None:
        spec = keep_origin(job, folder.state, collage)
        collage.made_by = spec.made_by(report)
        collage.made_by.pictures = list(spec.references.values())
    else:
        collage.made_by = _made_by(job, report)
    if photographs is not None:
        _put_among(job, drawn, collage, photographs)
    return collage


def _made_by(job: GenerateJob, report: dict[str, Any]) -> MadeBy:
    """What a document says of a job that was not asked for by name, and cannot be made again."""
    return MadeBy(
        tool=TOOL,
        versions={"vertumnus": __version__},
        options={"prompts": sorted(set(job.prompts))} | job.options.model_dump(mode="json"),
        report=report,
    )


def _put_among(job: GenerateJob, drawn: list[int], collage: Collage, photographs: Collage) -> None:
    """Adds the layers of photographs, so that all are in the order of the cells."""
    assert job.photographs is not None
    layers = dict(zip(drawn, collage.layers, strict=True))
    layers |= dict(zip(sorted(job.photographs.cells), photographs.layers, strict=True))
    for layer in photographs.layers:
        collage.pictures.take_from(photographs.pictures, layer.image)
    collage.layers = [layers[n] for n in sorted(layers)]


def canvas_of(job: GenerateJob, size: str | int | tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of the canvas. Raises `VertumnusError` for a size that is none."""
    if size is not None:
        return canvas_size(job.grid, size)
    part = shown_parts(job.grid, job.extent)
    sides = job.grid.boxes[:, 2:] - job.grid.boxes[:, :2]
    across = float(np.mean((part[:, 2] - part[:, 0]) * job.extent.width / sides[:, 0]))
    down = float(np.mean((part[:, 3] - part[:, 1]) * job.extent.height / sides[:, 1]))
    scale = min((across * down) ** 0.5, LONGEST / max(job.grid.width, job.grid.height))
    return max(1, round(job.grid.width * scale)), max(1, round(job.grid.height * scale))


def _shrunk(tile: Bytes, size: tuple[int, ...]) -> Bytes:
    return np.asarray(Image.fromarray(tile).resize((size[1], size[0]), Image.Resampling.BOX))
