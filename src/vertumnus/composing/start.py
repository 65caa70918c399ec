"""Where pieces start, as in the paper or where they lie in another collage; and what they are free to do."""

from __future__ import annotations

import math
from typing import Any

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
        # Many turns are as good as none, and what is turned on must stay within bounds.
        turn = at.rotation if abs(at.rotation) <= 360 else math.remainder(at.rotation, 360)
        start.log_scale[piece], start.rotation[piece] = np.log(at.scale), np.deg2rad(turn)
        look = warm.layers[layer]
        changed = {
            "form": ((0.0, 0.0), (np.log(at.squeeze), np.deg2rad(at.shear))),
            "gain": ((1.0, 1.0, 1.0), tuple(np.power(look.gain, 1 if look.light == "srgb" else 1 / 2.2))),
            "opacity": ((1.0,), (look.opacity,)),
            "order": ((0.0,), (look.depth,)),
        }
        for name, (neutral, value) in changed.items():
            if tuple(value) != neutral:
                start.groups.setdefault(name, np.repeat(np.array(neutral)[:, None], len(start), axis=1))
                start.groups[name][:, piece] = value


def reference_scale(scene: Scene, share: float) -> NDArray[np.float64]:
    """s_ref of each element, its longer side as a share of the canvas: where the root of its area is ``share`` of the
    size of eq. (5), so that all pieces together cover that squared of the canvas, about what silhouettes cover. One
    that is nearly nothing but length stays within `LONGEST` of eq. (5).
    """
    unit = np.array([element.unit for element in scene.elements])
    return np.minimum(share * scene.longer / unit, LONGEST) * initial_scale(len(scene.which))


def let_change(
    start: Placements, options: ComposeOptions, rng: np.random.Generator, fixed_gain: bool = False
) -> None:
    """Gives pieces the parameters that the options set free, in place, within their bounds: form, gain or tint,
    opacity, and an order for the render method that has one.

    fixed_gain   whether gains that are there stay where colours are not free
    """
    count, groups = len(start), start.groups
    if options.squeeze is not None or options.shear:
        groups.setdefault("form", np.zeros((2, count)))
    wanted = groups.pop("gain", np.ones((3, count)))
    if options.colour == "rgb":
        groups["gain"] = np.clip(wanted, *least_and_most(options))
    elif options.colour == "hsv":
        # Without saturation a hue changes nothing and would not be felt.
        groups["tint"] = np.stack(
            [rng.uniform(0, 1, count), np.full(count, 0.2), np.full(count, least_and_most(options)[1])]
        )
    elif fixed_gain:
        groups["gain"] = wanted
    if options.opacity is not None:
        groups.setdefault("opacity", np.ones((1, count)))
    if options.render == "opacity":
        groups.setdefault("order", rng.uniform(0, 1, (1, count)))


def least_and_most(options: ComposeOptions) -> tuple[float, float]:
    """The gains' bounds, decided."""
    return options.gain if options.gain is not None else (0.5, 1.0)


def _freed(start: Placements, options: ComposeOptions) -> dict[str, Any]:
    """The limits of what else is free, by column or group, for `Bounds.of`."""
    limits: dict[str, Any] = {}
    if options.squeeze is not None or options.shear:
        squeeze = np.log(options.squeeze) if options.squeeze is not None else (0.0, 0.0)
        lean = np.deg2rad(options.shear)
        limits |= {"log_squeeze": tuple(squeeze), "shear": (-lean, lean)}
    if options.colour == "rgb":
        limits["gain"] = least_and_most(options)
    elif options.colour == "hsv":
        limits |= {"saturation": (0.0, 1.0), "value": least_and_most(options)}
    if options.opacity is not None:
        limits["opacity"] = options.opacity
    if "order" in start:
        limits["order"] = (0.0, 1.0)
    return limits


def free_within(start: Placements, movable: NDArray[np.bool_], scene: Scene, options: ComposeOptions) -> Bounds:
    """The bounds of pieces that start somewhere."""
    scale = np.log(initial_scale(len(start)) * min(scene.size) / scene.longer[start.which])
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
        **_freed(start, options),
    )
