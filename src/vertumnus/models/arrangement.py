"""Where the things of a sentence may lie: a layout drawn at random among those that its relations allow.

The energy of a layout is a sum of squares: of how far a relation's offset is from what it asks for, of how deep two
unrelated things reach into each other, of how far a thing reaches out of the canvas. Layouts are drawn by annealing
many side by side; one of the good ones is taken, so that another seed is another composition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.models.sentence import Sentence

Floats = NDArray[np.float64]
EXTENTS = (0.78, 0.45, 0.4, 0.4, 0.32, 0.3, 0.27, 0.26, 0.25, 0.23, 0.22, 0.21)  # canvas sides, of one, of two ...
SIZES = {"small": 0.6, "": 1.0, "big": 1.35}
SIDES = {"left": (0.27, None), "right": (0.73, None), "top": (None, 0.27), "bottom": (None, 0.73)}
SIDES["middle"] = (0.5, 0.5)
OVERLAPPING = frozenset({"in", "behind", "in front of"})  # the subject may lie over the object, or under it
FILL = (0.78, 0.88)  # of the canvas's shorter side, what the whole is made to fill
GROUND = 3  # things without relations that stand side by side on one ground; more lie as they come
LAYOUTS, ROUNDS = 192, 160  # annealed side by side, and for how long
GOOD = 2e-4  # energy above the least that is as good


@dataclass(frozen=True)
class Arrangement:
    """A layout of a sentence's instances.

    thing      N, which thing of the sentence each shows
    place      N x 2, centres, canvas sides
    extent     N, the longer side of each, canvas sides
    box        N x 2, width and height of each, canvas sides
    pairs      P x 2, instances that a relation ties: subject and object
    overlap    N x N, whether two may lie over each other
    """

    thing: NDArray[np.intp]
    place: Floats
    extent: Floats
    box: Floats
    pairs: NDArray[np.intp]
    overlap: NDArray[np.bool_]


def arrange(
    sentence: Sentence,
    aspects: Floats,
    window: tuple[float, float],
    rng: np.random.Generator,
    fill: float | None = None,
) -> Arrangement:
    """A layout drawn at random.

    aspects   of each thing of the sentence, width and height as a share of the longer of the two
    window    width and height of the canvas, in its longer sides
    fill      share of the shorter that the whole fills; by default any of `FILL`
    """
    thing = np.repeat(np.arange(len(sentence.things)), [one.count for one in sentence.things])
    count = len(thing)
    size = np.array([SIZES[sentence.things[n].size] for n in thing])
    extent = EXTENTS[count - 1] * size * min(window)
    box = extent[:, None] * aspects[thing]
    terms = _Terms(sentence, thing, box, np.array(window), rng)
    low = np.minimum(box / 2, 0.5 * np.array(window))
    high = np.array(window) - low
    place = rng.uniform(low, high, (LAYOUTS, count, 2))
    energy = terms.energy(place)
    for step in range(ROUNDS):
        reach = 0.25 * (1 - step / ROUNDS) ** 2 + 0.004
        moved = place.copy()
        which = rng.integers(0, count, LAYOUTS)
        moved[np.arange(LAYOUTS), which] += rng.normal(0, reach, (LAYOUTS, 2))
        np.clip(moved, low, high, out=moved)
        after = terms.energy(moved)
        heat = 0.004 * (1 - step / ROUNDS) ** 2 + 1e-9
        taken = rng.random(LAYOUTS) < np.exp(np.minimum(0, (energy - after) / heat))
        place[taken], energy[taken] = moved[taken], after[taken]
    good = np.flatnonzero(energy <= energy.min() + GOOD)
    place, factor = _filled(place[rng.choice(good)], box, np.array(window), fill or rng.uniform(*FILL))
    return Arrangement(thing, place, extent * factor, box * factor, terms.pairs, terms.overlap)


def _filled(place: Floats, box: Floats, window: Floats, fill: float) -> tuple[Floats, float]:
    """Scaled about its middle until it fills that share of the canvas's shorter side, and by how much."""
    low, high = (place - box / 2).min(0), (place + box / 2).max(0)
    room = window - (1 - fill) * window.min()
    factor = float(min((room / (high - low)).min(), 1.6))
    return (place - (low + high) / 2) * factor + window / 2, factor


