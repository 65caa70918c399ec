"""Where pieces start: as in the paper, or where they lie in another collage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.terms import initial_scale
from vertumnus.document.collage import Collage
from vertumnus.render.placements import Placements

TURN = 0.1  # radians to either side


def random_layout(
    which: NDArray[np.int32], longer: NDArray[np.float64], size: tuple[int, int], rng: np.random.Generator
) -> Placements:
    """Places uniform over the canvas, turns within 0.1 radians, sizes by eq. (5).

    which    N, the picture each piece shows
    longer   M, the pictures' longer sides, in their own pixels
    """
    count = len(which)
    scale = initial_scale(count) * min(size) / longer[which]
    return Placements(
        x=rng.uniform(0, size[0], count),
        y=rng.uniform(0, size[1], count),
        log_scale=np.log(scale),
        rotation=rng.uniform(-TURN, TURN, count),
        flip=np.zeros(count, bool),
        which=which,
    )


def take_over(start: Placements, warm: Collage, placed: list[int]) -> None:
    """Puts pieces where they lie in a collage, in place.

    placed   for each piece its layer there, or -1 for one that is new
    """
    for piece, layer in enumerate(placed):
        if layer < 0:
            continue
        at = warm.layers[layer].placement
        start.x[piece], start.y[piece], start.flip[piece] = at.x, at.y, at.flip
        start.log_scale[piece], start.rotation[piece] = np.log(at.scale), np.deg2rad(at.rotation)
