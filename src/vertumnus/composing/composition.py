"""One composition: a scene, a guidance and a seed become a layout. A run that can be watched, steered and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.finish import move_apart
from vertumnus.composing.geometry import GeometryPenalty
from vertumnus.composing.objective import JointLoss
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.relocate import Relocate
from vertumnus.composing.scene import ComposeRenderer, Scene
from vertumnus.composing.start import free_within, let_change, random_layout, reference_scale, take_over
from vertumnus.composing.structure import structured_layout
from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.guidance.mixture import all_options
from vertumnus.guidance.protocol import Colour, Guidance, Request, Source
from vertumnus.imaging.colour import parse_colour
from vertumnus.optimise.checkpoint import State
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.render.placements import Placements
from vertumnus.render.tint import gains
from vertumnus.shapes import Shape
from vertumnus.strict.grid import OccupancyGrid

COARSE = 64  # guidance pixels of a side, of which steps and reach are counted
NEAR_STEP, NEAR_BLUR = (0.25, 0.05), (0.5, 0.0)  # where pieces start as the reference wants them
LOOKED = 10  # steps between two looks at whether the layout is the best so far


class Composition:
    """Arranges pieces until they read as a prompt.

    ``for composition in composition: ...`` yields itself after every step; ``phase`` is "arrange" or "finish",
    ``done`` and ``total`` count its steps, ``loss`` is that of the last one. Between steps the caller may `move`,
    `pin`, `release` or `remove` pieces; the rest follows. `request_stop` ends the run with the best there was.

    pieces   the indices of the pieces that are left, in the order they were given
    """

    def __init__(
        self,
        scene: Scene,
        options: ComposeOptions,
        source: Source,
        prompt: str,
        seed: int,
        warm: Collage | None = None,
        placed: Sequence[int] = (),
        container: Shape | None = None,
        guided: Callable[[Request], Guidance] | None = None,
    ) -> None:
        self.scene, self.options, self.seed, self.container = scene, options, seed, container
        self.rng = np.random.default_rng(seed)
        weights = options.loss.times(source.render_weight, source.layered)
        self.strict = options.strict if options.strict is not None else not source.layered
        if self.strict and (options.squeeze is not None or options.shear):
            raise VertumnusError("strict: pieces that change their form cannot be kept apart; leave one of the two")
        counted = bool(weights.overlap or weights.floor or (weights.containment and container is not None))
        counted = counted or any(getattr(each, "shape_loss", "") == "filling" for each in all_options(source))
        start = random_layout(scene.which, scene.longer, scene.size, self.rng)
        movable = np.ones(len(start), bool)
        renderer = ComposeRenderer(
            scene.sprites,
            scene.textures,
            scene.size,
            scene.zoom,
            options.kernel_sigma,
            options.gap / 2,
            options.render,
            counted,
        )
        shape = renderer.coverage.shape
        fine = max(shape) / COARSE
        background = _colour(options.background or (warm.background if warm is not None else None))
        self.guidance = (guided or source.guidance)(Request(prompt, shape, self.rng, background))
        reference = self.guidance.reference
        structured = reference is not None and options.initial != "random" and warm is None
        if options.initial == "structure" and reference is None:
            raise VertumnusError("initial: structure needs a photograph to guide, as photo:FILE")
        if structured:
            assert reference is not None
            start = structured_layout(reference, scene, self.rng)
        if warm is not None:
            take_over(start, warm, list(placed))
            movable = np.array([layer < 0 or not warm.layers[layer].locked for layer in placed])
        let_change(start, options, self.rng, fixed_gain=warm is not None)
        step, noise, blur = options.step, options.noise, options.gradient_blur
        if structured:  # near the aim from the beginning
            given = options.model_fields_set
            step = step if "step" in given else NEAR_STEP
            noise = noise if "noise" in given else 0.0
            blur = blur if "gradient_blur" in given else NEAR_BLUR
        self.joint = JointLoss(
            self.guidance,
            weights,
            (fine * blur[0], fine * blur[1]),
            container.mask(shape[1], shape[0]).astype(np.float32) if container is not None else None,
            background,
        )
        step = fine * step[0], fine * step[1]
        penalty = GeometryPenalty(
            scene.size,
            scene.longer,
            weights.geometry,
            weights.center_limit,
            reference_scale(scene, weights.scale_reference or 1.0),
            weights.scale_limit,
        )
        self.optimiser = Optimiser(
            start,
            np.array([element.unit for element in scene.elements])[start.which],
            [Stage(renderer, self.joint, options.iterations or source.iterations, step, penalty)],
            free_within(start, movable, scene, options),
            self.rng,
            noise=noise,
            jump=Relocate(self.joint) if options.relocate else None,
        )
        self.pieces = np.arange(len(start))
        self.ground: OccupancyGrid | None = None
        self.phase = "arrange"
        self.done, self.total = 0, self.optimiser.total
        self._stopping = False
        self._best: tuple[float, NDArray[np.intp], Placements | None] = (-np.inf, self.pieces, None)

    def __iter__(self) -> Iterator[Composition]:
        for _ in self.optimiser:
            self.done = self.optimiser.iteration
            if self.done % LOOKED == 0:
                self._remember()
            yield self
            if self._stopping:
                self._remember()
                self._recall()
                break
        if not self.strict or not len(self.pieces):
            return
        self.phase, self.done, self.total = "finish", 0, 0
        o = self.optimiser
        target = self.joint.target_alpha
        gap = self.options.gap
        for ground in move_apart(self.scene, o.placements, o.freedom, self.container, target, gap, self.rng):
            self.ground = ground
            self.done += 1
            yield self
            if self._stopping and ground.final:
                break

    def request_stop(self) -> None:
        """Ends the run with the best there was, at its next step."""
        self._stopping = True

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    @property
    def loss(self) -> float:
        """Of the last step, eq. (6)."""
        return self.optimiser.loss

    @property
    def likeness(self) -> float:
        """How well the last picture agrees with what the guidance wants: of ink, the intersection of the two over
        their union; else the loss, turned so that more is better.
        """
        canvas, target = self.optimiser.canvas, self.joint.target_alpha
        if canvas is None or target is None:
            return -self.joint.semantic
        ink = np.clip(canvas[..., 3], 0, 1)
        return float(np.minimum(ink, target).sum() / max(float(np.maximum(ink, target).sum()), 1e-9))

    def _remember(self) -> None:
        """Keeps the layout if it is the best so far: like what is wanted, without lying on itself."""
        canvas = self.optimiser.canvas
        if canvas is None or self.joint.target_alpha is None:
            return
        covered = canvas[..., 4]
        over = float(np.maximum(covered - 1, 0).sum() / max(float(covered.sum()), 1e-9))
        if self.likeness - over > self._best[0]:
            self._best = self.likeness - over, self.pieces.copy(), self.optimiser.placements.copy()

    def _recall(self) -> None:
        """Goes back to the best layout of the pieces there are, for a run that ends early."""
        _, pieces, placements = self._best
        if placements is not None and np.array_equal(pieces, self.pieces):
            fixed = ~self.optimiser.freedom.movable
            for name, found in placements.groups.items():
                found[:, fixed] = self.optimiser.placements[name][:, fixed]
            self.optimiser.placements = placements

    def look(self) -> NDArray[np.float32]:
        """The picture of the pieces as they lie, H x W x 5, as the guidance sees it."""
        return self.optimiser.stages[0].renderer.forward(self.optimiser.placements)

    def move(self, piece: int, **changes: float) -> None:
        """Puts a piece somewhere: any of x, y (canvas pixels), scale, rotation (degrees). It goes on from there.

        Raises `VertumnusError` for a number that is not finite or a scale that is not above 0.
        """
        at = self._at(piece)
        self.optimiser.placements.put(at, **changes)
        self.optimiser.forget(np.array([at]))
        self._best = -np.inf, self.pieces, None  # what a person put somewhere does not jump back

    def pin(self, piece: int) -> None:
        """Keeps a piece where it is; the others flow around it."""
        self.optimiser.freedom.movable[self._at(piece)] = False

    def release(self, piece: int) -> None:
        """Lets a pinned piece move again."""
        self.optimiser.freedom.movable[self._at(piece)] = True

    def remove(self, piece: int) -> None:
        """Takes a piece away; the others keep their numbers."""
        at = self._at(piece)
        self.optimiser.remove(np.array([at]))
        self.pieces = np.delete(self.pieces, at)

    def _at(self, piece: int) -> int:
        found = np.flatnonzero(self.pieces == piece)
        if not len(found):
            raise IndexError(f"there is no piece {piece}")
        return int(found[0])

    def layout(self) -> dict[int, Placement | None]:
        """Where each piece that is left lies; None for one that found no place in the strict finish."""
        if self.ground is None:
            return {int(n): self.optimiser.placements.placement(i) for i, n in enumerate(self.pieces)}
        placed = self.ground.placed
        return {int(n): self.ground.placement(i) if placed[i] else None for i, n in enumerate(self.pieces)}

    def showing(self) -> dict[int, Element]:
        """What each piece that is left shows."""
        which = self.optimiser.placements.which
        return {int(n): self.scene.elements[which[i]] for i, n in enumerate(self.pieces)}

    def looks(self) -> dict[int, dict[str, Any]]:
        """How each piece that is left looks beside its placement, as fields of a layer, where it may change."""
        p = self.optimiser.placements
        found: dict[int, dict[str, Any]] = {int(n): {} for n in self.pieces}
        coloured = gains(p) if "gain" in p or "tint" in p else None
        for i, n in enumerate(self.pieces):
            look = found[int(n)]
            if coloured is not None:
                look |= {"gain": tuple(map(float, coloured[i])), "light": "srgb"}
            if "opacity" in p:
                look["opacity"] = float(p.opacity[i])
            if "order" in p:
                look["depth"] = float(np.clip(p.order[i], 0, 1))
        return found

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps. The strict finish is short and is done again from its beginning."""
        return {**self.optimiser.state(), **self.guidance.state(), "pieces": self.pieces}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of the same scene, options and seed."""
        state = State.of(state)
        left = state.array("pieces", (None,), "i")
        if not np.array_equal(left, np.intersect1d(self.pieces, left)):
            raise state.refuse("pieces", "are not those of this run")
        for piece in np.setdiff1d(self.pieces, left):
            self.remove(int(piece))
        self.optimiser.restore(state)
        self.guidance.restore(state)
        self.done = self.optimiser.iteration


def _colour(css: str | None) -> Colour:
    red, green, blue, _ = parse_colour(css or "white")
    return red / 255, green / 255, blue / 255
