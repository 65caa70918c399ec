"""``vertumnus mosaic``: rebuild a picture from tiles."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import TaskID

from vertumnus.cli.common import bar, counted, place_of_indexes, progress_bar
from vertumnus.cli.estimate import drawing as drawing_takes
from vertumnus.cli.estimate import go_on, matching
from vertumnus.cli.said import facts_of, saying
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.banded import check_format
from vertumnus.export.video import VIDEOS, is_video
from vertumnus.limits import MAX_STORED_SIDE, check_whole
from vertumnus.models.checkpoint import Dtype
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.library.index import IndexReport
from vertumnus.mosaic.load import load_mosaic
from vertumnus.mosaic.match.reference import check_pixels
from vertumnus.mosaic.mosaic import make_mosaic
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.mosaic.output import check_drawable, check_kinds, save_mosaic
from vertumnus.mosaic.workers import RayWorkers, Threads, Workers
from vertumnus.writing import check_apart, check_writable, together

SKIPPED_SHOWN = 5
TILE = 64  # pixels of a cell's side, where no size is asked for
GENERATING = "Tiles that a model draws"


def mosaic(
    reference: Path | None = None,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    tiles: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    generate: Annotated[list[str] | None, Parameter(consume_multiple=True, group=GENERATING)] = None,
    model: Annotated[str, Parameter(group=GENERATING)] = "mini",
    dtype: Annotated[Dtype, Parameter(group=GENERATING)] = "auto",
    reference_prompt: Annotated[str | None, Parameter(group=GENERATING)] = None,
    shares: Annotated[list[float] | None, Parameter(group=GENERATING, consume_multiple=True)] = None,
    prompts: Annotated[Path | None, Parameter(group=GENERATING)] = None,
    region: Annotated[list[str] | None, Parameter(group=GENERATING)] = None,
    region_map: Annotated[Path | None, Parameter(group=GENERATING)] = None,
    real: Annotated[float | None, Parameter(group=GENERATING)] = None,
    concept: Annotated[list[str] | None, Parameter(group=GENERATING)] = None,
    again: Annotated[list[int] | None, Parameter(group=GENERATING, consume_multiple=True)] = None,
    folder: Annotated[Path | None, Parameter(group=GENERATING)] = None,
    size: str | None = None,
    seed: int = 0,
    assignment: Path | None = None,
    ray: str | None = None,
    coherence: float | None = None,
    fps: float | None = None,
    pan: bool = True,
    index: Path | None = None,
    beside: Annotated[bool, Parameter(negative=())] = False,
    force: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=())] = False,
    tile_pixels: int | None = None,
    bundle: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[MosaicOptions | None, Parameter(name="*", group="How")] = None,
    drawing: Annotated[GenerateOptions | None, Parameter(name="*", group=GENERATING)] = None,
) -> None:
    """Rebuild a picture from tiles.

    Examples: vertumnus mosaic cat.jpg --tiles photos/ --tone mean-std:0.5 -o cat-of-photos.png;
    vertumnus mosaic cat.jpg --tiles photos/ --grid 48x64 --unique -o deep.dzi -o again.json;
    vertumnus mosaic --assignment again.json --size 40000 -o huge.tif;
    vertumnus mosaic cat.jpg --generate "a cat" --level 3 -o cat-of-cats.png

    Parameters
    ----------
    reference
        The picture to rebuild; a video or a folder of frames for a video.
    output
        Where to write, once for each file; the suffix tells the kind: .png, .jpg, .tif (pyramidal), .dzi (with a
        page), .json (which links to the tiles), .collage
        (which holds them) or .csv; for a video .mp4, .gif, .webp ... or a folder.
    tiles
        Folders of pictures, indexed where that has not been done; one picture alone is toned to every cell.
    generate
        In place of tiles, what each is to show: a diffusion model draws them. Of several, one a tile at random.
    model
        mini, the folder of a diffusion model, or its id.
    dtype
        What the model computes in: float32, float16 or bfloat16; half precision on a GPU by default.
    reference_prompt
        In place of a reference: what the same model is to draw for one first.
    shares
        Of several prompts, how often each is drawn beside the others, as 3 1; alike by default.
    prompts
        A text file with a prompt for every cell, a line each, in their order.
    region
        A region's colour on the map and its prompt, as 'red=a bird'; once for each.
    region_map
        A picture of the reference's aspect that shows where the regions are.
    real
        With tiles as well: how near a photograph of them must be to take a cell, .08 by default; root of the mean
        squared difference, from 0 to 1.
    concept
        A learned name that prompts hold, as vertumnus personalize makes it: FILE or FILE:WEIGHT, once for each.
    again
        Cells, counted from 0 in rows, to be drawn anew in a mosaic generated before; the others stay.
    folder
        Where tiles are kept as they are drawn, so that an interrupted run goes on; NAME.tiles beside the first output
        by default.
    size
        Of the mosaic in pixels: 8000 for the longer side, or 8000x6000; about 64 to a cell by default.
    seed
        The same input, options and seed give the same mosaic.
    assignment
        A mosaic's .json or .collage, to draw it again at another size.
    ray
        Read and draw on a Ray cluster: its address, or local; tiles that a model draws, too.
    coherence
        For a video: a cell changes its tile only for a gain above this share of the mean cost; 0.5 by default. One
        that a model drew is drawn anew where its error has risen by as much.
    fps
        For a video: frames a second of what is written; a video's own by default, 24 for a folder of frames.
    pan
        For a video: where the camera pans or zooms, cells go with the picture and keep their tiles; rectangles only.
    index
        A folder for the indexes of folders of pictures; your cache by default.
    beside
        Keep the index inside the folder of pictures, in .vertumnus-tiles.
    force
        Replace a deep zoom, its folder and its page even if this program did not make them.
    yes
        Do not ask before what takes more than a minute or 2 GB.
    tile_pixels
        For a .collage: pixels of the shorter side of what each cell shows, at least, where its file has as many; as
        many as the cell has by default. Enough of them, and it prints large.
    bundle
        For deep zoom: copies of the pictures that hovering shows lie with it.
    as_json
        Print the report as JSON to standard output, and lines for people to standard error.
    options
        How tiles are matched and assigned; of generated ones, which cells there are.
    drawing
        How tiles are generated.
    """
    began, cpu = time.perf_counter(), time.process_time()
    asked = {
        "model": model != "mini", "dtype": dtype != "auto", "reference_prompt": reference_prompt, "prompts": prompts,
        "region": region, "region_map": region_map, "concept": concept, "real": real is not None, "again": again,
        "folder": folder, "options": drawing, "shares": shares,
    }  # fmt: skip
    if generate or prompts is not None or region or any(asked.values()):
        from vertumnus.cli.generate import Given, generate_tiles

        _no_json(as_json)
        if assignment is not None:
            raise VertumnusError("--generate: draws its own tiles; --assignment goes without")
        given = Given(
            reference, generate or [], model, reference_prompt, prompts, region or [], region_map, concept or [],
            tiles or [], real, dtype, again or [], folder, coherence, shares or [],
        )  # fmt: skip
        moves = reference is not None and (reference.is_dir() or _is_film(reference))
        if moves or any(is_video(path) for path in output):
            from vertumnus.cli.generate_film import generate_film

            if fps is not None:
                raise VertumnusError("--fps: is for videos of tiles that are matched")
            if ray is not None:
                raise VertumnusError("--ray: tiles of moving pictures are drawn here")
            generate_film(given, output, size, seed, options, drawing, yes)
            return
        cluster = RayWorkers(ray, gpu=True) if ray is not None else None
        generate_tiles(given, output, size, seed, options, drawing, force, cluster, yes)
        return
    indexes = place_of_indexes(index, beside)
    if tile_pixels is not None:
        check_whole("--tile-pixels", tile_pixels, 1, MAX_STORED_SIDE)
    workers: Workers
    moving = reference is not None and (reference.is_dir() or any(is_video(path) for path in output))
    if moving:
        from vertumnus.cli.video import film

        _no_json(as_json)
        assert reference is not None
        if assignment is not None:
            raise VertumnusError(f"{reference}: --assignment is for still pictures")
        workers = RayWorkers(ray) if ray is not None else Threads()
        film(
            reference, tiles or [], output, size, seed, coherence, options or MosaicOptions(), workers, indexes,
            fps, pan, yes,
        )  # fmt: skip
        return
    if reference is not None and _is_film(reference):
        raise VertumnusError(f"{reference}: a video becomes a video; name -o NAME.mp4 or a folder")
    if coherence is not None or fps is not None:
        raise VertumnusError(f"--{'coherence' if fps is None else 'fps'}: is for videos")
    check_kinds(output, force)
    for path in output:
        check_writable(path)
    check_apart(output, [reference, assignment, *(tiles or [])])
    workers = RayWorkers(ray) if ray is not None else Threads()
    if assignment is None:
        cells = cells_asked(options or MosaicOptions())
        side = longer(size) or TILE * cells**0.5
        for path in output:  # before anybody is asked to wait
            if path.suffix.lower() in (".jpg", ".jpeg"):
                check_format(path, round(side), round(side))
        if reference is not None:
            check_pixels(reference, cells)
        go_on(matching(cells) + drawing_takes((round(side), round(side)), 1.0, output), yes)
    read: list[IndexReport] = []
    collage = _mosaic(reference, tiles or [], assignment, size, seed, options, workers, indexes, read)
    with about(assignment or reference, *output), saying(as_json) as tell:
        try:
            check_drawable(collage, output, None)  # what can be told to fail fails before anything is drawn
            write_mosaic(collage, output, workers, force, tile_pixels, bundle)
        except OSError as error:  # a tile's name may be none that the system has
            raise VertumnusError(f"{error.filename}: {error.strerror or error}") from None
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        _summary(collage, seconds, cpu, read)
        tell(**facts_of(collage, output, seconds, cpu))


def cells_asked(options: MosaicOptions) -> int:
    """Cells that are asked for, as far as the options say."""
    sides = [int(side) for side in re.findall(r"\d+", options.grid or "")]
    return sides[0] * sides[1] if len(sides) == 2 else options.count or 0


def longer(size: str | None) -> int:
    return max((int(side) for side in re.findall(r"\d+", size or "")), default=0)


def _no_json(asked: bool) -> None:
    if asked:
        raise VertumnusError("--json: is for still mosaics of tiles that are matched")


def _is_film(reference: Path) -> bool:
    return reference.suffix.lower() in VIDEOS and reference.suffix.lower() != ".gif"


def write_mosaic(
    collage: Collage,
    output: list[Path],
    workers: Workers | None,
    force: bool,
    tile_pixels: int | None = None,
    bundle: bool = False,
) -> None:
    """Writes a mosaic's outputs, which appear together, and says what was written."""
    said = []
    with together():
        for path in output:
            with progress_bar(f"drawing {path.name}") as show:
                written = save_mosaic(
                    collage, path, None, workers, show, force=force, tile_pixels=tile_pixels, bundle=bundle
                )
            pixels = (
                f": {written.width} x {written.height} pixels" if written.width else f": {len(collage.layers)} cells"
            )
            said.append(" and ".join(str(p) for p in written.paths) + pixels)
    for line in said:
        print(line)


