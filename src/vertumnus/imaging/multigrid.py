"""Geometric multigrid for Poisson's equation on any set of pixels, as a preconditioner.

Level 0 is the picture's own grid and the five-point operator. Each coarser grid keeps every second pixel each way,
if it is free; between them values are interpolated linearly, zero on what is fixed, repeated at the picture's edges
(where nothing flows). The operators are Galerkin's, P' A P, nine points each, so that the cycle is symmetric for any
mask and conjugate gradients may lean on it. One sweep of Gauss and Seidel comes before each coarser visit and, in
reverse order, one after (Trottenberg, Oosterlee, Schueller 2001, ch. 2 and 7).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

f4 = np.float32
SMALLEST = 4  # pixels a side; a smaller grid is swept until it is solved
SWEEPS = 40  # on the coarsest grid, forward and backward

Plane = NDArray[np.float32]
Field = NDArray[np.float64]
Mask = NDArray[np.bool_]


def diagonal(free: Mask, screening: float) -> Field:
    """The five-point operator's diagonal: neighbours inside the picture plus screening; 0 on what is fixed."""
    count = np.full(free.shape, 4.0)
    count[0] -= 1
    count[-1] -= 1
    count[:, 0] -= 1
    count[:, -1] -= 1
    return np.where(free, count + screening, 0.0)


class Multigrid:
    """The grids of one set of free pixels; any number of solvers may share them.

    free        H x W
    screening   added to the diagonal of the finest grid
    """

    def __init__(self, free: Mask, screening: float) -> None:
        self.diagonal = diagonal(free, screening)
        self._centre = self.diagonal.astype(f4)
        self.masks = [np.ascontiguousarray(free)]
        self.stencils: list[NDArray[np.float32]] = []  # of the coarser grids, H x W x 9
        while min(self.masks[-1].shape) > SMALLEST and self.masks[-1].any():
            mask = np.ascontiguousarray(self.masks[-1][::2, ::2])
            stencil = np.zeros((*mask.shape, 9), f4)
            fine = self.stencils[-1] if self.stencils else _five_points(self._centre)
            _galerkin(fine, self.masks[-1], mask, stencil)
            self.masks.append(mask)
            self.stencils.append(stencil)

    def preconditioner(self) -> Callable[[Field], Plane]:
        """One V cycle from zero as a function of a residual, with buffers of its own."""
        values = [np.zeros(mask.shape, f4) for mask in self.masks]
        rights = [np.zeros(mask.shape, f4) for mask in self.masks]

        def cycle(residual: Field) -> Plane:
            rights[0][...] = residual
            self._cycle(0, values, rights)
            return values[0]

        return cycle

    def _cycle(self, level: int, values: list[Plane], rights: list[Plane]) -> None:
        value, right = values[level], rights[level]
        value[...] = 0
        if level == 0:
            _red_black(value, right, self._centre, 0)
            _red_black(value, right, self._centre, 1)
        else:
            _sweep(value, right, self.stencils[level - 1], True)
        if level + 1 == len(self.masks):
            for n in range(SWEEPS if level else 0):
                _sweep(value, right, self.stencils[level - 1], n % 2 == 1)
        else:
            if level == 0:
                _restrict_five(value, right, self._centre, self.masks[0], rights[1])
            else:
                _restrict_nine(value, right, self.stencils[level - 1], self.masks[level], rights[level + 1])
            rights[level + 1] *= self.masks[level + 1]
            self._cycle(level + 1, values, rights)
            _prolong(values[level + 1], self.masks[level], value)
        if level == 0:
            _red_black(value, right, self._centre, 1)
            _red_black(value, right, self._centre, 0)
        else:
            _sweep(value, right, self.stencils[level - 1], False)


def _five_points(centre: Plane) -> NDArray[np.float32]:
    """The finest operator as nine-point stencils, to begin Galerkin's products with."""
    free = (centre > 0).astype(f4)
    stencil = np.zeros((*centre.shape, 9), f4)
    stencil[..., 4] = centre
    stencil[1:, :, 1] = -free[1:] * free[:-1]
    stencil[:-1, :, 7] = stencil[1:, :, 1]
    stencil[:, 1:, 3] = -free[:, 1:] * free[:, :-1]
    stencil[:, :-1, 5] = stencil[:, 1:, 3]
    return stencil


@kernel
def laplacian(value, centre, out):  # type: ignore[no-untyped-def]
    """The operator on a float64 plane that is zero wherever ``centre`` is."""
    height, width = value.shape
    for y in range(height):
        for x in range(width):
            if centre[y, x] > 0:
                total = centre[y, x] * value[y, x]
                if y > 0:
                    total -= value[y - 1, x]
                if y + 1 < height:
                    total -= value[y + 1, x]
                if x > 0:
                    total -= value[y, x - 1]
                if x + 1 < width:
                    total -= value[y, x + 1]
                out[y, x] = total
            else:
                out[y, x] = 0.0
    return out


@kernel
def dot(one, other):  # type: ignore[no-untyped-def]
    """The scalar product of two planes, summed row by row, so that no library's threads change its last digits."""
    total = 0.0
    for y in range(one.shape[0]):
        row = 0.0
        for x in range(one.shape[1]):
            row += one[y, x] * other[y, x]
        total += row
    return total


