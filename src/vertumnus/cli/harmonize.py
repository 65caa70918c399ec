"""``vertumnus harmonize``: a rough layered collage becomes one picture."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import App, Parameter
from PIL import Image
from rich.progress import TaskID

from vertumnus.cli.common import DOCUMENTS, bar, check_outputs, parse_size
from vertumnus.cli.render import write_output, write_outputs
from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.collect import collect
from vertumnus.errors import VertumnusError, about
from vertumnus.export.picture import save_image
from vertumnus.harmonizing.gallery import Gallery, read_index
from vertumnus.harmonizing.harmonize import HarmonizeJob, collage_digest
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.harmonizing.rounds import undo_round
from vertumnus.limits import MAX_STARTS
from vertumnus.writing import check_apart, check_writable, together

harmonize = App(name="harmonize", help="Turn a rough layered collage into one coherent picture.")

PLACED = re.compile(r"^(?P<path>.+?)(?::(?P<text>[^:@]+))?@(?P<x>[^,]+),(?P<y>[^,]+),(?P<scale>[^,]+)$")


@harmonize.default
def make(
    collage: Path | None = None,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    prompt: str | None = None,
    layer: Annotated[list[str] | None, Parameter(name="--layer")] = None,
    size: str = "512",
    model: str = "mini",
    control: list[str] | None = None,
    seed: int = 0,
    seeds: int = 1,
    show: Annotated[str | None, Parameter(name="--show")] = None,
    options: Annotated[HarmonizeOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Turn a rough layered collage into one coherent picture.

    Examples: vertumnus harmonize lunch.collage --prompt "a bento box with rice and sushi" --seeds 10 -o lunch.png
    -o lunch.collage -o lunch/; vertumnus harmonize --layer rice.png:rice@200,260,0.5
    --layer sushi.png:sushi@340,250,0.4 --prompt auto -o lunch.png

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    output
        Where to write, once for each: a picture, the document (.collage, .json), or a folder for a gallery of all
        seeds.
    prompt
        What the whole shows, with every layer's text in it; the collage's own by default; auto makes one from the
        layers.
    layer
        In place of a collage, a layer as PICTURE:TEXT@X,Y,SCALE, from back to front; X and Y are canvas pixels.
    size
        Of the canvas of such layers in pixels: 512 or 800x600.
    model
        mini, the folder of a diffusion model, or its id; none fits tones and smooths seams without one.
    control
        A ControlNet or T2I-Adapter: MODEL sees the layers' own edges, MODEL=PICTURE a map made elsewhere.
    seed
        The first seed.
    seeds
        Results to make, of as many seeds.
    show
        attention: writes where each layer's words were looked for beside the first picture.
    options
        How it is done.
    """
    _places(output, seeds, show is not None)
    if collage is not None and collage.is_file():
        check_apart([path for path in output if path.suffix], [collage])
    if (collage is None) == (not layer):
        raise VertumnusError("COLLAGE: name a collage, or its layers with --layer")
    document = Collage.load(collage) if collage is not None else _placed(layer or [], parse_size(size))
    if show not in (None, "attention"):
        raise VertumnusError(f"--show: {show!r} is not known; attention is")
    with about(collage or layer, "`", "--"):
        job = _job(document, prompt, model, None, options, control)
        _run(job, output, seed, seeds, show == "attention")


