"""Jobs: work that gives results to choose from. Each verb's options, and how it is done."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from PIL import Image
from pydantic import Field

from vertumnus.checked import Options
from vertumnus.document.collage import Collage
from vertumnus.elements.cutout.cut import CutoutOptions
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.limits import Seed
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.studio import schema
from vertumnus.studio.building import checked_model, file_of, shape_of
from vertumnus.studio.originals import originals_of
from vertumnus.wording.options import ColorOptions, WordOptions

if TYPE_CHECKING:
    from vertumnus.mosaic.workers import Workers
    from vertumnus.studio.worker import Result

Watch = Callable[[str, int, int], None]
Upload = Annotated[str, Field(max_length=100)]
Text = Annotated[str, Field(max_length=10_000)]
PREVIEW = 1024  # pixels of the longer side of a picture to choose by
TILE_PIXELS = 96  # of the shorter side of what a mosaic's cells keep of their pictures, where these have as many


class Harmonize(Options):
    """Ten pictures, by as many seeds, to choose from; of the whole, or of one layer over the last result."""

    prompt: Text | None = Field(None, description="what the whole shows; auto makes one from the layers")
    model: str = Field("mini", max_length=200, description="mini, none for tones and seams, or owner/name")
    seed: Seed = Field(0, description="the first")
    seeds: int = Field(10, ge=1, le=100, description="results, of as many seeds")
    layer: str | None = Field(None, max_length=4096, description="a layer to make anew over the last result")
    how: HarmonizeOptions = Field(HarmonizeOptions(), description="how it is done")


class Tiles(Options):
    """Pictures that mosaics are made of."""

    folder: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="a folder within the one that the studio was opened on"
    )
    uploads: list[Upload] = Field([], max_length=10_000)
    example: bool = Field(False, description="the photographs that come with the program")


class Mosaic(Options):
    """The document becomes a mosaic of a picture."""

    reference: Upload = Field(description="an upload, the picture to rebuild; example for the one that ships")
    tiles: Tiles
    size: int | None = Field(None, ge=16, le=20_000, description="canvas pixels of the longer side")
    seed: Seed = 0
    how: MosaicOptions = Field(MosaicOptions(count=1024), description="how tiles are matched and assigned")


class Generate(Options):
    """The document becomes a mosaic of tiles that a model draws."""

    reference: Upload | None = Field(None, description="an upload, the picture to rebuild")
    reference_prompt: Text | None = Field(None, description="in its place, what the model draws first")
    prompts: list[Text] = Field(max_length=1_000, description="what the tiles show")
    model: str = Field("mini", max_length=200, description="mini, or owner/name")
    size: int | None = Field(None, ge=16, le=20_000, description="canvas pixels of the longer side")
    seed: Seed = 0
    cells: MosaicOptions = Field(MosaicOptions(count=64), description="which cells there are")
    how: GenerateOptions = Field(GenerateOptions(), description="how tiles are drawn")
    again: list[Annotated[int, Field(ge=0)]] = Field([], max_length=1_000, description="cells to draw anew")


class Cut(Options):
    """Objects are cut out of photographs; choosing one adds it as a layer."""

    uploads: list[Upload] = Field(min_length=1, max_length=1_000)
    how: CutoutOptions = Field(CutoutOptions(), description="how they are cut")


class Words(Options):
    """The document becomes a cloud of words."""

    text: Annotated[str, Field(max_length=2_000_000)] | None = Field(None, description="a text to count")
    upload: Upload | None = Field(None, description="a text or a table that was uploaded")
    weights: dict[str, float] | None = Field(None, max_length=100_000, description="words and what they weigh")
    shape: schema.ShapeGiven | None = Field(None, description="what they fill; the canvas by default")
    seed: Seed = 0
    language: str | None = Field(None, max_length=20, description="of the stop words left out, as en; none for none")
    background: str | None = Field("white", max_length=100, description="a CSS colour, or none")
    how: WordOptions = Field(WordOptions(), description="how words become a cloud")
    colors: ColorOptions = Field(ColorOptions(), description="what colours they have")


Asked = Harmonize | Mosaic | Generate | Cut | Words
KINDS: dict[str, type[Options]] = {
    "harmonize": Harmonize, "mosaic": Mosaic, "generate": Generate, "cutout": Cut, "words": Words,
}  # fmt: skip


def checked(asked: schema.Job) -> Asked:
    """A job's options. Raises `VertumnusError` naming the field for what cannot be."""
    found: Any = KINDS[asked.verb](**asked.options)
    how = getattr(found, "how", None)
    if isinstance(how, HarmonizeOptions) and how.lora:
        raise VertumnusError("how.lora: names files; the command line takes them")
    if isinstance(how, GenerateOptions) and (how.adapter or how.decoder not in ("full", "linear", "tiny")):
        raise VertumnusError("how: an adapter or a decoder of its own are files; the command line takes them")
    for one in (how, getattr(found, "cells", None)):
        if isinstance(one, MosaicOptions) and one.importance not in ("faces", "none"):
            raise VertumnusError("importance: faces or none; a picture is for the command line")
    return found


