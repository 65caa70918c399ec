"""How long Poisson's equation takes on an irregular mask, and what is left of it.

    python benchmarks/blend.py [--side 2048]

The mask is smooth noise above its median: it covers half of the picture, with islands, lakes and bays; the right side
is white noise. Three channels at once. Beside it one channel of a quarter of the side by scipy's sparse direct
solver, whose answer ours is compared with, and whose time is a unit of this machine. CPU seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import linalg

from vertumnus.imaging.poisson import solve_poisson


def mask(side: int) -> np.ndarray:
    """Smooth noise above its median."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((side, side)), side / 40, mode="wrap")
    return noise > np.median(noise)


def left(field: np.ndarray, rhs: np.ndarray, free: np.ndarray) -> float:
    """The relative residual, apart from the solver: neighbours' differences summed up; the worst channel."""
    total = np.zeros_like(field)
    across, down = np.diff(field, axis=1), np.diff(field, axis=0)
    total[:, :-1] -= across
    total[:, 1:] += across
    total[:-1] -= down
    total[1:] += down
    off = np.where(free[..., None], total - rhs, 0)
    return float(max(np.linalg.norm(off[..., c]) / np.linalg.norm(rhs[free][:, c]) for c in range(rhs.shape[2])))


def directly(rhs: np.ndarray, free: np.ndarray) -> np.ndarray:
    """One channel by scipy's sparse LU."""
    number = np.full(free.shape, -1)
    number[free] = np.arange(free.sum())
    pairs = []
    degree = np.zeros(free.shape)
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        degree[a] += 1
        degree[b] += 1
        both = free[a] & free[b]
        pairs.append((number[a][both], number[b][both]))
    one, other = (np.concatenate([pair[k] for pair in pairs]) for k in (0, 1))
    count = int(free.sum())
    matrix = sparse.coo_matrix((-np.ones(len(one)), (one, other)), (count, count))
    matrix = (matrix + matrix.T + sparse.diags(degree[free])).tocsc()
    found = np.zeros(free.shape)
    found[free] = linalg.spsolve(matrix, rhs[free])
    return found


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    small = mask(64)
    solve_poisson(rng.standard_normal((64, 64, 3)) * small[..., None], small)  # kernels are compiled
    free = mask(given.side)
    rhs = rng.standard_normal((given.side, given.side, 3)) * free[..., None]
    began = time.process_time()
    found = solve_poisson(rhs, free, tolerance=given.tolerance)
    seconds = time.process_time() - began
    print(
        f"{given.side} x {given.side}, {free.mean():.0%} free, three channels: {seconds:.1f} CPU s,"
        f" {found.steps} steps, relative residual {left(found.field, rhs, free):.1e}"
    )
    part = mask(given.side // 4)
    some = rng.standard_normal((*part.shape, 1)) * part[..., None]
    began = time.process_time()
    exact = directly(some[..., 0], part)
    theirs = time.process_time() - began
    began = time.process_time()
    ours = solve_poisson(some, part).field[..., 0]
    took = time.process_time() - began
    print(
        f"{part.shape[0]} x {part.shape[1]}, one channel: ours {took:.2f} s, scipy's sparse LU {theirs:.2f} s;"
        f" apart by {np.abs(ours - exact).max() / np.abs(exact).max():.1e} of the largest value"
    )


if __name__ == "__main__":
    main()
