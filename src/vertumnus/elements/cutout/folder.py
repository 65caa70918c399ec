"""Many photographs to a folder of objects: a PNG each, ``elements.json`` that says where each is from, a sheet."""

from __future__ import annotations

import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.elements.collect import LISTING, expand_files
from vertumnus.elements.cutout.cut import CutOut, CutoutOptions, Segmenting, cut_out
from vertumnus.elements.cutout.matting import Matting
from vertumnus.errors import VertumnusError
from vertumnus.reading import legible, read_named
from vertumnus.writing import atomic_write

FORMAT = "vertumnus/elements"
CELL, COLUMNS = 160, 8  # of the contact sheet: pixels of a side, objects in a row
SQUARE = 8  # of its chequered ground
Progress = Callable[[int, int], None]


@dataclass
class CutFolder:
    """What was cut.

    entries   one an object, as in ``elements.json``
    skipped   (photograph, reason) of those that gave nothing
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def cut_folder(
    sources: Sequence[str | Path],
    folder: Path,
    options: CutoutOptions | None = None,
    model: Path | Segmenting | None = None,
    progress: Progress | None = None,
) -> CutFolder:
    """Cuts photographs and writes what was found: the same files for the same photographs, in their order.

    sources   photographs, folders, globs
    model     a matting network's ONNX file, or a network that takes pictures apart
    progress  called with (done, all) after each photograph

    Raises `VertumnusError` if there is no photograph, nothing is found in any, or the folder cannot be written.
    """
    options = options or CutoutOptions()
    network = Matting(model) if isinstance(model, Path) else model
    found = CutFolder()
    files = expand_files(sources, found.skipped)
    for file in files:  # whose objects would be written over it
        if file.suffix.lower() == ".png" and Path(os.path.realpath(file)).parent == folder.resolve():
            raise VertumnusError(f"{folder}: is where {file.name} lies, which is read; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VertumnusError(f"{folder}: cannot be made ({error.strerror})") from None
    taken: set[str] = set()
    cells: list[Image.Image] = []
    for done, (file, objects) in enumerate(_cut(files, options, network, found), 1):
        for number, cut in enumerate(objects):
            stem = legible(file.stem) + (f"-{_plain(cut.label)}" if cut.label else "")
            name = _free(stem if cut.label or not number else f"{stem}-{number + 1}", taken)
            stream = io.BytesIO()
            cut.picture.save(stream, "PNG")
            with atomic_write(folder / name) as out:
                out.write(stream.getvalue())
            found.entries.append(
                {
                    "file": name,
                    "source": legible(str(file)),
                    "photo": list(cut.size),
                    "box": list(cut.box),
                    "method": cut.method,
                    "covers": round(cut.share, 4),
                }
                | ({"label": cut.label} if cut.label else {})
            )
            cells.append(_cell(cut.picture))
        if progress is not None:
            progress(done, len(files))
    if not cells:
        reason = f" ({found.skipped[0][1]})" if found.skipped else ""
        raise VertumnusError(f"{', '.join(map(str, sources[:3]))}: nothing was cut out{reason}")
    listed = {
        "format": FORMAT,
        "options": options.model_dump(mode="json"),
        "elements": found.entries,
        "skipped": [{"source": legible(name), "reason": legible(reason)} for name, reason in found.skipped],
    }
    with atomic_write(folder / LISTING) as out:
        out.write((json.dumps(listed, indent=1, ensure_ascii=False) + "\n").encode())
    stream = io.BytesIO()
    sheet(cells).save(stream, "JPEG", quality=90)
    (folder / ".sheet").mkdir(exist_ok=True)  # a folder whose name begins with a dot holds no elements
    with atomic_write(folder / ".sheet" / "contact.jpg") as out:
        out.write(stream.getvalue())
    return found


def _cut(
    files: list[Path], options: CutoutOptions, model: Matting | Segmenting | None, found: CutFolder
) -> Iterator[tuple[Path, list[CutOut]]]:
    """Each photograph's objects, in order; several photographs at once, no more in memory than there are cores."""

    def cut(file: Path) -> list[CutOut]:
        return cut_out(read_named(file), str(file), options, model)

    workers = os.cpu_count() or 1
    waiting: deque[tuple[Path, Future[list[CutOut]]]] = deque()
    left = iter(files)
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                while len(waiting) <= workers and (file := next(left, None)) is not None:
                    waiting.append((file, pool.submit(cut, file)))
                if not waiting:
                    return
                file, future = waiting.popleft()
                try:
                    yield file, future.result()
                except VertumnusError as error:
                    found.skipped.append((str(file), str(error).removeprefix(f"{file}: ")))
                    yield file, []
        finally:
            for _, future in waiting:
                future.cancel()


def _plain(label: str) -> str:
    """What a network calls an object, for a file's name."""
    return "".join(c if c.isalnum() else "-" for c in label)[:40].strip("-")


def _free(stem: str, taken: set[str]) -> str:
    name, number = f"{stem}.png", 2
    while name.casefold() in taken:
        name, number = f"{stem} {number}.png", number + 1
    taken.add(name.casefold())
    return name


def _cell(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((CELL - 8, CELL - 8), Image.Resampling.LANCZOS)
    return small


def sheet(cells: Sequence[Image.Image]) -> Image.Image:
    """Small pictures row by row on a chequered ground."""
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    y, x = np.mgrid[: rows * CELL, : columns * CELL] // SQUARE
    ground = np.where((x + y) % 2, 255, 222).astype(np.uint8)
    found = Image.fromarray(ground).convert("RGB")
    for n, cell in enumerate(cells):
        left = n % columns * CELL + (CELL - cell.width) // 2
        top = n // columns * CELL + (CELL - cell.height) // 2
        found.paste(cell, (left, top), cell)
    return found
