"""Pieces go where their colour is wanted, or what they are called: now and then they change places, all at once.

A piece keeps what it shows and takes another's spot, its size and turn with it. Which goes where is the assignment
(Kuhn 1955) that costs least: the squared distance of a piece's mean colour from the mean colour wanted in the spot,
in OKLab, times how sure the guidance is of a colour there; and, where names count, `NAMES` times the share of the
spot that is of things, or parts of them, that the piece's name has nothing to do with
(`vertumnus.models.belonging`); both times the spot's area.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from vertumnus.composing.objective import JointLoss
from vertumnus.composing.scene import Scene
from vertumnus.composing.structure import mean_colours
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import in_space
from vertumnus.models.belonging import Part, belongs, noun_called, parts_of
from vertumnus.models.names import match_icons, noun_for
from vertumnus.optimise.loop import Optimiser
from vertumnus.render.placements import Placements

Floats = NDArray[np.float64]
EVERY = 30  # iterations
BEGINS, ENDS = 0.1, 0.95  # of the run
GAIN = 0.02  # share by which a new assignment must cost less
TICKS = np.linspace(-0.7, 0.7, 7)  # of a piece's unit, where its spot is looked at
LEAST = 0.05  # how sure of a colour a spot must be
STAY = 0.02  # squared OKLab distance that a change counts as where colours hardly count
NAMES = 0.3  # squared OKLab distance that a name out of place counts as
Wanted = Sequence[tuple[str, NDArray[np.float32]]]


class Assign:
    """An optimiser's ``jump``.

    colours   how much colours count, where any are wanted: 0 not at all, 1 as said above; between the two a piece
              changes its spot only where that gains more
    names     whether what pieces are called counts
    """

    def __init__(self, scene: Scene, joint: JointLoss, colours: float = 1.0, names: bool = False) -> None:
        self.joint, self.colours = joint, colours
        self.nouns = [noun_called(element.label or element.name) for element in scene.elements] if names else None
        self.units = np.array([element.unit for element in scene.elements])
        self.own = in_space(mean_colours(scene).astype(np.float32), "oklab").astype(np.float64)

    def __call__(self, optimiser: Optimiser) -> NDArray[np.intp]:
        """The pieces that show something else."""
        none = np.empty(0, np.intp)
        if optimiser.iteration % EVERY or not BEGINS < optimiser.progress < ENDS or optimiser.stage is None:
            return none
        colour = self.joint.target_colour if self.colours else None
        things = self.joint.target_things if self.nouns is not None else ()
        movable = np.flatnonzero(optimiser.freedom.movable)
        if (colour is None and not things) or len(movable) < 2:
            return none
        p, zoom = optimiser.placements, optimiser.stage.renderer.zoom
        cost = np.zeros((len(p.which), len(p.which)))
        if colour is not None:
            cost += self.colours * self.costs(p, optimiser.unit, colour, zoom)
            area = (np.exp(p.log_scale) * optimiser.unit) ** 2
            cost += (1 - self.colours) * STAY * area[:, None] * (1 - np.eye(len(area)))
        if things:
            cost += self.name_costs(p, optimiser.unit, things, zoom)
        cost = cost[np.ix_(movable, movable)]
        spots, taken = linear_sum_assignment(cost)
        if cost[spots, taken].sum() > (1 - GAIN) * np.trace(cost):
            return none
        shown = p.which[movable][taken]
        changed = np.flatnonzero(shown != p.which[movable])
        for spot in changed:
            which = int(shown[spot])
            optimiser.show(int(movable[spot]), which, float(self.units[which]))
        return movable[changed]

    def costs(self, p: Placements, unit: Floats, wanted: NDArray[np.float32], zoom: float) -> Floats:
        """What each piece's picture costs in each piece's spot: spots x pictures."""
        colour, sure = spot_colours(p, unit, wanted, zoom)
        area = (np.exp(p.log_scale) * unit) ** 2
        far = ((colour[:, None] - self.own[p.which]) ** 2).sum(-1)
        return far * (area * sure)[:, None]

    def name_costs(self, p: Placements, unit: Floats, things: Wanted, zoom: float) -> Floats:
        """What each piece's name costs in each piece's spot: spots x pictures."""
        assert self.nouns is not None
        area = (np.exp(p.log_scale) * unit) ** 2
        cost = np.zeros((len(p.which), len(p.which)))
        for thing, ink in things:
            for part in parts_of(thing):
                share = spots_seen(p, unit, part_of(ink, part)[..., None], zoom)[:, 0]
                strange = np.array([1 - belongs(self.nouns[which], thing, part) for which in p.which])
                cost += NAMES * (area * share)[:, None] * strange
        return cost


def fitting_names(elements: Sequence[Element], prompt: str) -> list[Element]:
    """Elements in an order in which those come first whose names have most to do with what a prompt names."""
    try:
        things = [noun_for(word)[0] for word in match_icons(prompt)[1]]
    except VertumnusError:
        return list(elements)
    of = [noun_called(element.label or element.name) for element in elements]
    told = [max(belongs(noun, thing, part) for thing in things for part in parts_of(thing)) for noun in of]
    return [elements[n] for n in np.argsort(-np.array(told), kind="stable")]


def part_of(ink: NDArray[np.float32], part: Part) -> NDArray[np.float32]:
    """The ink of a thing, H x W, in a part of its height."""
    rows = np.flatnonzero((ink > 0.5).any(1))
    if not len(rows) or (part.first, part.last) == (0.0, 1.0):
        return ink
    share = (np.arange(len(ink)) + 0.5 - rows[0]) / (rows[-1] + 1 - rows[0])
    # The soft edge above the first row and below the last belongs to the outer parts.
    first, last = part.first or -np.inf, part.last if part.last < 1 else np.inf
    inside = (first <= share) & (share < last)
    return np.where(inside[:, None], ink, np.float32(0))


def spot_colours(p: Placements, unit: Floats, wanted: NDArray[np.float32], zoom: float) -> tuple[Floats, Floats]:
    """The mean colour wanted where each piece lies, N x 3 in OKLab, and how sure that is, N.

    unit     N, of each piece's picture
    wanted   H x W x 4, as a guidance's ``target_colour``
    """
    seen = spots_seen(p, unit, wanted, zoom)
    sure = np.where(seen[:, 3] > LEAST, seen[:, 3], 0.0)
    colour = np.clip(seen[:, :3] / np.maximum(seen[:, 3:], LEAST), 0, 1)
    return in_space(colour.astype(np.float32), "oklab").astype(np.float64), sure


def spots_seen(p: Placements, unit: Floats, maps: NDArray[np.float32], zoom: float) -> Floats:
    """The mean of maps, H x W x C, where each piece lies, N x C."""
    reach = np.exp(p.log_scale) * unit
    down, across = (part.ravel() for part in np.meshgrid(TICKS, TICKS, indexing="ij"))
    y = (p.y[:, None] + reach[:, None] * down) * zoom - 0.5
    x = (p.x[:, None] + reach[:, None] * across) * zoom - 0.5
    channels = [ndimage.map_coordinates(maps[..., c], [y, x], order=1) for c in range(maps.shape[-1])]
    return np.stack(channels, -1).mean(1).astype(np.float64)
