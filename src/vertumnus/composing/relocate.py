"""Relocation: pieces that lie where no ink is wanted jump to where it is wanted and missing.

A gradient moves a piece a few pixels. One far from all that is wanted feels only that it should not be there, and
would shrink.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.composing.objective import JointLoss
from vertumnus.optimise.loop import Optimiser
from vertumnus.strict.voids import largest_voids

FREE = 0.25  # a pixel covered by less than this is free
LOST = 0.3  # share of wanted pixels around a piece's centre below which it is lost
ROOM, START = 1.6, 1.5  # size of a piece (root of its area) that a void of radius 1 promises, and starts it with
AROUND = 1.5  # pixels around a piece's centre
BEGINS, ENDS = 0.05, 0.75  # of the run


class Relocate:
    """The optimiser's ``jump`` where the guidance says where it wants ink.

    every   iterations
    """

    def __init__(self, loss: JointLoss, every: int = 20) -> None:
        self.loss, self.every = loss, every

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that jumped."""
        if optimiser.iteration % self.every or not BEGINS < optimiser.progress < ENDS:
            return np.empty(0, np.intp)
        if self.loss.target_alpha is None:
            return np.empty(0, np.intp)
        assert optimiser.stage is not None
        assert optimiser.canvas is not None
        p, zoom = optimiser.placements, optimiser.stage.renderer.zoom
        wanted = self.loss.target_alpha > 0.5
        movable = np.flatnonzero(optimiser.freedom.movable)
        most = max(1, len(movable) // 12)
        centers, radii = largest_voids(wanted & (optimiser.canvas[..., 4] < FREE), most)
        around = ndimage.gaussian_filter(wanted.astype(np.float32), AROUND)
        row = np.clip((p.y * zoom).astype(np.intp), 0, wanted.shape[0] - 1)
        column = np.clip((p.x * zoom).astype(np.intp), 0, wanted.shape[1] - 1)
        lost = around[row, column] < LOST
        size = np.exp(p.log_scale) * optimiser.unit * zoom
        # Those that are lost first, then the smallest.
        candidates = movable[np.lexsort((size[movable], ~lost[movable]))[:most]]
        jumped = []
        for which, center, radius in zip(candidates, centers, radii, strict=False):
            if not lost[which] and radius * ROOM <= size[which]:
                continue
            p.x[which], p.y[which] = center / zoom
            p.log_scale[which] = np.log(radius * START / zoom / optimiser.unit[which])
            jumped.append(which)
        optimiser.freedom.clip(p)
        return np.array(jumped, np.intp)
