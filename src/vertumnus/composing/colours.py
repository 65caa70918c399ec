"""Pieces go where their colour is wanted: now and then they change places, all at once and optimally.

A piece keeps what it shows and takes another's spot, its size and turn with it. Which goes where is the assignment
(Kuhn 1955) that costs least, the squared distance of a piece's mean colour from the mean colour wanted in the spot,
in OKLab, times the spot's area and how sure the guidance is of a colour there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from vertumnus.composing.objective import JointLoss
from vertumnus.composing.scene import Scene
from vertumnus.composing.structure import mean_colours
from vertumnus.imaging.light import in_space
from vertumnus.optimise.loop import Optimiser
from vertumnus.render.placements import Placements

Floats = NDArray[np.float64]
EVERY = 30  # iterations
BEGINS, ENDS = 0.1, 0.95  # of the run
GAIN = 0.02  # share by which a new assignment must cost less
TICKS = np.linspace(-0.7, 0.7, 7)  # of a piece's unit, where its spot is looked at
LEAST = 0.05  # how sure of a colour a spot must be


class PlaceColours:
    """An optimiser's ``jump``."""

    def __init__(self, scene: Scene, joint: JointLoss) -> None:
        self.joint = joint
        self.units = np.array([element.unit for element in scene.elements])
        self.own = in_space(mean_colours(scene).astype(np.float32), "oklab").astype(np.float64)

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that show something else."""
        none = np.empty(0, np.intp)
        if optimiser.iteration % EVERY or not BEGINS < optimiser.progress < ENDS or optimiser.stage is None:
            return none
        wanted = self.joint.target_colour
        movable = np.flatnonzero(optimiser.freedom.movable)
        if wanted is None or len(movable) < 2:
            return none
        p = optimiser.placements
        cost = self.costs(p, optimiser.unit, wanted, optimiser.stage.renderer.zoom)[np.ix_(movable, movable)]
        spots, taken = linear_sum_assignment(cost)
        if cost[spots, taken].sum() > (1 - GAIN) * np.trace(cost):
            return none
        shown = p.which[movable][taken]
        changed = np.flatnonzero(shown != p.which[movable])
        for spot in changed:
            which = int(shown[spot])
            optimiser.show(int(movable[spot]), which, float(self.units[which]))
        return movable[changed]

    def costs(self, p: Placements, unit: Floats, wanted: NDArray[np.float32], zoom: float) -> Floats:
        """What each piece's picture costs in each piece's spot: spots x pictures."""
        colour, sure = spot_colours(p, unit, wanted, zoom)
        area = (np.exp(p.log_scale) * unit) ** 2
        far = ((colour[:, None] - self.own[p.which]) ** 2).sum(-1)
        return far * (area * sure)[:, None]


def spot_colours(p: Placements, unit: Floats, wanted: NDArray[np.float32], zoom: float) -> tuple[Floats, Floats]:
    """The mean colour wanted where each piece lies, N x 3 in OKLab, and how sure that is, N.

    unit     N, of each piece's picture
    wanted   H x W x 4, as a guidance's ``target_colour``
    """
    reach = np.exp(p.log_scale) * unit
    down, across = (part.ravel() for part in np.meshgrid(TICKS, TICKS, indexing="ij"))
    y = (p.y[:, None] + reach[:, None] * down) * zoom - 0.5
    x = (p.x[:, None] + reach[:, None] * across) * zoom - 0.5
    seen = np.stack([ndimage.map_coordinates(wanted[..., c], [y, x], order=1) for c in range(4)], -1).mean(1)
    sure = np.where(seen[:, 3] > LEAST, seen[:, 3], 0.0)
    colour = np.clip(seen[:, :3] / np.maximum(seen[:, 3:], LEAST), 0, 1)
    return in_space(colour.astype(np.float32), "oklab").astype(np.float64), sure
