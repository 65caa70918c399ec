"""Trains the judge of samples: python training/judge.py OUT

A small classifier of nouns that shares no weights with any other model and does not look through their eyes: the
object is found as what differs from a plane of colour fitted to the picture's border, cut out, and shown to a
convolutional network as a 32 x 32 picture of that difference. Its colour is the mean of what was found, named by
the nearest of the twelve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from common import HELD_OUT_SCENES, Run, options, sizes
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from vertumnus.models.mini.vocabulary import COLOURS, nouns
from vertumnus.models.mini.world import World, WorldOptions

SIDE = 32
_CLEAR = 0.25  # of the largest difference, below which a pixel is ground


class Found(NamedTuple):
    """An object: its cut-out (SIDE x SIDE difference from the ground, 0 to 1), colour (0 to 1) and middle (x, y)."""

    cut: NDArray[np.float32]
    rgb: NDArray[np.float64]
    middle: tuple[float, float]


def find_object(picture: NDArray[np.uint8]) -> Found:
    """The object of a picture, H x W x 3; the middle is in sides of the picture."""
    rgb = picture.astype(np.float64) / 255
    height, width = rgb.shape[:2]
    down, across = np.mgrid[0:height, 0:width] / height - 0.5
    border = np.ones((height, width), bool)
    border[3:-3, 3:-3] = False
    plane = np.stack([np.ones_like(down), down, across], -1)
    fit = np.linalg.lstsq(plane[border], rgb[border], rcond=None)[0]
    apart = np.linalg.norm(rgb - plane @ fit, axis=-1)
    apart /= max(apart.max(), 0.1)
    shown = apart > _CLEAR
    if not shown.any():
        return Found(np.zeros((SIDE, SIDE), np.float32), rgb.mean((0, 1)), (0.5, 0.5))
    rows, columns = np.nonzero(shown.any(1))[0], np.nonzero(shown.any(0))[0]
    half = 0.5 * max(rows[-1] - rows[0], columns[-1] - columns[0]) + 2
    middle = 0.5 * (rows[0] + rows[-1]), 0.5 * (columns[0] + columns[-1])
    box = torch.tensor(apart, dtype=torch.float32)[None, None]
    ticks = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    v = ((middle[0] + 0.5 + half * ticks) / height * 2 - 1)[:, None].expand(SIDE, SIDE)
    u = ((middle[1] + 0.5 + half * ticks) / width * 2 - 1)[None].expand(SIDE, SIDE)
    cut = functional.grid_sample(box, torch.stack([u, v], -1)[None].float(), align_corners=False)[0, 0]
    strong = apart > 0.6
    return Found(cut.numpy(), np.median(rgb[strong], axis=0), (middle[1] / width, middle[0] / height))


def name_colour(rgb: NDArray[np.float64]) -> str:
    """The nearest of the world's colours."""
    names = list(COLOURS)
    table = np.array([COLOURS[name] for name in names]) / 255
    return names[int(np.argmin(np.linalg.norm(table - rgb, axis=1)))]


def build(count: int) -> nn.Module:
    """The network: SIDE x SIDE cut-outs to scores of nouns."""
    layers: list[nn.Module] = []
    for before, after in ((1, 24), (24, 48), (48, 96)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(96 * 16, count))


@torch.no_grad()
def judge(model: nn.Module, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], list[str]]:
    """Scores of nouns (N x nouns) and names of colours for N x H x W x 3 pictures."""
    found = [find_object(picture) for picture in pictures]
    cuts = torch.from_numpy(np.stack([cut for cut, _, _ in found]))[:, None]
    return model(cuts).numpy(), [name_colour(rgb) for _, rgb, _ in found]


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0])
    size = sizes(chosen.sizes, "judge")
    known = nouns(size["nouns"])
    world = World(
        chosen.seed + 1000,
        WorldOptions(nouns=len(known), single=1.0, centred=0.6, plain=0.8, combinations="all", empty=0.0),
    )
    model = build(len(known))
    run = Run(chosen, size, {"judge": model})

    def show(numbers: range) -> tuple[torch.Tensor, torch.Tensor, float]:
        scenes = [world.scene(n) for n in numbers]
        found = [find_object(world.draw(scene)) for scene in scenes]
        right = np.mean(
            [name_colour(rgb) == s.things[0].colour for (_, rgb, _), s in zip(found, scenes, strict=True)]
        )
        cuts = torch.from_numpy(np.stack([cut for cut, _, _ in found]))[:, None]
        return cuts, torch.tensor([known.index(scene.things[0].noun) for scene in scenes]), float(right)

    tested, answers, colours = show(range(HELD_OUT_SCENES, HELD_OUT_SCENES + 500))
    batch = size["batch"]
    cuts, aim, _ = show(range(size["scenes"]))
    for step in run:
        rows = torch.from_numpy(np.random.default_rng((chosen.seed, step)).integers(0, len(cuts), batch))
        loss = functional.cross_entropy(model.train()(cuts[rows]), aim[rows], label_smoothing=0.05)
        run.descend(loss, batch)
        if step % 250 == 249:
            with torch.no_grad():
                right = float((model.eval()(tested).argmax(1) == answers).float().mean())
            run.facts = {"noun": right, "colour": colours}
            run.log(loss=float(loss.detach()), noun=right, colour=colours)


if __name__ == "__main__":
    main()
