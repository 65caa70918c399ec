"""Pieces that look alike keep apart: which piece starts at which place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vertumnus.elements.element import Element
from vertumnus.imaging.look import kinds_of
from vertumnus.optimise.loop import Optimiser

LOOKED_AT = 4000  # different pictures that are compared with each other; of more, only equal ones keep apart
LIKE = 0.1  # of a piece's size, that those may differ by that change places
LIKE_FREE = 0.4  # the same, where they take each other's size
SHARES = (0.5,)  # of a run, when they do
TRIED = 8  # other places that a piece tries
ROUNDS = 6
MOST = 40_000  # changes tried
DISTANCES = 8_000_000  # worked out: among very many pieces of one kind it is left to chance

Floats = NDArray[np.float64]


def kinds_of_pieces(elements: Sequence[Element], pieces: NDArray[np.integer]) -> NDArray[np.intp]:
    """A number for each piece, the same for those whose pictures are equal or look alike."""
    if len(elements) <= LOOKED_AT:
        return kinds_of([element.look for element in elements])[pieces]
    return np.asarray(pieces, np.intp)


def spread_apart(
    points: Floats,
    kinds: NDArray[np.intp],
    size: Floats,
    movable: NDArray[np.bool_],
    rng: np.random.Generator,
    like: float = LIKE,
) -> NDArray[np.intp]:
    """Which piece goes to which place, so that those of one kind are far from each other.

    points   N x 2, where each piece lies now
    kinds    N, see `kinds_of_pieces`
    size     N; only pieces of like size change places
    movable  N
    like     share that sizes may differ by

    Changes two places where that lowers the sum over pairs of one kind of 1 / d^4, in which near ones count most, d
    their distance. Returns for each piece the place, an index into ``points``.
    """
    place = np.arange(len(points))
    groups = {kind: list(np.flatnonzero(kinds == kind)) for kind in np.unique(kinds)}
    crowded = np.array([i for group in groups.values() if len(group) > 1 for i in group if movable[i]], np.intp)
    if not len(crowded) or len(groups) == 1:
        return place
    members = {kind: np.array(group) for kind, group in groups.items()}
    # The unit of distance does not matter; no two are taken to be nearer than a hundredth of the mean spacing.
    least = 1e-4 * float(np.ptp(points, axis=0).prod() + 1e-9) / len(points)

    def cost(i: int, at: NDArray[np.float64], but: int) -> float:
        others = members[kinds[i]]
        others = others[(others != i) & (others != but)]
        d = ((points[place[others]] - at) ** 2).sum(axis=1)
        return float((1 / np.maximum(d, least) ** 2).sum())

    tries, looks = 0, 0
    for _ in range(ROUNDS):
        changed = False
        for i in rng.permutation(crowded):
            near = np.flatnonzero(movable & (kinds != kinds[i]) & (np.abs(size - size[i]) <= like * size[i]))
            for j in rng.choice(near, min(TRIED, len(near)), replace=False) if len(near) else ():
                tries += 1
                looks += 2 * (len(members[kinds[i]]) + len(members[kinds[j]]))
                here, there = points[place[i]], points[place[j]]
                before = cost(i, here, j) + cost(j, there, i)
                if cost(i, there, j) + cost(j, here, i) < before * (1 - 1e-9):
                    place[i], place[j] = place[j], place[i]
                    changed = True
            if tries > MOST or looks > DISTANCES:
                return place
        if not changed:
            break
    return place


class KeepApart:
    """The optimiser's ``jump`` with one more move: pieces that came near another of their kind change places.

    jump    what else jumps, first; None for nothing
    kinds   N, see `kinds_of_pieces`
    like    share that sizes may differ by where two change places; those of free size take each other's
    free    whether sizes are free
    """

    def __init__(
        self, jump: Callable[[Optimiser], NDArray[np.intp]] | None, kinds: NDArray[np.intp], like: float, free: bool
    ) -> None:
        self.jump, self.kinds, self.like, self.free = jump, kinds, like, free

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that jumped or changed places."""
        jumped = self.jump(optimiser) if self.jump is not None else np.empty(0, np.intp)
        if not any(optimiser.iteration == round(share * optimiser.total) for share in SHARES):
            return jumped
        p = optimiser.placements
        size = np.exp(p.log_scale) * optimiser.unit
        points = np.column_stack([p.x, p.y])
        place = spread_apart(points, self.kinds, size, optimiser.freedom.movable, optimiser.rng, self.like)
        moved = np.flatnonzero(place != np.arange(len(place)))
        p.x[moved], p.y[moved] = points[place[moved]].T
        p.rotation[moved] = p.rotation[place][moved]
        if self.free:
            p.log_scale[moved] = np.log(size[place[moved]] / optimiser.unit[moved])
        optimiser.freedom.clip(p)
        return np.union1d(jumped, moved)
