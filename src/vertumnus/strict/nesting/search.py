"""The search for the largest scale at which pieces can be moved apart.

After sparrow (Gardeyn and others 2025), on rasters: explore from a loose layout, the scale raised after each success;
when it cannot be parted, go back to the best layout, exchange two pieces, and try again with a smaller step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.strict.nesting.layout import Layout

Floats = NDArray[np.float64]

POINTS, ANYWHERE, NEAR, FINEST = 256, 20, 15, 0.25
FEW_POINTS = 96  # the same, of rectangles
GAIN = 0.98  # of the least share in conflict, below which a sweep has gained something
PATIENCE = 40  # sweeps without gain
FIRST_GROWTH, LEAST_GROWTH = 0.04, 0.003  # of the density at a time
LOWER = 0.94
FAILURES = 3  # in a row, before the step is halved
MORE_PATIENCE = 1.4


def part(layout: Layout, rng: np.random.Generator, tolerance: float, patience: float, until: float) -> bool:
    """Moves pieces apart until no more than a share of their pixels are in conflict.

    patience   sweeps without gain after which it is given up
    until      the layout's work at which it is given up

    Returns whether they are; the layout is then the last, else the best there was.
    """
    layout.forget()
    points = FEW_POINTS if layout.pieces.outlines.rectangular else POINTS
    least, stale = layout.share, 0
    best = layout.pose.copy(), layout.mirror.copy()
    lowest = least
    while layout.share > tolerance:
        if stale > patience or layout.work > until:
            layout.pose[:], layout.mirror[:] = best
            layout.stamp()
            return False
        layout.sweep(rng, points, ANYWHERE, NEAR, FINEST)
        if layout.share < lowest:
            lowest, best = layout.share, (layout.pose.copy(), layout.mirror.copy())
        if layout.share < least * GAIN:
            least, stale = layout.share, 0
        else:
            stale += 1
    return True


@dataclass
class Found:
    """The best layout so far: poses in canvas pixels, mirrors, and the factor of the pieces' sizes."""

    pose: Floats
    mirror: Floats
    factor: float


def explore(
    layout: Layout,
    size: Floats,
    start: float,
    most: float,
    tolerance: float,
    until: float,
    rng: np.random.Generator,
    growth: float = FIRST_GROWTH,
    lower: float = LOWER,
) -> Iterator[Found]:
    """Looks for ever larger factors of the sizes. Yields the best so far after every try.

    size     N, root of each piece's area at a factor of 1, canvas pixels
    start    the factor to begin with; lowered until the pieces can be parted
    most     the largest factor wanted
    until    the layout's work at which it ends
    growth   of the density, at first, after each success
    lower    factor of the density where the first cannot be parted
    """
    factor = start
    layout.resize(size * factor)
    while not part(layout, rng, tolerance, PATIENCE, until):
        factor *= np.sqrt(lower)
        if layout.work > until and factor < 0.2 * start:
            return
        until = max(until, layout.work * 1.2)
        layout.resize(size * factor)
    best = Found(layout.placed(), layout.mirror.copy(), factor)
    yield best
    patience, failures = float(PATIENCE), 0
    while layout.work < until and best.factor < most:
        factor = min(best.factor * float(np.sqrt(1 + growth)), most)
        layout.resize(size * factor)
        if part(layout, rng, tolerance, patience, until):
            best = Found(layout.placed(), layout.mirror.copy(), factor)
            failures = 0
            yield best
            continue
        failures += 1
        if failures >= FAILURES or growth > 0.01:
            failures = 0
            growth = max(0.5 * growth, LEAST_GROWTH)
            patience *= MORE_PATIENCE
            layout.mirror[:] = best.mirror
            layout.put(best.pose, size * best.factor)
        else:
            exchange(layout, rng)
        yield best


def exchange(layout: Layout, rng: np.random.Generator) -> None:
    """Two pieces take each other's place: large ones more often than small ones."""
    count = len(layout.size)
    if count < 2:
        return
    chance = layout.size**2 / (layout.size**2).sum()
    a, b = rng.choice(count, 2, replace=False, p=chance)
    layout.pose[[a, b], :2] = layout.pose[[b, a], :2]
    layout.stamp()
