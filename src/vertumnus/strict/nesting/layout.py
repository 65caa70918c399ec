"""`Layout`: pieces at given sizes on one raster, moved until they are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.strict.nesting.conflicts import PARTNERS, find_conflicts, reweigh
from vertumnus.strict.nesting.outlines import Outlines
from vertumnus.strict.nesting.stamps import DEPTH, RIM, add_stamp, render_stamp
from vertumnus.strict.nesting.sweep import stamp_all, sweep

Floats = NDArray[np.float64]
PAD = 3  # raster pixels around the canvas, at least


@dataclass
class Pieces:
    """N pieces that move, and L that do not.

    outlines  of the M elements
    which     N
    turns     N x 2, least and most turn, radians
    angles    the only turns there are, radians; empty where ``turns`` says it
    flip      whether pieces may be mirrored
    gap       kept between pieces, canvas pixels
    sprites   (texels, table, size, unit) of the M pictures, as `render_exactly` takes them
    fine      gives M x K x 2 and M, points for the full raster, and how many
    """

    outlines: Outlines
    which: NDArray[np.int32]
    turns: Floats
    angles: Floats
    flip: bool
    gap: float
    sprites: tuple[Any, ...]
    fine: Callable[[], tuple[Any, ...]]


@dataclass
class Ground:
    """The container on a raster of ``zoom`` pixels to a canvas pixel.

    inside   H x W
    fixed    what is placed and stays: (which, pose (x, y of the centroid, turn), mirror, size) in canvas pixels
    """

    inside: NDArray[np.bool_]
    zoom: float
    fixed: tuple[NDArray[np.int32], Floats, Floats, Floats]


class Layout:
    """Pieces on a raster.

    pose     N x 3: x and y of the centroid in raster pixels, the pad included; turn in radians
    mirror   N, 1 or -1
    size     N, root of each piece's area, raster pixels
    work     pixels looked at or written so far
    """

    def __init__(
        self, pieces: Pieces, ground: Ground, pose: Floats, mirror: Floats, size: Floats, exact: bool = False
    ) -> None:
        """``pose`` and ``size`` in canvas pixels. ``exact``: silhouettes are those that the strict promise counts."""
        self.exact = exact
        self.pieces, self.zoom = pieces, ground.zoom
        self.gap = pieces.gap * ground.zoom
        mean = float(np.sqrt(np.mean(size**2))) * ground.zoom if len(size) else 1.0
        self.pad = PAD + int(0.5 * mean + self.gap)
        inside = np.pad(ground.inside, self.pad)
        depth = ndimage.distance_transform_edt(~inside)
        self.wall = np.where(inside, 0, np.minimum(DEPTH * (depth + RIM), 1e6)).astype(np.int32)
        self.total = np.zeros_like(self.wall)
        self._stand(*ground.fixed)
        self.spots = np.flatnonzero(self.wall == 0).astype(np.int64)
        if not len(self.spots):
            self.spots = np.flatnonzero(inside).astype(np.int64)
        self.owner = np.empty(self.wall.shape, np.int32)
        self.owner_depth = np.empty(self.wall.shape, np.int16)
        count = len(size)
        self.pairs = np.empty((max(64 * count, 64), 2), np.int64)
        self.overlap = np.empty(len(self.pairs), np.int64)
        self.wall_overlap = np.zeros(count, np.int64)
        self.loss = np.zeros(count, np.int64)
        self.mirror = mirror.copy()
        self.pose = np.empty((count, 3))
        self.work = 0
        self.forget()
        self.put(pose, size)

    def _stand(self, which: NDArray[np.int32], pose: Floats, mirror: Floats, size: Floats) -> None:
        """Adds what is placed and stays to the wall."""
        if not len(which):
            return
        size = size * self.zoom
        at = np.column_stack([pose[:, :2] * self.zoom + self.pad, pose[:, 2]])
        spans = spans_for(self.pieces.outlines, which, size, self.gap)
        for i in range(len(which)):
            render_stamp(
                i, at[i, 0], at[i, 1], at[i, 2], self.gap, mirror, size, which, self._outlines, spans, self.wall.shape
            )
            add_stamp(i, 8, self.wall, spans)

    @property
    def _outlines(self) -> tuple[Any, ...]:
        o = self.pieces.outlines
        return o.values, o.half, o.box, o.centre

    def forget(self) -> None:
        """All pairs weigh 1 again."""
        count = len(self.mirror)
        self.partner = np.full((count, PARTNERS), -1, np.int64)
        self.weight = np.ones((count, PARTNERS))
        self.wall_weight = np.ones(count)

    def put(self, pose: Floats, size: Floats) -> None:
        """Puts the pieces down, in canvas pixels."""
        self.pose[:, :2] = pose[:, :2] * self.zoom + self.pad
        self.pose[:, 2] = pose[:, 2]
        self.resize(size)

    def resize(self, size: Floats) -> None:
        """Gives the pieces other sizes, where they lie; canvas pixels."""
        self.size = size * self.zoom
        self.spans = spans_for(self.pieces.outlines, self.pieces.which, self.size, self.gap)
        self.stamp()

    def stamp(self) -> None:
        """Puts every stamp down anew, and looks at what is in conflict."""
        self.work += stamp_all(
            self.gap,
            self.total,
            self.pose,
            self.mirror,
            self.size,
            self.pieces.which,
            self._outlines,
            self.spans,
            self.exact,
            self.pieces.sprites,
        )
        self.look()

    def look(self) -> None:
        """Finds what is in conflict."""
        self.found, self.bad, self.pixels = find_conflicts(
            self.owner,
            self.owner_depth,
            self.spans,
            self.wall,
            self.pairs,
            self.overlap,
            self.wall_overlap,
            self.loss,
        )
        self.work += self.pixels

    def placed(self) -> Floats:
        """N x 3, the poses in canvas pixels."""
        return np.column_stack([(self.pose[:, :2] - self.pad) / self.zoom, self.pose[:, 2]])

    @property
    def share(self) -> float:
        """Of the pieces' pixels those in conflict."""
        return self.bad / max(self.pixels, 1)

    def sweep(self, rng: np.random.Generator, points: int, anywhere: int, near: int, finest: float) -> None:
        """Moves every piece in conflict, and weighs what still is."""
        p, o = self.pieces, self.pieces.outlines
        order = rng.permutation(np.flatnonzero(self.loss))
        points_of = p.fine() if self.exact else (o.points, o.number)
        self.work += sweep(
            order, points, anywhere, near, p.flip, finest, self.gap, self.spots, self.total, self.wall, self.pose,
            self.mirror, self.size, p.which, self._outlines, points_of, self.spans, p.turns, p.angles,
            self.partner, self.weight, self.wall_weight, self.exact, p.sprites, rng,
        )  # fmt: skip
        self.look()
        reweigh(self.found, self.pairs, self.overlap, self.wall_overlap, self.partner, self.weight, self.wall_weight)


def spans_for(outlines: Outlines, which: NDArray[np.int32], size: Floats, gap: float) -> tuple[NDArray[Any], ...]:
    """Room for the stamps of pieces of these sizes (raster pixels), however they are turned."""
    count = len(which)
    half = outlines.box[which].astype(np.float64) * size[:, None] + gap
    rows = np.ceil(2 * np.hypot(*half.T) + 4).astype(np.int64)
    # A row of a turned rectangle is no longer than the rectangle, but there is one pixel more at each end.
    pixels = np.ceil(4 * half[:, 0] * half[:, 1] * 1.02).astype(np.int64) + 6 * rows
    row_at = np.concatenate([[0], np.cumsum(rows)])
    pixel_at = np.zeros(row_at[-1] + 1, np.int64)
    pixel_at[row_at] = np.concatenate([[0], np.cumsum(pixels)])
    return (
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        row_at,
        np.zeros(row_at[-1] + 1, np.int64),
        np.zeros(row_at[-1] + 1, np.int64),
        pixel_at,
        np.zeros(int(pixels.sum()) + 1, np.int16),
    )