def do(
    collage: Collage,
    asked: schema.Job,
    files: Mapping[str, Path],
    folder: Path,
    watch: Watch,
    ray: str | None = None,
) -> Iterator[Result | str]:
    """Does a job; yields results, and at the end perhaps a sentence on what the reader should know.

    files    uploads by what they are called; ``folder:`` and a name, a folder that was looked for already
    folder   of its own, to write to
    watch    called with (what is going on, done, all); what it raises ends the job
    ray      the address of a cluster that tiles are read and drawn on, in place of this machine
    """
    options = checked(asked)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(options, Harmonize):
        yield from _harmonize(collage, options, folder, watch)
    elif isinstance(options, Mosaic):
        yield from _mosaic(options, files, folder, watch, ray)
    elif isinstance(options, Generate):
        yield from _generate(options, files, folder, watch, ray)
    elif isinstance(options, Cut):
        yield from _cut(options, files, folder, watch)
    else:
        yield from _words(collage, options, files, folder, watch)


def preview(collage: Collage, path: Path) -> Path:
    """A picture of a collage to choose it by."""
    factor = min(1.0, PREVIEW / max(collage.width, collage.height))
    picture = collage.render(factor)
    path.write_bytes(_png(picture))
    return path


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _harmonize(collage: Collage, options: Harmonize, folder: Path, watch: Watch) -> Iterator[Result | str]:
    from vertumnus.harmonizing.gallery import Gallery
    from vertumnus.harmonizing.harmonize import HarmonizeJob
    from vertumnus.studio.worker import Result

    none = options.model == "none"
    how = options.how.changed(method="none") if none else options.how
    model = None if none or how.method == "none" else checked_model(options.model)
    watch("loading the model", 0, 0)
    job = HarmonizeJob(collage, options.prompt, model, options.layer, how)
    try:
        job.learn(lambda which, step, steps, loss: watch(f"learning {job.texts[job.spoken[which]]}", step, steps))
        gallery = Gallery(folder / "gallery", job.identity())
        seeds = range(options.seed, options.seed + options.seeds)
        for index, seed in enumerate(seeds):
            job.fill(gallery, [seed], _steps(watch, index, len(seeds)))
            made = job.document(gallery.picture(seed), seed, batch=gallery.batches.get(seed))
            yield Result(index, gallery.path(seed), seed, collage=made)
    finally:
        job.close()
    left = [*(f"{name} is hidden" for name in job.stack.hidden), *(f"{one} is outside" for one in job.stack.outside)]
    if left:
        yield "left out: " + ", ".join(left)


def _steps(watch: Watch, index: int, count: int) -> Callable[[int, int, int, int], None]:
    def told(step: int, steps: int, _: int, __: int) -> None:
        watch(f"picture {index + 1} of {count}", index * steps + step, count * steps)

    return told


def _workers(ray: str | None, gpu: bool = False) -> Workers | None:
    from vertumnus.mosaic import workers

    return None if ray is None else workers.RayWorkers(ray, gpu)


def _mosaic(
    options: Mosaic, files: Mapping[str, Path], folder: Path, watch: Watch, ray: str | None
) -> Iterator[Result | str]:
    from vertumnus.mosaic.bundle import bundled
    from vertumnus.mosaic.mosaic import make_mosaic
    from vertumnus.studio.worker import Result

    notes: list[str] = []
    workers = _workers(ray)
    homes: dict[Path, Path] = {}
    reference, tiles = _reference(options.reference, files, folder), _tiles(options.tiles, files, folder, homes)
    made = make_mosaic(
        reference, tiles, size=options.size, seed=options.seed, index=folder.parent / "indexes",
        options=options.how, workers=workers, watch=watch,
        indexed=lambda report: notes.extend(f"{Path(path).name}: {reason}" for path, reason in report.skipped[:3]),
    )  # fmt: skip
    watch("keeping the tiles", 0, 0)
    held = bundled(made, workers, TILE_PIXELS)
    held.background = made.background
    shown = preview(held, folder / "preview.png")
    yield Result(0, shown, options.seed, collage=held, originals=originals_of(made, held, homes))
    if made.made_by is not None:
        notes += made.made_by.report.get("notes", [])
    if notes:
        yield "; ".join(notes)


def _reference(named: str, files: Mapping[str, Path], folder: Path) -> Path:
    if named == "example":
        from vertumnus.studio.examples import reference_photograph

        return reference_photograph(folder)
    return file_of(named, files)


