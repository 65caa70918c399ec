"""Swaps: now and then a piece shows another picture of the library, where that serves the guidance better.

CLIP-CLOP (Mirowski et al., 2022) swaps a random patch for a random one and leaves it to evolution. Here the library
is asked what suits the spot: every picture, turned some ways, is laid over what is wanted there, small, and the best
few are tried in earnest. A swap is kept if what guides then says so, looking the same way before and after.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.composing.objective import JointLoss
from vertumnus.composing.scene import ComposeRenderer, Scene
from vertumnus.composing.structure import mean_colours
from vertumnus.guidance.protocol import Guidance
from vertumnus.optimise.loop import Optimiser
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements

Floats = NDArray[np.float64]
CELLS = 12  # a side of a spot, seen small
WIDE = 1.2  # of a piece's unit, half a side of its spot
TURNS = 8  # ways that a picture is turned to
TRIED = 3  # of the library's best, in earnest
EVERY = 10  # iterations
ENDS = 0.9  # of the run


class Swaps:
    """An optimiser's ``jump``.

    tries   pieces at a time
    gain    least and most of the gains, where colours are free
    """

    def __init__(
        self,
        scene: Scene,
        joint: JointLoss,
        renderer: ComposeRenderer,
        tries: int,
        rng: np.random.Generator,
        gain: tuple[float, float],
        turning: bool = True,
    ) -> None:
        self.scene, self.joint, self.renderer, self.tries, self.rng = scene, joint, renderer, tries, rng
        self.gain = gain
        self.units = np.array([element.unit for element in scene.elements])
        self.turns = np.arange(TURNS if turning else 1) * (2 * np.pi / TURNS)
        self._library: Floats | None = None
        self.kept = 0

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that show something else."""
        last = EVERY * (optimiser.total // EVERY) * ENDS
        if optimiser.iteration % EVERY or optimiser.iteration > last or optimiser.canvas is None:
            return np.empty(0, np.intp)
        movable = np.flatnonzero(optimiser.freedom.movable)
        if not len(movable) or len(self.scene.elements) < 2:
            return np.empty(0, np.intp)
        progress = optimiser.progress
        before = self.guidance.state()
        canvas = self.renderer.forward(optimiser.placements)
        values, gradients = self.guidance(canvas[None], progress)
        best, gradient = float(values[0]), gradients[0, ..., :4].astype(np.float64)
        after = self.guidance.state()
        swapped: list[int] = []
        for piece in self.rng.choice(movable, min(self.tries, len(movable)), replace=False).tolist():
            worth = self._worth(optimiser.placements, piece, canvas, gradient)
            worth[optimiser.placements.which[piece]] = np.inf  # it shows that already
            order = np.argsort(worth, axis=None, kind="stable")[:TRIED]
            for which, turn in zip(*np.unravel_index(order, worth.shape), strict=True):
                trial = self._changed(optimiser, piece, int(which), float(self.turns[turn]))
                self.guidance.restore(before)
                tried = self.renderer.forward(trial)
                value = float(self.guidance(tried[None], progress)[0][0])
                if value < best:
                    best, canvas = value, tried
                    self._keep(optimiser, piece, trial)
                    swapped.append(piece)
                    break
        self.guidance.restore(after)
        self.kept += len(swapped)
        return np.array(swapped, np.intp)

    @property
    def guidance(self) -> Guidance:
        """What judges; the loss has it from the first step on."""
        assert self.joint.guidance is not None
        return self.joint.guidance

    def _changed(self, optimiser: Optimiser, piece: int, which: int, turn: float) -> Placements:
        p = optimiser.placements.copy()
        old = int(p.which[piece])
        p.log_scale[piece] += np.log(self.units[old] / self.units[which])
        p.rotation[piece] += turn
        p.which[piece] = which
        if "gain" in p and "gain" in optimiser.freedom.low:
            # As bright as before.
            own = mean_colours(self.scene)
            p.gain[piece] = np.clip(p.gain[piece] * own[old] / np.maximum(own[which], 0.02), *self.gain)
        optimiser.freedom.clip(p)
        return p

    def _keep(self, optimiser: Optimiser, piece: int, trial: Placements) -> None:
        for name, values in optimiser.placements.groups.items():
            values[:, piece] = trial[name][:, piece]
        optimiser.placements.which[piece] = trial.which[piece]
        optimiser.unit[piece] = self.units[trial.which[piece]]

    def _worth(self, p: Placements, piece: int, canvas: NDArray[np.float32], gradient: NDArray[np.float64]) -> Floats:
        """What each picture, turned each way, would add to the loss in the piece's spot, about: M x TURNS.

        Where there is a reference it is the squared distance from it; else the loss's first order.
        """
        spot = self._spot(p, piece)
        count = len(p)
        below = self.renderer.picture.forward(p.take(np.arange(piece)))[..., :4]
        above = self.renderer.picture.forward(p.take(np.arange(piece + 1, count)))[..., :4]
        seen = 1 - self._sampled(above[..., 3:], spot)  # S x 1
        under = self._sampled(below, spot)
        pictures = self._pictures()  # M x T x S x 4
        if "gain" in p:
            pictures = pictures * np.append(p.gain[piece], 1.0)
        change = pictures - pictures[..., 3:] * under
        reference = self.guidance.reference
        if reference is not None:
            over = self._sampled(above, spot) + seen * under
            ground = np.asarray(self.joint.background, np.float64)
            shown = over[:, :3] + (1 - over[:, 3:]) * ground
            change = seen * (change[..., :3] - change[..., 3:] * ground)
            return np.asarray(np.square(shown - self._sampled(reference, spot) + change).sum((-1, -2)))
        return np.asarray((change * (self._sampled(gradient, spot) * seen)).sum((-1, -2)))

    def _spot(self, p: Placements, piece: int) -> Floats:
        """Rows and columns on the canvas of the points of a piece's spot, 2 x S."""
        ticks = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * WIDE * np.exp(p.log_scale[piece])
        ticks = ticks * self.units[p.which[piece]]
        down, across = (part.ravel() for part in np.meshgrid(ticks, ticks, indexing="ij"))
        cos, sin = np.cos(p.rotation[piece]), np.sin(p.rotation[piece])
        x, y = p.x[piece] + cos * across - sin * down, p.y[piece] + sin * across + cos * down
        return np.stack([y, x]) * self.renderer.zoom - 0.5

    def _sampled(self, image: NDArray[Any], spot: Floats) -> Floats:
        planes = [
            ndimage.map_coordinates(image[..., c], spot, order=1, mode="nearest") for c in range(image.shape[2])
        ]
        return np.stack(planes, -1).astype(np.float64)

    def _pictures(self) -> Floats:
        """Every picture in its spot, turned each way: M x TURNS x S x 4, premultiplied."""
        if self._library is None:
            count, side = len(self.scene.elements), float(CELLS)
            renderer = SpriteRenderer(self.scene.sprites, CELLS, CELLS)
            found = np.empty((count, len(self.turns), CELLS * CELLS, 4), np.float32)
            for n, unit in enumerate(self.units):
                for t, turn in enumerate(self.turns):
                    scale = np.log(side / 2 / WIDE / unit)
                    one = Placements([side / 2], [side / 2], [scale], [turn], [False], [n])
                    found[n, t] = renderer.forward(one).reshape(-1, 4)
            self._library = found.astype(np.float64)
        return self._library