def _mosaic(
    reference: Path | None,
    tiles: list[Path],
    assignment: Path | None,
    size: str | None,
    seed: int,
    options: MosaicOptions | None,
    workers: Workers,
    indexes: str | Path | None,
    read: list[IndexReport],
) -> Collage:
    if assignment is not None:
        if tiles:
            raise VertumnusError("--assignment: says which tiles to use; --tiles does not go with it")
        tone = options.tone if options is not None else None
        return load_mosaic(assignment, reference=reference, tone=tone, size=size)
    if reference is None:
        raise VertumnusError("REFERENCE: name the picture to rebuild, or a mosaic with --assignment")
    if not tiles:
        raise VertumnusError("--tiles: name at least one folder of pictures")

    def indexed(report: IndexReport) -> None:
        read.append(report)
        say_skipped(report)

    with PhaseBar() as watch:
        collage = make_mosaic(
            reference, tiles, size=size, seed=seed, index=indexes, options=options or MosaicOptions(),
            workers=workers, watch=watch, indexed=indexed,
        )  # fmt: skip
    for note in _report(collage)["notes"]:
        print(note, file=sys.stderr)
    return collage


def _report(collage: Collage) -> dict[str, Any]:
    return collage.made_by.report if collage.made_by is not None else {}


def say_skipped(report: IndexReport) -> None:
    """Names pictures that cannot be used; all of them are listed by ``vertumnus tiles info``."""
    for path, reason in report.skipped[:SKIPPED_SHOWN]:
        print(f"skipped {path}: {reason}", file=sys.stderr)
    if len(report.skipped) > SKIPPED_SHOWN:
        more = len(report.skipped) - SKIPPED_SHOWN
        print(f"skipped {more} more; vertumnus tiles info {report.folder} names them", file=sys.stderr)