def _tiles(tiles: Tiles, files: Mapping[str, Path], folder: Path, homes: dict[Path, Path]) -> list[Path]:
    given = [tiles.folder is not None, bool(tiles.uploads), tiles.example]
    if sum(given) != 1:
        raise VertumnusError("tiles: name one of folder, uploads and example")
    if tiles.folder is not None:
        return [file_of(f"folder:{tiles.folder}", files)]
    if tiles.example:
        from vertumnus.studio.examples import example_photographs

        return [example_photographs(folder.parent / "example-photographs")]
    place = folder / "tiles"
    place.mkdir(exist_ok=True)
    taken: set[str] = set()
    for name in dict.fromkeys(tiles.uploads):
        path = file_of(name, files)
        stem = re.sub(r"[^\w .()+-]", "-", str(files.get(f"name:{name}", path.stem))).strip(". ") or path.stem
        called, number = stem, 1
        while called.casefold() in taken:
            number += 1
            called = f"{stem} {number}"
        taken.add(called.casefold())
        link = place / f"{called}{path.suffix}"
        link.hardlink_to(path)
        homes[link] = path
    return [place]


def _generate(
    options: Generate, files: Mapping[str, Path], folder: Path, watch: Watch, ray: str | None
) -> Iterator[Result | str]:
    from vertumnus.mosaic.bundle import bundled
    from vertumnus.mosaic.generate.folder import TileFolder
    from vertumnus.mosaic.generate.generate import Request, make_job
    from vertumnus.mosaic.generate.result import make_result
    from vertumnus.studio.worker import Result

    if not options.prompts:
        raise VertumnusError("prompts: say what the tiles are to show")
    watch("loading the model", 0, 0)
    reference = _reference(options.reference, files, folder) if options.reference is not None else None
    request = Request(reference, options.prompts, checked_model(options.model), options.reference_prompt)
    job = make_job(request, seed=options.seed, options=options.how, cells=options.cells)
    # The same tiles wait for whoever asks for the same again, or for one of them anew.
    digest = _digest(job.identity())
    tiles = TileFolder(folder.parent / f"drawn-{digest}", job.identity())
    job.run(tiles, lambda done, total: watch("drawing tiles", done, total), _workers(ray, gpu=True))
    for n, cell in enumerate(options.again):
        watch(f"drawing cell {cell} anew", n, len(options.again))
        job.again(tiles, cell, None)
    made = make_result(job, tiles, options.size)
    held = bundled(made, None, TILE_PIXELS)
    shown = preview(held, folder / "preview.png")
    yield Result(0, shown, options.seed, collage=held, originals=originals_of(made, held, {}))


def _digest(identity: Mapping[str, Any]) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _cut(options: Cut, files: Mapping[str, Path], folder: Path, watch: Watch) -> Iterator[Result | str]:
    from vertumnus.elements.cutout.cut import cut_out
    from vertumnus.reading import read_named
    from vertumnus.studio.worker import Result

    index, refused = 0, []
    for n, name in enumerate(options.uploads):
        watch("cutting", n, len(options.uploads))
        path = file_of(name, files)
        called = str(files.get(f"name:{name}", path.stem))
        try:
            found = cut_out(read_named(path), called, options.how, None)
        except VertumnusError as error:
            refused.append(str(error).replace(str(path), called))
            continue
        for cut in found:
            place = folder / f"cut-{index}.png"
            place.write_bytes(_png(cut.picture))
            yield Result(index, place, name=cut.label or called, upload=place)
            index += 1
    if not index:
        raise VertumnusError(refused[0] if refused else "cutout: nothing was found")
    if refused:
        yield "; ".join(refused[:3])


def _words(
    collage: Collage, options: Words, files: Mapping[str, Path], folder: Path, watch: Watch
) -> Iterator[Result | str]:
    from vertumnus.studio.worker import Result
    from vertumnus.wording.cloud import word_cloud

    given = [one for one in ("text", "upload", "weights") if getattr(options, one) is not None]
    if len(given) != 1:
        raise VertumnusError("words: name one of text, upload and weights")
    source: Any = options.text if options.text is not None else options.weights
    if options.upload is not None:
        source = file_of(options.upload, files)
    size = collage.width, collage.height
    shape: Any = shape_of(options.shape, size, files) if options.shape is not None else "canvas"
    last: Literal["placing words"] = "placing words"

    def look(step: Any) -> bool:
        watch(last, step.placed, max(len(step.layout), 1))
        return False

    made = word_cloud(
        source, shape, size=size, seed=options.seed, colors=options.colors, watch=look, options=options.how,
        background=None if options.background in (None, "none") else options.background,
        counting={"language": options.language} if options.text is not None or _is_text(source) else None,
    )  # fmt: skip
    yield Result(0, preview(made, folder / "preview.png"), options.seed, collage=made)
    assert made.made_by is not None
    missing = made.made_by.report.get("unplaced", [])
    if missing:
        yield f"not placed: {len(missing)} ({missing[0]['name']}: {missing[0]['reason']})"


def _is_text(source: object) -> bool:
    return isinstance(source, Path) and source.suffix in (".txt", ".md")
