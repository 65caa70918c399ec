"""Rectangles that fill a rectangle wholly: justified rows, and a treemap. Cells in canvas pixels.

Both keep the pictures' aspects but for one common factor, which is then cut away from all of them alike: a layout of
rows or of a slicing tree has an aspect of its own, and what it lacks to the rectangle's is what is cropped.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

Floats = NDArray[np.float64]

TARGETS = np.geomspace(0.75, 1.35, 25)  # of the row height that would fill the rectangle, tried in turn
STEPS = 4_000_000  # leaves looked at while a tree is improved, at least 200 trees
CROPPING = 10.0  # what cropping counts to how far areas are from the weights


class Cells(NamedTuple):
    """Where each of N pictures goes, and how much of it is cut away.

    left, top, right, bottom   N each, canvas pixels
    """

    left: Floats
    top: Floats
    right: Floats
    bottom: Floats


def justified(aspects: Floats, box: tuple[float, float, float, float], gap: float, crop: float) -> Cells:
    """Rows of pictures, in order, each as wide as the box.

    aspects   N, width over height
    box       left, top, right, bottom
    gap       between pictures
    crop      largest share of a picture's width or height that may be cut away; where that is not enough, the
              rows do not fill the box, and lie in its middle
    """
    width, height = box[2] - box[0], box[3] - box[1]
    ideal = math.sqrt(width * height / float(aspects.sum()))
    found: tuple[float, NDArray[np.int64]] | None = None
    for target in TARGETS * ideal:
        ends = _rows(aspects, width, gap, float(target))
        heights = _heights(aspects, ends, width, gap)
        room = height - gap * (len(ends) - 1)
        factor = room / heights.sum() if room > 0 else 1e-9
        uneven = float(np.std(np.log(heights))) if len(heights) > 1 else 0.0
        cost = abs(math.log(factor)) + 0.3 * uneven
        if found is None or cost < found[0]:
            found = cost, ends
    assert found is not None
    ends = found[1]
    heights = _heights(aspects, ends, width, gap)
    room = max(height - gap * (len(ends) - 1), 1e-9)
    factor = room / heights.sum()
    # Of a picture's height or width no more is cut than may be.
    factor = min(max(factor, 1 - crop), 1 / (1 - crop) if crop < 1 else math.inf)
    shrink = min(1.0, room / (heights.sum() * factor))
    tall = heights * factor * shrink
    top = box[1] + 0.5 * (room - tall.sum())
    cells = np.empty((4, len(aspects)))
    begin = 0
    for end, h, natural in zip(ends, tall, heights * shrink, strict=True):
        wide = aspects[begin:end] * natural
        spare = width - wide.sum() - gap * (end - begin - 1)
        at = box[0] + 0.5 * spare + np.concatenate([[0.0], np.cumsum(wide[:-1] + gap)])
        cells[:, begin:end] = at, np.full(end - begin, top), at + wide, np.full(end - begin, top + h)
        top += h + gap
        begin = end
    return Cells(*cells)


def _heights(aspects: Floats, ends: NDArray[np.int64], width: float, gap: float) -> Floats:
    sums = np.diff(np.concatenate([[0.0], np.cumsum(aspects)])[np.concatenate([[0], ends])])
    many = np.diff(np.concatenate([[0], ends]))
    return np.asarray(np.maximum(width - gap * (many - 1), 1e-9) / sums)


@kernel
def _rows(aspects, width, gap, target):
    """Where rows end, so that their heights are as near as can be to a target: the least sum of squared logarithms,
    each row counted as often as it has pictures (dynamic programming, as Knuth and Plass break lines).
    """
    count = len(aspects)
    cost = np.full(count + 1, np.inf)
    before = np.zeros(count + 1, np.int64)
    cost[0] = 0.0
    for end in range(1, count + 1):
        total = 0.0
        for begin in range(end - 1, -1, -1):
            total += aspects[begin]
            height = (width - gap * (end - begin - 1)) / total
            if height <= 0.0 or (height < 0.3 * target and cost[end] < np.inf):
                break
            here = cost[begin] + (end - begin) * math.log(height / target) ** 2
            if here < cost[end]:
                cost[end], before[end] = here, begin
        if cost[end] == np.inf:  # so many gaps that no row of any height would do
            cost[end], before[end] = cost[end - 1] + 1e6, end - 1
    ends = np.empty(count, np.int64)
    found = 0
    at = count
    while at > 0:
        ends[found] = at
        found += 1
        at = before[at]
    return ends[:found][::-1].copy()


def treemap(
    aspects: Floats,
    weights: Floats,
    box: tuple[float, float, float, float],
    gap: float,
    crop: float,
    rng: np.random.Generator,
) -> Cells:
    """A slicing tree of pictures: areas as near to the weights as their aspects let them be.

    After Atkins, "Blocked recursive image composition" (ACM Multimedia 2008): side by side aspects add up, one upon
    the other their inverses do, so a tree knows its own aspect, and every picture keeps its own. Trees are changed
    at random and the better ones kept. The arguments are those of `justified`, and

    weights   N, relative areas
    """
    count = len(aspects)
    width, height = box[2] - box[0], box[3] - box[1]
    goal = width / height
    tree = _grow(count, np.cumsum(weights / weights.sum()), goal)
    order = np.arange(count)
    share = np.log(weights / weights.sum())
    _improve(tree, order, aspects, share, goal, crop, max(200, STEPS // max(count, 1)), rng)
    shape = np.empty(len(tree))
    cells = np.empty((4, count))
    whole = _aspect_of(tree, order, aspects, shape)
    factor = goal / whole  # what is wider than the tree by itself
    most = 1 / (1 - crop) if crop < 1 else math.inf
    allowed = min(max(factor, 1 / most), most)
    wide, tall = (width, width / (whole * allowed)) if factor < allowed else (height * whole * allowed, height)
    left, top = box[0] + 0.5 * (width - wide), box[1] + 0.5 * (height - tall)
    _lay(tree, order, shape, left, top, left + wide, top + tall, gap, cells)
    return Cells(*cells)


def _grow(count: int, sums: Floats, goal: float) -> NDArray[np.int64]:
    """A tree over the leaves in order, split near the half of their weight, the longer side of each box.

    Rows of (left child, right child, beside: 1 or upon: 0, leaf or -1), a parent before its children.
    """
    rows: list[list[int]] = []
    todo: list[tuple[int, int, float, int, int]] = [(0, count, goal, -1, 0)]
    while todo:
        begin, end, aspect, parent, side = todo.pop()
        here = len(rows)
        rows.append([-1, -1, 0, begin if end - begin == 1 else -1])
        if parent >= 0:
            rows[parent][side] = here
        if end - begin == 1:
            continue
        low = sums[begin - 1] if begin else 0.0
        middle = 0.5 * (low + sums[end - 1])
        cut = int(np.clip(np.searchsorted(sums[begin:end], middle) + begin + 1, begin + 1, end - 1))
        part = (sums[cut - 1] - low) / max(sums[end - 1] - low, 1e-12)
        beside = aspect > 1
        rows[here][2] = int(beside)
        first, second = (aspect * part, aspect * (1 - part)) if beside else (aspect / part, aspect / (1 - part))
        todo.append((cut, end, second, here, 1))
        todo.append((begin, cut, first, here, 0))
    return np.array(rows, np.int64)


@kernel
def _aspect_of(tree, order, aspects, shape):
    """Writes the aspect of every node, and returns the root's."""
    for n in range(len(tree) - 1, -1, -1):
        if tree[n, 3] >= 0:
            shape[n] = aspects[order[tree[n, 3]]]
        elif tree[n, 2] == 1:
            shape[n] = shape[tree[n, 0]] + shape[tree[n, 1]]
        else:
            shape[n] = 1.0 / (1.0 / shape[tree[n, 0]] + 1.0 / shape[tree[n, 1]])
    return shape[0]


