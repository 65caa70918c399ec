"""Compaction: all pieces are moved and turned a little at once, so that all can be larger.

Where two pieces touch, the distance of one's edge point from the other's edge is linear in how both move, as long
as that is little. So the largest common scale within a step's reach is a linear program, solved by HiGHS. (Li and
Milenkovic, "Compaction and separation algorithms for non-convex polygons and their applications", 1995, do so with
polygons in a strip.) Steps follow each other, shorter where the last gained little. A pair that overlaps at first
is parted, too, if that costs less than it is worth; what is crossed by a hair stays for the search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from vertumnus.strict.nesting.contacts import find_contacts
from vertumnus.strict.nesting.contours import Contours
from vertumnus.strict.nesting.layout import Ground, Pieces

Floats = NDArray[np.float64]

STEP, LAST_STEP = 0.07, 0.005  # how far a piece may move, of the mean root of the area
SHORTER = 0.6  # where a step gained less than
GAIN = 0.0015  # of the density
SMALL_STEP = 2.0  # times its own share of that, for a small piece
NEAR = 2.5  # steps, within which contacts are looked for
APART = 0.045  # of the mean root: contacts of one pair
OVERLAP = 0.1  # canvas pixels, from which a pair counts as overlapping
PRICE = 2.0  # of an overlap of a pixel, to the growth of the mean root of the area by one
FACINGS = 200  # to 1, normals of an edge that counts as straight
STRAIGHT = 0.01  # canvas pixels that it may bend outward
GROWTH = 0.03  # of the scale, at most
PAD = 8  # raster pixels
CONTACTS = 150  # to a piece, that there is room for at first


class Compaction:
    """What stays the same from step to step.

    contours   of the elements
    pieces     that move, and those that do not in the ground
    size       N, root of each one's area at a factor of 1, canvas pixels
    fixed      L x 3, poses of what stays
    clear      pairs (-1, the container, or a smaller index first) that keep so much more apart, canvas pixels
    """

    def __init__(self, contours: Contours, pieces: Pieces, ground: Ground, size: Floats) -> None:
        self.contours, self.pieces, self.ground, self.size = contours, pieces, ground, size
        inside = np.pad(ground.inside, PAD)
        depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        self.wall = (depth - 0.5 * np.sign(depth)).astype(np.float32)
        which, pose, mirror, fixed = ground.fixed
        self._which = np.concatenate([pieces.which, which]).astype(np.int32)
        self._mirror, self._size, self.fixed = mirror, fixed, pose
        self.clear: dict[tuple[int, int], float] = {}
        self._room = CONTACTS * len(self._which)
        self.mean = float(np.sqrt((size**2).mean()))

    def contacts(
        self, pose: Floats, mirror: Floats, factor: float | Floats, margin: float
    ) -> tuple[Floats, Floats, Floats]:
        """(place, normal, body) of what is near, as `find_contacts` has them; canvas pixels."""
        apart = APART * self.mean * float(np.mean(factor))
        shift = PAD / self.ground.zoom
        everywhere = np.concatenate([pose, self.fixed])
        everywhere[:, :2] += shift
        while True:
            place, normal, body = (np.empty((self._room, k)) for k in (2, 2, 3))
            found = find_contacts(
                len(pose), everywhere, np.concatenate([mirror, self._mirror]),
                np.concatenate([self.size * factor, self._size]), self._which, tuple(self.contours), self.wall,
                float(self.ground.zoom), self.pieces.gap, margin, apart, place, normal, body,
            )  # fmt: skip
            if found < self._room:
                kept = telling(place[:found], normal[:found], body[:found])
                return place[kept] - shift, normal[kept], body[kept]
            self._room *= 2


def telling(place: Floats, normal: Floats, body: Floats) -> NDArray[np.intp]:
    """Which contacts say something that others do not.

    Along a straight edge what a contact demands is linear in where on it it lies, so that the two at its ends demand
    all that those between them do.
    """
    facing = np.rint(normal * FACINGS).astype(np.int64)
    order = np.lexsort((facing[:, 1], facing[:, 0], body[:, 2], body[:, 1]))
    keys = np.column_stack([body[order, 1:], facing[order]])
    starts = np.flatnonzero(np.any(np.diff(keys, axis=0, prepend=np.nan) != 0, axis=1))
    group = np.cumsum(np.isin(np.arange(len(order)), starts)) - 1
    along = (place[:, 1] * normal[:, 0] - place[:, 0] * normal[:, 1])[order]
    order = order[np.lexsort((along, group))]
    along = (place[:, 1] * normal[:, 0] - place[:, 0] * normal[:, 1])[order]
    first, last = starts[group], np.append(starts[1:], len(order))[group] - 1
    out = body[order, 0]
    wide = along[last] - along[first]
    part = np.divide(along - along[first], wide, out=np.zeros_like(wide), where=wide > 0)
    between = out[first] + part * (out[last] - out[first])
    at = np.arange(len(order))
    kept = (at == first) | (at == last) | (out < between - STRAIGHT)
    return np.sort(order[kept])


@dataclass
class Step:
    """What one step came to: where the pieces lie then, at which factor, and what still overlaps."""

    pose: Floats
    factor: float
    overlap: float


def compact(task: Compaction, pose: Floats, mirror: Floats, factor: float, most: float, steps: int) -> Step:
    """Moves pieces until they cannot be larger, or for so many steps.

    pose     N x 3, of the pieces that move, canvas pixels
    factor   of their sizes; most: the largest that is wanted
    """
    reach = STEP
    now = Step(pose.copy(), factor, np.inf if steps else 0.0)
    for _ in range(steps):
        before = now.factor, now.overlap
        try:
            now = step(task, now.pose, mirror, now.factor, most, reach * task.mean * now.factor)
        except ArithmeticError:
            reach *= SHORTER
            continue
        gained = (now.factor / before[0]) ** 2 - 1
        if gained < GAIN and now.overlap >= 0.9 * before[1] - 0.1:
            reach *= SHORTER
        if reach < LAST_STEP or now.factor >= most * (1 - 1e-9):
            break
    return now


def step(task: Compaction, pose: Floats, mirror: Floats, factor: float, most: float, reach: float) -> Step:
    """One linear program. Raises ArithmeticError if it has no solution.

    reach   how far a piece may move along each axis, and its farthest point by turning, canvas pixels
    """
    from scipy.optimize import linprog  # a fifth of a second, which most packings need not wait for

    count = len(pose)
    place, normal, body = task.contacts(pose, mirror, factor, NEAR * reach + OVERLAP)
    out, mine, other = body[:, 0], body[:, 1].astype(np.int64), body[:, 2].astype(np.int64)
    size = task.size * factor
    radius = task.contours.reach[task.pieces.which] * size
    # Pairs that overlap may do so still, at a price.
    bodies = len(task._which)
    pair = np.minimum(mine, other) * bodies + np.maximum(mine, other)
    clear = np.zeros(len(out))
    for (a, b), wide in task.clear.items():
        clear[pair == a * bodies + b] = wide
    over, at = np.unique(pair[out - clear < -OVERLAP]), np.zeros(0, np.int64)
    at = np.searchsorted(over, pair)
    lax = (at < len(over)) & (over[np.minimum(at, len(over) - 1)] == pair) if len(over) else np.zeros(len(out), bool)
    rows, columns, entries = [], [], []
    grows = np.zeros(len(out))
    lie = np.concatenate([pose, task.fixed])
    for sign, who in ((1.0, mine), (-1.0, other)):
        k = np.flatnonzero(who >= 0)
        arm = place[k] - lie[who[k], :2]
        moves = (who[k] < count).astype(float)
        grows[k] += sign * moves * (normal[k] * arm).sum(1)
        if sign < 0:
            grows[k] += moves * out[k]
        m = k[who[k] < count]
        arm, w = arm[who[k] < count], who[m]
        turn = (normal[m, 1] * arm[:, 0] - normal[m, 0] * arm[:, 1]) / radius[w]
        rows += [m] * 3
        columns += [3 * w, 3 * w + 1, 3 * w + 2]
        entries += [sign * normal[m, 0], sign * normal[m, 1], sign * turn]
    rows += [np.arange(len(out)), np.flatnonzero(lax)]
    columns += [np.full(len(out), 3 * count), 3 * count + 1 + at[lax]]
    entries += [grows / task.mean, np.ones(np.count_nonzero(lax))]
    wide = 3 * count + 1 + len(over)
    matrix = sparse.csr_array(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(len(out), wide)
    )
    cost = np.full(wide, PRICE)
    cost[: 3 * count] = 0.0
    cost[3 * count] = -1.0
    bounds = np.zeros((wide, 2))
    bounds[3 * count + 1 :, 1] = np.inf
    far = reach * np.minimum(1.0, SMALL_STEP * task.size / task.mean)
    bounds[: 3 * count] = np.repeat(np.column_stack([-far, far]), 3, axis=0)
    bounds[2 : 3 * count : 3] = turns_within(task.pieces, pose[:, 2], far / radius) * radius[:, None]
    bounds[3 * count] = -task.mean * GROWTH, task.mean * min(GROWTH, most / factor - 1)
    room = out - clear + np.where(lax, 0.0, OVERLAP)
    found = linprog(cost, A_ub=-matrix, b_ub=room, bounds=bounds, method="highs-ipm")  # type: ignore[call-overload]
    if found.x is None:
        raise ArithmeticError(found.message)
    by = found.x[: 3 * count].reshape(count, 3)
    after = pose + np.column_stack([by[:, :2], by[:, 2] / radius])
    return Step(after, factor * (1 + found.x[3 * count] / task.mean), float(found.x[3 * count + 1 :].sum()))


def turns_within(pieces: Pieces, turn: Floats, most: Floats) -> Floats:
    """N x 2, by how much each piece may turn."""
    if len(pieces.angles):
        return np.zeros((len(turn), 2))
    low = np.clip(pieces.turns[:, 0] - turn, -most, 0.0)
    high = np.clip(pieces.turns[:, 1] - turn, 0.0, most)
    return np.column_stack([low, high])
