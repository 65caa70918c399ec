"""The occupancy grid: one raster with everything that is taken on it, and the pieces' poses."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.document.placement import Placement
from vertumnus.limits import MAX_SCALE
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import State
from vertumnus.render.parameters import check
from vertumnus.render.placements import Placements
from vertumnus.strict.moves import put
from vertumnus.strict.problem import RASTER, Problem

PLACE_STEPS = 1000  # to a canvas pixel, in the document
TURN_STEPS = 1000  # to a degree
SCALE_DIGITS = 5
LARGER = 2.0  # times the raster that a piece is tried at


class OccupancyGrid:
    """A raster of ``zoom`` pixels to a canvas pixel.

    taken    H x W counts: the outside of the shape, the border kept free, and what is put down
    fixed    H x W counts of what can never move: the outside and what is locked
    pose     N x 4: x, y and scale in raster pixels, rotation in degrees; scale 0 where not placed
    bounds   N x 4: least and most scale, least and most rotation
    final    whether this raster is the one the strict promise is about
    factor   of given sizes at which all pieces are known to fit; 0 where that was not looked for
    limit    the piece that keeps all others in proportion from being larger, since it hardly fits itself; or -1
    """

    def __init__(self, problem: Problem, freedom: Bounds, zoom: float) -> None:
        self.problem, self.freedom, self.zoom = problem, freedom, zoom
        self.final = zoom == RASTER
        self.gap = problem.strict.gap * zoom
        inside = problem.mask if zoom == RASTER else problem.target(zoom) > 0.99
        border = problem.strict.border * zoom
        if border > 0:
            inside = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > border
        self.outside = ~inside
        self._shown = None
        if problem.shown is not None:
            self._shown = problem.shown if zoom == RASTER else problem.target_shown(zoom) > 0.5
        self.taken = self.outside.astype(np.uint16)
        self._fixed: NDArray[np.uint16] | None = None
        sprites = problem.sprites
        self.pictures = (sprites.texels, sprites.table, sprites.size, *problem.probes)
        self.which = problem.pieces
        self.flip = np.zeros(len(problem.pieces), bool)
        self.pose = np.zeros((len(problem.pieces), 4))
        self.bounds = np.column_stack(
            [
                np.exp(freedom.low.log_scale) * zoom,
                np.exp(freedom.high.log_scale) * zoom,
                np.rad2deg(freedom.low.rotation),
                np.rad2deg(freedom.high.rotation),
            ]
        )
        typical = np.floor(np.log10(problem.fair / problem.unit))
        self.quantum = np.column_stack(
            [
                np.full(len(typical), PLACE_STEPS / zoom),
                10.0 ** (SCALE_DIGITS - typical) / zoom,
                np.full(len(typical), float(TURN_STEPS)),
            ]
        )
        self.movable = np.flatnonzero(freedom.movable)
        self.factor, self.limit = 0.0, -1

    def lay(self, placements: Placements, only: NDArray[np.bool_] | None = None) -> None:
        """Takes over poses without putting them down, and clears the raster but for what is locked.

        Raises `VertumnusError` for a pose that cannot be drawn.
        """
        p = placements
        p.drawn(pictures=len(self.problem.sprites.size))
        turn = np.rad2deg(p.rotation)
        free = np.isinf(self.freedom.low.rotation)
        turn = np.where(free, (turn + 180) % 360 - 180, turn)
        self.pose = np.column_stack([p.x * self.zoom, p.y * self.zoom, np.exp(p.log_scale) * self.zoom, turn])
        # What is far larger than the raster fits nowhere, and would be looked at for ever.
        longest = np.hypot(*self.problem.sprites.size[self.which].T)
        most = LARGER * np.hypot(*self.taken.shape) / np.maximum(longest, 1e-9)
        free = self.freedom.movable
        self.pose[free, 2] = np.minimum(self.pose[free, 2], most[free])
        if only is not None:
            self.pose[~only, 2] = 0.0
        self.flip = p.flip.copy()
        self.clear()

    def state(self) -> dict[str, Any]:
        """What `of` needs to have this again."""
        return {
            "grid_pose": self.pose.copy(),
            "grid_flip": self.flip.copy(),
            "grid_bounds": self.bounds.copy(),
            "grid_zoom": self.zoom,
            "grid_factor": self.factor,
            "grid_limit": self.limit,
        }

    @classmethod
    def of(cls, problem: Problem, freedom: Bounds, state: dict[str, Any]) -> Self:
        """A grid from its state. Raises `VertumnusError` naming the field for a state that is not whole."""
        state = State.of(state)
        grid = cls(problem, freedom, state.real("grid_zoom", 2**-10, RASTER))
        count = len(grid.flip)
        grid.pose, grid.flip = (
            state.array("grid_pose", (count, 4)).copy(),
            state.array("grid_flip", (count,), "b").copy(),
        )
        down = grid.pose[:, 2] != 0
        x, y, scale, turn = grid.pose[down].T
        if not (scale > 0).all():
            raise state.refuse("grid_pose", "holds a scale below 0")
        check({"pose": np.stack([x, y, np.log(scale), np.deg2rad(turn)])})
        grid.bounds = state.array("grid_bounds", (count, 4), finite=False).copy()
        if np.isnan(grid.bounds).any():
            raise state.refuse("grid_bounds", "holds what is not a number")
        grid.stamp()
        grid.factor = state.real("grid_factor", 0, MAX_SCALE) if "grid_factor" in state else 0.0
        grid.limit = state.number("grid_limit", -1, count - 1) if "grid_limit" in state else -1
        return grid

    def clear(self) -> None:
        """Takes up every piece that is not locked."""
        self.taken[:] = self.outside
        for i in np.flatnonzero(~self.freedom.movable):
            put(1, self.taken, self.pose, i, self.flip, self.which, self.pictures, self.gap)
        self._fixed = None

    @property
    def fixed(self) -> NDArray[np.uint16]:
        """Counts of what can never move, made when it is asked for: it is as large as the raster."""
        if self._fixed is None:
            self._fixed = self.outside.astype(np.uint16)
            for i in np.flatnonzero(~self.freedom.movable & self.placed):
                put(1, self._fixed, self.pose, i, self.flip, self.which, self.pictures, self.gap)
        return self._fixed

    def stamp(self) -> None:
        """Puts every piece down where it lies, on top of each other if need be."""
        self.clear()
        for i in self.movable[self.placed[self.movable]]:
            put(1, self.taken, self.pose, i, self.flip, self.which, self.pictures, self.gap)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the moves of `vertumnus.strict.moves` share."""
        return (
            self.taken, self.pose, self.flip, self.which, self.bounds, self.pictures, self.gap, self.quantum
        )  # fmt: skip

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which pieces are put down."""
        return self.pose[:, 2] > 0

    def placement(self, piece: int) -> Placement:
        """One piece's place as the document writes it."""
        x, y, scale, turn = self.pose[piece]
        return Placement(x / self.zoom, y / self.zoom, scale / self.zoom, float(turn), bool(self.flip[piece]))

    def placements(self) -> Placements:
        """The poses in canvas pixels; those not placed keep their position and their least scale."""
        scale = np.where(self.placed, self.pose[:, 2], np.maximum(self.bounds[:, 0], 1e-9)) / self.zoom
        return Placements(
            x=self.pose[:, 0] / self.zoom,
            y=self.pose[:, 1] / self.zoom,
            log_scale=np.log(scale),
            rotation=np.deg2rad(self.pose[:, 3]),
            flip=self.flip.copy(),
            which=self.which,
        )

    def largest_first(self) -> NDArray[np.intp]:
        """The movable pieces that are placed, by area."""
        size = self.pose[self.movable, 2] * self.problem.unit[self.movable]
        order = np.argsort(-size, kind="stable")
        return self.movable[order[size[order] > 0]]

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which pixels nothing takes and something should, H x W."""
        free = self.taken == 0
        return free if self._shown is None else free & self._shown

    def free_spots(self) -> NDArray[np.float64]:
        """The centres of all pixels that are free, V x 2."""
        rows, columns = np.nonzero(self.free)
        return np.column_stack([columns, rows]).astype(np.float64) + 0.5

    def coverage(self) -> float:
        """Share of the shape that the pieces' silhouettes add up to."""
        size = self.pose[:, 2] * self.problem.unit / self.zoom
        return float((size**2).sum() / self.problem.area)


# A finisher yields its grid after every try, may be sent True to come to an end soon, and returns its last grid.
Finishing = Generator[OccupancyGrid, bool | None, OccupancyGrid]
