"""What a run optimises, posed from its options: the renderer, the joint loss, what may move, and the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.assign import Assign
from vertumnus.composing.geometry import GeometryPenalty
from vertumnus.composing.objective import JointLoss
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.relocate import Relocate
from vertumnus.composing.scene import ComposeRenderer, Scene
from vertumnus.composing.search import Jump, Search
from vertumnus.composing.sow import Sow
from vertumnus.composing.start import free_within, least_and_most, reference_scale
from vertumnus.composing.swaps import Swaps
from vertumnus.errors import VertumnusError
from vertumnus.guidance.mixture import all_options
from vertumnus.guidance.protocol import Colour, Guidance, Source
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.render.placements import Placements
from vertumnus.shapes import Shape

COARSE = 64  # guidance pixels of a side, of which steps and reach are counted
NEAR_STEP, NEAR_BLUR = (0.25, 0.05), (0.5, 0.0)  # where pieces start as the reference wants them


@dataclass(frozen=True)
class Given:
    """What a pose needs beside options and pieces.

    guidance   None before it is first needed
    structured whether pieces start as a reference wants them, so that short steps are enough
    warm       whether they start where they lay in another collage
    swaps      pieces for which another picture is tried at a time
    """

    source: Source
    guidance: Guidance | None
    container: Shape | None
    background: Colour
    structured: bool
    warm: bool
    swaps: int


def is_strict(options: ComposeOptions, source: Source) -> bool:
    """Whether pieces are kept apart in the end.

    Raises `VertumnusError` where their form may change, too.
    """
    strict = options.strict if options.strict is not None else not source.layered
    if strict and (options.squeeze is not None or options.shear):
        which = "squeeze" if options.squeeze is not None else "shear"
        raise VertumnusError(
            f"`{which}`, `strict`: pieces that change their form cannot be kept apart; leave one of the two"
        )
    return strict


def pose(
    scene: Scene,
    options: ComposeOptions,
    given: Given,
    start: Placements,
    pinned: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[JointLoss, Search]:
    """The joint loss of a run, eq. (6), and the search that goes down it from ``start`` on."""
    source, container = given.source, given.container
    weights = options.loss.times(source.render_weight, source.layered)
    counted = bool(weights.overlap or weights.floor or (weights.containment and container is not None))
    counted = counted or any(getattr(each, "shape_loss", "") == "filling" for each in all_options(source))
    renderer = ComposeRenderer(
        scene.sprites, scene.textures, scene.size, scene.zoom, options.kernel_sigma, options.gap / 2, options.render,
        counted,
    )  # fmt: skip
    shape = renderer.coverage.shape
    fine = max(shape) / COARSE
    step, noise, blur = options.step, options.noise, options.gradient_blur
    if given.structured:
        usual = ComposeOptions.model_fields
        step = step if step != usual["step"].default else NEAR_STEP
        noise = noise if noise != usual["noise"].default else 0.0
        blur = blur if blur != usual["gradient_blur"].default else NEAR_BLUR
    joint = JointLoss(
        given.guidance,
        weights,
        (fine * blur[0], fine * blur[1]),
        container.mask(shape[1], shape[0]).astype(np.float32) if container is not None else None,
        given.background,
    )
    penalty = GeometryPenalty(
        scene.size, scene.longer, weights.geometry, weights.center_limit,
        reference_scale(scene, weights.scale_reference or 1.0), weights.scale_limit,
    )  # fmt: skip

    def jump(rng: np.random.Generator) -> Jump:
        """What pieces do now and then beside following the gradient."""
        jumps: list[Callable[[Optimiser], NDArray[np.intp]]] = []
        if options.relocate:
            if not (given.warm or given.structured or source.layered):
                jumps.append(Sow(scene, joint, options.rotation == "free"))
            jumps.append(Relocate(joint))
        own = options.by_colour if options.colour in (None, "own") else 0.0
        by_name = options.match == "names"
        if own or by_name:
            jumps.append(Assign(scene, joint, own, by_name))
        if given.swaps:
            turning, gain = options.rotation == "free", least_and_most(options)
            jumps.append(Swaps(scene, joint, renderer, given.swaps, rng, gain, turning))
        if len(jumps) == 1:
            return jumps[0]
        return lambda optimiser: np.concatenate([np.empty(0, np.intp), *(each(optimiser) for each in jumps)])

    stage = Stage(renderer, joint, options.iterations or source.iterations, (fine * step[0], fine * step[1]), penalty)
    optimiser = Optimiser(
        start,
        np.array([element.unit for element in scene.elements])[start.which],
        [stage],
        free_within(start, ~pinned, scene, options),
        rng,
        noise=noise,
        jump=jump(rng),
    )
    return joint, Search(optimiser, scene, options, jump, anew=not given.structured and not given.warm)
