"""The strict finish for sizes that are free in a narrow range."""

from __future__ import annotations

import numpy as np

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.finish import SWEEPS, grow
from vertumnus.strict.grid import Finishing
from vertumnus.strict.nesting.nest import nest
from vertumnus.strict.problem import Problem


def finish_narrow(problem: Problem, freedom: Bounds, placements: Placements, rng: np.random.Generator) -> Finishing:
    """Nests pieces at sizes that keep their ratios, as large as will do; then each grows as far as the range allows.

    With little room to shrink alone, pieces would be lost otherwise.
    """
    first, rounds, after = SWEEPS[problem.strict.quality]
    grid = yield from nest(problem, freedom, placements, rng)
    free = grid.movable
    if not len(free):
        return grid
    low, high = np.exp(freedom.low.log_scale[free]), np.exp(freedom.high.log_scale[free])
    least = float((grid.pose[free, 2] / low).min())
    grid.bounds[free, 0] = low * least * (1 - 1e-4)
    grid.bounds[free, 1] = high * least * (1 - 1e-4)
    yield from grow(grid, rng, first, rounds, after)
    return grid
