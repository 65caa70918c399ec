"""What ``vertumnus mosaic`` does with a video or a folder of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vertumnus.cli.common import bar, progress_bar
from vertumnus.cli.estimate import filming, go_on
from vertumnus.cli.mosaic import TILE, cells_asked, longer, passed_over_of, say_skipped
from vertumnus.errors import VertumnusError
from vertumnus.export.video import VIDEOS, at_rate, check_film_place, count_frames, is_video, read_frames, save_video
from vertumnus.mosaic.collage import canvas_size, make_collage
from vertumnus.mosaic.library.index import IndexReport, update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import mosaic_bands
from vertumnus.mosaic.video import COHERENCE, follow
from vertumnus.mosaic.workers import Workers
from vertumnus.writing import check_apart

MOST_FPS = 1000


def film(
    frames: Path,
    tiles: list[Path],
    output: list[Path],
    size: str | None,
    seed: int,
    coherence: float | None,
    options: MosaicOptions,
    workers: Workers,
    indexes: str | Path | None,
    fps: float | None = None,
    pan: bool = True,
    yes: bool = False,
) -> None:
    """Writes the mosaic of a moving picture."""
    if len(output) != 1 or not is_video(output[0]):
        raise VertumnusError(f"-o: a moving mosaic has one output, {', '.join(VIDEOS)} or a folder")
    if not tiles:
        raise VertumnusError("--tiles: name at least one folder of pictures")
    if coherence is not None and not (np.isfinite(coherence) and coherence >= 0):
        raise VertumnusError(f"--coherence: must be a number not below 0, not {coherence}")
    if fps is not None and not 0 < fps <= MOST_FPS:
        raise VertumnusError(f"--fps: must be a number above 0 and at most {MOST_FPS}, not {fps}")
    check_film_place(output[0])
    check_apart(output, [frames, *tiles])
    number, own = count_frames(frames), 1.0
    began, cpu = time.perf_counter(), time.process_time()
    pictures, own_rate = read_frames(frames)
    rate = own_rate
    if fps is not None:
        # Pictures of a folder have no rate of their own.
        pictures, rate = pictures if frames.is_dir() else at_rate(pictures, rate, fps), fps
        if not frames.is_dir():
            own = fps / own_rate
    asked = cells_asked(options)
    side = round(longer(size) or TILE * asked**0.5)
    go_on(filming(round(number * own), asked, (side, side)), yes)
    read: list[IndexReport] = []
    for folder in tiles:
        with progress_bar(f"indexing {folder}") as show:
            read.append(update_index(folder, index=indexes, workers=workers, progress=show))
            say_skipped(read[-1])
    library = TileLibrary(tiles, indexes)
    library.require()
    library.without(options.exclude)
    library.require()
    if options.merge_duplicates:
        library.without_duplicates()
    changed: list[int] = []
    cells = 0
    with bar("note") as progress:
        task = progress.add_task("frames", total=None, note="")

        def drawn() -> Iterator[Image.Image]:
            nonlocal cells
            for shown, frame, moved in follow(
                pictures, library, frames, options, COHERENCE if coherence is None else coherence, seed, pan
            ):
                cells = len(shown.grid)
                collage = make_collage(shown, frame, canvas_size(shown.grid, size, frames), {}, workers=workers)
                changed.append(moved)
                progress.update(task, completed=len(changed), note=f"{moved} cells changed")
                yield Image.fromarray(np.concatenate(list(mosaic_bands(collage, workers))))
            if not changed:
                raise VertumnusError(f"{frames}: holds no picture")

        number = save_video(drawn(), output[0], rate)
    later = changed[1:] or [0]
    print(f"{output[0]}: {number} frames, {np.mean(later) / cells:.1%} of {cells} cells change from one to the next")
    print(
        f"{time.perf_counter() - began:.1f} s ({time.process_time() - cpu:.1f} s of one core)" + passed_over_of(read)
    )
