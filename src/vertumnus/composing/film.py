"""Moving pictures from pieces: every frame goes on from the last, so the same pieces move along with what they show.

The first frame is arranged as a photograph is. Each later one starts where its pieces lie, without noise, with small
steps and no other pictures, and is given a few steps: what stays in place in the film stays in place, and does not
flicker as frames arranged each on its own would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import numpy as np
from PIL import Image

from vertumnus.composing.compose import SIDE, decided, run
from vertumnus.composing.composition import Composition
from vertumnus.composing.options import ComposeOptions
from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Sources, gather
from vertumnus.errors import VertumnusError
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.photo import PhotoSource
from vertumnus.guidance.protocol import Source
from vertumnus.guidance.registry import kept_guidance
from vertumnus.limits import MAX_PIECES, MAX_SEED, check_canvas, check_whole
from vertumnus.live.spec import ElementInput, Inputs, RunSpec, start_document

LATER = 30  # steps of a later frame
STEP, BLUR = (0.4, 0.1), (1.0, 0.0)  # of later frames, guidance pixels
Watcher = Callable[[Composition], None]


def compose_film(
    elements: Sources,
    frames: Iterable[Image.Image],
    *,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    count: int | None = None,
    later: int = LATER,
    watch: Watcher | None = None,
    options: ComposeOptions | None = None,
    photo: PhotoOptions | None = None,
) -> Iterator[Collage]:
    """A collage for each frame of a film, pieces of one keeping their places in the next.

    frames   RGB pictures of one size
    size     of the canvas: one side of a square, (width, height), or 600 pixels of the frames' ratio
    count    pieces; as many as elements by default
    later    steps of each frame but the first, which takes ``options.iterations``
    photo    what counts of a frame; its ``reference`` names the film in errors

    Layers have the same names and order in all. The documents say what they were started from; a seed gives the same
    film. Raises `VertumnusError` for frames of different sizes, or if something cannot be used as given.
    """
    seed = check_whole("`seed`", seed, 0, MAX_SEED)
    later = check_whole("`later`", later, 1, 100_000)
    if count is not None:
        count = check_whole("`count`", count, 1, MAX_PIECES)
    photo = photo or PhotoOptions(reference="film")
    made = gather(elements, colours=["white"] if options is None or options.colour != "own" else ())
    inputs = Inputs({one.image: one for one in made.elements})
    first: tuple[int, int] | None = None
    chosen, before, scene = options or ComposeOptions(), None, None
    for number, frame in enumerate(frames, 1):
        named = photo.model_copy(update={"reference": f"{photo.reference}, frame {number}"})
        if first is None:
            first = frame.size
        if frame.size != first:
            raise VertumnusError(
                f"{named.reference}: is {frame.width} x {frame.height} pixels, the first is {first[0]} x {first[1]}"
            )
        source = PhotoSource(named, frame)
        if before is None:
            chosen = decided(chosen, cast(Source, source), None)
            canvas = check_canvas((size, size) if isinstance(size, int) else size or _canvas(first))
        else:
            inputs = Inputs(inputs.elements, start=before)
        own = chosen if before is None else _following(chosen, later)
        spec = _spec(source, own, made.elements, canvas, seed, before)
        spec = spec.changed(count=count, skipped=tuple(made.skipped))
        live = Composition(spec, inputs, cast(Source, source), scene)
        run(live, watch)
        # Of later frames all show the same pictures.
        scene = live.scene if before is not None else None
        before = live.document()
        yield before


def _following(options: ComposeOptions, later: int) -> ComposeOptions:
    """How a frame goes on from the last."""
    return options.changed(
        iterations=later, noise=0.0, step=STEP, gradient_blur=BLUR, swaps=0, population=1, initial="random"
    )


def _spec(
    source: PhotoSource,
    options: ComposeOptions,
    elements: Any,
    canvas: tuple[int, int],
    seed: int,
    before: Collage | None,
) -> RunSpec:
    return RunSpec(
        tool="compose",
        seed=seed,
        size=canvas,
        options={**options.model_dump(mode="json"), "guidance": [kept_guidance(source.options)]},
        models=source.inputs(),
        elements=tuple(ElementInput.of(one) for one in elements),
        start=start_document(before) if before is not None else None,
        background=options.background,
    )


def _canvas(frame: tuple[int, int]) -> tuple[int, int]:
    longer = max(frame)
    return max(1, round(frame[0] / longer * SIDE)), max(1, round(frame[1] / longer * SIDE))


def moved(one: Collage, other: Collage) -> float:
    """How far pieces move from one frame's collage to another's, the mean over layers, canvas pixels."""
    places = [np.array([(layer.x, layer.y) for layer in collage.layers]) for collage in (one, other)]
    return float(np.hypot(*(places[1] - places[0]).T).mean())
