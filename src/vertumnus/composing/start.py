"""Where pieces start, as in the paper or where they lie in another collage; and what they are free to do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.geometry import initial_scale
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.scene import Scene
from vertumnus.document.collage import Collage
from vertumnus.optimise.bounds import Bounds
from vertumnus.render.placements import Placements

TURN = 0.1  # radians to either side
WIDEST = 6.0  # factor of size to either side that no piece leaves, whatever the geometry term is worth
LONGEST = 1.25  # of eq. (5), that geometry asks of a piece at most
BEYOND = 0.5  # of the canvas's longer side outside it, that no centre leaves


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


def reference_scale(scene: Scene, share: float) -> NDArray[np.float64]:
    """s_ref of each element, its longer side as a share of the canvas: where the root of its area is ``share`` of the
    size of eq. (5), so that all pieces together cover that squared of the canvas, about what silhouettes cover. One
    that is nearly nothing but length stays within `LONGEST` of eq. (5).
    """
    unit = np.array([element.unit for element in scene.elements])
    return np.minimum(share * scene.longer / unit, LONGEST) * initial_scale(len(scene.which))


def free_within(start: Placements, movable: NDArray[np.bool_], scene: Scene, options: ComposeOptions) -> Bounds:
    """The bounds of pieces that start somewhere."""
    scale = np.log(initial_scale(len(start)) * min(scene.size) / scene.longer[scene.which])
    limit = {"free": np.inf, "none": 0.0}.get(options.rotation, options.rotation)  # type: ignore[arg-type]
    turn = np.full(len(start), np.deg2rad(limit))
    return Bounds.of(
        movable,
        *scene.size,
        beyond=BEYOND * max(scene.size),
        log_scale=(
            np.minimum(scale - np.log(WIDEST), start.log_scale),
            np.maximum(scale + np.log(WIDEST), start.log_scale),
        ),
        rotation=(-turn, turn),
    )
