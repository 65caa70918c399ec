"""The soft stage: the stages of the optimiser for a packing problem, coarse to fine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.packing.apart import LIKE, LIKE_FREE, KeepApart, kinds_of_pieces
from vertumnus.packing.objective import PackingGuidance, height_map
from vertumnus.packing.options import LossWeights, PackOptions
from vertumnus.packing.problem import PackProblem
from vertumnus.packing.relocate import Relocate
from vertumnus.render.coverage import CoverageRenderer
from vertumnus.render.placements import Placements
from vertumnus.strict.finish import swells
from vertumnus.strict.problem import RASTER

LEVELS = ((32, 0.58), (128, 0.35), (512, 0.07))  # raster pixels of the shape to a piece; share of iterations
ITERATIONS = {"fast": 1000, "normal": 4000, "high": 13000, "best": 45000}  # for 100 pieces
SWOLLEN = {"high": 0.5, "best": 0.55}  # times as many, where the strict finish goes on to move all pieces at once
MANY = 30_000  # pieces, from which they find their way by the strict finish more than by many iterations
RESERVE = 1.5  # in area, between the least size of the soft stage and that of the result
TINY = 12.0  # raster pixels across below which an element is read from a reduced texture


def iterations_for(pieces: int, quality: str) -> int:
    """How many iterations there are: fewer for more pieces, so that the time grows slowly."""
    return max(100 if pieces < MANY else 40, round(ITERATIONS[quality] * min((100 / pieces) ** 0.45, 1.5)))


def nested(options: PackOptions, keep_places: bool) -> bool:
    """Whether pieces are moved apart, or heaped, at given sizes: then nothing is gained softly."""
    if options.arrange != "free":
        return True
    if options.open:
        return not keep_places and options.overlap == "none"
    return options.sizes == "proportional" and options.overlap == "none"


def soft_stages(problem: PackProblem) -> list[Stage]:
    """The stages; where pieces start in their places the coarse level is left out."""
    options, pieces = problem.options, len(problem.pieces)
    stages: list[Stage] = []
    if nested(options, problem.keep_places):
        return stages
    total, finest = iterations_for(pieces, options.quality), 0.0
    if options.sizes == "free" and not options.fixed and not options.narrow and swells(problem):
        total = round(total * SWOLLEN.get(options.quality, 1.0))
    for pixels, share in LEVELS[1:] if problem.keep_places else LEVELS:
        zoom = float(min(np.sqrt(pixels * pieces / problem.area), RASTER))
        if pieces >= MANY and zoom == finest:
            continue  # the stage before is as fine as it gets
        finest = zoom
        across = np.sqrt(problem.area / pieces) * zoom
        textures = problem.textures.reduced() if across < TINY else problem.textures
        weights = _weights(problem)
        target = problem.target_shown(zoom)
        room = None if problem.shown is None else problem.target(zoom)
        height = None if options.pull == "none" else height_map(options.pull, target.shape, zoom)
        stages.append(
            Stage(
                renderer=CoverageRenderer(textures, problem.width, problem.height, zoom, options.gap / 2),
                guidance=PackingGuidance(target, weights, (0.25 * across, 0.5 * across), height, room),
                iterations=max(20, round(total * share)),
            )
        )
    return stages


def _weights(problem: PackProblem) -> LossWeights:
    options = problem.options
    changes: dict[str, object] = {}
    if options.pull != "none" and not options.loss.gravity:
        # Strong enough to order the pieces, too weak to press them into each other.
        changes["gravity"] = 1.0 if options.open else 0.3
    if options.sizes != "free" or options.fixed or options.narrow:
        # The strict finish cannot shrink one piece alone, so little may overlap when it begins.
        changes["overlap"] = (options.loss.overlap[0], 5 * options.loss.overlap[1])
    if options.open:
        changes["gap"] = 0.0  # what is poured in does not reach for what is empty
    return options.loss.model_copy(update=changes)


def _soft_freedom(problem: PackProblem, freedom: Bounds) -> Bounds:
    """Pieces are kept a little larger than they may be in the end: the strict finish shrinks some."""
    if problem.options.sizes != "free" or problem.options.fixed or problem.options.overlap == "allow":
        return freedom
    low, high = freedom.low.log_scale, freedom.high.log_scale
    return freedom.changed(log_scale=(low + np.minimum(0.5 * np.log(RESERVE), 0.2 * (high - low)), None))


def soft_optimiser(
    problem: PackProblem,
    freedom: Bounds,
    start: Placements,
    rng: np.random.Generator,
) -> Optimiser:
    """The optimiser for the soft stage. Pieces that start in their places are not shaken or relocated."""
    options = problem.options
    jump: Callable[[Optimiser], NDArray[np.intp]] | None = None
    if options.relocate and not problem.keep_places and options.pull == "none":
        may_grow = not freedom.one_scale and not options.fixed
        jump = Relocate(problem.probes[0][:, 0], problem.probes[1][:, 0], may_grow, options.flip)
    if options.apart and not problem.keep_places and options.pull == "none":
        kinds = kinds_of_pieces(problem.elements, problem.pieces)
        if len(np.unique(kinds)) < len(kinds):
            free = options.sizes == "free" and not options.fixed and not options.narrow
            jump = KeepApart(jump, kinds, LIKE_FREE if free else LIKE, free)
    return Optimiser(
        start,
        problem.unit,
        soft_stages(problem),
        _soft_freedom(problem, freedom),
        rng,
        noise=0.0 if problem.keep_places else options.noise,
        jump=jump,
    )
