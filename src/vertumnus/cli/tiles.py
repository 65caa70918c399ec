"""``vertumnus tiles``: the index of a folder of pictures that mosaics are made of."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import App, Parameter

from vertumnus.cli.common import place_of_indexes, progress_bar
from vertumnus.cli.mosaic import say_skipped
from vertumnus.errors import VertumnusError
from vertumnus.mosaic.library.index import prune_index, update_index
from vertumnus.mosaic.library.library import TileLibrary
from vertumnus.mosaic.library.place import index_place
from vertumnus.mosaic.library.store import TileStore
from vertumnus.mosaic.workers import RayWorkers, Threads

tiles = App(name="tiles", help="The index of a folder of pictures: make it, look at it, tidy it.")


@tiles.command
def index(
    folder: list[Path],
    /,
    *,
    thumbnail: int | None = None,
    rebuild: Annotated[bool, Parameter(negative=())] = False,
    ray: str | None = None,
    place: Annotated[Path | None, Parameter(name="--index")] = None,
    beside: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Read what is new or changed in folders of pictures.

    Parameters
    ----------
    folder
        Folders, searched throughout.
    thumbnail
        Pixels of the thumbnails' shorter side, 16 to 1024; 96 by default. Cells no larger than thumbnails are
        drawn without opening the pictures. Only for a new index.
    rebuild
        Begin anew, whatever is there.
    ray
        Read on a Ray cluster: its address, or local.
    place
        A folder for the indexes of folders of pictures; your cache by default.
    beside
        Keep the index inside the folder of pictures, in .vertumnus-tiles.
    """
    if thumbnail is not None and not 16 <= thumbnail <= 1024:
        raise VertumnusError(f"--thumbnail: must be 16 to 1024, not {thumbnail}")
    workers = RayWorkers(ray) if ray is not None else Threads()
    indexes = place_of_indexes(place, beside)
    for source in folder:
        began, cpu = time.perf_counter(), time.process_time()
        with progress_bar(f"indexing {source}") as show:
            report = update_index(
                source, index=indexes, thumbnail=thumbnail, rebuild=rebuild, workers=workers, progress=show
            )
        say_skipped(report)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        each = f", {1e3 * cpu / report.read:.2f} ms of one core each" if report.read else ""
        print(
            f"{source}: {report.tiles} tiles; {report.read} files read, {report.removed} gone,"
            f" {len(report.skipped)} skipped; {seconds:.1f} s{each}"
        )


@tiles.command
def info(
    folder: list[Path],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    index: Path | None = None,
    beside: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say what an index holds: tiles, sizes, near-duplicates, skipped files.

    Parameters
    ----------
    folder
        Indexed folders.
    as_json
        Print JSON.
    index
        A folder for the indexes of folders of pictures; your cache by default.
    beside
        Keep the index inside the folder of pictures, in .vertumnus-tiles.
    """
    indexes = place_of_indexes(index, beside)
    for place in folder:
        lies = index_place(place, indexes)
        store = TileStore(lies)
        if not store.exists:
            raise VertumnusError(f"{place}: has no index; run vertumnus tiles index {place}")
        library = TileLibrary([place], indexes)
        first = library.duplicates()
        doubles = np.flatnonzero(first != np.arange(len(library)))
        skipped = [(str(path), str(reason)) for path, reason in store.query("SELECT path, reason FROM skipped")]
        facts = {
            "folder": str(place),
            "index": str(lies),
            "tiles": len(library),
            "thumbnail": store.meta("thumbnail"),
            "bytes": sum(file.stat().st_size for file in lies.iterdir()),
            "median_size": np.median(library.size, axis=0).astype(int).tolist() if len(library) else None,
            "median_aspect": round(float(np.median(library.aspects)), 4) if len(library) else None,
            "near_duplicates": [
                [str(library.tile(int(n)).path), str(library.tile(int(first[n])).path)] for n in doubles
            ],
            "skipped": skipped,
        }
        if as_json:
            print(json.dumps(facts))
            continue
        print(f"{place}: {facts['tiles']} tiles, index of {facts['bytes']:,} bytes in {facts['index']}")
        if facts["median_size"]:
            print(f"  median size {facts['median_size'][0]} x {facts['median_size'][1]}")  # type: ignore[index]
        print(f"  {len(doubles)} near-duplicates of others")
        for n in doubles[:20].tolist():
            print(f"    {library.tile(n).path} is like {library.tile(int(first[n])).path}")
        for path, reason in skipped:
            print(f"  skipped {path}: {reason}")


@tiles.command
def prune(
    folder: list[Path],
    /,
    *,
    index: Path | None = None,
    beside: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Forget pictures that are gone and give back the space they took.

    Parameters
    ----------
    folder
        Indexed folders.
    index
        A folder for the indexes of folders of pictures; your cache by default.
    beside
        Keep the index inside the folder of pictures, in .vertumnus-tiles.
    """
    indexes = place_of_indexes(index, beside)
    for place in folder:
        with progress_bar(f"indexing {place}") as show:
            report, won = prune_index(place, index=indexes, progress=show)
        print(f"{place}: {report.tiles} tiles, {report.removed} gone, {won:,} bytes given back")
