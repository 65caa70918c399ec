"""Relocation: now and then, elements that do little where they are jump into large voids.

Gradients move an element a few pixels; they never carry it over its neighbours to an empty corner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.optimise.loop import Optimiser
from vertumnus.render.placements import Placements
from vertumnus.strict.voids import largest_voids

FREE = 0.25  # a raster pixel covered by less than this is free
ROOM = 1.6  # size of an element (root of its area) that a void of radius 1 promises
START = 1.5  # size it starts with there, likewise
FINE = 150  # raster pixels to a piece
ENDS = 0.8  # share of the run after which nothing jumps any more


class Relocate:
    """The optimiser's ``jump``: every so many iterations moves some elements into voids.

    probes    M x K x 2 points just inside each picture's silhouette, in its pixels; count: M, how many
    may_grow  elements take the size of the void they jump to, and the smallest jump; otherwise those that
              overlap most jump, each to a void that holds it
    flip      elements may be mirrored as they jump
    """

    def __init__(
        self,
        probes: NDArray[np.float32],
        count: NDArray[np.int64],
        may_grow: bool,
        flip: bool,
        every: int = 25,
    ) -> None:
        self.probes, self.count = probes, count
        self.may_grow, self.flip, self.every = may_grow, flip, every

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The elements that jumped."""
        nothing = np.empty(0, np.intp)
        if optimiser.iteration % self.every or optimiser.progress > ENDS:
            return nothing
        assert optimiser.stage is not None
        assert optimiser.canvas is not None
        p, freedom, rng = optimiser.placements, optimiser.freedom, optimiser.rng
        zoom = optimiser.stage.renderer.zoom
        target = optimiser.stage.guidance.target  # type: ignore[attr-defined]
        movable = np.flatnonzero(freedom.movable)
        most = max(1, len(movable) // 20)
        free = (optimiser.canvas < FREE) & (target > 0.5)
        # Voids worth a jump are many pixels wide: every other one is enough to find them on a fine raster.
        step = 2 if free.size > FINE * len(p) else 1
        centres, radii = (step * found for found in largest_voids(free[::step, ::step], most))
        size = np.exp(p.log_scale) * optimiser.unit * zoom
        if self.may_grow:
            small = movable[np.argsort(size[movable], kind="stable")[: 2 * most]]
            candidates = rng.permutation(small)[:most]
        else:
            crowded = self._overlap(p, optimiser.canvas, zoom)
            candidates = movable[np.argsort(-crowded[movable], kind="stable")[:most]]
            candidates = candidates[crowded[candidates] > 0.25]
        jumped = []
        for which, centre, radius in zip(candidates, centres, radii, strict=False):
            if radius * ROOM <= size[which]:
                if self.may_grow:
                    break
                continue
            p.x[which], p.y[which] = centre / zoom
            if self.may_grow:
                p.log_scale[which] = np.log(radius * START / zoom / optimiser.unit[which])
            if self.flip:
                p.flip[which] = rng.random() < 0.5
            jumped.append(which)
        freedom.clip(p)
        return np.array(jumped, np.intp)

    def _overlap(self, p: Placements, canvas: NDArray[np.float32], zoom: float) -> NDArray[np.float64]:
        """For each element the share of its silhouette's rim that something else covers."""
        rim = self.probes[p.which].astype(np.float64)
        scale = np.exp(p.log_scale)[:, None] * zoom
        across = rim[..., 0] * np.where(p.flip, -1, 1)[:, None] * scale
        down = rim[..., 1] * scale
        cos, sin = np.cos(p.rotation)[:, None], np.sin(p.rotation)[:, None]
        column = (p.x[:, None] * zoom + cos * across - sin * down).astype(np.intp)
        row = (p.y[:, None] * zoom + sin * across + cos * down).astype(np.intp)
        inside = (row >= 0) & (column >= 0) & (row < canvas.shape[0]) & (column < canvas.shape[1])
        over = np.where(
            inside, canvas[np.clip(row, 0, canvas.shape[0] - 1), np.clip(column, 0, canvas.shape[1] - 1)], 2.0
        )
        used = np.arange(rim.shape[1]) < self.count[p.which][:, None]
        return ((over > 1.25) & used).sum(1) / np.maximum(used.sum(1), 1)