@harmonize.command
def edit(
    collage: Path,
    /,
    *,
    layer: str | None = None,
    take: int | None = None,
    undo: Annotated[bool, Parameter(negative=())] = False,
    gallery: Path | None = None,
    output: Annotated[list[Path] | None, Parameter(name=["-o", "--output"])] = None,
    prompt: str | None = None,
    model: str = "mini",
    control: list[str] | None = None,
    seed: int = 0,
    seeds: int = 10,
    options: Annotated[HarmonizeOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Make one layer of a harmonised collage anew; everything else stays to the bit.

    Example: vertumnus harmonize edit lunch.collage --layer ginger --seeds 10, then
    vertumnus harmonize edit lunch.collage --layer ginger --take 3

    Parameters
    ----------
    collage
        A collage that was harmonised; it is written again with --take and --undo unless -o names another place.
    layer
        Name or text of the layer.
    take
        The seed, of the gallery made before, whose result goes into the document.
    undo
        Take the last round back.
    gallery
        The folder of results; named for the collage and the layer by default.
    output
        Where to write what was taken: a picture or a document.
    prompt
        What the whole shows; the collage's own by default.
    model
        mini, the folder of a diffusion model, or its id.
    control
        A ControlNet or T2I-Adapter: MODEL sees the layers' own edges, MODEL=PICTURE a map made elsewhere.
    seed
        The first seed.
    seeds
        Results to make, of as many seeds.
    options
        How it is done.
    """
    with about(collage, "`", "--", *([gallery] if gallery is not None else [])):
        _edit(collage, layer, take, undo, gallery, output or [collage], prompt, model, control, seed, seeds, options)


def _edit(
    collage: Path,
    layer: str | None,
    take: int | None,
    undo: bool,
    gallery: Path | None,
    written: list[Path],
    prompt: str | None,
    model: str,
    control: list[str] | None,
    seed: int,
    seeds: int,
    options: HarmonizeOptions | None,
) -> None:
    document = Collage.load(collage)
    if undo:
        _write(undo_round(document), written)
        return
    if layer is None:
        raise VertumnusError("--layer: name the layer to make anew")
    words = re.sub(r"[^\w-]+", "-", layer)
    folder = gallery or collage.with_name(f"{collage.stem}-{words}")
    if take is None:
        _run(_job(document, prompt, model, layer, options, control), [folder], seed, seeds, False)
        print(f"choose one: vertumnus harmonize edit {collage} --layer {layer!r} --take SEED")
        return
    if not folder.exists():
        raise VertumnusError(f"--take: there is no gallery {folder} yet; make it first, without --take")
    identity = read_index(folder)["identity"]
    if identity.get("collage") != collage_digest(document) or identity.get("layer") != layer:
        raise VertumnusError(f"{folder}: holds results of another collage or layer; make them anew without --take")
    results = Gallery(folder, identity)
    picture = results.picture(take)
    job = HarmonizeJob(document, identity.get("prompt") or None, None, layer, HarmonizeOptions(method="none"))
    _write(job.document(picture, take, identity, results.batches.get(take)), written)


def _job(
    document: Collage,
    prompt: str | None,
    model: str,
    layer: str | None,
    options: HarmonizeOptions | None,
    control: list[str] | None,
) -> HarmonizeJob:
    chosen = options or HarmonizeOptions()
    if model == "none":
        chosen = chosen.model_copy(update={"method": "none"})
    job = HarmonizeJob(document, prompt, None if chosen.method == "none" else model, layer, chosen, control or [])
    for name in job.stack.hidden:
        print(f"layer {name!r} is hidden and was left out")
    for name in job.stack.outside:
        print(f"layer {name!r} lies outside the canvas and was left out")
    if job.prompt:
        print(f"prompt: {job.prompt}")
    return job


def _places(output: list[Path], seeds: int, attention: bool) -> tuple[list[Path], list[Path], list[Path]]:
    """Galleries, files, and which of the files are pictures. Raises `VertumnusError` for what cannot be written."""
    if not 1 <= seeds <= MAX_STARTS:
        raise VertumnusError(f"--seeds: must be 1 to {MAX_STARTS:,}, not {seeds}")
    folders = [path for path in output if not path.suffix]
    files = [path for path in output if path.suffix]
    check_outputs(files)
    if len(folders) > 1:
        raise VertumnusError(f"{folders[1]}: one gallery is enough")
    if seeds > 1 and not folders:
        folders = [files[0].with_name(f"{files[0].stem}-gallery")]
    pictures = [path for path in files if path.suffix.lower() not in (*DOCUMENTS, ".svg")]
    if attention and not (pictures or folders):
        raise VertumnusError("--show: attention goes beside a picture; name one with -o")
    for folder in folders:
        check_writable(folder)
    return folders, files, pictures


def _run(job: HarmonizeJob, output: list[Path], seed: int, seeds: int, attention: bool) -> None:
    folders, files, pictures = _places(output, seeds, attention)
    wanted = list(range(seed, seed + seeds))
    began = time.perf_counter()
    _learn(job)
    if folders:
        gallery = Gallery(folders[0], job.identity())
        with bar("note") as progress:
            task = progress.add_task("harmonising", total=None, note="")

            def watch(step: int, steps: int, done: int, count: int) -> None:
                progress.update(task, completed=step, total=steps, note=f"{done} of {count} finished")

            try:
                job.fill(gallery, wanted, watch)
            except KeyboardInterrupt:
                print(f"stopped; what is finished lies in {gallery.folder}, and the same command goes on from there")
        gallery.contact_sheet()
        finished = [one for one in wanted if one in gallery.pictures]
        print(f"{gallery.folder}: {len(finished)} of {seeds} results, and contact.png")
        if not finished:
            return
        first, picture = finished[0], gallery.picture(finished[0])
        batch = gallery.batches.get(first)
    else:
        with bar("note") as progress:
            task = progress.add_task("harmonising", total=None, note="")
            first, batch = seed, None
            picture = job.pictures(
                [seed], lambda step, steps, *_: progress.update(task, completed=step, total=steps)
            )[0]
    made = job.document(picture, first, batch=batch)
    with together():
        for path in files:
            if path not in pictures:
                print(write_output(made, path, 1.0, None))
            else:
                save_image(Image.fromarray(picture), path)
                print(f"{path}: {picture.shape[1]} x {picture.shape[0]} pixels, seed {first}")
        if attention:
            place = pictures[0] if pictures else folders[0] / "x.png"
            beside = place.with_name(f"{place.stem}-attention.png")
            save_image(Image.fromarray(job.attention_picture(first)), beside)
            print(f"{beside}: where {', '.join(job.texts[n] for n in job.spoken)} were looked for")
    print(f"{time.perf_counter() - began:.1f} s")


def _learn(job: HarmonizeJob) -> None:
    """Learns the layers' words, if the method has any, with a bar for each."""
    if not job.options.appearance:
        return
    with bar("note") as progress:
        tasks: dict[int, TaskID] = {}

        def watch(which: int, step: int, steps: int, loss: float) -> None:
            if which not in tasks:
                tasks[which] = progress.add_task(f"learning {job.texts[job.spoken[which]]}", total=steps, note="")
            progress.update(tasks[which], completed=step, note=f"loss {loss:.4f}")

        job.learn(watch)


def _write(made: Collage, output: list[Path]) -> None:
    check_outputs(output)
    write_outputs(made, output, 1.0)


def _placed(layers: list[str], size: tuple[int, int]) -> Collage:
    """A collage of layers that are named on the command line."""
    made = Collage(width=size[0], height=size[1])
    for text in layers:
        found = PLACED.match(text)
        if found is None:
            raise VertumnusError(f"--layer: {text!r} is not PICTURE:TEXT@X,Y,SCALE")
        try:
            x, y, scale = (float(found[name]) for name in ("x", "y", "scale"))
        except ValueError:
            raise VertumnusError(f"--layer: {text!r} has a place that is no number; write @X,Y,SCALE") from None
        if not np.isfinite([x, y, scale]).all() or not 0 < scale < 1e4:
            raise VertumnusError(f"--layer: {text!r} has a place or scale that cannot be")
        (element,) = collect([found["path"]]).elements[:1]
        element.give_to(made.pictures)
        words = (found["text"] or "").strip(" \"'") or None
        made.layers.append(
            Layer(name=words or element.name, image=element.image, x=x, y=y, scale=scale, prompt=words)
        )
    return made
