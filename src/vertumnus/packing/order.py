"""The order that pieces lie in along an axis."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from vertumnus.elements.element import Element
from vertumnus.strict.problem import Problem

GREY = 0.03  # of OKLab chroma, below which a colour has no hue to speak of: such pieces come last, dark before light


def sequence(problem: Problem, by: str, rng: np.random.Generator) -> NDArray[np.intp]:
    """The pieces from the first to the last.

    by    given, name (numbers in it as numbers), hue (red, yellow, green, blue; greys last), lightness (dark to
          light), size (by weight, then the pictures' own size, large to small) or shuffle, by the seed

    Pieces that are the same by it stay as they were given.
    """
    count = len(problem.pieces)
    if by == "shuffle":
        return rng.permutation(count)
    if by == "given":
        return np.arange(count)
    keys = {"name": _name, "hue": _hue, "lightness": _lightness, "size": _size}[by]
    ranked = [keys(element) for element in problem.elements]
    return np.array(sorted(range(count), key=lambda piece: ranked[problem.pieces[piece]]), np.intp)


def _name(element: Element) -> tuple[tuple[int, float, str], ...]:
    """Names as people sort them: a2 before a10."""
    parts = re.findall(r"\d+|\D+", element.name.casefold())
    return tuple((0, float(part[:300]), "") if part[0].isdecimal() else (1, 0.0, part) for part in parts)


def _hue(element: Element) -> tuple[float, ...]:
    look = element.look
    grey = look.chroma < GREY
    return (float(grey), look.colour[0] if grey else look.hue)


def _lightness(element: Element) -> tuple[float, ...]:
    return (element.look.colour[0],)


def _size(element: Element) -> tuple[float, ...]:
    return (-element.weight, -element.area)
