"""A population: several layouts of one run that follow their gradients side by side and now and then compete.

As in CLIP-CLOP (Mirowski et al., 2022). Microbial: of two drawn at random the worse becomes a mutated copy of the
better (Harvey, 2011). Strategies: all become mutated copies of the best. A mutation adds normal numbers to every
parameter (`MUTATION`) and lets one piece show another picture of the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from vertumnus.composing.scene import Scene
from vertumnus.optimise.loop import Optimiser

Method = Literal["microbial", "strategies"]
MUTATION = 0.02  # of half the canvas, radians, logarithms, gains: standard deviation
DRAWN = ("pose", "form", "gain", "tint", "opacity")


def compete(
    members: Sequence[Optimiser], method: Method, scene: Scene, rng: np.random.Generator, swapping: bool = True
) -> list[int]:
    """Lets members compete by their last losses; the numbers of those that became copies.

    swapping   whether mutations change what pieces show
    """
    losses = np.array([member.loss if np.isfinite(member.loss) else np.inf for member in members])
    if method == "microbial":
        a, b = rng.choice(len(members), 2, replace=False).tolist()
        better, losers = (a, [b]) if losses[a] <= losses[b] else (b, [a])
    else:
        better = int(np.argmin(losses))
        losers = [n for n in range(len(members)) if n != better]
    for loser in losers:
        members[loser].become(members[better])
        mutate(members[loser], scene, rng, swapping)
    return losers


def mutate(member: Optimiser, scene: Scene, rng: np.random.Generator, swapping: bool = True) -> None:
    """Adds to every parameter of what may move, within its bounds, and lets one piece show another picture."""
    p, free = member.placements, member.freedom.movable
    half = np.array([scene.size[0] / 2, scene.size[1] / 2, 1.0, 1.0])
    for name in DRAWN:
        if name not in p or name not in member.freedom.low:
            continue
        shift = rng.normal(0, MUTATION, p[name].shape) * free
        p[name][:] += shift * half[:, None] if name == "pose" else shift
    member.freedom.clip(p)
    movable = np.flatnonzero(free)
    if swapping and len(movable) and len(scene.elements) > 1:
        which = int(rng.integers(len(scene.elements)))
        member.show(int(rng.choice(movable)), which, scene.elements[which].unit)


def write_members(members: Sequence[Optimiser]) -> dict[str, Any]:
    """The members' states, for checkpoints."""
    return {
        f"member{n}.{name}": value
        for n, member in enumerate(members)
        for name, value in {**member.state(), "loss": np.array([member.loss])}.items()
    }
