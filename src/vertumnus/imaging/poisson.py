"""Poisson's equation on the pixels of a picture: what gradient-domain editing solves (Perez et al. 2003).

The unknown is a correction ``u`` on the free pixels, zero on all others, with no flow through the picture's edges:

    sum over the neighbours q of p of (u_p - u_q)  +  screening * u_p  =  rhs_p        (Perez et al. 2003, eq. 7)

A rectangle of free pixels is solved in closed form by a sine or cosine transform; any other set by conjugate
gradients, preconditioned by the multigrid of `vertumnus.imaging.multigrid`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from vertumnus.errors import VertumnusError
from vertumnus.imaging.multigrid import Multigrid, advance, diagonal, dot, laplacian

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Solution(NamedTuple):
    """The solution of one Poisson equation.

    field      H x W x C, zero on pixels that are not free
    residual   the norm of what is left of the right side, as a share of its norm; the worst channel
    steps      of conjugate gradients, the worst channel; 0 for a closed form
    """

    field: Field
    residual: float
    steps: int


def divergence(across: Field, down: Field) -> Field:
    """The right side for wanted differences between neighbours, H x W x C.

    across   H x (W - 1) x C, wanted u[y, x + 1] - u[y, x]
    down     (H - 1) x W x C, wanted u[y + 1, x] - u[y, x]

    It is the gradient of half the squared misfit at u = 0, with the opposite sign.
    """
    height, columns = across.shape[:2]
    rhs = np.zeros((height, columns + 1, across.shape[2]))
    rhs[:, :-1] -= across
    rhs[:, 1:] += across
    rhs[:-1] -= down
    rhs[1:] += down
    return rhs


def solve_poisson(
    rhs: Field, free: Mask, *, screening: float = 0.0, tolerance: float = 1e-7, most: int = 200
) -> Solution:
    """Solves the equation above.

    rhs         H x W x C; values on pixels that are not free are not read
    free        H x W
    screening   1 / length^2, a pull to zero: corrections fade over ``length`` pixels
    tolerance   the residual, relative to the right side, at which conjugate gradients stop
    most        steps of conjugate gradients

    If every pixel is free and nothing pulls to zero, a constant is left open: the mean is zero then.
    Raises `VertumnusError` if the right side is not finite.
    """
    if not (np.isfinite(rhs[free]).all() and np.isfinite(screening) and screening >= 0):
        raise VertumnusError("poisson: the right side and the screening must be finite numbers")
    field = np.zeros(rhs.shape)
    rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
    if not len(rows):
        return Solution(field, 0.0, 0)
    # One pixel of what is fixed around what is free, unless the picture ends there.
    box = (
        slice(max(rows[0] - 1, 0), min(rows[-1] + 2, free.shape[0])),
        slice(max(columns[0] - 1, 0), min(columns[-1] + 2, free.shape[1])),
    )
    inside = np.ascontiguousarray(free[box])
    right = np.where(inside[..., None], rhs[box], 0.0)
    transforms = _transforms(inside)
    if transforms is not None:
        core = tuple(slice(pad, size - pad) for (_, pad), size in zip(transforms, inside.shape, strict=True))
        exact = field[box][core]
        exact[...] = _closed_form(right[core], transforms, screening)
        steps = 0
    else:
        steps = _conjugate_gradients(right, inside, screening, tolerance, most, field[box])
    residual = _residual(field[box], right, inside, screening)
    return Solution(field, residual, steps)


def _transforms(inside: Mask) -> list[tuple[str, int]] | None:
    """Per axis the transform that diagonalises the operator and the fixed rows at either end, if there is one."""
    found = []
    for axis in (0, 1):
        line = np.atleast_1d(inside.any(axis=1 - axis))
        if line.all():
            found.append(("cosine", 0))  # the picture ends at both sides
        elif len(line) > 2 and line[1:-1].all() and not line[0] and not line[-1]:
            found.append(("sine", 1))
        else:
            return None
    core = tuple(slice(pad, size - pad) for (_, pad), size in zip(found, inside.shape, strict=True))
    return found if inside[core].all() else None


def _closed_form(rhs: Field, transforms: list[tuple[str, int]], screening: float) -> Field:
    """On a rectangle the sines (fixed ends) or cosines (free ends) are the operator's eigenvectors."""
    eigenvalues = np.full(rhs.shape[:2], screening)
    for axis, (kind, _) in enumerate(transforms):
        count = rhs.shape[axis]
        k = np.arange(count)
        angle = (k + 1) / (count + 1) if kind == "sine" else k / count
        shape = (-1, 1) if axis == 0 else (1, -1)
        eigenvalues = eigenvalues + (2 - 2 * np.cos(np.pi * angle)).reshape(shape)
    found = rhs
    for axis, (kind, _) in enumerate(transforms):
        found = fft.dst(found, 1, axis=axis) if kind == "sine" else fft.dct(found, 2, axis=axis)
    open_constant = eigenvalues[0, 0] == 0
    eigenvalues[0, 0] += open_constant
    found = found / eigenvalues[..., None]
    if open_constant:
        found[0, 0] = 0
    for axis, (kind, _) in enumerate(transforms):
        found = fft.idst(found, 1, axis=axis) if kind == "sine" else fft.idct(found, 2, axis=axis)
    return found


def _conjugate_gradients(
    rhs: Field, inside: Mask, screening: float, tolerance: float, most: int, field: Field
) -> int:
    """Solves every channel into ``field``; the channels are independent, so any number of threads gives the same."""
    cycle = Multigrid(inside, screening)

    def solve(channel: int) -> int:
        left = np.ascontiguousarray(rhs[..., channel])
        # The squares of very small values are none. A power of two changes no digit.
        size = np.ldexp(1.0, int(np.frexp(np.abs(left).max())[1]))
        left = left / size
        first = dot(left, left)
        found, towards = np.zeros(inside.shape), np.zeros(inside.shape)
        image = np.empty(inside.shape)
        precondition = cycle.preconditioner()
        before, steps = 1.0, 0
        while steps < most and dot(left, left) > tolerance**2 * first:
            smooth = precondition(left)
            now = dot(left, smooth)
            towards *= now / before if steps else 0.0
            towards += smooth
            laplacian(towards, cycle.diagonal, image)
            advance(found, left, towards, image, now / dot(towards, image))
            before, steps = now, steps + 1
        field[..., channel] = found * size
        return steps

    with ThreadPoolExecutor(rhs.shape[2]) as pool:
        return max(pool.map(solve, range(rhs.shape[2])))


def _residual(field: Field, rhs: Field, inside: Mask, screening: float) -> float:
    """The worst channel's true residual, measured anew."""
    weights = diagonal(inside, screening)
    worst = 0.0
    for channel in range(rhs.shape[2]):
        wanted = rhs[..., channel]
        if inside.all() and screening == 0:
            wanted = wanted - wanted.mean()
        norm = float(np.linalg.norm(wanted))
        if norm > 0:
            plane = np.ascontiguousarray(field[..., channel])
            left = wanted - laplacian(plane, weights, np.empty(inside.shape))
            worst = max(worst, float(np.linalg.norm(left)) / norm)
    return worst
