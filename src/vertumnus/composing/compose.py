"""`compose`: elements and a sentence become a collage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vertumnus.checked import first_problem
from vertumnus.composing.composition import Composition
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.scene import make_scene
from vertumnus.document.collage import Collage, MadeBy
from vertumnus.elements.collect import Sources, as_text, gather
from vertumnus.elements.element import Element
from vertumnus.elements.pieces import Pieces
from vertumnus.errors import VertumnusError
from vertumnus.guidance.mixture import all_options
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.photo import PhotoSource
from vertumnus.guidance.protocol import Guidance, GuidanceOptions, Request, Source
from vertumnus.guidance.registry import DEFAULT, KINDS, kept_guidance, open_named, options_of
from vertumnus.metrics.packing import measure_packing
from vertumnus.optimise.checkpoint import load_checkpoint, require_writable, save_checkpoint
from vertumnus.shapes import Shape, parse_shape
from vertumnus.version import __version__

Watcher = Callable[[Composition], None]
Guided = str | Path | GuidanceOptions | Source | Sequence[str | Path | GuidanceOptions]
MOST = 5000  # pieces
# Keywords under their former names.
FORMER = {
    "prior": "guidance",
    "within": "container",
    "sees": "guidance_input",
    "agreement": "target_weight",
    "every": "guidance_interval",
    "reach": "gradient_blur",
    "splat": "kernel_sigma",
}
SIDE = 600  # pixels of the longer side of the canvas
GAIN, PHOTO_GAIN = (0.5, 1.0), (0.25, 2.0)  # least and most, of CLIP-CLOP and where a photograph guides
CONTAINMENT = 5.0  # the term's weight where a shape is given and no weight


def decided(options: ComposeOptions, source: Source, warm: Collage | None) -> ComposeOptions:
    """Options in which what is left open is as guidance needs it: of a photograph, its ground and free colours."""
    photo = next((each for each in getattr(source, "sources", [source]) if isinstance(each, PhotoSource)), None)
    update: dict[str, Any] = {}
    if options.colour is None:
        update["colour"] = "own" if photo is None else "rgb"
    if options.gain is None:
        update["gain"] = PHOTO_GAIN if photo is not None else GAIN
    if photo is not None and options.background is None and warm is None:
        update["background"] = photo.ground
    return options.model_copy(update=update)


class ComposeJob:
    """Everything about a composition but the run itself.

    elements   different elements
    prompt     what the whole is to read as
    source     what judges it
    size       (width, height) of the canvas, pixels
    count      pieces; elements are used in turn. As many as elements by default
    warm       a collage to start from: its locked layers stay, its other layers start where they lie
    container  a shape that pieces are to stay in
    skipped    (name, reason) of pictures that could not be used, for the report

    Raises `VertumnusError` for a prompt or count that nothing can be done with.
    """

    def __init__(
        self,
        elements: Sequence[Element],
        prompt: str,
        source: Source,
        size: tuple[int, int],
        options: ComposeOptions,
        count: int | None = None,
        warm: Collage | None = None,
        container: Shape | None = None,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        if not prompt.strip() and any(options.needs_prompt for options in all_options(source)):
            raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
        self.prompt, self.source, self.size = prompt, source, size
        self.options = options = decided(options, source, warm)
        self.warm, self.container, self.skipped = warm, container, list(skipped)
        self.pieces = Pieces(elements, count, warm)
        if not self.pieces.elements:
            raise VertumnusError("there is no element to place")
        if len(self.pieces.elements) > MOST:
            raise VertumnusError(f"count: {len(self.pieces.elements):,} pieces are too many, at most {MOST:,}")
        self.scene = make_scene(self.pieces.elements, size, source.resolution)

    def composition(self, seed: int, guided: Callable[[Request], Guidance] | None = None) -> Composition:
        """A run of this job, ready to be iterated; with another guidance than its source's own if one is given."""
        return Composition(
            self.scene,
            self.options,
            self.source,
            self.prompt,
            seed,
            self.warm,
            self.pieces.placed,
            self.container,
            guided,
        )

    def identity(self, seed: int) -> dict[str, Any]:
        """Plain values that tell this run from others, for checkpoints."""
        return {
            "version": __version__,
            "seed": seed,
            "size": list(self.size),
            "prompt": self.prompt,
            "guidance": self.guidance_kept(),
            "inputs": self.source.inputs(),
            "elements": [piece.image for piece in self.pieces.elements],
            "options": self.options.model_dump(mode="json"),
        }

    def guidance_kept(self) -> list[dict[str, Any]]:
        """What guides, as documents keep it."""
        return [kept_guidance(options) for options in all_options(self.source)]

    def collage(self, composition: Composition, given: Mapping[str, Any]) -> Collage:
        """The state of a run as a document, at any moment.

        given   what was asked for beside the options, to be kept in ``made_by``
        """
        layout = composition.layout()
        collage = Collage(width=self.size[0], height=self.size[1], seed=composition.seed, prompt=self.prompt)
        collage.background = self.options.background
        if collage.background is None and self.warm is not None:
            collage.background = self.warm.background
        collage.rendering = self.options.render
        looks = composition.looks()
        count = len(self.pieces.elements)
        pieces = self.pieces.copy()
        for n, element in composition.showing().items():
            if element.image != pieces.elements[n].image:
                pieces.replace(n, element)
        pieces.add_to(collage, [layout.get(n) for n in range(count)], looks=[looks.get(n, {}) for n in range(count)])
        missing = [self.pieces.names[n] for n, place in layout.items() if place is None]
        report: dict[str, Any] = {}
        if collage.layers:
            measured = measure_packing(collage, self.container or parse_shape("canvas"))._asdict()
            report = {name: round(measured[name], 6) for name in ("coverage", "overlap", "area_cv")}
        collage.made_by = MadeBy(
            tool="compose",
            versions={
                name: __version__ if name == "vertumnus" else version(name)
                for name in ("vertumnus", "numpy", "numba", "scipy", "pillow")
            },
            options={**given, "guidance": self.guidance_kept(), **self.options.model_dump(mode="json")},
            report=report
            | {
                "layers": len(collage.layers),
                "unplaced": [{"name": name, "reason": "no free place was left near it"} for name in missing],
                "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
            },
        )
        return collage


