"""Where elements start: by the shape's distance field, at random, along its medial axis, or in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.jit import kernel
from vertumnus.strict.options import DIRECTIONS

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def random_within(mask: Mask, count: int, rng: np.random.Generator) -> Floats:
    """``count`` points spread evenly at random over a mask, as count x 2 (x, y) in its pixels."""
    rows, columns = np.nonzero(mask)
    chosen = rng.choice(len(rows), size=count, replace=len(rows) < count)
    return np.column_stack([columns[chosen], rows[chosen]]) + rng.random((count, 2))


def by_distance_field(mask: Mask, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Points that keep apart, the roomiest first, and the room at each: distance to the edge.

    Discs are put where the distance field is largest, each as large as the room there but no larger than an
    even share of the mask, closer and closer until there are ``count`` of them.
    """
    field = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return _spread(field, mask, count, rng)


def by_medial_axis(mask: Mask, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """As `by_distance_field`, but only on the mask's medial axis while there is room on it."""
    from skimage.morphology import medial_axis

    axis, field = medial_axis(mask, return_distance=True, rng=rng)
    on_axis = np.where(axis, field, 0.0)
    points, room = _spread(on_axis, axis, count, rng, least=count)
    if len(points) < count:
        rest = random_within(mask, count - len(points), rng)
        at = rest.astype(np.intp)
        points = np.vstack([points, rest])
        room = np.concatenate([room, field[at[:, 1], at[:, 0]]])
    return points, room


def in_order(mask: Mask, count: int, axis: str, rng: np.random.Generator) -> Floats:
    """Points along an axis, the first at its beginning, each with an even share of the mask.

    axis   a direction, or "outward": from the middle of the mask to its rim
    """
    rows, columns = np.nonzero(mask)
    if axis == "outward":
        along = np.hypot(columns - columns.mean(), rows - rows.mean())
    else:
        dx, dy = DIRECTIONS[axis]
        along = columns * dx + rows * dy
    order = np.argsort(along + 0.5 * rng.random(len(rows)), kind="stable")
    slices = np.linspace(0, len(order), count + 1)
    # In the middle of each share: at its ends two neighbours could start the wrong way round.
    chosen = order[
        np.minimum((slices[:-1] + slices[1] * rng.uniform(0.4, 0.6, count)).astype(np.intp), len(order) - 1)
    ]
    return np.column_stack([columns[chosen], rows[chosen]]).astype(np.float64) + 0.5


def _spread(field: Floats, mask: Mask, count: int, rng: np.random.Generator, least: int = 0) -> tuple[Floats, Floats]:
    flat = np.flatnonzero(mask)
    # Roomiest first, to within a tenth, and at random among equals.
    fair = np.sqrt(np.count_nonzero(mask) / count / np.pi)
    room = field.ravel()[flat]
    key = np.floor(np.minimum(room, fair) / (0.1 * fair) + rng.random(len(flat)))
    order = flat[np.argsort(rng.random(len(flat)) - key)]  # keys are whole numbers
    spacing = 2.0
    while True:
        chosen = _pick_apart(order, field, fair, spacing, count)
        if len(chosen) >= min(count, len(flat)) or spacing < 0.05:
            break
        spacing *= 0.85
    missing = count - len(chosen)
    if missing > 0 and not least:
        chosen = np.concatenate([chosen, rng.choice(flat, size=missing, replace=True)])
    rows, columns = np.divmod(chosen, field.shape[1])
    return np.column_stack([columns + 0.5, rows + 0.5]), field.ravel()[chosen]


@kernel
def _pick_apart(order, field, most, spacing, count):
    """Goes down the list and picks each pixel that no disc picked before covers."""
    height, width = field.shape
    covered = np.zeros((height, width), np.bool_)
    chosen = np.empty(count, np.int64)
    found = 0
    for at in order:
        row, column = at // width, at % width
        if covered[row, column]:
            continue
        chosen[found] = at
        found += 1
        if found == count:
            break
        radius = min(field[row, column], most) * spacing
        reach = int(radius)
        for r in range(max(row - reach, 0), min(row + reach + 1, height)):
            for c in range(max(column - reach, 0), min(column + reach + 1, width)):
                if (r - row) ** 2 + (c - column) ** 2 <= radius * radius:
                    covered[r, c] = True
    return chosen[:found]
