"""A cloud that is decided on in all but its places: laid out, coloured, made a collage of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.live.spec import LIBRARIES, mask_picture
from vertumnus.strict.sow import Field, Seeds, Sown, Step, sow
from vertumnus.version import __version__
from vertumnus.wording.colours import Color, as_hex
from vertumnus.wording.glyphs import Outline
from vertumnus.wording.ground import Ground
from vertumnus.wording.lettering import Letters, draw_word, title_of
from vertumnus.wording.options import ColorOptions, WordOptions
from vertumnus.wording.table import Word, plain_words

TOOL = "words"
ROUNDS = {"fast": 1, "normal": 2, "high": 8}
Painter = Callable[[int, Sown], Color]  # of a word's number and where it lies on the canvas
Watcher = Callable[[Step], bool | None]


@dataclass(frozen=True)
class Plan:
    """What is to be laid out.

    width, height, background, seed   of the collage
    words, outlines, share   of each word: itself, its outline at an em, its share of all ink
    ground   what they are placed on
    painter  which colour a word has where it lies
    line     the contour's picture and its drawing, where there is one
    inputs   further entries of the document's
    report   further entries of the report
    """

    width: int
    height: int
    background: str | None
    seed: int
    options: WordOptions
    coloring: ColorOptions
    words: Sequence[Word]
    outlines: Sequence[Outline]
    share: NDArray[np.float64]
    ground: Ground
    painter: Painter
    line: tuple[bytes, bytes] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)


def carry_out(plan: Plan, watch: Watcher | None = None) -> Collage:
    """Lays the words out and makes a collage of them.

    watch   called with each `Step`; asks for the best so far by returning True
    """
    ink = np.array([outline.area for outline in plan.outlines])
    # Long words are harder to place than short ones of as much ink.
    bulk = np.sqrt(np.sqrt(plan.share) * np.sqrt(plan.share / ink) * [outline.width for outline in plan.outlines])
    seeds = Seeds(
        [Letters(outline, plan.options.counters) for outline in plan.outlines],
        np.sqrt(ink),
        np.sqrt(plan.share),
        bulk,
        word_angles(len(plan.words), plan.options, plan.seed),
    )
    ground = Field(plan.ground.inside, plan.ground.gap)
    step = None
    for step in sow(seeds, ground, plan.seed, ROUNDS[plan.options.quality]):
        if watch is not None and watch(step):
            break
    assert step is not None
    return _collage(plan, step, ground.area)


def _collage(plan: Plan, step: Step, area: int) -> Collage:
    collage = Collage(width=plan.width, height=plan.height, background=plan.background, seed=plan.seed)
    line = None
    if plan.line is not None:
        line = collage.pictures.add(plan.line[0])
        collage.pictures.add_drawing(line, plan.line[1])
        middle = plan.width / 2, plan.height / 2
        collage.layers.append(Layer(name="contour", image=line, x=middle[0], y=middle[1], scale=1.0, locked=True))
    zoom, offset = plan.ground.zoom, plan.ground.offset(plan.width, plan.height)
    missing: list[tuple[str, str]] = []
    words: list[Word] = []
    covered = 0.0
    for number, place in enumerate(step.layout):
        word, outline = plan.words[number], plan.outlines[number]
        if place is None:
            missing.append((word.text, "no free place was left"))
            words.append(word)
            continue
        at = Sown(place.x / zoom + offset[0], place.y / zoom + offset[1], place.scale / zoom, place.degrees)
        color = plan.painter(number, at)
        add_word(collage, word, outline, at, color)
        words.append(replace(word, color=as_hex(color)))
        covered += outline.area * place.scale**2
    report = dict(plan.report)
    unplaced = [*missing, *report.pop("unplaced", [])]
    mask = collage.pictures.add(mask_picture(plan.ground.inside))
    collage.made_by = MadeBy(
        tool=TOOL,
        versions={"vertumnus": __version__} | {name: version(name) for name in (*LIBRARIES, "uharfbuzz")},
        options=plan.options.model_dump(mode="json") | plan.coloring.model_dump(mode="json"),
        inputs={
            "words": plain_words(words),
            "mask": mask,
            "gap": plan.ground.gap,
            "zoom": plan.ground.zoom,
            **({"contour": line} if line is not None else {}),
            **plan.inputs,
        },
        pictures=[mask],
        report={
            "layers": len(collage.layers),
            "words": len(words) - len(missing),
            "coverage": round(covered / area, 6),
            **report,
            "unplaced": [{"name": name, "reason": why} for name, why in unplaced],
            "limited_by": [plan.words[n].text for n in step.limits][:5],
        },
    )
    return collage


def add_word(collage: Collage, word: Word, outline: Outline, at: Sown, color: Color) -> Layer:
    """Adds a word to a collage as a layer: its picture, and the drawing that it was made of."""
    drawn = draw_word(outline, at.scale, at.degrees, at.x, at.y, color, title_of(word))
    image = collage.pictures.add(drawn.png)
    collage.pictures.add_drawing(image, drawn.drawing)
    layer = Layer(name=word.text, image=image, x=drawn.x, y=drawn.y, scale=drawn.scale, rotation=float(at.degrees))
    collage.layers.append(layer)
    return layer


def word_angles(count: int, options: WordOptions, seed: int) -> list[list[float]]:
    """The angles each word may have, the one that it gets if it can first: the share that is level is spread evenly
    over large and small ones.
    """
    rng = np.random.default_rng([seed, 1])
    found: list[list[float]] = []
    owed = float(rng.random()) * (1 - options.horizontal)
    for _ in range(count):
        owed += 1 - options.horizontal
        if options.angles == "free":
            others = [float(a) for a in rng.uniform(-90, 90, 3)]
        else:
            others = [float(a) for a in rng.permutation(np.array(options.angles))]
        if owed >= 1 - 1e-9 and others:
            owed -= 1
            found.append([*others, *([0.0] if options.horizontal > 0 else [])])
        else:
            found.append([0.0, *(others if options.horizontal < 1 else [])])
    return found


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
