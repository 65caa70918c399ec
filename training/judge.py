"""Trains a judge of samples: python training/judge.py OUT --families judging|choosing

A small classifier of silhouettes that shares nothing with the models it judges: no weights, no eyes, and, for
judging, no drawing that any of them was trained on. Objects are found by their colours (silhouettes.py) and shown to
it as 32 x 32 covers. The judge that choices are made by (guidance, when to stop) knows the trained families and one
more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from common import Run, autocast, options, sizes
from drawings import CHOOSING, JUDGED_EMOJI, JUDGING, TRAINED, drawings_of, render
from numpy.typing import NDArray
from scipy import ndimage
from silhouettes import cut, find_coloured, find_object, name_colour
from torch import nn
from torch.nn import functional

from vertumnus.models.mini.vocabulary import nouns

FAMILIES = {"judging": (*JUDGING, *JUDGED_EMOJI), "choosing": (*CHOOSING, *TRAINED), "trained": TRAINED}
_TEXELS = 64


class Single(NamedTuple):
    """Whether one thing's noun is named first, among five, and its colour is right."""

    noun: bool
    five: bool
    colour: bool


class Pair(NamedTuple):
    """Of two things: both nouns right, how many of the two, each on its side, colours bound to their nouns."""

    nouns: bool
    each: float
    side: bool
    bound: bool


def known() -> tuple[str, ...]:
    """The nouns that judges tell apart: all that are drawn."""
    return nouns(64)


def build(count: int) -> nn.Module:
    """The network: SIDE x SIDE covers to scores of nouns."""
    layers: list[nn.Module] = []
    for before, after in ((1, 24), (24, 48), (48, 96)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(96 * 16, count))


@torch.no_grad()
def scores(model: nn.Module, covers: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Scores of `known` nouns for covers of any size: N x nouns."""
    found: NDArray[np.float32] = model(torch.from_numpy(np.stack([cut(cover) for cover in covers]))[:, None]).numpy()
    return found


def judge_single(model: nn.Module, picture: NDArray[np.uint8], colour: str, noun: str) -> Single:
    """What became of one thing asked for."""
    found = find_object(picture)
    if not found.there:
        return Single(False, False, False)
    best = np.argsort(-scores(model, [found.cover])[0])[:5]
    at = known().index(noun)
    return Single(bool(best[0] == at), at in best, name_colour(found.rgb) == colour)


def judge_pair(model: nn.Module, picture: NDArray[np.uint8], things: list[tuple[str, str]], relation: str) -> Pair:
    """What became of two things, (colour, noun), of which the first was to lie that way to the second."""
    one, other = find_coloured(picture, [colour for colour, _ in things])
    if not (one.there and other.there):
        return Pair(False, 0.0, False, False)
    said = scores(model, [one.cover, other.cover])
    first, second = (known().index(noun) for _, noun in things)
    right = [said[0].argmax() == first, said[1].argmax() == second]
    across, down = (a - b for a, b in zip(one.middle, other.middle, strict=True))
    gap = {"left of": -across, "right of": across, "above": -down, "below": down}[relation]
    bound = said[0, first] > said[0, second] and said[1, second] > said[1, first]
    return Pair(all(right), float(np.mean(right)), gap > 0.05, bool(bound))


def covers_of(families: tuple[str, ...], count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Covers of drawings, turned, mirrored, squeezed, filled up, thinned, thickened and blurred; and their nouns."""
    rng = np.random.default_rng(seed)
    inks = [[render(d, _TEXELS)[..., 3] for d in drawings_of(noun, families)] for noun in known()]
    missing = [noun for noun, found in zip(known(), inks, strict=True) if not found]
    if missing:
        raise ValueError(f"no drawing of {', '.join(missing)} in {', '.join(families)}")
    covers, aims = [], rng.permutation(np.arange(count) % len(inks))
    for aim in aims:
        ink = inks[aim][rng.integers(len(inks[aim]))].astype(np.float32) / 255
        if rng.random() < 0.35:  # outlines are filled, as a silhouette would be
            ink = np.maximum(ink, ndimage.binary_fill_holes(ink > 0.5).astype(np.float32))
        ink = np.pad(ink, 6)
        change = rng.random()
        if change < 0.2:
            ink = ndimage.grey_dilation(ink, 3)
        elif change < 0.3:
            ink = ndimage.grey_erosion(ink, 3)
        ink = ndimage.rotate(ink, rng.uniform(-15, 15), order=1)
        ink = ndimage.zoom(ink, rng.uniform(0.85, 1.18, 2), order=1)
        ink = ndimage.gaussian_filter(ink, rng.uniform(0.3, 2.2))
        ink = np.clip((ink - 0.5) * rng.uniform(1.0, 3.0) + 0.5, 0, 1)
        covers.append(cut(ink[:, :: rng.choice([-1, 1])]))
    return np.stack(covers), aims


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], families="judging")
    size = sizes(chosen.sizes, "judge")
    model = build(len(known()))
    run = Run(chosen, size, {"judge": model})
    batch = size["batch"]
    families = FAMILIES[chosen.families]
    cuts, aims = covers_of(families, size["scenes"], chosen.seed)
    # Other drawings than those trained on, as hard as what it will meet: what one family says of the others'.
    others, truths = covers_of(TRAINED if chosen.families == "judging" else JUDGING, size["tested"], chosen.seed + 1)
    model.to(memory_format=torch.channels_last)
    for step in run:
        rows = np.random.default_rng((chosen.seed, step)).integers(0, len(cuts), batch)
        with autocast(chosen.device):
            told = model.train()(torch.from_numpy(cuts[rows])[:, None].to(chosen.device))
        loss = functional.cross_entropy(told.float().cpu(), torch.from_numpy(aims[rows]), label_smoothing=0.1)
        run.descend(loss, batch)
        if step % 500 == 499 or step + 1 == run.steps:
            with torch.no_grad():
                best = (
                    model.eval()(torch.from_numpy(others)[:, None].to(chosen.device))
                    .cpu()
                    .argsort(1, descending=True)[:, :5]
                    .numpy()
                )
            run.facts = {
                "noun": float((best[:, 0] == truths).mean()),
                "five": float((best == truths[:, None]).any(1).mean()),
            }
            run.log(loss=float(loss.detach()), **run.facts)


if __name__ == "__main__":
    main()
