"""`pack`: elements and a shape become a collage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vertumnus.document.bundle import first_problem
from vertumnus.document.collage import Collage, MadeBy
from vertumnus.elements.collect import Sources, as_text, gather
from vertumnus.elements.element import Element
from vertumnus.elements.pieces import Pieces
from vertumnus.elements.weights import apply_weights
from vertumnus.errors import VertumnusError
from vertumnus.optimise.checkpoint import load_checkpoint, require_writable, save_checkpoint
from vertumnus.packing.options import PackOptions
from vertumnus.packing.run import Layout, Packing
from vertumnus.packing.starts import Starts, best_of_starts
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.problem import Problem, make_problem
from vertumnus.version import __version__

Watcher = Callable[[Packing | Starts], None]


class PackJob:
    """Everything about a packing but the run itself: pieces, shape, what was there before.

    elements   different elements
    shape      to fill
    size       (width, height) of the canvas, pixels
    options    how
    count      pieces; elements are used in turn. As many as elements by default
    warm       a collage to start from: its locked layers stay, its other layers start where they lie
    skipped    (name, reason) of pictures that could not be used, for the report
    """

    def __init__(
        self,
        elements: Sequence[Element],
        shape: Shape,
        size: tuple[int, int],
        options: PackOptions,
        count: int | None = None,
        warm: Collage | None = None,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.shape, self.size, self.options, self.warm = shape, size, options, warm
        self.skipped = list(skipped)
        self.pieces = Pieces(elements, count, warm)
        starts_placed = any(layer >= 0 for layer in self.pieces.placed)
        self.problem: Problem = make_problem(
            self.pieces.elements, shape, *size, options, self.pieces.locked, starts_placed
        )

    def packing(self, seed: int) -> Packing:
        """A run of this job, ready to be iterated."""
        return Packing(self.problem, seed, self.warm, self.pieces.placed)

    def identity(self, seed: int) -> dict[str, Any]:
        """Plain values that tell this run from others, for checkpoints."""
        return {
            "version": __version__,
            "seed": seed,
            "size": list(self.size),
            "shape": self.shape.spec,
            "elements": [piece.image for piece in self.pieces.elements],
            "weights": [piece.weight for piece in self.pieces.elements],
            "options": self.options.model_dump(mode="json"),
        }

    def collage(self, layout: Layout, given: Mapping[str, Any]) -> Collage:
        """A layout as a document.

        given   what was asked for beside the options (sources, shape), to be kept in ``made_by``
        """
        collage = Collage(width=self.size[0], height=self.size[1], seed=layout.seed)
        if self.warm is not None:
            collage.background, collage.prompt = self.warm.background, self.warm.prompt
        self.pieces.add_to(collage, layout.placements)
        missing = [name for name, place in zip(self.pieces.names, layout.placements, strict=True) if place is None]
        collage.made_by = MadeBy(
            tool="pack",
            versions={
                name: __version__ if name == "vertumnus" else version(name)
                for name in ("vertumnus", "numpy", "numba", "scipy", "pillow")
            },
            options={**given, **self.options.model_dump(mode="json")},
            report={
                **{name: round(value, 6) for name, value in layout.measure._asdict().items()},
                "layers": len(collage.layers),
                "unplaced": [{"name": name, "reason": self._why_unplaced()} for name in missing],
                "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
            },
        )
        return collage

    def _why_unplaced(self) -> str:
        if self.options.open:
            return "the shape is full"
        if self.options.sizes == "fixed":
            return "no free place of its size was left"
        return "no free place of its least size was left"


def pack(
    elements: Sources,
    shape: str | Path | Shape,
    *,
    size: int | tuple[int, int] = 600,
    seed: int = 0,
    count: int | None = None,
    weights: Mapping[str, float] | None = None,
    weights_from: str = "weights",
    block: Sequence[str | Path] = (),
    invert: bool = False,
    font: str | Path | None = None,
    start: Collage | None = None,
    starts: int = 1,
    watch: Watcher | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    given: Mapping[str, Any] | None = None,
    options: PackOptions | None = None,
    **more: Any,
) -> Collage:
    """Packs elements into a shape.

    elements   pictures, folders, globs, ``icon:NAME``, or elements made ready before
    shape      see `vertumnus.shapes.parse_shape`, as are ``block``, ``invert`` and ``font``
    size       of the canvas in pixels: one side of a square, or (width, height)
    seed       the same input, options and seed give the same collage
    count      pieces to place, the elements used in turn
    weights    relative area by element name; ``weights_from`` is what to call them in an error
    start      a collage to start from
    starts     how many seeds to try, each on its own core; the one that covers most is kept
    watch      called with the running `Packing` after every step, or with a `Starts`; may set its ``hurry``
    checkpoint   a file the state is written to now and then; ``resume`` goes on from it
    given      kept in the document's ``made_by.options`` in place of ``elements`` and ``shape`` as given
    options    how; its fields (`vertumnus.packing.options.PackOptions`) may be given by name instead

    Raises `VertumnusError` if something cannot be used as given.

    >>> collage = pack(["icon:apple", "icon:carrot"], "heart", size=120, count=12, quality="fast")
    >>> len(collage.layers), collage.made_by.report["overlap"]
    (12, 0.0)
    """
    try:
        chosen = PackOptions(**((options.model_dump() if options else {}) | more))
    except ValidationError as error:
        raise VertumnusError(first_problem(error)) from None
    collection = gather(elements, needed=start is None)
    ready = apply_weights(collection.elements, weights, weights_from) if weights else collection.elements
    job = PackJob(
        ready,
        parse_shape(shape, invert=invert, font=font, block=block),
        (size, size) if isinstance(size, int) else size,
        chosen,
        count,
        start,
        collection.skipped,
    )
    if given is None:
        given = {
            "elements": as_text(elements),
            "shape": str(shape if not isinstance(shape, Shape) else shape.spec),
        }
    best = run(job, seed, starts, watch, Path(checkpoint) if checkpoint else None, resume)
    return job.collage(best, {**given, "starts": starts})


def run(
    job: PackJob,
    seed: int,
    starts: int = 1,
    watch: Watcher | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: int = 500,
) -> Layout:
    """Runs a job to its end, from one seed or from several at once, and returns the best layout.

    every   iterations between checkpoints
    """
    if starts > 1:
        if checkpoint is not None:
            raise VertumnusError("checkpoint: goes with one start; leave out starts")
        return best_of_starts(job.problem, job.warm, job.pieces.placed, seed, starts, watch)
    if checkpoint is not None:
        require_writable(checkpoint)
    packing = job.packing(seed)
    identity = job.identity(seed)
    if resume:
        if checkpoint is None:
            raise VertumnusError("resume: needs the checkpoint to go on from")
        packing.restore(load_checkpoint(checkpoint, identity))
    for _ in packing:
        if watch is not None:
            watch(packing)
        if checkpoint is not None and packing.phase == "arrange" and (packing.done % every == 0 or packing.hurry):
            save_checkpoint(checkpoint, identity, packing.state())
    return packing.result()