@kernel
def _lay(tree, order, shape, left, top, right, bottom, gap, cells):
    """Cuts a box as the tree says; a gap is taken from where it is cut."""
    boxes = np.empty((len(tree), 4))
    boxes[0, 0], boxes[0, 1], boxes[0, 2], boxes[0, 3] = left, top, right, bottom
    for n in range(len(tree)):
        if tree[n, 3] >= 0:
            for side in range(4):
                cells[side, order[tree[n, 3]]] = boxes[n, side]
            continue
        a, b = tree[n, 0], tree[n, 1]
        boxes[a] = boxes[n]
        boxes[b] = boxes[n]
        axis = 0 if tree[n, 2] == 1 else 1
        if axis == 0:
            part = shape[a] / (shape[a] + shape[b])
        else:
            part = shape[b] / (shape[a] + shape[b])
        room = max(boxes[n, axis + 2] - boxes[n, axis] - gap, 0.0)
        boxes[a, axis + 2] = boxes[n, axis] + part * room
        boxes[b, axis] = boxes[n, axis + 2] - (1.0 - part) * room


@kernel
def _badness(tree, order, aspects, share, goal, crop, shape, cells):
    """How far areas are from the weights, root of the mean squared logarithm, and how much is cropped."""
    whole = _aspect_of(tree, order, aspects, shape)
    _lay(tree, order, shape, 0.0, 0.0, goal, 1.0, 0.0, cells)
    total = 0.0
    for i in range(len(order)):
        area = (cells[2, i] - cells[0, i]) * (cells[3, i] - cells[1, i]) / goal
        total += (math.log(max(area, 1e-12)) - share[i]) ** 2
    factor = abs(math.log(goal / whole))
    beyond = max(0.0, factor + math.log(max(1.0 - 0.7 * crop, 1e-9)))
    return math.sqrt(total / len(order)) + 0.3 * factor + CROPPING * beyond


@kernel
def _improve(tree, order, aspects, share, goal, crop, steps, rng):
    """Turns a cut the other way, or exchanges two pictures, and keeps what is better."""
    shape = np.empty(len(tree))
    cells = np.empty((4, len(order)))
    best = _badness(tree, order, aspects, share, goal, crop, shape, cells)
    if len(order) < 2:
        return best
    for _ in range(steps):
        node = rng.integers(0, len(tree))
        a, b = rng.integers(0, len(order)), rng.integers(0, len(order))
        turn = tree[node, 3] < 0 and rng.random() < 0.5
        if turn:
            tree[node, 2] = 1 - tree[node, 2]
        else:
            order[a], order[b] = order[b], order[a]
        now = _badness(tree, order, aspects, share, goal, crop, shape, cells)
        if now <= best:
            best = now
        elif turn:
            tree[node, 2] = 1 - tree[node, 2]
        else:
            order[a], order[b] = order[b], order[a]
    return best
