"""Generated tiles as a mosaic: a collage with a layer for each cell, its finish as the layer's gain and offset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.mosaic.collage import DIGITS, Cells, canvas_size, make_collage
from vertumnus.mosaic.generate.blocks import shown_parts
from vertumnus.mosaic.generate.finish import apply_affine
from vertumnus.mosaic.generate.job import GenerateJob, cell_name, model_identity
from vertumnus.mosaic.library.library import Tile
from vertumnus.mosaic.match.grid import Grid
from vertumnus.mosaic.match.tone import Tone

if TYPE_CHECKING:
    from vertumnus.mosaic.generate.folder import TileFolder

Bytes = NDArray[np.uint8]
LONGEST = 8192  # canvas pixels of a side, where no size is given


def make_result(job: GenerateJob, folder: TileFolder, size: str | int | tuple[int, int] | None = None) -> Collage:
    """The mosaic of a folder's tiles, and of the photographs that take cells.

    size  of the canvas in pixels; one canvas pixel for each of a tile by default, within reason

    Raises `VertumnusError` for a size that is none, and for a tile that is damaged.
    """
    drawn, (width, height) = job.drawn(), job.extent
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
    inputs = {
        "reference": {"path": str(job.where), "sha256": job.identity()["reference"]},
        "model": model_identity(job.model),
    }
    if job.photographs is not None:
        report["photographs"] = len(job.photographs.cells)
    options = {"prompts": sorted(set(job.prompts))} | job.options.model_dump(mode="json")
    count = len(drawn)
    grid = Grid(job.grid.width, job.grid.height, job.grid.boxes[drawn], job.grid.kind, job.grid.step)
    cells = Cells(
        grid, Tone(), tiles, np.arange(count), shown_parts(job.grid, job.extent)[drawn], np.zeros(count, np.int64),
        np.zeros(count, np.bool_), np.array(costs), report,
    )  # fmt: skip
    canvas = canvas_of(job, size)
    collage = make_collage(cells, None, canvas, {"options": options, "inputs": inputs}, job.seed)
    assert collage.made_by is not None
    collage.made_by.tool = "generate"
    for n, layer, (gain, offset) in zip(drawn, collage.layers, maps, strict=True):
        layer.name, layer.prompt = job.prompts[n], job.prompts[n]
        red, green, blue = (round(value, DIGITS) for value in gain.tolist())
        layer.gain = (red, green, blue)
        red, green, blue = (round(value, DIGITS) for value in offset.tolist())
        layer.offset = (red, green, blue)
    return collage if job.photographs is None else _together(job, collage, canvas)


def _together(job: GenerateJob, collage: Collage, canvas: tuple[int, int]) -> Collage:
    """The layers of drawn tiles and of photographs, in the order of the cells."""
    assert job.photographs is not None
    matched = job.photographs.collage(canvas)
    layers = dict(zip(job.drawn(), collage.layers, strict=True))
    for n in sorted(job.photographs.cells):
        layers[n] = matched.layers[n]
        collage.pictures.take_from(matched.pictures, layers[n].image)
    collage.layers = [layers[n] for n in range(len(job.grid))]
    return collage


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
