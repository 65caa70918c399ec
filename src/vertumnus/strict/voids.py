"""Voids: the roomiest free places of a raster, each with the distance to what is taken."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.jit import kernel

PIXELS = 2_000_000


def largest_voids(
    free: NDArray[np.bool_], most: int, least_radius: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (V x 2, x and y in raster pixels) and radii of up to ``most`` voids, the largest first.

    A void is where the distance to the nearest pixel that is not free is largest; the next one lies at
    least that distance away from it. Beyond the raster nothing is free. A raster of more than `PIXELS` is looked at
    in blocks, which are free where all of their pixels are: the time does not grow with how finely it is drawn.
    """
    step = math.ceil(math.sqrt(free.size / PIXELS))
    if step > 1:
        rows, columns = (side // step for side in free.shape)
        whole = free[: rows * step, : columns * step].reshape(rows, step, columns, step)
        centres, radii = largest_voids(np.asarray(whole.all(axis=(1, 3))), most, max(least_radius / step, 1.0))
        return centres * step, (radii - 0.5) * step
    room = ndimage.distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1]
    flat = room.ravel()
    wide = np.flatnonzero(flat >= least_radius)
    order = wide[np.argsort(-flat[wide], kind="stable")]
    chosen = _pick(order, room, most)
    rows, columns = np.divmod(chosen, free.shape[1])
    return np.column_stack([columns + 0.5, rows + 0.5]), flat[chosen]


@kernel
def _pick(order, room, most):
    height, width = room.shape
    hidden = np.zeros((height, width), np.bool_)
    chosen = np.empty(most, np.int64)
    found = 0
    for at in order:
        row, column = at // width, at % width
        if hidden[row, column]:
            continue
        if found == most:
            break
        chosen[found] = at
        found += 1
        reach = int(room[row, column])
        hidden[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = True
    return chosen[:found]
