"""What a placement is free to do: move, grow within bounds, turn within bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vertumnus.render.placements import Gradients, Placements

Floats = NDArray[np.float64]


@dataclass
class Bounds:
    """Bounds on N placements. A caller may change them while the loop runs, to pin an element, say.

    movable   N; the others stay exactly where they are
    log_scale_low, log_scale_high   N
    rotation_low, rotation_high     N, radians; infinite where turning is free
    one_scale   all movable elements grow and shrink together, so that their ratios stay
    width, height   canvas pixels that centres stay within
    beyond      canvas pixels that they may be outside of that
    """

    movable: NDArray[np.bool_]
    log_scale_low: Floats
    log_scale_high: Floats
    rotation_low: Floats
    rotation_high: Floats
    one_scale: bool
    width: float
    height: float
    beyond: float = 0.0

    def take(self, chosen: NDArray[np.intp]) -> Bounds:
        """The bounds of the chosen placements."""
        return replace(
            self,
            movable=self.movable[chosen],
            log_scale_low=self.log_scale_low[chosen],
            log_scale_high=self.log_scale_high[chosen],
            rotation_low=self.rotation_low[chosen],
            rotation_high=self.rotation_high[chosen],
        )

    def restrict(self, gradients: Gradients) -> Floats:
        """The gradients as 4 x N (x, y, log-scale, rotation), zero where nothing may change."""
        rows = np.array([gradients.x, gradients.y, gradients.log_scale, gradients.rotation])
        rows[:, ~self.movable] = 0.0
        if self.one_scale:
            rows[2, self.movable] = rows[2, self.movable].sum()
        return rows

    def clip(self, p: Placements) -> None:
        """Brings movable placements back within their bounds, in place."""
        free = self.movable
        np.clip(p.x, -self.beyond, self.width + self.beyond, out=p.x, where=free)
        np.clip(p.y, -self.beyond, self.height + self.beyond, out=p.y, where=free)
        np.clip(p.rotation, self.rotation_low, self.rotation_high, out=p.rotation, where=free)
        if self.one_scale and free.any():
            # Back together: the shift that brings the one farthest out of bounds to its bound.
            over = (p.log_scale - self.log_scale_high)[free].max()
            under = (self.log_scale_low - p.log_scale)[free].max()
            p.log_scale[free] += max(under, 0.0) - max(over, 0.0)
        else:
            np.clip(p.log_scale, self.log_scale_low, self.log_scale_high, out=p.log_scale, where=free)
