"""Where a picture lies on the canvas, and the matrix that says the same to every other program."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError


class _Fields(NamedTuple):
    x: float
    y: float
    scale: float
    rotation: float = 0.0
    flip: bool = False


class Placement(_Fields):
    """One picture's place, in canvas pixels (origin top left, y down).

    x, y      where the centre of the picture lands
    scale     multiplies the picture's own pixels
    rotation  degrees, clockwise on the screen
    flip      mirrored left to right before it is turned

    Raises `VertumnusError` naming the field for a number that is not finite, or a scale that is not above 0.
    """

    __slots__ = ()

    def __new__(cls, x: float, y: float, scale: float, rotation: float = 0.0, flip: bool = False) -> Self:
        place = super().__new__(cls, x, y, scale, rotation, flip)
        for name, value in zip(place._fields, place, strict=True):
            if not math.isfinite(value):
                raise VertumnusError(f"{name}: must be a finite number, not {value}")
        if place.scale <= 0:
            raise VertumnusError(f"scale: must be above 0, not {place.scale}")
        return place

    def matrix(self, width: float, height: float) -> NDArray[np.float64]:
        """The 3 x 3 matrix from the pixels of a width x height picture to canvas pixels.

        It is SVG's ``translate(x y) rotate(r) scale(s) translate(-w/2 -h/2)``, with ``scale(-s s)``
        for a flipped picture.

        >>> Placement(10, 20, 2.0, 90.0).matrix(4, 2) @ [4, 1, 1]  # the middle of the right edge
        array([10., 24.,  1.])
        """
        turn = np.deg2rad(self.rotation)
        cos, sin = np.cos(turn), np.sin(turn)
        across = -self.scale if self.flip else self.scale
        linear = np.array([[cos * across, -sin * self.scale], [sin * across, cos * self.scale]])
        centre = np.array([self.x, self.y]) - linear @ [width / 2, height / 2]
        return np.vstack([np.column_stack([linear, centre]), [0.0, 0.0, 1.0]])
