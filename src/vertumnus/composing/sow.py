"""Sowing: once it is decided what ink is wanted, all pieces are laid out over it anew, large ones where it is wide.

From places at random a handful of pieces comes to rest however it fell, a large one across two limbs and none in the
third. So they start again where the distance field of the wanted ink has room, as packing starts
(`vertumnus.packing.initialise`), long pieces along what is long and narrow there. From then on the run goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.composing.objective import JointLoss
from vertumnus.composing.scene import Scene
from vertumnus.elements.element import Element
from vertumnus.optimise.loop import Optimiser
from vertumnus.packing.initialise import by_distance_field

Floats = NDArray[np.float64]
AT = 0.1  # of the run
DECIDED = 0.6  # share of the pixels where any ink is wanted, at which it must be wanted surely
UNSURE, SURE = 0.2, 0.8
FINE = 256  # pixels of the raster's longer side
ROOM = 1.6  # root of a piece's area that the distance to the edge promises, as of a disc a little too small
LARGEST, SMALLEST = 1.3, 0.35  # of a fair share of the ink, root of area
AROUND = 1.5  # of a fair share's side, half the window in which the ink's direction is looked at
LONG = 1.4  # longer than wide by so much, a piece and its spot have a direction


class Sow:
    """An optimiser's ``jump``, at one iteration.

    turning   whether pieces may turn as they like
    """

    def __init__(self, scene: Scene, joint: JointLoss, turning: bool) -> None:
        self.scene, self.joint, self.turning = scene, joint, turning
        self._axes: tuple[Floats, Floats] | None = None

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that were laid out: all that may move, or none."""
        movable = np.flatnonzero(optimiser.freedom.movable)
        target = self.joint.target_alpha
        if optimiser.iteration != round(AT * optimiser.total) or target is None or not len(movable):
            return np.empty(0, np.intp)
        surely = np.count_nonzero(target > SURE)
        if surely == 0 or surely < DECIDED * np.count_nonzero(target > UNSURE):
            return np.empty(0, np.intp)
        # On a finer raster, as large as the canvas, so that the narrow has its width.
        height, width = target.shape
        fine = max(1, FINE // max(height, width))
        larger = Image.fromarray(target).resize((width * fine, height * fine), Image.Resampling.BICUBIC)
        ink = np.asarray(larger) > 0.5
        assert optimiser.stage is not None
        zoom = optimiser.stage.renderer.zoom * fine
        points, room = by_distance_field(ink, len(movable), optimiser.rng)
        fair = float(np.sqrt(np.count_nonzero(ink) / len(movable)))
        size = np.clip(ROOM * room, SMALLEST * fair, LARGEST * fair)
        spread, direction = _directions(ink, points, AROUND * fair)
        p = optimiser.placements
        length, axis = self._of_elements()
        # The longest pieces to the longest spots.
        spots = np.argsort(-spread, kind="stable")
        pieces = movable[np.argsort(-length[p.which[movable]], kind="stable")]
        p.x[pieces], p.y[pieces] = (points[spots] / zoom).T
        p.log_scale[pieces] = np.log(size[spots] / zoom / optimiser.unit[pieces])
        if self.turning:
            turn = direction[spots] - axis[p.which[pieces]]
            turn = (turn + np.pi / 2) % np.pi - np.pi / 2
            directed = (length[p.which[pieces]] > LONG) & (spread[spots] > LONG)
            p.rotation[pieces] = np.where(directed, turn, p.rotation[pieces])
        optimiser.freedom.clip(p)
        return movable

    def _of_elements(self) -> tuple[Floats, Floats]:
        """How much longer than wide each element is, and the direction of its length, radians."""
        if self._axes is None:
            found = np.array([_axis(element) for element in self.scene.elements])
            self._axes = found[:, 0], found[:, 1]
        return self._axes


def _axis(element: Element) -> tuple[float, float]:
    if element.opaque:
        longer, shorter = max(element.width, element.height), min(element.width, element.height)
        return longer / shorter, 0.0 if element.width >= element.height else np.pi / 2
    rows, columns = np.nonzero(element.alpha > 127)
    return _principal(columns.astype(np.float64), rows.astype(np.float64))


def _directions(ink: NDArray[np.bool_], points: Floats, reach: float) -> tuple[Floats, Floats]:
    """How much longer than wide the ink about each point is, and in what direction, radians."""
    found = []
    for x, y in points:
        top, left = max(int(y - reach), 0), max(int(x - reach), 0)
        rows, columns = np.nonzero(ink[top : int(y + reach) + 2, left : int(x + reach) + 2])
        across, down = columns + left + 0.5, rows + top + 0.5
        near = np.hypot(across - x, down - y) < reach
        found.append(_principal(across[near], down[near]))
    return np.array([one for one, _ in found]), np.array([one for _, one in found])


def _principal(x: Floats, y: Floats) -> tuple[float, float]:
    """Root of the ratio of a cloud of points' principal moments, and the direction of the larger, radians.

    >>> x, y = np.meshgrid(np.arange(8.0), np.arange(2.0))
    >>> length, direction = _principal(x.ravel(), y.ravel())
    >>> round(length, 1), round(direction, 3)
    (4.6, 0.0)
    """
    if len(x) < 3:
        return 1.0, 0.0
    xx, yy, xy = x.var(), y.var(), ((x - x.mean()) * (y - y.mean())).mean()
    middle, half = (xx + yy) / 2, float(np.hypot((xx - yy) / 2, xy))
    return float(np.sqrt((middle + half) / max(middle - half, 1e-9))), float(0.5 * np.arctan2(2 * xy, xx - yy))
