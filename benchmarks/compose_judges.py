"""Who names the collages of `compose.py`: silhouettes' nearest neighbours, a trained classifier, mini's CLIP."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import judge as trained_judge
from drawings import JUDGED_EMOJI, JUDGING, drawings_of, drawn_nouns, render

from vertumnus.elements.icons import draw_icon
from vertumnus.metrics.clip_scores import PriorClip
from vertumnus.metrics.silhouette import SilhouetteJudge
from vertumnus.models import load
from vertumnus.models.mini.vocabulary import glyphs_of, nouns, with_article

GAP = 0.03  # of the side: between pieces, which small CLIPs take for part of the drawing
KNOWN = 0.5  # share of a noun's own drawings that a judge must name among five, to be asked for it
Drawn = tuple[str, NDArray[np.float32]]


class Judge(Protocol):
    """Names silhouettes."""

    def place(self, ink: NDArray[np.floating], noun: str) -> int:
        """At which place it names the noun, from 0."""


def inked(glyph: Any) -> NDArray[np.float32]:
    """An icon's ink, 0 to 1, with some ground around it."""
    return np.pad(draw_icon(glyph, 128, 128).astype(np.float32) / 255, 8)


class MiniClip:
    """The small CLIP that ships with the program, as a second judge, among all nouns it knows."""

    def __init__(self) -> None:
        weights = resources.files("vertumnus.models.mini") / "weights" / "training.json"
        known = json.loads(weights.read_text())["clip"]["nouns"] if weights.is_file() else 0
        self.nouns = list(nouns(known)) if known else []
        if self.nouns:
            self.model = PriorClip(load("mini", "clip"))
            self.words = self.model.text_features([with_article(noun) for noun in self.nouns])

    def place(self, picture: Image.Image, noun: str) -> int:
        """At which place it names a noun that it knows, from 0."""
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        likeness = self.words @ self.model.image_features([white.convert("RGB")])[0]
        return int((likeness > likeness[self.nouns.index(noun)]).sum())


def from_afar(picture: Image.Image) -> Image.Image:
    """The ink in black, with what is narrower than `GAP` of the longer side closed, as an eye closes gaps."""
    side = int(GAP * max(picture.size)) | 1
    return Image.fromarray(255 - ndimage.grey_closing(np.asarray(picture.getchannel("A")), size=side)).convert("RGBA")


def of_fonts(fonts: tuple[str, ...]) -> list[Drawn]:
    """Every drawing of a noun that icon fonts of the program have."""
    return [(noun, inked(glyph)) for noun in nouns() for glyph in glyphs_of(noun, fonts)]


def of_families(families: tuple[str, ...]) -> list[Drawn]:
    """Every drawing of a noun that families of `training/drawings.py` have."""
    found = [one for noun in drawn_nouns() if noun in nouns() for one in drawings_of(noun, families)]
    return [(one.noun, np.pad(render(one, 128)[..., 3].astype(np.float32) / 255, 8)) for one in found]


class Stranger:
    """A judge of silhouettes that knows some drawings, and the nouns by which a prior of others can be judged."""

    def __init__(self, drawn: Iterable[Drawn], prior: tuple[str, ...], known: tuple[str, ...], count: int) -> None:
        self.judge = SilhouetteJudge(drawn)
        both = [noun for noun in known if noun in self.judge.nouns and glyphs_of(noun, prior)]
        self.as_they_come = both[:count]
        ranks = {noun: [self.place(inked(glyph), noun) for glyph in glyphs_of(noun, prior)] for noun in both}
        drawn = [place for noun in self.as_they_come for place in ranks[noun]]
        self.own = float(np.mean([place == 0 for place in drawn])), float(np.mean([place < 5 for place in drawn]))
        self.nouns = [noun for noun in both if max(ranks[noun]) < 5][:count]

    def place(self, ink: NDArray[np.floating], noun: str) -> int:
        """At which place the judge names the noun, from 0."""
        if not (np.asarray(ink) > 0.5).any():
            return len(self.judge.nouns)
        return [name for name, _ in self.judge.rank(ink)].index(noun)


class Classifier:
    """The classifier of `training/judge.py`, trained on families that no prior draws from and nothing is chosen by.

    folder   of its checkpoint

    ``nouns`` are those that it names from its own families' drawings: at least half of them among five.
    """

    def __init__(self, folder: Path) -> None:
        state = torch.load(folder / "checkpoint.pt", weights_only=False)
        self.model = trained_judge.build(len(trained_judge.known()))
        self.model.load_state_dict(state["models"]["judge"])
        self.model.eval()
        self.own: dict[str, float] = {}
        for noun in trained_judge.known():
            own = [render(one, 128)[..., 3] for one in drawings_of(noun, (*JUDGING, *JUDGED_EMOJI))]
            named = [self.place(np.pad(ink.astype(np.float32) / 255, 8), noun) < 5 for ink in own]
            self.own[noun] = float(np.mean(named))
        self.nouns = [noun for noun, share in self.own.items() if share >= KNOWN]

    def place(self, ink: NDArray[np.floating], noun: str) -> int:
        """At which place it names the noun, from 0."""
        if not (np.asarray(ink) > 0.5).any():
            return len(trained_judge.known())
        said = trained_judge.scores(self.model, [np.asarray(ink, np.float32)])[0]
        return int((said > said[trained_judge.known().index(noun)]).sum())
