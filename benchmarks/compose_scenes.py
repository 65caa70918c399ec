"""Sentences of two things for `compose.py`, and whether both are seen where they were said to be."""

from __future__ import annotations

import statistics
import time
from typing import Any

import gallery
import numpy as np
from compose_judges import Judge
from compose_kept import Made, iou
from numpy.typing import NDArray
from PIL import Image

from vertumnus.composing.compose import live_compose, run
from vertumnus.guidance.protocol import Source
from vertumnus.models.mini.vocabulary import with_article

SIZE, LOOK, SEEN = 600, 320, 160  # pixels of the canvas, of its picture, and of what the judge sees
SENTENCES = 40
RELATIONS = {"to the left of": (0, False), "to the right of": (0, True), "above": (1, False), "under": (1, True)}


def sentences(known: list[str]) -> list[tuple[str, str, str]]:
    """Two nouns and how the first lies to the second, drawn once for all."""
    rng = np.random.default_rng(16)
    pairs = [rng.choice(known, 2, replace=False).tolist() for _ in range(SENTENCES)]
    ways = list(RELATIONS)
    return [(first, ways[n % len(ways)], second) for n, (first, second) in enumerate(pairs)]


def composed_scene(source: Source, told: tuple[str, str, str], count: int, seed: int) -> Made:
    """A sentence's collage; its noun is the sentence."""
    first, way, second = told
    sentence = f"{with_article(first)} {way} {with_article(second)}"
    began = time.process_time()
    live = run(live_compose(gallery.ALL, sentence, guidance=source, size=SIZE, seed=seed, count=count))
    seconds = time.process_time() - began
    picture = live.document().render(scale=LOOK / SIZE, background="#ffffff00")
    wanted = live.joint.target_alpha
    assert wanted is not None
    ink = np.asarray(picture.getchannel("A").resize(wanted.shape[::-1], Image.Resampling.BOX), np.float32) / 255
    return Made("|".join(told), seed, seconds, 0.0, iou(ink, wanted), picture)


def halves(ink: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A picture parted where least ink is, about its middle; axis 0 is left and right, 1 is above and under."""
    line = ink.sum(axis)
    low, high = int(0.3 * len(line)), int(0.7 * len(line))
    at = low + int(line[low:high].argmin())
    return (ink[:, :at], ink[:, at:]) if axis == 0 else (ink[:at], ink[at:])


def scene_summary(made: list[Made], stranger: Judge) -> dict[str, Any]:
    """Shares of sentences of which both nouns, each noun, or both of the two alone, are in their places."""
    both, each, told = [], [], []
    for one in made:
        first, way, second = one.noun.split("|")
        axis, turned = RELATIONS[way]
        ink = np.asarray(one.picture.getchannel("A").resize((SEEN, SEEN), Image.Resampling.BOX), np.float32) / 255
        parts = halves(ink, axis)[:: -1 if turned else 1]
        places = [stranger.place(np.pad(part, 8), noun) for part, noun in zip(parts, (first, second), strict=True)]
        other = [stranger.place(np.pad(part, 8), noun) for part, noun in zip(parts, (second, first), strict=True)]
        both.append(max(places) < 5)
        each += [place < 5 for place in places]
        told.append(sum(places) < sum(other))
    return {
        "collages": len(made),
        "both among five": interval(both),
        "each among five": interval(each),
        "the right way round": interval(told),
        "iou": statistics.mean(one.iou for one in made),
        "seconds": statistics.median(one.seconds for one in made),
    }


def interval(hits: list[bool], groups: list[str] | None = None) -> tuple[float, float, float]:
    """Share, and the 2.5 and 97.5 percentiles of it over resampled sentences, or groups such as all of a noun."""
    rng, values = np.random.default_rng(0), np.array(hits, float)
    if groups is not None:
        values = np.array([values[[one == group for one in groups]].mean() for group in dict.fromkeys(groups)])
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(1)
    return float(values.mean()), *(float(x) for x in np.percentile(means, (2.5, 97.5)))