def compose(
    elements: Sources,
    prompt: str = "",
    *,
    guidance: Guided = DEFAULT,
    like: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    count: int | None = None,
    container: str | Path | Shape | None = None,
    start: Collage | None = None,
    watch: Watcher | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    given: Mapping[str, Any] | None = None,
    options: ComposeOptions | None = None,
    **more: Any,
) -> Collage:
    """Arranges elements until the whole reads as a prompt (SCORE, Shao et al., AAAI 2026).

    elements   pictures, folders, globs, ``icon:NAME``, or elements made ready before
    prompt     what to show
    guidance   what judges the picture: ``NAME[:MODEL|FILE][=WEIGHT]`` as "pictogram", "distillation:mini" or
               "shape:heart=0.3", options of a kind (`vertumnus.guidance.options`), several of either, or a source
    like       a photograph to rebuild: photo guidance, alone unless another is named
    size       of the canvas in pixels: one side of a square, or (width, height); by default 600, or of the ratio of
               the photograph
    seed       the same input, options and seed give the same collage
    count      pieces to place, the elements used in turn
    container  a shape that pieces are to stay in
    start      a collage to start from
    watch      called with the running `Composition` after every step; may `request_stop`, or move pieces
    checkpoint   a file the state is written to now and then; ``resume`` goes on from it
    given      kept in the document's ``made_by.options`` in place of ``elements``
    options    how; its fields (`vertumnus.composing.options.ComposeOptions`) may be given by name instead, and
               those of the guidances' options (`vertumnus.guidance.options`)

    Raises `VertumnusError` if something cannot be used as given.

    >>> collage = compose(["icon:leaf", "icon:lemon"], "a heart", size=200, count=12, iterations=60)
    >>> len(collage.layers), collage.prompt, collage.made_by.report["overlap"]
    (12, 'a heart', 0.0)
    """
    more = {FORMER.get(name, name): value for name, value in more.items()}
    guidance, container = more.pop("guidance", guidance), more.pop("container", container)
    known = {name for kind in KINDS for name in options_of(kind).model_fields} - {"weight"}
    guided = {name: more.pop(name) for name in known & more.keys() - ComposeOptions.model_fields.keys()}
    try:
        chosen = ComposeOptions(**((options.model_dump() if options else {}) | more))
    except ValidationError as error:
        raise VertumnusError(first_problem(error)) from None
    shape, chosen = with_container(container, chosen)
    source = guidance if isinstance(guidance, Source) else open_named(with_likeness(guidance, like), **guided)
    collection = gather(elements, needed=start is None)
    job = ComposeJob(
        collection.elements,
        prompt,
        source,
        (size, size) if isinstance(size, int) else size or size_of(like),
        chosen,
        count,
        start,
        shape,
        collection.skipped,
    )
    composition = run(job, seed, watch, Path(checkpoint) if checkpoint else None, resume)
    return job.collage(composition, given if given is not None else {"elements": as_text(elements)})


def with_likeness(guidance: Any, like: str | Path | None) -> Any:
    """Guidances as named, and the photograph: alone where nothing is named but what is so by default."""
    if like is None:
        return guidance
    photo = PhotoOptions(reference=str(like))
    if guidance in (DEFAULT, [DEFAULT]):
        return [photo]
    return [*([guidance] if isinstance(guidance, str | Path | GuidanceOptions) else guidance), photo]


def size_of(like: str | Path | None) -> tuple[int, int]:
    """The canvas's size where none is given: of a photograph's ratio, if there is one.

    Raises `VertumnusError` if it cannot be read.
    """
    if like is None:
        return SIDE, SIDE
    width, height = PhotoSource(PhotoOptions(reference=str(like))).picture.size
    longer = max(width, height)
    return max(1, round(width / longer * SIDE)), max(1, round(height / longer * SIDE))


def with_container(
    container: str | Path | Shape | None, options: ComposeOptions
) -> tuple[Shape | None, ComposeOptions]:
    """The shape pieces are to stay in, and options in which that counts."""
    shape = parse_shape(container) if isinstance(container, str | Path) else container
    if shape is None or options.loss.containment:
        return shape, options
    loss = options.loss.model_copy(update={"containment": CONTAINMENT})
    return shape, options.model_copy(update={"loss": loss})


def run(
    job: ComposeJob,
    seed: int,
    watch: Watcher | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: int = 200,
) -> Composition:
    """Runs a job to its end and returns the composition.

    every   iterations between checkpoints
    """
    if checkpoint is not None:
        require_writable(checkpoint)
    composition = job.composition(seed)
    identity = job.identity(seed)
    if resume:
        if checkpoint is None:
            raise VertumnusError("resume: needs the checkpoint to go on from")
        composition.restore(load_checkpoint(checkpoint, identity))

    def save() -> None:
        if checkpoint is not None:
            save_checkpoint(checkpoint, identity, composition.state())

    try:
        for _ in composition:
            if watch is not None:
                watch(composition)
            if composition.phase == "arrange" and (composition.done % every == 0 or composition.stopping):
                save()
    except VertumnusError:
        save()  # a network that fails for good leaves what was reached
        raise
    finally:
        composition.guidance.close()
    return composition
