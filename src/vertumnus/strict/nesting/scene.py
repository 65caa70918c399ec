"""From a problem of the strict finish to what the search works on, and back."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements
from vertumnus.strict.nesting.layout import Ground, Pieces
from vertumnus.strict.nesting.outlines import Outlines, fine_points
from vertumnus.strict.problem import RASTER, Problem

Floats = NDArray[np.float64]
RESERVE = 1.5  # times the gap, in units of the pieces, for which distances are right


def _units(problem: Problem) -> Floats:
    return np.array([element.unit for element in problem.elements])


class NestingScene:
    """The pieces of a problem that move, and the ground for them at any resolution.

    free      indices of the pieces that move
    pieces    of those
    unit      of the elements, root of each silhouette's area in its own pixels
    size      root of each one's area at a factor of 1, canvas pixels
    """

    def __init__(self, problem: Problem, freedom: Bounds, placements: Placements) -> None:
        self.problem, self.freedom = problem, freedom
        self.start = placements
        self.unit = _units(problem)
        self.free = np.flatnonzero(freedom.movable)
        gap = problem.strict.gap
        least = float(problem.fair[self.free].min()) if len(self.free) else 1.0
        self.outlines = Outlines.of(problem.elements, RESERVE * gap / max(least, 1e-9))
        low, high = freedom.low.rotation[self.free], freedom.high.rotation[self.free]
        self.pieces = Pieces(
            outlines=self.outlines,
            which=problem.pieces[self.free].astype(np.int32),
            turns=np.column_stack([low, high]),
            angles=np.deg2rad(np.array(problem.strict.angles, np.float64)),
            flip=problem.strict.flip,
            gap=gap,
            sprites=(problem.sprites.texels, problem.sprites.table, problem.sprites.size, self.unit),
            fine=cache(partial(fine_points, problem.sprites, self.outlines.centre, self.unit)),
        )
        self.size = problem.fair[self.free].astype(np.float64)

    @property
    def may_turn(self) -> bool:
        """Whether any piece may turn by a little."""
        return not len(self.pieces.angles) and bool((self.pieces.turns[:, 1] > self.pieces.turns[:, 0]).any())

    def ground(self, zoom: float) -> Ground:
        """The container with ``zoom`` raster pixels to a canvas pixel."""
        problem = self.problem
        inside = problem.mask if zoom == RASTER else problem.target(zoom) > 0.5
        border = problem.strict.border * zoom
        if border > 0:
            inside = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > border
        stay = np.flatnonzero(~self.freedom.movable)
        pose, mirror = self._about_centroids(self.start, stay)
        size = np.exp(self.start.log_scale[stay]) * problem.unit[stay]
        return Ground(inside, zoom, (problem.pieces[stay].astype(np.int32), pose, mirror, size))

    def _about_centroids(self, p: Placements, chosen: NDArray[np.intp]) -> tuple[Floats, Floats]:
        mirror = np.where(p.flip[chosen], -1.0, 1.0)
        size = np.exp(p.log_scale[chosen]) * self.problem.unit[chosen]
        shift = self._shift(chosen, mirror, size, p.rotation[chosen])
        return np.column_stack([p.x[chosen] + shift[:, 0], p.y[chosen] + shift[:, 1], p.rotation[chosen]]), mirror

    def _shift(self, chosen: NDArray[np.intp], mirror: Floats, size: Floats, turn: Floats) -> Floats:
        """From the pictures' centres to their centroids."""
        across, down = self.outlines.centre[self.problem.pieces[chosen]].astype(np.float64).T
        across, down = across * mirror * size, down * size
        cos, sin = np.cos(turn), np.sin(turn)
        return np.column_stack([cos * across - sin * down, sin * across + cos * down])

    def poses(self, p: Placements) -> tuple[Floats, Floats]:
        """(pose, mirror) of the moving pieces, about their centroids."""
        return self._about_centroids(p, self.free)

    def placements(self, pose: Floats, mirror: Floats, factor: float | Floats) -> Placements:
        """All pieces where they lie: (pose, mirror) of the moving ones, at a factor of their sizes, or one each."""
        p = self.start.copy()
        size = self.size * factor
        shift = self._shift(self.free, mirror, size, pose[:, 2])
        p.x[self.free], p.y[self.free] = pose[:, 0] - shift[:, 0], pose[:, 1] - shift[:, 1]
        p.log_scale[self.free] = np.log(size / self.problem.unit[self.free])
        p.rotation[self.free] = pose[:, 2]
        p.flip[self.free] = mirror < 0
        return p
