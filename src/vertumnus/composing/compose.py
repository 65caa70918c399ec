"""`compose`: elements and a sentence become a collage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from vertumnus.composing.assign import fitting_names
from vertumnus.composing.composition import Composition
from vertumnus.composing.options import ComposeKeywords, ComposeOptions
from vertumnus.composing.presets import preset_choices
from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Sources, as_text, gather
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.guidance.mixture import all_options
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.photo import PhotoSource
from vertumnus.guidance.protocol import GuidanceOptions, Source
from vertumnus.guidance.registry import DEFAULT, KINDS, kept_guidance, open_named, options_of, parse_guidance
from vertumnus.limits import MAX_PIECES, MAX_SEED, check_canvas, check_whole
from vertumnus.live.notebook import NotebookBar, in_notebook
from vertumnus.live.spec import ElementInput, Inputs, RunSpec, regions, start_document
from vertumnus.optimise.checkpoint import load_checkpoint, require_writable, save_checkpoint
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.problem import RASTER

Watcher = Callable[[Composition], None]
Guided = str | Path | GuidanceOptions | Source | Sequence[str | Path | GuidanceOptions]
# Keywords under their former names.
FORMER = {
    "prior": "guidance",
    "within": "container",
    "sees": "guidance_input",
    "agreement": "target_weight",
    "every": "guidance_interval",
    "reach": "gradient_blur",
    "splat": "kernel_sigma",
    "given": "provenance",
}
SIDE = 600  # pixels of the longer side of the canvas
GAIN, PHOTO_GAIN = (0.5, 1.0), (0.25, 2.0)  # least and most, of CLIP-CLOP and where a photograph guides
ICON_GAIN = (0.0, 1.0)  # there, of white icons, which take any colour
CONTAINMENT = 5.0  # the term's weight where a shape is given and no weight


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
    start: Collage | str | Path | None = None,
    watch: Watcher | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    provenance: Mapping[str, Any] | None = None,
    preset: str | None = None,
    options: ComposeOptions | None = None,
    **choices: Unpack[ComposeKeywords],
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
    start      a collage to start from: its locked layers stay, its other layers start where they lie
    watch      called with the running `Composition` after every step; may steer it, or ask it to stop. Without one a
               notebook shows a progress bar
    checkpoint   a file the state is written to now and then; ``resume`` goes on from it
    provenance   kept in the document beside the inputs' content, in place of ``elements`` as given
    preset     settings of a network's guidance under one name, `vertumnus.composing.presets`: "score-paper" for the
               published ones of SCORE, "vertumnus" for ours
    options    how; its fields (`vertumnus.composing.options.ComposeOptions`) may be given by name instead, and
               those of the guidances' options (`vertumnus.guidance.options`)

    Raises `VertumnusError` if something cannot be used as given.

    >>> collage = compose(["icon:leaf", "icon:lemon"], "a heart", size=200, count=12, iterations=60)
    >>> len(collage.layers), collage.prompt, collage.made_by.report["overlap"]
    (12, 'a heart', 0.0)
    """
    live = live_compose(
        elements,
        prompt,
        guidance=guidance,
        like=like,
        size=size,
        seed=seed,
        count=count,
        container=container,
        start=start,
        provenance=provenance,
        preset=preset,
        options=options,
        **choices,
    )
    bar = NotebookBar() if watch is None and in_notebook() else None
    try:
        return run(live, watch or bar, Path(checkpoint) if checkpoint else None, resume).document()
    finally:
        if bar is not None:
            bar.close()


