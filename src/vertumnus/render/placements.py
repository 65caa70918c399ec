"""Placements as arrays, one entry an element: what renderers and optimisers work on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError
from vertumnus.render.parameters import GROUPS, Gradients, Parameters, check, gathered

__all__ = ["Gradients", "Placements"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int32]


@lru_cache(maxsize=64)
def _neutral(name: str, count: int) -> Floats:
    values = np.repeat(np.array(GROUPS[name].neutral, np.float64)[:, None], count, axis=1)
    values.flags.writeable = False
    return values


class Placements(Parameters):
    """N placements, back to front, in canvas pixels (origin top left, y down).

    The pose is always there: ``x`` and ``y``, where the pictures' centres land; ``log_scale``, natural logarithm of
    what multiplies the pictures' own pixels; ``rotation``, radians, clockwise on the screen. Every other group of
    `vertumnus.render.parameters.GROUPS` is optional.

    flip    mirrored left to right before anything else
    which   which of the given pictures each one shows

    >>> p = Placements([5, 9], [1, 2], 0.0, 0.0, False, [0, 1], opacity=[1, 0.5])
    >>> p.y, p.opacity, "order" in p
    (array([1., 2.]), array([1. , 0.5]), False)
    """

    flip: Flags
    which: Indices

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        log_scale: ArrayLike,
        rotation: ArrayLike,
        flip: ArrayLike,
        which: ArrayLike,
        **more: ArrayLike | None,
    ) -> None:
        """``more`` are columns or groups by name (opacity N, gain N x 3); None is a group that is not there."""
        pose = {"x": x, "y": y, "log_scale": log_scale, "rotation": rotation}
        super().__init__(gathered(pose | more, lambda group, row: GROUPS[group].neutral[row]))
        count = self.groups["pose"].shape[1]
        self.flip = np.array(np.broadcast_to(np.asarray(flip, bool), count))
        self.which = np.array(np.broadcast_to(np.asarray(which, np.int32), count))

    def __len__(self) -> int:
        return len(self.which)

    @classmethod
    def of(cls, placements: Iterable[Placement], which: Iterable[int], **more: ArrayLike | None) -> Placements:
        """From the document's placements (degrees, scale) and the picture each one shows.

        The form is there if any of them is squeezed or sheared.

        more   further groups by name
        """
        rows = np.array([tuple(map(float, place)) for place in placements], np.float64).reshape(-1, 7)
        if np.any(rows[:, 5] != 1) or np.any(rows[:, 6] != 0):
            more = {"log_squeeze": np.log(rows[:, 5]), "shear": np.deg2rad(rows[:, 6])} | more
        return cls(
            x=rows[:, 0],
            y=rows[:, 1],
            log_scale=np.log(rows[:, 2]),
            rotation=np.deg2rad(rows[:, 3]),
            flip=rows[:, 4] != 0,
            which=np.fromiter(which, np.int32),
            **more,
        )

    def drawn(self, *names: str, pictures: int | None = None) -> dict[str, Floats]:
        """The named groups, K x N each, neutral where they are not there; checked, for a kernel to draw.

        pictures   how many there are to show

        Raises `VertumnusError` naming the piece and the parameter that cannot be drawn.
        """
        check(self.groups)
        if pictures is not None and len(self) and not 0 <= self.which.min() <= self.which.max() < pictures:
            piece = int(np.flatnonzero((self.which < 0) | (self.which >= pictures))[0])
            raise VertumnusError(f"piece {piece}: which: there is no picture {self.which[piece]}")
        return {name: self.given(name) for name in names}

    def given(self, name: str) -> Floats:
        """A group, K x N, or what is neutral where it is not there, which is not to be written to; not checked."""
        return self.groups[name] if name in self.groups else _neutral(name, len(self))

    def placement(self, index: int) -> Placement:
        """One entry as the document writes it."""
        x, y, log_scale, rotation = self.groups["pose"][:, index].tolist()
        log_squeeze, shear = self.groups["form"][:, index].tolist() if "form" in self.groups else (0.0, 0.0)
        return Placement(
            x,
            y,
            float(np.exp(log_scale)),
            float(np.rad2deg(rotation)),
            bool(self.flip[index]),
            float(np.exp(log_squeeze)),
            float(np.rad2deg(shear)),
        )

    def put(self, index: int, **changes: Any) -> None:
        """Changes one entry, in the document's words: any of x, y, scale, rotation (degrees) and flip.

        Raises `VertumnusError` for what is no placement, and then changes nothing; TypeError for another word.
        """
        now = self.placement(index)._asdict()
        place = Placement(**(now | changes))
        written = {
            "x": place.x,
            "y": place.y,
            "log_scale": float(np.log(place.scale)),
            "rotation": float(np.deg2rad(place.rotation)),
        }
        for row, column in enumerate(GROUPS["pose"].columns):
            if column.removeprefix("log_") in changes:
                self.groups["pose"][row, index] = written[column]
        self.flip[index] = place.flip

    def join(self, other: Placements) -> Self:
        """These and then the others. A group that only one of the two has is neutral in the other."""
        names = [name for name in GROUPS if name in self.groups or name in other.groups]
        mine, theirs = self.drawn(*names), other.drawn(*names)
        both = self._with({name: np.concatenate([mine[name], theirs[name]], axis=1) for name in names})
        both.flip = np.concatenate([self.flip, other.flip])
        both.which = np.concatenate([self.which, other.which])
        return both

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The chosen entries."""
        some = super().take(chosen)
        some.flip, some.which = self.flip[chosen], self.which[chosen]
        return some

    def showing(self, which: ArrayLike) -> Self:
        """The same entries, showing other pictures."""
        other = self.copy()
        other.which = np.array(which, np.int32)
        return other

    def _with(self, groups: dict[str, Floats]) -> Self:
        other = type(self).__new__(type(self))
        other.groups = groups
        other.flip, other.which = self.flip.copy(), self.which.copy()
        return other
