"""What ``vertumnus mosaic --generate`` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.cli.common import progress_bar
from vertumnus.cli.estimate import Estimate, generating, go_on
from vertumnus.cli.mosaic import write_mosaic
from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Dtype
from vertumnus.mosaic.generate.generate import REAL, Request, make_job
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.prompts import Region, read_prompts
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import check_drawable, check_kinds
from vertumnus.mosaic.workers import Workers
from vertumnus.writing import check_apart, check_writable

if TYPE_CHECKING:
    from PIL import Image

    from vertumnus.mosaic.generate.job import GenerateJob

# Of matched mosaics' options, those that say which cells there are.
CELLS = {"grid", "level", "count", "cells", "adaptive"}


@dataclass(frozen=True)
class Given:
    """What the command line says of generated tiles; see `vertumnus.cli.mosaic`."""

    reference: Path | None
    generate: Sequence[str]
    model: str
    reference_prompt: str | None
    prompts: Path | None
    region: Sequence[str]
    region_map: Path | None
    concept: Sequence[str]
    tiles: Sequence[Path]
    real: float | None
    dtype: Dtype
    again: Sequence[int]
    folder: Path | None
    coherence: float | None
    shares: Sequence[float]

    def request(self, frame: Image.Image | None = None) -> Request:
        """What is asked for. Raises `VertumnusError` for a file of prompts, a region or a concept that is none."""
        from vertumnus.mosaic.personalize.apply import parse_concept

        return Request(
            self.reference, self.generate, self.model, self.reference_prompt,
            [Region.parse(text) for text in self.region], self.region_map,
            read_prompts(self.prompts) if self.prompts is not None else (),
            [parse_concept(text) for text in self.concept], self.tiles, REAL if self.real is None else self.real,
            self.dtype, frame, self.shares,
        )  # fmt: skip


def generate_tiles(
    given: Given,
    output: list[Path],
    size: str | None,
    seed: int,
    cells: MosaicOptions | None,
    drawing: GenerateOptions | None,
    force: bool,
    workers: Workers | None = None,
    yes: bool = False,
) -> None:
    """Generates a mosaic and writes it."""
    began, cpu = time.perf_counter(), time.process_time()
    check_given(given, cells)
    if given.coherence is not None:
        raise VertumnusError("--coherence: is for videos")
    check_kinds(output, force)
    for path in output:
        check_writable(path)
    check_apart(output, [given.reference, given.region_map, given.prompts])
    job = make_job(given.request(), seed=seed, options=drawing, cells=cells)
    from vertumnus.mosaic.generate.folder import TileFolder
    from vertumnus.mosaic.generate.job import cell_name
    from vertumnus.mosaic.generate.result import canvas_of, make_result

    canvas_of(job, size)

    folder = TileFolder(given.folder or output[0].with_suffix(".tiles"), job.identity())
    missing = [cell for cell in job.drawn() if not folder.has(cell_name(cell))]
    go_on(tiles_take(given, job, len(missing)), yes)
    with progress_bar("drawing tiles") as show:
        job.run(folder, show, workers)
    for cell in given.again:
        with progress_bar(f"drawing cell {cell} anew") as show:
            job.again(folder, cell, show)
    collage = make_result(job, folder, size)
    check_drawable(collage, output, None)
    write_mosaic(collage, output, workers, force)
    if job.photographs is not None:
        print(f"{len(job.photographs.cells)} of {len(collage.layers)} cells show photographs")
    print(f"{len(job.drawn())} tiles of {job.extent.width} x {job.extent.height} pixels in {folder.path}")
    print(f"{time.perf_counter() - began:.1f} s ({time.process_time() - cpu:.1f} s of one core)")


def tiles_take(given: Given, job: GenerateJob, tiles: int) -> Estimate:
    """What drawing so many tiles takes; fewer, where all are filled from a pool."""
    from vertumnus.mosaic.generate.pool import TONES

    extent = job.extent
    if job.options.method in TONES:
        tiles = min(tiles, job.options.pool if job.options.method == "match" else 1)
    return generating(tiles, job.steps_each(), extent.width * extent.height, given.model != "mini", job.on_gpu())


def check_given(given: Given, cells: MosaicOptions | None) -> None:
    """Raises `VertumnusError` for what does not go together."""
    if not given.generate and given.prompts is None:
        raise VertumnusError("--generate: say what the tiles are to show, as --generate 'a cat'")
    matching = set(MosaicOptions.model_fields) if given.tiles else CELLS
    other = sorted((cells.model_fields_set if cells is not None else set()) - matching)
    if other:
        raise VertumnusError(f"--{other[0].replace('_', '-')}: is for tiles that are matched, not generated")
    if given.real is not None and not (given.tiles and 0 <= given.real <= 1):
        raise VertumnusError("--real: is a number from 0 to 1, for photographs that --tiles names")
