"""Slow, plain references that share no code with what they check."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from vertumnus.document.placement import Placement

Floats = NDArray[np.float64]


def mip_chain(texture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Mip levels by their definition: rounded mean of 2 x 2, an odd edge repeated."""
    chain = [texture]
    while max(chain[-1].shape[:2]) > 1:
        fine = chain[-1].astype(int)
        rows, columns = fine.shape[0], fine.shape[1]
        coarse = np.empty(((rows + 1) // 2, (columns + 1) // 2, *fine.shape[2:]), np.uint8)
        for i in range(coarse.shape[0]):
            for j in range(coarse.shape[1]):
                i2, j2 = min(2 * i + 1, rows - 1), min(2 * j + 1, columns - 1)
                coarse[i, j] = (fine[2 * i, 2 * j] + fine[2 * i, j2] + fine[i2, 2 * j] + fine[i2, j2] + 2) // 4
        chain.append(coarse)
    return chain


def sampled_alpha(alpha: NDArray[np.uint8], place: Placement, width: int, height: int, zoom: float) -> Floats:
    """The alpha of one placed picture at every pixel of a raster, in double precision, 0 to 1."""
    scale = place.scale * zoom
    chain = mip_chain(alpha)
    level = 0
    while 1 / scale / 2**level > np.sqrt(2) and level < len(chain) - 1:
        level += 1
    texture = chain[level] / 255.0
    turn = np.deg2rad(place.rotation)
    y, x = np.mgrid[: round(height * zoom), : round(width * zoom)] + 0.5
    dx, dy = x - place.x * zoom, y - place.y * zoom
    p = np.cos(turn) * dx + np.sin(turn) * dy
    q = np.cos(turn) * dy - np.sin(turn) * dx
    if place.flip:
        p = -p
    rows, columns = alpha.shape
    inside = np.clip(columns / 2 * scale - abs(p) + 0.5, 0, 1) * np.clip(rows / 2 * scale - abs(q) + 0.5, 0, 1)
    u = np.clip((p / scale + columns / 2) / 2**level - 0.5, 0, texture.shape[1] - 1)
    v = np.clip((q / scale + rows / 2) / 2**level - 0.5, 0, texture.shape[0] - 1)
    iu, iv = np.floor(u).astype(int), np.floor(v).astype(int)
    ju, jv = np.minimum(iu + 1, texture.shape[1] - 1), np.minimum(iv + 1, texture.shape[0] - 1)
    fu, fv = u - iu, v - iv
    upper = texture[iv, iu] * (1 - fu) + texture[iv, ju] * fu
    lower = texture[jv, iu] * (1 - fu) + texture[jv, ju] * fu
    return inside * (upper * (1 - fv) + lower * fv)


def near_texel_centres(
    x: Floats,
    y: Floats,
    rotation: Floats,
    flip: NDArray[np.bool_],
    texel: Floats,
    middle: Floats,
    shape: tuple[int, int],
    beyond: float,
    lean: Floats | float = 0.0,
) -> NDArray[np.bool_]:
    """Pixels where some element is sampled so near a texel's centre that rounding decides on which side.

    Bilinear sampling has a kink there: its value is continuous, its slope is not. texel: N x 2 pixels to a texel;
    middle: N x 2, the texel coordinates of the centre; beyond: pixels around an element where it may still
    show; lean: N, the tangents of the shears.
    """
    lean = np.broadcast_to(lean, x.shape)
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    near = np.zeros(shape, bool)
    for n in range(len(x)):
        dx, dy = columns - x[n], rows - y[n]
        q = np.cos(rotation[n]) * dy - np.sin(rotation[n]) * dx
        p = (np.cos(rotation[n]) * dx + np.sin(rotation[n]) * dy - lean[n] * q) * (-1 if flip[n] else 1)
        extent = (middle[n] + 0.5) * texel[n] + beyond * np.hypot(1, lean[n])
        shows = (np.abs(p) < extent[0]) & (np.abs(q) < extent[1])
        for axis, way in enumerate((p, q)):
            at = way / texel[n, axis] + middle[n, axis]
            # Single precision errs by some 1e-7 of the numbers it adds up.
            near |= shows & (np.abs(at - np.rint(at)) < 4e-6 * (np.abs(at) + np.abs(x[n] / texel[n, axis]) + 10))
    return near


def poisson_directly(rhs: Floats, free: NDArray[np.bool_], screening: float = 0.0) -> Floats:
    """Perez et al.'s equation 7, one row a pixel, solved by elimination."""
    height, width = free.shape
    number = -np.ones(free.shape, int)
    number[free] = np.arange(free.sum())
    rows, columns, values = [], [], []
    for y, x in np.argwhere(free):
        degree = screening
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < height and 0 <= u < width:
                degree += 1
                if free[v, u]:
                    rows.append(number[y, x])
                    columns.append(number[v, u])
                    values.append(-1.0)
        rows.append(number[y, x])
        columns.append(number[y, x])
        values.append(degree)
    matrix = sparse.csc_matrix((values, (rows, columns)))
    found = np.zeros(rhs.shape)
    for channel in range(rhs.shape[2]):
        found[free, channel] = spsolve(matrix, rhs[free, channel])
    return found
