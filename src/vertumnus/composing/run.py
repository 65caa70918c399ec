"""One composition: a scene, a prior and a seed become a layout. An iterator that can be watched, steered, resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.finish import move_apart
from vertumnus.composing.guidance import ComposeGuidance
from vertumnus.composing.initialise import random_layout, take_over
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.relocate import Relocate
from vertumnus.composing.renderer import ComposeRenderer
from vertumnus.composing.scene import Scene
from vertumnus.composing.terms import GeometryPenalty, initial_scale
from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.guidance.prior import Prior
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import State
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.render.placements import Placements
from vertumnus.shapes import Shape
from vertumnus.strict.grid import OccupancyGrid

COARSE = 64  # guidance pixels of a side, of which steps and reach are counted
WIDEST = 6.0  # factor of size to either side that no piece leaves, whatever the geometry term is worth
LONGEST = 1.25  # of eq. (5), that geometry asks of a piece at most
LOOKED = 10  # steps between two looks at whether the layout is the best so far
BEYOND = 0.5  # of the canvas's longer side, likewise, outside the canvas


class Composition:
    """Arranges pieces until they read as a prompt.

    ``for composition in composition: ...`` yields itself after every step; ``phase`` is "arrange" or "finish",
    ``done`` and ``total`` count its steps, ``loss`` is that of the last one. Between steps the caller may `move`,
    `pin`, `release` or `remove` pieces; the rest follows. ``hurry`` ends the run with the best there was.

    pieces   the indices of the pieces that are left, in the order they were given
    """

    def __init__(
        self,
        scene: Scene,
        options: ComposeOptions,
        prior: Prior,
        prompt: str,
        seed: int,
        warm: Collage | None = None,
        placed: Sequence[int] = (),
        within: Shape | None = None,
    ) -> None:
        self.scene, self.options, self.seed, self.within = scene, options, seed, within
        self.rng = np.random.default_rng(seed)
        start = random_layout(scene.which, scene.longer, scene.size, self.rng)
        movable = np.ones(len(start), bool)
        if warm is not None:
            take_over(start, warm, list(placed))
            movable = np.array([layer < 0 or not warm.layers[layer].locked for layer in placed])
        renderer = ComposeRenderer(
            scene.sprites, scene.textures, scene.size, scene.zoom, options.splat, options.gap / 2
        )
        shape = renderer.coverage.shape
        fine = max(shape) / COARSE
        self.semantic = prior.guidance(prompt, options, shape, self.rng)
        loss = options.loss.times(prior.render_weight)
        self.guidance = ComposeGuidance(
            self.semantic,
            loss,
            (fine * options.reach[0], fine * options.reach[1]),
            within.mask(shape[1], shape[0]).astype(np.float32) if within is not None else None,
            options.background,
        )
        step = fine * options.step[0], fine * options.step[1]
        penalty = GeometryPenalty(
            scene.size,
            scene.longer,
            loss.geometry,
            loss.center_limit,
            _reference(scene, loss.scale_reference),
            loss.scale_limit,
        )
        self.optimiser = Optimiser(
            start,
            scene.unit,
            [Stage(renderer, self.guidance, options.iterations or prior.iterations, step, penalty)],
            _freedom(start, movable, scene, options),
            self.rng,
            noise=options.noise,
            jump=Relocate(self.semantic) if options.relocate else None,
        )
        self.pieces = np.arange(len(start))
        self.ground: OccupancyGrid | None = None
        self.phase = "arrange"
        self.done, self.total = 0, self.optimiser.total
        self.hurry = False
        self._best: tuple[float, NDArray[np.intp], Placements | None] = (-np.inf, self.pieces, None)

    def __iter__(self) -> Iterator[Composition]:
        for _ in self.optimiser:
            self.done = self.optimiser.iteration
            if self.done % LOOKED == 0:
                self._remember()
            yield self
            if self.hurry:
                self._remember()
                self._recall()
                break
        if not self.options.strict or not len(self.pieces):
            return
        self.phase, self.done, self.total = "finish", 0, 0
        o = self.optimiser
        wanted = self.semantic.wanted
        gap = self.options.gap
        for ground in move_apart(self.scene, o.placements, o.freedom, self.within, wanted, gap, self.rng):
            self.ground = ground
            self.done += 1
            yield self
            if self.hurry and ground.final:
                break

    @property
    def loss(self) -> float:
        """Of the last step, eq. (6)."""
        return self.optimiser.loss

    @property
    def likeness(self) -> float:
        """How well the last picture agrees with what the prior wants: of ink, the intersection of the two over their
        union; else the loss, turned so that more is better.
        """
        canvas, wanted = self.optimiser.canvas, self.semantic.wanted
        if canvas is None or wanted is None:
            return -self.guidance.semantic
        ink = np.clip(canvas[..., 3], 0, 1)
        return float(np.minimum(ink, wanted).sum() / max(float(np.maximum(ink, wanted).sum()), 1e-9))

    def _remember(self) -> None:
        """Keeps the layout if it is the best so far: like what is wanted, without lying on itself."""
        canvas = self.optimiser.canvas
        if canvas is None or self.semantic.wanted is None:
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
        """The picture of the pieces as they lie, H x W x 4 premultiplied, as the prior sees it."""
        return self.optimiser.stages[0].renderer.forward(self.optimiser.placements)[..., :4]

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

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps. The strict finish is short and is done again from its beginning."""
        return {**self.optimiser.state(), **self.semantic.state(), "pieces": self.pieces}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of the same scene, options and seed."""
        state = State.of(state)
        left = state.array("pieces", (None,), "i")
        if not np.array_equal(left, np.intersect1d(self.pieces, left)):
            raise state.refuse("pieces", "are not those of this run")
        for piece in np.setdiff1d(self.pieces, left):
            self.remove(int(piece))
        self.optimiser.restore(state)
        self.semantic.restore(state)
        self.done = self.optimiser.iteration


def _reference(scene: Scene, share: float) -> NDArray[np.float64]:
    """s_ref of each element, its longer side as a share of the canvas: where the root of its area is ``share`` of the
    size of eq. (5), so that all pieces together cover that squared of the canvas, about what silhouettes cover. One
    that is nearly nothing but length stays within `LONGEST` of eq. (5).
    """
    unit = np.array([element.unit for element in scene.elements])
    return np.minimum(share * scene.longer / unit, LONGEST) * initial_scale(len(scene.which))


def _freedom(start: Placements, movable: NDArray[np.bool_], scene: Scene, options: ComposeOptions) -> Bounds:
    scale = np.log(initial_scale(len(start)) * min(scene.size) / scene.longer[scene.which])
    limit = {"free": np.inf, "none": 0.0}.get(options.rotation, options.rotation)  # type: ignore[arg-type]
    turn = np.full(len(start), np.deg2rad(limit))
    return Bounds.of(
        movable,
        *scene.size,
        beyond=BEYOND * max(scene.size),
        log_scale=(
            np.minimum(scale - np.log(WIDEST), start.log_scale),
            np.maximum(scale + np.log(WIDEST), start.log_scale),
        ),
        rotation=(-turn, turn),
    )
