"""The parameters of a layout, in named groups, each an array: one table, and all that goes over the table.

A new parameter is one entry of `GROUPS`. Placements, gradients, bounds, optimiser steps and checkpoints hold
whatever groups there are by these names; a kernel takes those that it draws with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_SHEAR

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """One group of parameters that every element of a layout has, or none.

    columns   what an element has of it, by name
    neutral   of each column, what an element is drawn with where the group is not there
    least, most   of each column, the range that kernels can draw
    step      how far the optimiser moves an element at an iteration, at the start and at the end of a stage, in
              the columns' own unit; of the pose it is in raster pixels and belongs to the stage
    """

    columns: tuple[str, ...]
    neutral: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    step: tuple[float, float] = (0.02, 0.01)


_FAR, _LARGE, _TURNS = 1e15, 27.0, 1e6  # canvas pixels; logarithm of a factor; radians
_LEAN = math.radians(MAX_SHEAR) + 1e-9

GROUPS: dict[str, Group] = {
    # Canvas pixels; natural logarithm of what multiplies the picture's own pixels; radians, clockwise.
    "pose": Group(
        ("x", "y", "log_scale", "rotation"),
        neutral=(0.0, 0.0, 0.0, 0.0),
        least=(-_FAR, -_FAR, -_LARGE, -_TURNS),
        most=(_FAR, _FAR, _LARGE, _TURNS),
        step=(1.2, 0.4),
    ),
    # Natural logarithm of height scale to width scale; radians that the picture's upright edges lean by.
    "form": Group(("log_squeeze", "shear"), neutral=(0.0, 0.0), least=(-7.0, -_LEAN), most=(7.0, _LEAN)),
    "opacity": Group(("opacity",), neutral=(1.0,), least=(0.0,), most=(1.0,)),
    # What multiplies red, green and blue, as they are stored.
    "gain": Group(("red", "green", "blue"), neutral=(1.0,) * 3, least=(-1e6,) * 3, most=(1e6,) * 3),
    # The same as a colour's hue (in turns), saturation and value; see `vertumnus.render.tint`.
    "tint": Group(("hue", "saturation", "value"), neutral=(0.0, 0.0, 1.0), least=(-1e6,) * 3, most=(1e6,) * 3),
    # Depth: larger is nearer to the eye.
    "order": Group(("order",), neutral=(0.0,), least=(-1e6,), most=(1e6,)),
}
OF_COLUMN = {column: (name, row) for name, group in GROUPS.items() for row, column in enumerate(group.columns)}
_LEAST = {name: np.array(group.least)[:, None] for name, group in GROUPS.items()}
_MOST = {name: np.array(group.most)[:, None] for name, group in GROUPS.items()}


class Parameters:
    """Some of the groups of N elements, each K x N, one row a column of the group.

    Columns are attributes (``x``, ``log_squeeze``, ``red``), and so are whole groups as N x K, or N where K is 1
    (``opacity``, ``gain``). Both are views: what is written into them is written here. A group that is not there
    raises AttributeError; ask with ``in``.
    """

    groups: dict[str, Floats]

    def __init__(self, groups: Mapping[str, Floats]) -> None:
        self.groups = dict(groups)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Floats: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    @classmethod
    def by(cls, **values: ArrayLike) -> Self:
        """From columns (N) and groups (N x K, or N) by name; a column of a group that is left out is 0."""
        return cls(gathered(values, lambda group, row: 0.0))

    def __contains__(self, name: object) -> bool:
        return name in self.groups

    def __getitem__(self, name: str) -> Floats:
        return self.groups[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.groups)

    def __len__(self) -> int:
        for values in self.groups.values():
            return int(values.shape[1])
        return 0

    def copy(self) -> Self:
        """An independent copy."""
        return self._with({name: values.copy() for name, values in self.groups.items()})

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The chosen elements."""
        return self._with({name: values[:, chosen] for name, values in self.groups.items()})

    def plus(self, other: Parameters) -> Self:
        """The sum, of every group that either has."""
        total = dict(self.groups)
        for name, values in other.groups.items():
            total[name] = total[name] + values if name in total else values
        return self._with(total)

    def _with(self, groups: dict[str, Floats]) -> Self:
        return type(self)(groups)


class Gradients(Parameters):
    """The gradient of a loss by each placement's parameters: of the groups that were drawn with.

    What is added up (`plus`) keeps every group of both.
    """


def gathered(values: Mapping[str, Any], missing: Any) -> dict[str, Floats]:
    """Columns and groups by name, as groups. ``missing(group, row)`` fills columns that are left out.

    Raises TypeError for a name that is neither a group nor a column.
    """
    groups: dict[str, Floats] = {}
    rows: dict[str, dict[int, Any]] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name in OF_COLUMN:
            group, row = OF_COLUMN[name]
            rows.setdefault(group, {})[row] = np.ravel(value)
        elif name in GROUPS:
            groups[name] = np.array(np.asarray(value, np.float64).T, np.float64, order="C", ndmin=2)
        else:
            raise TypeError(f"there is no parameter {name!r}")
    for name, given in rows.items():
        columns = [given[k] if k in given else missing(name, k) for k in range(len(GROUPS[name].columns))]
        groups[name] = np.array(np.broadcast_arrays(*columns), np.float64, ndmin=2)
    return {name: groups[name] for name in GROUPS if name in groups}  # always in the table's order


def check(groups: Mapping[str, Floats]) -> None:
    """Refuses what no kernel can draw: what is not finite, or out of all bounds. Called before each kernel.

    Raises `VertumnusError` naming the element and the column.
    """
    for name, values in groups.items():
        good = (values >= _LEAST[name]) & (values <= _MOST[name])  # false for what is not a number
        if not good.all():
            row, element = np.argwhere(~good)[0]
            raise VertumnusError(
                f"piece {element}: {GROUPS[name].columns[row]}: {values[row, element]:g} cannot be drawn"
            )


def _column(group: str, row: int, name: str) -> property:
    def get(self: Parameters) -> Floats:
        try:
            return self.groups[group][row]
        except KeyError:
            raise AttributeError(f"no {name} here") from None

    def put(self: Parameters, value: ArrayLike) -> None:
        get(self)[:] = value

    return property(get, put)


def _group(name: str) -> property:
    def get(self: Parameters) -> Floats:
        try:
            return self.groups[name].T
        except KeyError:
            raise AttributeError(f"no {name} here") from None

    def put(self: Parameters, value: ArrayLike) -> None:
        get(self)[:] = value

    return property(get, put)


for _name, _entry in GROUPS.items():
    if len(_entry.columns) > 1:
        setattr(Parameters, _name, _group(_name))
    for _row, _label in enumerate(_entry.columns):
        setattr(Parameters, _label, _column(_name, _row, _label))

UNBOUNDED = (-inf, inf)