def _summary(collage: Collage, seconds: float, cpu: float, read: list[IndexReport]) -> None:
    report = _report(collage)
    if "tiles_used" in report:
        most, apart = "used, none twice", ""
        if report["repeats"]:
            most = f"used, none more than {report['most_uses']} times"
            apart = f", equal ones {report['repeat_distance']:.3g} cells apart at least"
        gap = f", within {report['gap']:.2%} of the least cost" if report.get("gap") else ""
        print(
            f"{len(collage.layers)} cells, {report['tiles_used']} of {report.get('tiles', report['tiles_used'])}"
            f" tiles {most}{apart}{gap}"
        )
    if "clipped" in report:
        print(f"the tone clipped {report['clipped']:.2%} of the values it changed")
    print(f"{seconds:.1f} s ({cpu:.1f} s of one core)" + passed_over_of(read))


def passed_over_of(read: list[IndexReport]) -> str:
    """What of the pictures in the folders cannot be used, counted by reason; nothing if all can."""
    reasons = (reason for report in read for _, reason in report.skipped)
    return counted(sum(report.tiles for report in read), reasons)


class PhaseBar:
    """One bar after another, as phases begin."""

    def __init__(self) -> None:
        self.progress = bar()
        self.task: TaskID | None = None
        self.phase = ""

    def __enter__(self) -> Callable[[str, int, int], None]:
        self.progress.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def _show(self, phase: str, done: int, total: int) -> None:
        if self.task is None:
            self.task = self.progress.add_task(phase, total=total)
        self.progress.update(self.task, description=phase, completed=done, total=total)
