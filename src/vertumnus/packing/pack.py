"""`pack`: elements and a shape become a collage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Sources, as_text, gather
from vertumnus.elements.element import Element, make_element, stored_element
from vertumnus.elements.frame import framed
from vertumnus.elements.pieces import GROUND, elements_of
from vertumnus.elements.weights import apply_weights, read_weights
from vertumnus.errors import VertumnusError, about
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import MAX_PIECES, MAX_SEED, MAX_STARTS, check_canvas, check_whole
from vertumnus.live.notebook import NotebookBar, in_notebook
from vertumnus.live.several import Starts, best_of
from vertumnus.live.spec import ElementInput, Inputs, RunSpec, regions, start_document
from vertumnus.optimise.checkpoint import load_checkpoint, require_writable, save_checkpoint
from vertumnus.packing.options import PackKeywords, PackOptions
from vertumnus.packing.run import Packing
from vertumnus.reading import read_file
from vertumnus.render.clip import trace_outline
from vertumnus.shapes import Coverage, Shape, drawn_size, parse_shape
from vertumnus.strict.problem import RASTER

Watcher = Callable[[Packing | Starts], None]
DEFAULT_SIDE = 600  # canvas pixels


def pack(
    elements: Sources = (),
    shape: str | Path | Shape | None = None,
    *,
    size: int | str | tuple[int, int] | None = None,
    seed: int = 0,
    count: int | None = None,
    weights: Mapping[str, float] | str | Path | None = None,
    block: Sequence[str | Path] = (),
    invert: bool = False,
    font: str | Path | None = None,
    start: Collage | str | Path | None = None,
    background: str | None = None,
    starts: int = 1,
    watch: Watcher | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    provenance: Mapping[str, Any] | None = None,
    options: PackOptions | None = None,
    **choices: Unpack[PackKeywords],
) -> Collage:
    """Packs elements into a shape.

    elements   pictures, folders, globs, ``icon:NAME``, or elements made ready before
    shape      see `vertumnus.shapes.parse_shape`, as are ``block``, ``invert`` and ``font``; by default that of
               ``start``
    size       of the canvas in pixels: one side of a square, (width, height) or "800x600"; by default that of
               ``start``, or 600
    seed       the same input, options and seed give the same collage
    count      pieces to place, the elements used in turn
    weights    relative area by element name, or a CSV table of name and weight
    start      a collage to start from: its locked layers stay, its others start where they lie, and elements that it
               does not show join them. It brings its canvas, shape and options; what is given anew wins
    background   of the collage: a CSS colour, or a picture that fills the canvas under it all
    starts     how many seeds to try, each on its own core; the one that covers most is kept
    watch      called with the running `Packing` after every step, or with a `Starts`; may steer it, or ask it to
               stop. Without one a notebook shows a progress bar
    checkpoint   a file the state is written to now and then; ``resume`` goes on from it
    provenance   kept in the document beside the inputs' content, in place of ``elements`` and ``shape`` as given
    options    how; its fields (`vertumnus.packing.options.PackOptions`) may be given by name instead

    Raises `VertumnusError` if something cannot be used as given.

    >>> collage = pack(["icon:apple", "icon:carrot"], "heart", size=120, count=12, quality="fast")
    >>> len(collage.layers), collage.made_by.report["overlap"]
    (12, 0.0)
    """
    starts = check_whole("`starts`", starts, 1, MAX_STARTS)
    live = live_pack(
        elements,
        shape,
        size=size,
        seed=seed,
        count=count,
        weights=weights,
        block=block,
        invert=invert,
        font=font,
        start=start,
        background=background,
        provenance=provenance,
        options=options,
        **choices,
    )
    bar = NotebookBar() if watch is None and in_notebook() else None
    try:
        return run(live, starts, watch or bar, Path(checkpoint) if checkpoint else None, resume).document()
    finally:
        if bar is not None:
            bar.close()


def live_pack(
    elements: Sources = (),
    shape: str | Path | Shape | None = None,
    *,
    size: int | str | tuple[int, int] | None = None,
    seed: int = 0,
    count: int | None = None,
    weights: Mapping[str, float] | str | Path | None = None,
    block: Sequence[str | Path] = (),
    invert: bool = False,
    font: str | Path | None = None,
    start: Collage | str | Path | None = None,
    background: str | None = None,
    provenance: Mapping[str, Any] | None = None,
    options: PackOptions | None = None,
    **choices: Unpack[PackKeywords],
) -> Packing:
    """A live run of what `pack` would do with the same arguments, at its beginning.

    Raises `VertumnusError` if something cannot be used as given.

    >>> from vertumnus.live.commands import Pin
    >>> live = live_pack(["icon:apple", "icon:carrot"], "heart", size=120, count=6, quality="fast")
    >>> for step in live:
    ...     if step.step == 10:
    ...         step.send(Pin(piece=0))
    >>> live.finished, live.document().layers[0].locked
    (True, True)
    """
    seed = check_whole("`seed`", seed, 0, MAX_SEED)
    if count is not None:
        count = check_whole("`count`", count, 1, MAX_PIECES)
    warm = Collage.load(start) if isinstance(start, str | Path) else start
    with about(warm.where if warm is not None else "start"):
        before, kept = _before(warm), _kept(warm)
        canvas = check_canvas(_size(None, warm)) if size is None and warm is not None else None
    chosen = _options(kept, options, choices)
    width, height = canvas = canvas or check_canvas(_size(size, warm))
    ground: Element | None = None
    if background is not None and Path(background).suffix and Path(background).is_file():
        ground = make_element(read_file(Path(background)), None, background, GROUND)
        background = warm.background if warm is not None else None
    elif background is not None:
        background = _colour(background)
    elif warm is not None:
        background = warm.background
    kept_shape = shape is None and not block and warm is not None and (warm.width, warm.height) == canvas
    if shape is None:
        shape = _shape_of(before, warm)
    parsed = parse_shape(shape, invert=invert, font=font, block=block)
    mask, container, blocked = regions(parsed, width * RASTER, height * RASTER)
    collection = gather(elements, needed=warm is None)
    if warm is not None and not (warm.layers or collection.elements):
        raise VertumnusError(f"{warm.where}: layers: there are none, and no other elements are named")
    with about(warm.where if warm is not None else "start"):
        given = [framed(one, chosen.framing) for one in collection.elements]
        ready = _with_own(warm, before, given)
    if ground is None and before is not None and before.ground is not None and warm is not None:
        ground = stored_element(warm.pictures, before.ground, GROUND)
    if warm is not None and (warm.width, warm.height) != canvas:
        warm = _resized(warm, canvas)
    if weights is not None:
        table = _table(Path(weights)) if isinstance(weights, str | Path) else weights
        ready = apply_weights(ready, table, str(weights) if isinstance(weights, str | Path) else "weights")
    if provenance is None:
        provenance = {"elements": as_text(elements), "shape": str(parsed.spec)}
    spec = RunSpec(
        tool="pack",
        seed=seed,
        size=canvas,
        options=chosen.model_dump(mode="json"),
        elements=tuple(ElementInput.of(one) for one in ready),
        count=count,
        container=container,
        block=blocked,
        start=start_document(warm) if warm is not None else None,
        background=background,
        ground=ground.image if ground is not None else None,
        prompt=warm.prompt if warm is not None else None,
        skipped=tuple(collection.skipped),
        provenance=dict(provenance),
    )
    outline = None
    if chosen.clip:
        outline = warm.clip if kept_shape and warm is not None else None
        if outline is None:
            across, down = drawn_size(width * RASTER, height * RASTER)
            outline = trace_outline(parsed.coverage(across, down), across / width)
    return Packing(spec, Inputs({one.image: one for one in ready}, mask, warm, clip=outline, ground=ground))


def run(
    live: Packing,
    starts: int = 1,
    watch: Watcher | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: int = 500,
) -> Packing:
    """Takes a live run to its end, from its seed or from several at once, and returns the best.

    every   iterations between checkpoints

    Raises `VertumnusError` if the checkpoint is of another run.
    """
    if starts > 1:
        if checkpoint is not None:
            raise VertumnusError("`checkpoint`: goes with one start; leave out `starts`")
        return best_of(live, starts, watch)
    if checkpoint is not None:
        require_writable(checkpoint)
    identity = live.spec.identity()
    if resume:
        if checkpoint is None:
            raise VertumnusError("`resume`: needs the checkpoint to go on from")
        live.restore(load_checkpoint(checkpoint, identity))
    for _ in live:
        if watch is not None:
            watch(live)
        due = live.phase == "arrange" and (live.done % every == 0 or live.asked_to_stop)
        if checkpoint is not None and due:
            save_checkpoint(checkpoint, identity, live.state())
    return live


def _before(warm: Collage | None) -> RunSpec | None:
    """How a collage was packed, where it says."""
    made = warm.made_by if warm is not None else None
    if warm is None or made is None or made.tool != "pack" or not made.inputs:
        return None
    return RunSpec.of(warm)


def _kept(warm: Collage | None) -> PackOptions:
    """The options that a collage was packed with. Raises `VertumnusError` if it keeps any that cannot be."""
    made = warm.made_by if warm is not None else None
    kept = made.options if made is not None and made.tool == "pack" else {}
    try:
        return PackOptions(**{name: value for name, value in kept.items() if name in PackOptions.model_fields})
    except VertumnusError as error:
        raise VertumnusError(f"made_by.options: {str(error).replace('`', '')}") from None


def _options(chosen: PackOptions, options: PackOptions | None, choices: PackKeywords) -> PackOptions:
    if options is not None:
        chosen = chosen.changed(**{name: getattr(options, name) for name in options.model_fields_set})
    return chosen.changed(**choices)


def _size(size: int | str | tuple[int, int] | None, warm: Collage | None) -> tuple[int, int]:
    if size is None:
        return (warm.width, warm.height) if warm is not None else (DEFAULT_SIDE, DEFAULT_SIDE)
    if isinstance(size, str):
        width, cross, height = size.lower().partition("x")
        try:
            return int(width), int(height if cross else width)
        except ValueError:
            raise VertumnusError(f"`size`: {size!r} is not a size; write 600 or 800x600") from None
    if isinstance(size, tuple | list):
        if len(size) != 2:
            raise VertumnusError(f"`size`: must be one side or (width, height), not {size!r}")
        return size[0], size[1]
    return size, size


def _colour(text: str) -> str:
    try:
        parse_colour(text)
    except VertumnusError as error:
        raise VertumnusError(f"`background`: {error}") from None
    return text


def _shape_of(before: RunSpec | None, warm: Collage | None) -> Shape:
    """The shape that a collage was packed into, from the picture of it in the document."""
    if before is None or before.mask is None or warm is None:
        raise VertumnusError("`shape`: missing; name one to fill, or start from a collage that was packed into one")
    if before.mask not in warm.pictures:
        raise VertumnusError(f"`shape`: missing, and {before.mask}, the picture of the start's, is not there either")
    drawn = warm.pictures.image(before.mask).convert("L")

    def drawing(width: int, height: int) -> Coverage:
        if drawn.size == (width, height):
            return np.asarray(drawn)
        return np.asarray(drawn.resize((width, height), Image.Resampling.BICUBIC))

    return Shape(before.container.named if before.container else "shape", drawing)


def _with_own(warm: Collage | None, before: RunSpec | None, given: Sequence[Element]) -> list[Element]:
    """A collage's own elements with the weights they had, and those given that it does not show."""
    if warm is None:
        return list(given)
    by_image = {element.image: element for element in given}
    weight = {one.image: one.weight for one in before.elements} if before is not None else {}
    own = elements_of(warm, but=by_image)
    shown = dict.fromkeys(layer.image for layer in warm.layers if layer.visible and layer.id != GROUND)
    mine = [by_image.get(image) or own[image] for image in shown]
    return [one.weighted(weight.get(one.image, one.weight)) for one in mine] + [
        element for element in given if element.image not in shown
    ]


def _resized(warm: Collage, size: tuple[int, int]) -> Collage:
    """A collage on another canvas, fitted whole and centred."""
    factor = min(size[0] / warm.width, size[1] / warm.height)
    left, top = (size[0] - factor * warm.width) / 2, (size[1] - factor * warm.height) / 2
    other = warm.model_copy(deep=True)
    other.width, other.height = size
    other.clip = None  # drawn anew from the shape
    for layer in other.layers:
        layer.x, layer.y = factor * layer.x + left, factor * layer.y + top
        layer.scale *= factor
    return other


def _table(path: Path) -> dict[str, float]:
    """The weights of a table; what names no file, as an empty name, is told by the option."""
    with about("`weights`", *([path] if path.name else [])):
        return read_weights(path)
