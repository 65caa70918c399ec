"""Generating the tiles of a mosaic, from a reference's file to a collage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Dtype
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.generate.origin import Origin
from vertumnus.mosaic.generate.prompts import Region, place_prompts
from vertumnus.mosaic.match.grid import Grid, adaptive_grid, count_grid, level_grid, regular_grid
from vertumnus.mosaic.match.reference import linear_light, read_reference
from vertumnus.mosaic.mosaic import parse_grid
from vertumnus.mosaic.options import MosaicOptions
from vertumnus.reading import read_named

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from vertumnus.document.collage import Collage
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.mosaic.generate.job import GenerateJob
    from vertumnus.mosaic.personalize.apply import LearnedNames

Watch = Callable[[int, int], None]
REAL = 0.08  # root of the mean squared difference up to which a photograph takes a cell
COUNT = 64  # cells where nothing else is said
REFERENCE_SEED = 1 << 32  # added to a seed for the reference that the model draws


@dataclass(frozen=True)
class Request:
    """What is to be generated.

    reference         the picture to rebuild, or what it is to show (``reference_prompt``), drawn by the model first
    prompts           one for all tiles, or several that are drawn from at random, by the seed
    shares            of several, how often each is drawn beside the others; alike where nothing is said
    regions           prompts of parts of the reference, in place of those; see `Region`
    region_map        the picture that says where they are
    each              a prompt for every cell, in their order, in place of all of these
    tiles, real       folders of photographs, and how near one must be to take a cell, see `match_photographs`
    concepts          files of learned names and their weights, see `vertumnus.mosaic.personalize`
    model, dtype      ``mini``, a folder, or an id; and the precision it computes in
    frame             of a film, the one to rebuild, in place of what the reference's file shows
    """

    reference: Path | None
    prompts: Sequence[str]
    model: str | Path = "mini"
    reference_prompt: str | None = None
    regions: Sequence[Region] = ()
    region_map: Path | None = None
    each: Sequence[str] = ()
    concepts: Sequence[tuple[Path, float]] = ()
    tiles: Sequence[Path] = ()
    real: float = REAL
    dtype: Dtype = "auto"
    frame: Image.Image | None = None
    shares: Sequence[float] = ()


def make_job(
    request: Request,
    *,
    seed: int = 0,
    options: GenerateOptions | None = None,
    cells: MosaicOptions | None = None,
) -> GenerateJob:
    """A job whose model is loaded and whose input is checked.

    options  how tiles are drawn
    cells    which cells there are

    Raises `VertumnusError` for input that cannot be used.
    """
    from vertumnus.models import load_model
    from vertumnus.mosaic.generate.job import GenerateJob
    from vertumnus.mosaic.generate.pool import TONES

    options, cells = options or GenerateOptions(), cells or MosaicOptions()
    if (request.reference is None) == (request.reference_prompt is None):
        raise VertumnusError("reference: name a picture to rebuild, or say what the model is to draw first")
    image, data, branch = None, None, None
    if request.frame is not None:
        image = request.frame
    elif request.reference is not None:
        image, _ = read_reference(request.reference)
        data = read_named(request.reference)
    model = load_model(request.model, "diffusion", dtype=request.dtype)
    if model.vae is None:
        raise VertumnusError(f"{model.name}: works on pixels; tiles need a model of latents, or mini")
    names = None
    if request.concepts:
        from vertumnus.mosaic.personalize.apply import LearnedNames

        names = LearnedNames(model, request.concepts)
    if image is None:
        assert request.reference_prompt is not None
        _check_words(model, [request.reference_prompt], names)
        image, branch = draw_reference(model, request.reference_prompt, options, seed, names)
    grid = make_grid(image, cells)
    prompts = place_prompts(grid, image.size, request, seed)
    _check_words(model, prompts, names)
    where = request.reference if request.reference is not None else Path(str(request.reference_prompt))
    photographs, structure = None, None
    if options.structure and not request.tiles:
        raise VertumnusError("`structure`: is that of photographs; name their folders as `tiles`")
    if options.structure and options.method in TONES:
        raise VertumnusError(f"`structure`: the method {options.method} draws no tile for its cell")
    if request.tiles:
        from vertumnus.mosaic.generate.photographs import match_photographs

        photographs = match_photographs(
            image, str(where), request.tiles, _with_count(cells, len(grid)), request.real, seed=seed
        )
        if options.structure:
            structure = photographs.structure(model.resolution)
    origin = Origin(str(request.model), request.dtype, cells, request.reference_prompt, tuple(request.concepts), data)
    return GenerateJob(
        image, where, grid, prompts, model, options=options, seed=seed, names=names, photographs=photographs,
        origin=origin, branch=branch, structure=structure,
    )  # fmt: skip


def generate_mosaic(
    reference: str | Path | None,
    prompts: str | Sequence[str],
    *,
    shares: Sequence[float] = (),
    reference_prompt: str | None = None,
    model: str | Path = "mini",
    size: str | int | tuple[int, int] | None = None,
    seed: int = 0,
    options: GenerateOptions | None = None,
    cells: MosaicOptions | None = None,
    concepts: Sequence[str | Path] = (),
    folder: str | Path | None = None,
    watch: Watch | None = None,
) -> Collage:
    """A mosaic whose tiles a diffusion model draws (Generative Photomosaic, Chung, Son and Lee, arXiv 2604.06989).

    reference  the picture to rebuild; None with a ``reference_prompt``, which the same model draws first
    prompts    what each tile shows; of several, one for each tile at random
    shares     how often each prompt is drawn beside the others
    model      ``mini``, a folder, or an id
    size       of the canvas in pixels: the longer side, or (width, height)
    seed       the same input, options, model and seed give the same mosaic on one machine
    options    how tiles are drawn
    cells      which cells there are: ``grid``, ``level``, ``count`` (64 by default), ``cells``, ``adaptive``
    concepts   files of learned names that prompts may hold, ``FILE`` or ``FILE:WEIGHT``
    folder     where tiles are kept, so that an interrupted run goes on; without one they are in the collage alone
    watch      called with tile steps done and all

    Raises `VertumnusError` for input that cannot be used.
    """
    from vertumnus.mosaic.generate.folder import TileFolder
    from vertumnus.mosaic.generate.result import make_result
    from vertumnus.mosaic.personalize.apply import parse_concept

    told = [prompts] if isinstance(prompts, str) else list(prompts)
    learned = [parse_concept(str(one)) for one in concepts]
    request = Request(
        None if reference is None else Path(reference), told, model, reference_prompt, concepts=learned, shares=shares
    )
    job = make_job(request, seed=seed, options=options, cells=cells)
    if folder is not None:
        kept = TileFolder(Path(folder), job.identity())
        job.run(kept, watch)
        return make_result(job, kept, size)
    with TemporaryDirectory() as name:
        kept = TileFolder(Path(name), job.identity())
        job.run(kept, watch)
        return held(make_result(job, kept, size))


def held(collage: Collage) -> Collage:
    """The collage with its tiles taken in, so that their folder may go."""
    for picture in list(collage.pictures):
        collage.pictures.hold(picture)
    return collage


def make_grid(image: Image.Image, cells: MosaicOptions) -> Grid:
    """The cells that a mosaic of a picture is to have: 64 where nothing else is said."""
    width, height = image.size
    if cells.grid is not None:
        return regular_grid(width, height, *parse_grid(cells.grid), cells.cells)
    if cells.level is not None:
        return level_grid(width, height, cells.level, cells.cells)
    count = cells.count if cells.count is not None else min(COUNT, width * height)
    if cells.adaptive:
        return adaptive_grid(linear_light(image), count)
    return count_grid(width, height, count, 1.0, cells.cells)


def _with_count(cells: MosaicOptions, count: int) -> MosaicOptions:
    """The same cells for matching, which by itself would take more."""
    if cells.grid is not None or cells.level is not None or cells.count is not None:
        return cells
    return cells.model_copy(update={"count": count if cells.adaptive else COUNT})


def draw_reference(
    model: Diffusion, prompt: str, options: GenerateOptions, seed: int, names: LearnedNames | None = None
) -> tuple[Image.Image, list[Tensor]]:
    """The reference that the model draws for a prompt, as the paper's references are made.

    With it come the clean latents that the network predicted at each step, 1 x C x h x w: NoiseBlend's global branch.
    """
    import numpy as np
    import torch
    from PIL import Image

    from vertumnus.sampling.sample import sample

    if names is not None:
        names.activate(names.key(prompt))
    branch = []
    for step in sample(
        model, prompt if names is None else names.encode([prompt]), negative=options.negative, steps=options.steps,
        guidance=options.guidance_scale, scheduler=options.scheduler, seed=seed + REFERENCE_SEED,
    ):  # fmt: skip
        branch.append(step.predicted_clean)
    with torch.no_grad():
        decoded = model.decode(step.next_latents)[0].clamp(0, 1).float().cpu()
    pixels = np.floor(decoded.movedim(0, -1).numpy() * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(pixels), branch


def _check_words(model: Diffusion, prompts: Sequence[str], names: LearnedNames | None = None) -> None:
    """Raises `VertumnusError` naming what a model that knows only some nouns does know, for a prompt of none."""
    from vertumnus.guidance.distillation import model_defaults
    from vertumnus.models.mini.vocabulary import nouns
    from vertumnus.models.names import nouns_in

    for prompt in dict.fromkeys(prompts):
        if not prompt.strip():
            raise VertumnusError("prompt: it is empty; write what the tiles are to show")
    folder = getattr(model.pipeline.config, "_name_or_path", None)
    wording = model_defaults(Path(folder)).wording if folder else None
    if wording is not None:
        for prompt in dict.fromkeys(prompts):
            if names is None or not names.key(prompt):
                nouns_in(prompt, nouns(wording.nouns), model.name)