@kernel
def advance(found, left, towards, image, step):  # type: ignore[no-untyped-def]
    """One step of conjugate gradients: the solution along ``towards``, what is left along its image."""
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            found[y, x] += step * towards[y, x]
            left[y, x] -= step * image[y, x]


@kernel
def _red_black(value, right, centre, colour):  # type: ignore[no-untyped-def]
    """Gauss and Seidel on every second pixel."""
    height, width = value.shape
    for y in range(height):
        for x in range((y + colour) & 1, width, 2):
            d = centre[y, x]
            if d > 0:
                total = right[y, x]
                if y > 0:
                    total += value[y - 1, x]
                if y + 1 < height:
                    total += value[y + 1, x]
                if x > 0:
                    total += value[y, x - 1]
                if x + 1 < width:
                    total += value[y, x + 1]
                value[y, x] = total / d


@kernel
def _around(value, stencil, y, x):  # type: ignore[no-untyped-def]
    """The stencil's off-centre terms."""
    height, width = value.shape
    total = f4(0)
    for k in range(9):
        v, u = y + k // 3 - 1, x + k % 3 - 1
        if k != 4 and 0 <= v < height and 0 <= u < width:
            total += stencil[y, x, k] * value[v, u]
    return total


@kernel
def _sweep(value, right, stencil, forward):  # type: ignore[no-untyped-def]
    """Gauss and Seidel in reading order, or the reverse."""
    height, width = value.shape
    for n in range(height):
        y = n if forward else height - 1 - n
        for m in range(width):
            x = m if forward else width - 1 - m
            d = stencil[y, x, 4]
            if d > 0:
                value[y, x] = (right[y, x] - _around(value, stencil, y, x)) / d


@kernel
def _weight(fine, offset, count):  # type: ignore[no-untyped-def]
    """How much of fine row ``fine`` comes from the coarse row at ``fine - offset``; the edge row is repeated."""
    if offset == 0:
        return f4(1)
    return f4(1) if offset == 1 and fine + 1 >= count else f4(0.5)


@kernel
def _galerkin(fine, mask, coarse, stencil):  # type: ignore[no-untyped-def]
    """P' A P: ``stencil`` of the coarse grid from the fine one's."""
    height, width = mask.shape
    rows, columns = coarse.shape
    for i in range(rows):
        for j in range(columns):
            if not coarse[i, j]:
                continue
            for y in range(max(2 * i - 1, 0), min(2 * i + 2, height)):
                wy = _weight(y, y - 2 * i, height)
                for x in range(max(2 * j - 1, 0), min(2 * j + 2, width)):
                    if not mask[y, x]:
                        continue
                    w = wy * _weight(x, x - 2 * j, width)
                    for k in range(9):
                        a = fine[y, x, k]
                        if a == 0:
                            continue
                        v, u = y + k // 3 - 1, x + k % 3 - 1
                        if v < 0 or v >= height or u < 0 or u >= width or not mask[v, u]:
                            continue
                        for ci in range(v // 2, (v + 1) // 2 + 1):
                            if ci >= rows:
                                continue
                            wv = _weight(v, v - 2 * ci, height)
                            for cj in range(u // 2, (u + 1) // 2 + 1):
                                if cj >= columns or not coarse[ci, cj]:
                                    continue
                                share = w * a * wv * _weight(u, u - 2 * cj, width)
                                stencil[i, j, (ci - i + 1) * 3 + cj - j + 1] += share


@kernel
def _gather(plane, mask, out):  # type: ignore[no-untyped-def]
    """P' of a plane."""
    height, width = mask.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = f4(0)
            for y in range(max(2 * i - 1, 0), min(2 * i + 2, height)):
                wy = _weight(y, y - 2 * i, height)
                for x in range(max(2 * j - 1, 0), min(2 * j + 2, width)):
                    if mask[y, x]:
                        total += wy * _weight(x, x - 2 * j, width) * plane[y, x]
            out[i, j] = total


@kernel
def _restrict_five(value, right, centre, mask, out):  # type: ignore[no-untyped-def]
    """The finest grid's residual, gathered onto the next."""
    height, width = value.shape
    left = np.empty_like(value)
    for y in range(height):
        for x in range(width):
            d = centre[y, x]
            total = f4(0)
            if d > 0:
                total = right[y, x] - d * value[y, x]
                if y > 0:
                    total += value[y - 1, x]
                if y + 1 < height:
                    total += value[y + 1, x]
                if x > 0:
                    total += value[y, x - 1]
                if x + 1 < width:
                    total += value[y, x + 1]
            left[y, x] = total
    _gather(left, mask, out)


@kernel
def _restrict_nine(value, right, stencil, mask, out):  # type: ignore[no-untyped-def]
    height, width = value.shape
    left = np.empty_like(value)
    for y in range(height):
        for x in range(width):
            left[y, x] = right[y, x] - stencil[y, x, 4] * value[y, x] - _around(value, stencil, y, x)
    _gather(left, mask, out)


@kernel
def _prolong(coarse, mask, value):  # type: ignore[no-untyped-def]
    """Adds P of the coarse values."""
    height, width = mask.shape
    rows, columns = coarse.shape
    for y in range(height):
        top, below = y // 2, min((y + 1) // 2, rows - 1)
        for x in range(width):
            if mask[y, x]:
                left, right = x // 2, min((x + 1) // 2, columns - 1)
                total = coarse[top, left] + coarse[top, right] + coarse[below, left] + coarse[below, right]
                value[y, x] += f4(0.25) * total
