"""An initial random search: several layouts are tried for some steps, and the run begins with the best.

As in CLIP-CLOP (Mirowski et al., 2022, `initial_search_size` and `initial_search_num_steps` of its code). All are
judged looking the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from vertumnus.composing.objective import JointLoss
from vertumnus.optimise.loop import Optimiser
from vertumnus.render.placements import Placements


def best_start(
    run: Optimiser, others: Iterable[Placements], steps: int, joint: JointLoss, rng: np.random.Generator
) -> list[float]:
    """Gives a run that has not begun the best of its own layout and others, each after so many steps.

    joint   what judges; its guidance goes on as if it had judged nothing
    rng     of the candidates' noise; each has the same

    Returns the candidates' losses, the run's own first.
    """
    guidance = joint.guidance
    assert guidance is not None
    stage, before, seed = run.stages[0], guidance.state(), int(rng.integers(2**63))
    losses: list[float] = []
    best = run.placements
    for start in (run.placements, *others):
        own = np.random.default_rng(seed)
        tried = Optimiser(start.copy(), run.unit.copy(), run.stages, run.freedom, own, noise=run.noise)
        guidance.restore(before)
        for _ in islice(tried, steps):
            pass
        guidance.restore(before)
        loss = joint(stage.renderer.forward(tried.placements), 0.0)[0]
        if np.isfinite(loss) and loss < min((known for known in losses if np.isfinite(known)), default=np.inf):
            best = tried.placements
        losses.append(loss)
    guidance.restore(before)
    run.placements = best
    return losses