class _Terms:
    """The energy of layouts, LAYOUTS x N x 2."""

    def __init__(
        self, sentence: Sentence, thing: NDArray[np.intp], box: Floats, window: Floats, rng: np.random.Generator
    ) -> None:
        count = len(thing)
        self.box = box
        self.apart = (box[:, None] + box) / 2  # N x N x 2, at which two touch
        self.overlap = np.zeros((count, count), bool)
        self.wanted: list[tuple[int, int, Floats]] = []  # subject, object, offset
        self.either: list[tuple[int, int, float]] = []  # on either side
        self.round: list[tuple[int, int, Floats]] = []  # anywhere around
        self.middle: list[tuple[int, int, int]] = []
        self.sides: list[tuple[int, int, float]] = []  # instance, axis, where
        for relation in sentence.relations:
            subjects = np.flatnonzero(np.isin(thing, relation.subjects)).tolist()
            objects = np.flatnonzero(np.isin(thing, relation.objects)).tolist()
            if relation.kind == "between" and len(objects) > 1:
                for subject in subjects:
                    self.middle.append((subject, objects[0], objects[1]))
                gap = box[subjects[0], 0] + self.apart[objects[0], objects[1], 0]
                self.either.append((objects[0], objects[1], float(gap)))
                continue
            for number, subject in enumerate(subjects):
                target = objects[number % len(objects)] if len(objects) > 1 else objects[0]
                for other in objects if relation.kind in ("left of", "right of", "above", "under") else [target]:
                    self._one(relation.kind, subject, other, float(rng.choice([-1, 1])))
        for n, one in enumerate(thing):
            for axis, where in enumerate(SIDES.get(sentence.things[one].side, ())):
                if where is not None:
                    self.sides.append((n, axis, where * window[axis]))
        tied = {(a, b) for a, b, _ in (*self.wanted, *self.either, *self.round)}
        tied |= {(a, b) for s, a, b in self.middle for a, b in ((s, a), (s, b))}
        self.pairs = np.array(sorted(tied), np.intp).reshape(-1, 2)
        self.grounded = not sentence.relations and not self.sides and 1 < count <= GROUND
        first, second = np.triu_indices(count, 1)
        keep = ~self.overlap[first, second]
        self.first, self.second = first[keep], second[keep]

    def _one(self, kind: str, subject: int, other: int, hand: float) -> None:
        (across, down), tall = self.apart[subject, other], self.box[other, 1]
        offset = {
            "left of": (-across, 0.0), "right of": (across, 0.0), "above": (0.0, -down), "under": (0.0, down),
            "on": (0.0, -0.96 * down), "in": (0.0, -0.5 * tall), "behind": (hand * 0.65 * across, -0.15 * tall),
            "in front of": (hand * 0.65 * across, 0.15 * tall),
        }  # fmt: skip
        if kind == "around":
            self.round.append((subject, other, self.apart[subject, other]))
        elif kind in ("beside", "between"):
            self.either.append((subject, other, float(across)))
        else:
            self.wanted.append((subject, other, np.array(offset[kind])))
        if kind in OVERLAPPING:
            self.overlap[subject, other] = self.overlap[other, subject] = True

    def energy(self, place: Floats) -> Floats:
        """Of each layout."""
        total = np.zeros(len(place))
        for a, b, offset in self.wanted:
            total += ((place[:, a] - place[:, b] - offset) ** 2).sum(-1)
        for a, b, distance in self.either:
            across, down = (place[:, a] - place[:, b]).T
            total += (np.abs(across) - distance) ** 2 + down**2
        for a, b, radii in self.round:
            total += 0.05 * (np.hypot(*((place[:, a] - place[:, b]) / radii).T) - 1.1) ** 2
        for s, a, b in self.middle:
            total += ((place[:, s] - (place[:, a] + place[:, b]) / 2) ** 2).sum(-1)
        for n, axis, where in self.sides:
            total += (place[:, n, axis] - where) ** 2
        if self.grounded:
            total += 0.3 * (place[:, :, 1] + self.box[:, 1] / 2).var(1)
            total += 0.05 * ((place[:, :, 0].max(1) - place[:, :, 0].min(1)) - self.box[:, 0].mean()) ** 2
        apart = self.apart[self.first, self.second]
        deep = np.maximum(apart - np.abs(place[:, self.first] - place[:, self.second]), 0).min(-1)
        return total + 2 * (deep**2).sum(-1)
