"""What ``vertumnus mosaic --generate`` does with a video or a folder of frames."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vertumnus.cli.common import bar
from vertumnus.cli.estimate import go_on
from vertumnus.cli.generate import Given, check_given, tiles_take
from vertumnus.errors import VertumnusError
from vertumnus.export.video import VIDEOS, check_film_place, count_frames, is_video, read_frames, save_video
from vertumnus.mosaic.generate.generate import make_job
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import mosaic_bands
from vertumnus.writing import check_apart

ANEW = 0.1  # share of the tiles that a frame draws anew, for an estimate


def generate_film(
    given: Given,
    output: list[Path],
    size: str | None,
    seed: int,
    cells: MosaicOptions | None,
    drawing: GenerateOptions | None,
    yes: bool = False,
) -> None:
    """Generates the mosaic of a moving picture and writes it."""
    began, cpu = time.perf_counter(), time.process_time()
    check_given(given, cells)
    if given.reference is None:
        raise VertumnusError(f"{output[0]}: is a video; name the video or the folder of frames to rebuild")
    if len(output) != 1 or not is_video(output[0]):
        raise VertumnusError(f"-o: a moving mosaic has one output, {', '.join(VIDEOS)} or a folder")
    if given.again:
        raise VertumnusError("--again: is for still pictures")
    coherence = given.coherence
    if coherence is not None and not (np.isfinite(coherence) and coherence >= 0):
        raise VertumnusError(f"--coherence: must be a number not below 0, not {coherence}")
    check_film_place(output[0])
    check_apart(output, [given.reference, given.region_map, given.prompts])
    pictures, rate = read_frames(given.reference)
    first = next(pictures)
    job = make_job(given.request(first), seed=seed, options=drawing, cells=cells)
    from vertumnus.mosaic.generate.film import COHERENCE, follow_generated
    from vertumnus.mosaic.generate.folder import TileFolder
    from vertumnus.mosaic.generate.result import canvas_of

    width, height = canvas_of(job, size)
    even = (width + width % 2, height + height % 2)  # as films want it
    folder = TileFolder(given.folder or output[0].with_suffix(".tiles"), job.identity())
    # Of the first frame, and of those after it as many as a steady shot draws anew.
    frames_told = max(count_frames(given.reference), 1)
    go_on(tiles_take(given, job, round(len(job.drawn()) * (1 + ANEW * (frames_told - 1)))), yes)
    counts: list[int] = []
    with bar("note") as progress:
        task = progress.add_task("drawing tiles", total=None, note="")

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, note=f"frame {len(counts) + 1}")

        def drawn() -> Iterator[Image.Image]:
            frames = itertools.chain([first], pictures)
            for step in follow_generated(
                frames, job, folder, coherence=COHERENCE if coherence is None else coherence, size=even, watch=show
            ):
                counts.append(len(step.drawn))
                yield Image.fromarray(np.concatenate(list(mosaic_bands(step.collage))))

        number = save_video(drawn(), output[0], rate)
    later = counts[1:] or [0]
    print(
        f"{output[0]}: {number} frames, {np.mean(later) / len(job.grid):.1%} of {len(job.grid)} tiles are drawn anew"
        " from one to the next"
    )
    print(f"{time.perf_counter() - began:.1f} s ({time.process_time() - cpu:.1f} s of one core)")
