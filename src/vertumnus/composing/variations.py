"""Several collages of one spec, side by side where one guidance can judge all in one batch (VSD, eq. 4); the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.composing.choose import best_of, contact_sheet
from vertumnus.composing.compose import Watcher, run
from vertumnus.composing.composition import Composition
from vertumnus.document.collage import Collage
from vertumnus.guidance.protocol import Canvas, Guidance, Request, Source, Things, Values
from vertumnus.limits import MAX_STARTS, check_whole


@dataclass(frozen=True)
class Variations:
    """Collages of one spec and several seeds, in the seeds' order.

    best    index of the one that reads best; why: by what judge
    alike   mean over pairs of the intersection over the union of the inks that were wanted; None where none was told
    """

    collages: tuple[Collage, ...]
    best: int
    why: str
    alike: float | None = None

    def sheet(self) -> Image.Image:
        """All of them in one picture, the best one framed."""
        return contact_sheet(self.collages, self.best)


def compose_variations(
    live: Composition,
    count: int,
    *,
    particles: int | None = None,
    watch: Watcher | None = None,
    made: Callable[[Sequence[Composition], Sequence[Collage]], None] | None = None,
) -> Variations:
    """Carries out a live run's spec with ``count`` seeds, its own and those that follow, and chooses the best.

    live        tells what to run, as `vertumnus.live_compose` returns it; it is not begun itself
    particles   runs that a guidance judges at once, with one student for all; by default all, where it gains by it
    watch       called with every composition after each of its steps; one that it asks to stop is the last
    made        called with the runs that have ended, together or alone, and their collages

    Raises `VertumnusError` for a number below one.

    >>> from vertumnus.composing.compose import live_compose
    >>> live = live_compose(["icon:leaf", "icon:lemon"], "a heart", size=200, count=8, iterations=40)
    >>> found = compose_variations(live, 2)
    >>> [collage.seed for collage in found.collages], found.sheet().size
    ([0, 1], (504, 252))
    """
    count = check_whole("`count`", count, 1, MAX_STARTS)
    particles = check_whole("`particles`", count if particles is None else particles, 1, MAX_STARTS)
    together = min(particles, count) if live.source.side_by_side else 1
    collages: list[Collage] = []
    likeness: list[float] = []
    wanted: list[Canvas | None] = []
    stopped = False
    while len(collages) < count and not stopped:
        first = live.spec.seed + len(collages)
        compositions = run_together(live, range(first, first + min(together, count - len(collages))), watch)
        documents = [composition.document() for composition in compositions]
        collages += documents
        likeness += [composition.likeness for composition in compositions]
        wanted += [composition.joint.target_alpha for composition in compositions]
        stopped = any(composition.asked_to_stop for composition in compositions)
        if made is not None:
            made(compositions, documents)
    best, why = best_of(collages, live.prompt, likeness)
    return Variations(tuple(collages), best, why, _alike([one for one in wanted if one is not None]))


def _alike(inks: list[Canvas]) -> float | None:
    pairs = [
        float(np.minimum(one, other).sum() / max(float(np.maximum(one, other).sum()), 1e-9))
        for one, other in combinations(inks, 2)
    ]
    return float(np.mean(pairs)) if pairs else None


class Shared:
    """A guidance of several canvases, handed out as guidances of one canvas each.

    Who runs them shows all canvases by `ask` before each takes its step.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.guidance: Guidance | None = None
        self.shares: list[Share] = []
        self.values: Values = np.zeros(0)
        self.gradients: Canvas | None = None

    def share(self, request: Request) -> Share:
        """The guidance of one more canvas."""
        if self.guidance is None:
            self.guidance = self.source.guidance(request)
        self.shares.append(Share(self, len(self.shares)))
        return self.shares[-1]

    def ask(self, canvases: Sequence[Canvas], progress: float) -> None:
        """Judges all canvases, for the step that each takes next."""
        assert self.guidance is not None
        self.values, self.gradients = self.guidance(np.stack(canvases), progress)


class Share:
    """The guidance of one canvas of several; see `vertumnus.guidance.protocol.Guidance`."""

    def __init__(self, shared: Shared, number: int) -> None:
        self.shared, self.number = shared, number

    @property
    def target_alpha(self) -> Canvas | None:
        """Of its canvas, 1 x H x W."""
        assert self.shared.guidance is not None
        target = self.shared.guidance.target_alpha
        return None if target is None else target[self.number : self.number + 1]

    @property
    def target_colour(self) -> Canvas | None:
        """Of its canvas, 1 x H x W x 4."""
        assert self.shared.guidance is not None
        target = self.shared.guidance.target_colour
        return None if target is None else target[self.number : self.number + 1]

    @property
    def target_things(self) -> Things:
        """Of its canvas, each 1 x H x W."""
        assert self.shared.guidance is not None
        told = self.shared.guidance.target_things
        return tuple((noun, ink[self.number : self.number + 1]) for noun, ink in told)

    @property
    def reference(self) -> Canvas | None:
        """Of all together."""
        assert self.shared.guidance is not None
        return self.shared.guidance.reference

    @property
    def skipped(self) -> int:
        """Of all together."""
        assert self.shared.guidance is not None
        return self.shared.guidance.skipped

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """What was said of its canvas when all were asked."""
        assert self.shared.gradients is not None
        own = slice(self.number, self.number + 1)
        return self.shared.values[own], self.shared.gradients[own]

    def state(self) -> dict[str, Any]:
        """Of all together, with the first."""
        assert self.shared.guidance is not None
        return self.shared.guidance.state() if self.number == 0 else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Of all together, with the first."""
        assert self.shared.guidance is not None
        if self.number == 0:
            self.shared.guidance.restore(state)

    def close(self) -> None:
        """Closes it for all."""
        assert self.shared.guidance is not None
        if self.number == 0:
            self.shared.guidance.close()


def run_together(live: Composition, seeds: Sequence[int], watch: Watcher | None = None) -> list[Composition]:
    """Runs a live run's siblings of several seeds to the end. A guidance that gains by it judges all at every step,
    and has one student of all; others judge one after the other.

    watch   called with every composition after each of its steps, as by `vertumnus.composing.compose.run`
    """
    if len(seeds) == 1 or not live.source.side_by_side:
        return [run(live.sibling(seed), watch) for seed in seeds]
    shared = Shared(live.source)
    compositions = [live.sibling(seed, shared.share) for seed in seeds]
    guidances = [composition.guidance for composition in compositions]  # all are made before any is asked
    under_way: dict[int, Iterator[Composition]] = {n: iter(c) for n, c in enumerate(compositions)}
    try:
        while under_way:
            if all(c.phase == "arrange" and c.done < c.total and not c.asked_to_stop for c in compositions):
                shared.ask([c.look() for c in compositions], compositions[0].optimiser.progress)
            for n in list(under_way):
                if next(under_way[n], None) is None:
                    del under_way[n]
                elif watch is not None:
                    watch(compositions[n])
    finally:
        for guidance in guidances:
            guidance.close()
    return compositions