def live_compose(
    elements: Sources,
    prompt: str = "",
    *,
    guidance: Guided = DEFAULT,
    like: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    count: int | None = None,
    container: str | Path | Shape | None = None,
    start: Collage | str | Path | None = None,
    provenance: Mapping[str, Any] | None = None,
    preset: str | None = None,
    options: ComposeOptions | None = None,
    **choices: Unpack[ComposeKeywords],
) -> Composition:
    """A live run of what `compose` would do with the same arguments, at its beginning.

    Raises `VertumnusError` if something cannot be used as given.

    >>> from vertumnus.live.commands import Move, Pin
    >>> live = live_compose(["icon:leaf", "icon:lemon"], "a heart", size=200, count=6, iterations=40)
    >>> for step in live:
    ...     if step.step == 10:
    ...         step.send(Move(piece=0, x=100.0, y=60.0))
    ...         step.send(Pin(piece=0))
    >>> live.finished, round(live.document().layers[0].x)
    (True, 100)
    """
    given: dict[str, Any] = {FORMER.get(name, name): value for name, value in choices.items()}
    guidance, container = given.pop("guidance", guidance), given.pop("container", container)
    provenance = given.pop("provenance", provenance)
    own = {name: getattr(options, name) for name in options.model_fields_set} if options else {}
    given = preset_choices(preset) | own | given
    guided = {name for kind in KINDS for name in options_of(kind).model_fields} - {"weight"}
    guided &= given.keys() - ComposeOptions.model_fields.keys()
    told = {name: given.pop(name) for name in sorted(guided)}
    unknown = sorted(given.keys() - ComposeOptions.model_fields.keys())
    if unknown:
        known = [*ComposeOptions.model_fields, *ComposeKeywords.__annotations__]
        raise VertumnusError(f"{unknown[0]}: there is no such option{did_you_mean(unknown[0], known)}")
    chosen = ComposeOptions(**given)
    canvas = check_canvas((size, size) if isinstance(size, int) else size or size_of(like))
    seed = check_whole("`seed`", seed, 0, MAX_SEED)
    if count is not None:
        count = check_whole("`count`", count, 1, MAX_PIECES)
    mask, region = None, None
    if container is not None:
        mask, region, _ = regions(parse_shape(container), canvas[0] * RASTER, canvas[1] * RASTER)
        if not chosen.loss.containment:
            chosen = chosen.changed(loss=chosen.loss.changed(containment=CONTAINMENT))
    source = guidance if isinstance(guidance, Source) else open_named(with_likeness(guidance, like, told), **told)
    warm = Collage.load(start) if isinstance(start, str | Path) else start
    if chosen.gain is None and chosen.colour is None and only_icons(elements):
        chosen = chosen.changed(gain=ICON_GAIN) if photo_of(source) else chosen
    chosen = decided(chosen, source, warm)
    # A gain multiplies: what is black could take no other colour.
    collection = gather(elements, needed=warm is None, colours=["white"] if chosen.colour != "own" else ())
    if warm is not None and not (warm.layers or collection.elements):
        raise VertumnusError(f"{warm.where}: layers: there are none, and no other elements are named")
    found = collection.elements
    if chosen.match == "names" and count is not None and count < len(found):
        found = fitting_names(found, prompt)
    spec = RunSpec(
        tool="compose",
        seed=seed,
        size=canvas,
        options={
            **chosen.model_dump(mode="json"),
            "guidance": [kept_guidance(each) for each in all_options(source)],
        },
        models=source.inputs(),
        elements=tuple(ElementInput.of(one) for one in found),
        count=count,
        container=region,
        start=start_document(warm) if warm is not None else None,
        background=chosen.background or (warm.background if warm is not None else None),
        prompt=prompt,
        skipped=tuple(collection.skipped),
        provenance=dict(provenance) if provenance is not None else {"elements": as_text(elements)},
    )
    return Composition(spec, Inputs({one.image: one for one in found}, mask, warm), source)


def only_icons(elements: Sources) -> bool:
    """Whether all that is named are icons of the program."""
    named = (
        [elements] if isinstance(elements, str | Path) else list(elements) if isinstance(elements, Sequence) else []
    )
    return bool(named) and all(isinstance(one, str) and one.startswith("icon:") for one in named)


def photo_of(source: Source) -> PhotoSource | None:
    """The photograph that guides, if one does."""
    return next((each for each in getattr(source, "sources", [source]) if isinstance(each, PhotoSource)), None)


def decided(options: ComposeOptions, source: Source, warm: Collage | None) -> ComposeOptions:
    """Options in which what is left open is as guidance needs it: of a photograph, its ground and free colours."""
    photo = photo_of(source)
    update: dict[str, Any] = {}
    if options.colour is None:
        update["colour"] = "own" if photo is None else "rgb"
    if options.gain is None:
        update["gain"] = PHOTO_GAIN if photo is not None else GAIN
    if photo is not None and options.background is None and warm is None:
        update["background"] = photo.ground
    return options.changed(**update)


def with_likeness(guidance: Any, like: str | Path | None, told: Mapping[str, Any]) -> Any:
    """Guidances as named, and the photograph: alone where nothing is named but what is so by default.

    told   guidances' options by name; the photograph takes its own
    """
    if like is None:
        return guidance
    own = {name: value for name, value in told.items() if name in PhotoOptions.model_fields}
    photo = parse_guidance(PhotoOptions.kind, **{**own, "reference": str(like)})
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


def restore(live: Composition, checkpoint: Path | None) -> None:
    """Brings a run to where a checkpoint has it, and to the steps that one was told to take.

    Raises `VertumnusError` if there is none, or it is of another run.
    """
    if checkpoint is None:
        raise VertumnusError("`resume`: needs the checkpoint to go on from")
    live.restore(load_checkpoint(checkpoint, live.spec.identity()))


def run(
    live: Composition,
    watch: Watcher | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: int = 200,
) -> Composition:
    """Takes a live run to its end and returns it.

    every   iterations between checkpoints

    Raises `VertumnusError` if the checkpoint is of another run.
    """
    if checkpoint is not None:
        require_writable(checkpoint)
    if resume:
        restore(live, checkpoint)
    identity = live.spec.identity()

    def save() -> None:
        if checkpoint is not None:
            save_checkpoint(checkpoint, identity, live.state())

    try:
        for _ in live:
            if watch is not None:
                watch(live)
            if live.phase == "arrange" and (live.done % every == 0 or live.asked_to_stop):
                save()
    except VertumnusError:
        save()  # a network that fails for good leaves what was reached
        raise
    finally:
        live.close()
    return live
