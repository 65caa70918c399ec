"""Where a picture lies on the canvas, and the matrix that says the same to every other program."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.limits import (
    MAX_LENGTH,
    MAX_ROTATION,
    MAX_SCALE,
    MAX_SHEAR,
    MAX_SQUEEZE,
    MIN_SCALE,
    MIN_SQUEEZE,
)

BOUNDS = {
    "x": (-MAX_LENGTH, MAX_LENGTH),
    "y": (-MAX_LENGTH, MAX_LENGTH),
    "scale": (MIN_SCALE, MAX_SCALE),
    "rotation": (-MAX_ROTATION, MAX_ROTATION),
    "squeeze": (MIN_SQUEEZE, MAX_SQUEEZE),
    "shear": (-MAX_SHEAR, MAX_SHEAR),
}


class _Fields(NamedTuple):
    x: float
    y: float
    scale: float
    rotation: float = 0.0
    flip: bool = False
    squeeze: float = 1.0
    shear: float = 0.0


class Placement(_Fields):
    """One picture's place, in canvas pixels (origin top left, y down).

    x, y      where the centre of the picture lands
    scale     multiplies the picture's own pixels
    rotation  degrees, clockwise on the screen
    flip      mirrored left to right before all else
    squeeze   multiplies its height once more, before it is sheared and turned
    shear     degrees: how far its upright edges lean before it is turned, SVG's skewX

    Raises `VertumnusError` for a number that is not finite or beyond `BOUNDS`.
    """

    __slots__ = ()

    def __new__(
        cls,
        x: float,
        y: float,
        scale: float,
        rotation: float = 0.0,
        flip: bool = False,
        squeeze: float = 1.0,
        shear: float = 0.0,
    ) -> Self:
        """Checked; see the class."""
        made = super().__new__(cls, x, y, scale, rotation, flip, squeeze, shear)
        for name, value in zip(made._fields, made, strict=True):
            if not math.isfinite(value):
                raise VertumnusError(f"{name}: must be a finite number, not {value}")
        if scale <= 0:
            raise VertumnusError(f"scale: must be above 0, not {scale}")
        for name, (least, most) in BOUNDS.items():
            value = getattr(made, name)
            if not least <= value <= most:
                raise VertumnusError(f"{name}: must be a number from {least:g} to {most:g}, not {value}")
        return made

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def matrix(self, width: float, height: float) -> NDArray[np.float64]:
        """The 3 x 3 matrix from the pixels of a width x height picture to canvas pixels.

        It is SVG's ``translate(x y) rotate(r) skewX(shear) scale(s s*squeeze) translate(-w/2 -h/2)``, with
        ``scale(-s s*squeeze)`` for a flipped picture.

        >>> Placement(10, 20, 2.0, 90.0).matrix(4, 2) @ [4, 1, 1]  # the middle of the right edge
        array([10., 24.,  1.])
        """
        turn = np.deg2rad(self.rotation)
        cos, sin = np.cos(turn), np.sin(turn)
        across, down = -self.scale if self.flip else self.scale, self.scale * self.squeeze
        lean = np.tan(np.deg2rad(self.shear))
        linear = np.array([[cos, -sin], [sin, cos]]) @ [[across, lean * down], [0.0, down]]
        centre = np.array([self.x, self.y]) - linear @ [width / 2, height / 2]
        return np.vstack([np.column_stack([linear, centre]), [0.0, 0.0, 1.0]])
