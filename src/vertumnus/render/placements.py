"""Placements as arrays, one entry an element: what renderers and optimisers work on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.placement import Placement

Floats = NDArray[np.float64]


@dataclass
class Placements:
    """N placements, back to front, in canvas pixels (origin top left, y down).

    x, y        where the pictures' centres land
    log_scale   natural logarithm of what multiplies the pictures' own pixels
    rotation    radians, clockwise on the screen
    flip        mirrored left to right before they are turned
    which       which of the given pictures each one shows
    """

    x: Floats
    y: Floats
    log_scale: Floats
    rotation: Floats
    flip: NDArray[np.bool_]
    which: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(cls, placements: Iterable[Placement], which: Iterable[int]) -> Placements:
        """From the document's placements (degrees, scale) and the picture each one shows."""
        rows = np.array([tuple(map(float, place[:5])) for place in placements], np.float64).reshape(-1, 5)
        return cls(
            x=rows[:, 0].copy(),
            y=rows[:, 1].copy(),
            log_scale=np.log(rows[:, 2]),
            rotation=np.deg2rad(rows[:, 3]),
            flip=rows[:, 4] != 0,
            which=np.fromiter(which, np.int32),
        )

    def copy(self) -> Placements:
        """An independent copy."""
        return Placements(*(getattr(self, field.name).copy() for field in fields(self)))

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Placements:
        """The chosen entries."""
        return Placements(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def placement(self, index: int) -> Placement:
        """One entry as the document writes it."""
        return Placement(
            float(self.x[index]),
            float(self.y[index]),
            float(np.exp(self.log_scale[index])),
            float(np.rad2deg(self.rotation[index])),
            bool(self.flip[index]),
        )


@dataclass
class Gradients:
    """The gradient of a loss by each placement's x, y, log-scale and rotation, and where asked its
    opacity and its gain (N x 3).
    """

    x: Floats
    y: Floats
    log_scale: Floats
    rotation: Floats
    opacity: Floats | None = None
    gain: Floats | None = None

    def plus(self, other: Gradients) -> Gradients:
        """The gradient of the sum of two losses, without opacity and gain."""
        return Gradients(
            self.x + other.x, self.y + other.y, self.log_scale + other.log_scale, self.rotation + other.rotation
        )
