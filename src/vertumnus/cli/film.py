"""What ``vertumnus compose --like`` does with a video or a folder of frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.cli.common import bar, parse_size
from vertumnus.composing.film import LATER, compose_film, moved
from vertumnus.composing.options import ComposeOptions
from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Collection
from vertumnus.errors import VertumnusError
from vertumnus.export.video import VIDEOS, check_film_place, is_video, read_frames, save_video
from vertumnus.guidance.options import PhotoOptions
from vertumnus.writing import check_apart


def compose_frames(
    elements: Collection,
    like: Path,
    output: list[Path],
    scale: float,
    size: str | None,
    others: dict[str, Any],
    seed: int,
    count: int | None,
    options: ComposeOptions | None,
    flags: dict[str, Any],
) -> None:
    """Writes the film of pieces.

    others   what does not go with a film, by its flag
    flags    of guidances; those of photographs count
    """
    if len(output) != 1 or not is_video(output[0]):
        raise VertumnusError(f"-o: a film has one output, {', '.join(VIDEOS)} or a folder")
    unfit = [name for name in others if others[name]]
    if unfit:
        raise VertumnusError(f"--like: a film is the only guidance; leave out --{unfit[0]}")
    check_film_place(output[0])
    check_apart(output, [like, others["container"], others["from"]])
    fields = {name: value for name, value in flags.items() if name in PhotoOptions.model_fields}
    photo = PhotoOptions(**(fields | {"reference": str(like)}))
    later = LATER if options is None or options.iterations is None else max(1, options.iterations // 10)
    began, cpu = time.perf_counter(), time.process_time()
    pictures, rate = read_frames(like)
    steps: list[float] = []
    with bar("note") as progress:
        task = progress.add_task("frames", total=None, note="")

        def drawn() -> Iterator[Image.Image]:
            before: Collage | None = None
            frames = compose_film(
                elements, pictures, size=parse_size(size) if size is not None else None, seed=seed, count=count,
                later=later, options=options, photo=photo,
            )  # fmt: skip
            for number, collage in enumerate(frames, 1):
                if before is not None:
                    steps.append(moved(before, collage))
                before = collage
                progress.update(task, completed=number, note=f"{steps[-1]:.1f} pixels" if steps else "")
                yield collage.render(scale, background=collage.background or "white").convert("RGB")

        number = save_video(drawn(), output[0], rate)
    print(f"{output[0]}: {number} frames; a piece moves {np.mean(steps or [0.0]):.1f} pixels from one to the next")
    print(f"{time.perf_counter() - began:.1f} s ({time.process_time() - cpu:.1f} s of one core)")
