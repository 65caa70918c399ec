"""Bounds: what each placement is free to do. Move, grow within limits, turn within limits, and so on by group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vertumnus.render.parameters import GROUPS, OF_COLUMN, UNBOUNDED, Gradients, Parameters
from vertumnus.render.placements import Placements

Floats = NDArray[np.float64]
Limits = tuple[ArrayLike | None, ArrayLike | None]


@dataclass
class Bounds:
    """Bounds on N placements. A caller may change them while the loop runs, to pin an element, say.

    movable     N; the others stay exactly as they are
    low, high   of every parameter that may change, by group; what a group that is not there says of an element
                stays as it is
    one_scale   all movable elements grow and shrink together, so that their ratios stay
    """

    movable: NDArray[np.bool_]
    low: Parameters
    high: Parameters
    one_scale: bool = False

    @classmethod
    def of(
        cls,
        movable: NDArray[np.bool_],
        width: float,
        height: float,
        beyond: float = 0.0,
        one_scale: bool = False,
        **limits: Limits,
    ) -> Self:
        """Bounds of a canvas.

        width, height   canvas pixels that centres stay within
        beyond          canvas pixels that they may be outside of that
        limits          by column or group name, (least, most), a number or N each, None for no limit: to name one
                        sets its group free, and what is not named of the group is unbounded
        """
        limits = {"x": (-beyond, width + beyond), "y": (-beyond, height + beyond)} | limits
        named = {OF_COLUMN[name][0] if name in OF_COLUMN else name for name in limits}
        low, high = (
            {name: np.full((len(GROUPS[name].columns), len(movable)), end) for name in GROUPS if name in named}
            for end in UNBOUNDED
        )
        return cls(movable, Parameters(low), Parameters(high), one_scale).changed(**limits)

    def changed(self, **limits: Limits) -> Self:
        """The same with other limits, by column or group name; None leaves an end as it is. What is pinned in one
        is pinned in the other.
        """
        low, high = self.low.copy(), self.high.copy()
        for name, (least, most) in limits.items():
            if least is not None:
                setattr(low, name, least)
            if most is not None:
                setattr(high, name, most)
        return replace(self, low=low, high=high)

    def take(self, chosen: NDArray[np.intp]) -> Self:
        """The bounds of the chosen placements."""
        return replace(self, movable=self.movable[chosen], low=self.low.take(chosen), high=self.high.take(chosen))

    def join(self, other: Bounds) -> Self:
        """These and then the others', of the groups that are free here; unbounded where the others say nothing."""

        def both(mine: Parameters, theirs: Parameters, end: float) -> Parameters:
            total = {}
            for name, values in mine.groups.items():
                more = theirs[name] if name in theirs else np.full((len(values), len(other.movable)), end)
                total[name] = np.concatenate([values, more], axis=1)
            return Parameters(total)

        low, high = both(self.low, other.low, UNBOUNDED[0]), both(self.high, other.high, UNBOUNDED[1])
        return replace(self, movable=np.concatenate([self.movable, other.movable]), low=low, high=high)

    def restrict(self, gradients: Gradients) -> Gradients:
        """The gradients by what is free, zero where nothing may change."""
        free = Gradients({name: values.copy() for name, values in gradients.groups.items() if name in self.low})
        for values in free.groups.values():
            values[:, ~self.movable] = 0.0
        if self.one_scale:
            free.log_scale[self.movable] = free.log_scale[self.movable].sum()
        return free

    def clip(self, p: Placements) -> None:
        """Brings movable placements back within their bounds, in place."""
        free = self.movable
        for name, low in self.low.groups.items():
            if name not in p:
                continue
            high, values = self.high[name], p[name]
            if name == "pose" and self.one_scale and free.any():
                # Back together: the shift that brings the one farthest out of bounds to its bound.
                over = (p.log_scale - self.high.log_scale)[free].max()
                under = (self.low.log_scale - p.log_scale)[free].max()
                p.log_scale[free] += max(under, 0.0) - max(over, 0.0)
                rows: Any = [0, 1, 3]
                values[rows] = np.where(free, np.clip(values[rows], low[rows], high[rows]), values[rows])
            else:
                np.clip(values, low, high, out=values, where=free)
