"""Settings for every layer from its size: Collage Diffusion's auto-adjust (sec. 4.6), as the authors' program has it.

The paper keeps the rule for its supplement. What is here is the published code's: a small layer is held to its place
more firmly than a large one, and the topmost one least free of noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vertumnus.harmonizing.layers import Stack


class Adjusted(NamedTuple):
    """What was chosen for a layer: attention to it where it is seen, against it elsewhere, noise and control."""

    attract: float
    repel: float
    noise: float
    control: float


def adjust(stack: Stack) -> list[Adjusted]:
    """Settings for the layers of a stack.

    r is the longer side of the placed picture in shares of the canvas's longer side, at most 1:
    attract 0.2 + 0.4 (1 - r), repel 0.9 - 0.5 r, control 0.3 + 0.6 (1 - r), noise 0.5 + 0.2 r, of the topmost 0.4.
    """
    return [rule(_share(stack, index), index == len(stack.layers) - 1) for index in range(len(stack.layers))]


def rule(r: float, topmost: bool) -> Adjusted:
    """The settings of a layer of relative size r.

    >>> rule(0.5, topmost=False)
    Adjusted(attract=0.4, repel=0.65, noise=0.6, control=0.6)
    """
    r = min(max(r, 0.0), 1.0)
    noise = max(0.4, 0.4 - 0.1 * r) if topmost else 0.5 + 0.2 * r
    numbers = (0.2 + 0.4 * (1 - r), 0.9 - 0.5 * r, noise, 0.3 + 0.6 * (1 - r))
    return Adjusted(*(round(number, 4) for number in numbers))


def _share(stack: Stack, index: int) -> float:
    alpha = stack.pictures[index, ..., 3] > 0
    rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    return float(longer / max(stack.size))
