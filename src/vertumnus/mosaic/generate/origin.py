"""How a generated mosaic came to be, as its document keeps it, and the job of a document that is made again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture
from vertumnus.live.spec import Inputs, RunSpec
from vertumnus.models.checkpoint import Dtype
from vertumnus.mosaic.generate.options import GenerateOptions
from vertumnus.mosaic.options import MosaicOptions

if TYPE_CHECKING:
    from vertumnus.mosaic.generate.job import GenerateJob

TOOL = "generate"
REFERENCE, STRUCTURE = "reference", "structure"


@dataclass(frozen=True)
class Origin:
    """What was asked for, as far as the job itself does not say it.

    model, dtype      as they were named
    cells             which there are
    reference_prompt  what the reference was drawn for, if it was
    concepts          files of learned names and their weights
    reference         the reference's file as it was read; None for one that was drawn
    """

    model: str
    dtype: Dtype
    cells: MosaicOptions
    reference_prompt: str | None = None
    concepts: tuple[tuple[Path, float], ...] = ()
    reference: bytes | None = None


def keep_origin(job: GenerateJob, state: Mapping[str, Any], collage: Collage) -> RunSpec:
    """The spec that makes a job's mosaic again; the reference's picture goes into the collage.

    state  of the folder of its tiles
    """
    from vertumnus.mosaic.generate.job import model_identity

    origin = job.origin
    assert origin is not None
    prompts = sorted(set(job.prompts))
    told: dict[str, Any] = {"prompts": prompts}
    if len(prompts) > 1:
        told["which"] = " ".join(str(prompts.index(prompt)) for prompt in job.prompts)
    told |= job.options.model_dump(mode="json")
    told["cells"] = origin.cells.model_dump(mode="json", exclude_unset=True)
    told |= {"model": origin.model, "dtype": origin.dtype, "batch_drawn": state.get("batch")}
    told["again"] = dict(sorted(state.get("attempts", {}).items()))
    models = {origin.model: model_identity(job.model)}
    references = {}
    if origin.reference_prompt is not None:
        told["reference_prompt"] = origin.reference_prompt
    else:
        references[REFERENCE] = _keep_reference(collage, origin.reference, job.reference)
    if job.structure is not None:
        references[STRUCTURE] = collage.pictures.add(job.structure)
    if job.names is not None:
        told["concepts"] = [[str(path), weight] for path, weight in origin.concepts]
        models |= {str(path): str(one[0]) for (path, _), one in zip(origin.concepts, job.names.told, strict=True)}
    if job.photographs is not None and job.photographs.cells:
        told["photographs"] = " ".join(map(str, sorted(job.photographs.cells)))
    return RunSpec(
        tool=TOOL, seed=job.seed, size=(collage.width, collage.height), options=told, models=models,
        references=references, provenance={REFERENCE: str(job.where)},
    )  # fmt: skip


def _keep_reference(collage: Collage, data: bytes | None, image: Image.Image) -> str:
    """The name of the reference in the collage: its own file, or a PNG of what was seen."""
    if data is not None:
        try:
            name = collage.pictures.add(data)
            if collage.pictures.decoded(name).mode == "RGB":
                return name
        except VertumnusError:  # a kind that a collage does not hold
            pass
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return collage.pictures.add(buffer.getvalue())


def job_again(spec: RunSpec, inputs: Inputs) -> tuple[GenerateJob, dict[str, Any]]:
    """The job of a document, and the state that its folder of tiles begins with.

    Raises `VertumnusError` if a model or a learned name is missing or not what it was, or the document is not whole.
    """
    from vertumnus.models import load_model
    from vertumnus.mosaic.generate.generate import draw_reference, make_grid
    from vertumnus.mosaic.generate.job import GenerateJob, model_identity
    from vertumnus.mosaic.generate.photographs import Kept
    from vertumnus.mosaic.personalize.apply import LearnedNames

    told = dict(spec.options)
    try:
        prompts = [str(prompt) for prompt in told["prompts"]]
        which = [int(n) for n in told.get("which", "").split()]
        options = GenerateOptions(**{name: told[name] for name in GenerateOptions.model_fields if name in told})
        cells = MosaicOptions(**told["cells"])
        named, dtype = str(told["model"]), cast(Dtype, told["dtype"])
        concepts = tuple((Path(path), float(weight)) for path, weight in told.get("concepts", []))
        taken = frozenset(int(n) for n in told.get("photographs", "").split())
        state = {"batch": told["batch_drawn"], "again": {int(n): int(count) for n, count in told["again"].items()}}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VertumnusError(f"made_by.options: do not say how the tiles were drawn ({error})") from None
    document = inputs.document
    model = load_model(named, "diffusion", dtype=dtype)
    _same(spec, named, model_identity(model))
    names = LearnedNames(model, concepts) if concepts else None
    for (path, _), (digest, _) in zip(concepts, names.told if names is not None else [], strict=True):
        _same(spec, str(path), str(digest))
    drawn_for, branch = told.get("reference_prompt"), None
    if drawn_for is not None:
        data = None
        image, branch = draw_reference(model, str(drawn_for), options, spec.seed, names)
    elif REFERENCE in spec.references and document is not None:
        data = document.pictures.read(spec.references[REFERENCE])
        image = decode_picture(data, spec.references[REFERENCE]).image
    else:
        raise VertumnusError("made_by.inputs.references: the reference is missing")
    grid = make_grid(image, cells)
    if not prompts or (which and (len(which) != len(grid) or not 0 <= min(which) <= max(which) < len(prompts))):
        raise VertumnusError("made_by.options.which: does not name a prompt for every cell")
    each = [prompts[n] for n in which] if which else prompts[:1] * len(grid)
    photographs = None
    if taken:
        if document is None or max(taken) >= len(grid) or len(grid) != len(document.layers):
            raise VertumnusError("made_by.options.photographs: are not those of the document")
        photographs = Kept(document, taken)
    structure = None
    if options.structure:
        if document is None or STRUCTURE not in spec.references:
            raise VertumnusError("made_by.inputs.references: what the tiles begin with is missing")
        structure = document.pictures.read(spec.references[STRUCTURE])
    where = str(spec.provenance.get(REFERENCE, REFERENCE))
    origin = Origin(named, dtype, cells, None if drawn_for is None else str(drawn_for), concepts, data)
    job = GenerateJob(
        image, where, grid, each, model, options=options, seed=spec.seed, names=names, photographs=photographs,
        origin=origin, branch=branch, structure=structure,
    )  # fmt: skip
    return job, state


def _same(spec: RunSpec, name: str, digest: str) -> None:
    if spec.models.get(name, digest) != digest:
        raise VertumnusError(f"{name}: is not what it was when the mosaic was made")
