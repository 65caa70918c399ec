"""One packing run: a problem and a seed become a layout. An iterator that can be watched, stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.metrics.packing import PackingMeasure, measure_silhouettes
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.loop import Optimiser
from vertumnus.packing.objective import PackingGuidance
from vertumnus.packing.soft import soft_optimiser
from vertumnus.render.placements import Placements
from vertumnus.strict.finish import finish_free
from vertumnus.strict.fixed import finish_fixed, pour
from vertumnus.strict.grid import OccupancyGrid
from vertumnus.strict.problem import Problem, make_freedom, start_placements
from vertumnus.strict.proportional import finish_narrow, finish_proportional

Finish = Callable[[Problem, Bounds, Placements, np.random.Generator], Iterator[OccupancyGrid]]


class Layout(NamedTuple):
    """What a run ends with: where each piece lies, None for one that found no place, and how good that is."""

    seed: int
    placements: list[Placement | None]
    measure: PackingMeasure


class Packing:
    """Arranges the pieces of a problem, first softly, then strictly.

    problem   what to place where
    seed      the layout is a function of problem, seed and start
    warm, placed   a collage to start from, and for each piece the layer it is there, or -1

    ``for packing in packing: ...`` yields itself after every step; ``phase`` is "arrange" or "finish", ``done``
    and ``total`` count its steps. The caller may move pieces in ``optimiser.placements`` between steps, pin them
    in ``freedom.movable``, or set ``hurry`` to have the best layout so far made strict as fast as may be.
    """

    def __init__(self, problem: Problem, seed: int, warm: Collage | None = None, placed: Sequence[int] = ()) -> None:
        self.problem, self.seed = problem, seed
        self.rng = np.random.default_rng(seed)
        start = start_placements(problem, self.rng, warm, placed)
        self.freedom = make_freedom(problem, start)
        self.freedom.clip(start)
        self.optimiser: Optimiser = soft_optimiser(problem, self.freedom, start, self.rng)
        self.ground: OccupancyGrid | None = None
        self.phase = "arrange"
        self.done, self.total = 0, self.optimiser.total
        self.hurry = False

    def __iter__(self) -> Iterator[Packing]:
        for _ in self.optimiser:
            self.done = self.optimiser.iteration
            yield self
            if self.hurry:
                break
        if self.problem.options.overlap == "allow":
            return
        self.phase, self.done, self.total = "finish", 0, 0
        for ground in self._finish()(self.problem, self.freedom, self.optimiser.placements, self.rng):
            self.ground = ground
            self.done += 1
            yield self
            if self.hurry and ground.final:
                break

    def _finish(self) -> Finish:
        options = self.problem.options
        if options.open:
            return pour
        if options.sizes == "fixed":
            return finish_fixed
        if options.sizes == "proportional":
            return finish_proportional
        return finish_narrow if options.narrow else finish_free

    @property
    def coverage(self) -> float:
        """Share of the shape covered now, as near as the current raster shows."""
        if self.ground is not None:
            return self.ground.coverage()
        canvas, stage = self.optimiser.canvas, self.optimiser.stage
        if canvas is None or stage is None:
            return 0.0
        assert isinstance(stage.guidance, PackingGuidance)
        target = stage.guidance.target
        return float((np.minimum(canvas, 1) * target).sum() / target.sum())

    def layout(self) -> list[Placement | None]:
        """Where each piece lies, or None for one that found no place."""
        if self.ground is None:
            return [self.optimiser.placements.placement(i) for i in range(len(self.problem.pieces))]
        return [self.ground.placement(i) if placed else None for i, placed in enumerate(self.ground.placed)]

    def result(self) -> Layout:
        """The layout and how good it is."""
        layout = self.layout()
        kept = [i for i, place in enumerate(layout) if place is not None]
        areas: NDArray[np.float64] = np.zeros(len(self.problem.elements))
        areas[self.problem.pieces] = self.problem.unit**2
        measure = measure_silhouettes(
            [place for place in layout if place is not None],
            [int(self.problem.pieces[i]) for i in kept],
            self.problem.sprites,
            areas.tolist(),
            self.problem.mask,
        )
        return Layout(self.seed, layout, measure)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps. The strict finish is short and is done again from its beginning."""
        return self.optimiser.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of the same problem and seed."""
        self.optimiser.restore(state)
        self.done = self.optimiser.iteration
