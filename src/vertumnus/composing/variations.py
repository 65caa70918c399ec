"""Several collages of one spec side by side, of one guidance that judges all of them in one batch (VSD, eq. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vertumnus.composing.compose import Watcher, run
from vertumnus.composing.composition import Composition
from vertumnus.guidance.protocol import Canvas, Guidance, Request, Source, Values


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
