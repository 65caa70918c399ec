"""What a scene is called: captions in many forms, and captions that are wrong in one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vertumnus.models.mini.vocabulary import COLOURS, NUMBERS, SIDES, plural, with_article

if TYPE_CHECKING:
    from world import Scene, Thing

_WHERE = {
    "left": " on the left",
    "right": " on the right",
    "top": " at the top",
    "bottom": " at the bottom",
    "centre": " in the centre",
}
_ACROSS, _DOWN = ("left of", "right of"), ("above", "below")
RELATIONS = (*_ACROSS, *_DOWN)


@dataclass(frozen=True)
class Form:
    """Which of a scene's facts its caption tells, and how it begins.

    opening  what stands before the things, ``"a picture of "``
    bare     without articles: ``red fish``
    turned   the things are named the other way round: ``a star right of a fish``
    """

    colour: bool = True
    size: bool = False
    side: bool = False
    ground: bool = False
    opening: str = ""
    bare: bool = False
    turned: bool = False


TOLD = (0.85, 0.4, 0.7, 0.25)  # how often a caption tells colours, sizes, sides, the ground
# What is not as usual is told, and the ground mostly: what a caption leaves open is a blur until noise decides it.
TELLING = (0.95, 1.0, 0.95, 0.7)
USUAL = (0.95, 0.12, 0.12, 0.6)


def any_form(rng: np.random.Generator, emoji: bool = False, told: tuple[float, float, float, float] = TOLD) -> Form:
    """A form drawn at random; colours are told mostly, grounds seldom. What has colours of its own is a drawing.

    told  how often colours, sizes, sides and the ground are told
    """
    chance = rng.random(7)
    opening = ("a picture of ", "an icon of ")[int(chance[6] * 2)] if chance[4] < 0.15 else ""
    return Form(
        colour=bool(chance[0] < told[0]) and not emoji,
        size=bool(chance[1] < told[1]),
        side=bool(chance[2] < told[2]),
        ground=bool(chance[3] < told[3]),
        opening="a drawing of " if emoji else opening,
        bare=bool(chance[4] > 0.8),
        turned=bool(chance[5] < 0.5),
    )


def relation(one: Thing, other: Thing) -> str:
    """How one thing lies to another: left of, right of, above or below, whichever it is more."""
    across, down = one.x - other.x, one.y - other.y
    return _ACROSS[across > 0] if abs(across) >= abs(down) else _DOWN[down > 0]


def caption(scene: Scene, form: Form | None = None) -> str:
    """The caption of a scene in its own form, or in another."""
    form = form or scene.form
    things = scene.things
    if not things:
        text = "nothing"
    elif len(things) == 1:
        text = _name(things[0], form) + (_WHERE[scene.side] if form.side and scene.side else "")
    elif scene.alike:
        text = f"{NUMBERS[len(things)]} {_words(things[0], form, many=True)}"
    else:
        named = things[::-1] if form.turned else things
        names = [_name(thing, form) for thing in named]
        if form.side:  # how the first lies to each of the others
            told = [f"{relation(named[0], thing)} {name}" for thing, name in zip(named[1:], names[1:], strict=True)]
            text = f"{names[0]} " + " and ".join(told)
        else:
            text = ", ".join(names[:-1]) + " and " + names[-1]
    ground = (f", on {scene.ground.colour}" if scene.ground.colour else ", on a photo") if form.ground else ""
    return form.opening + text + ground


def _words(thing: Thing, form: Form, many: bool = False) -> str:
    size = thing.size if form.size else ""
    colour = thing.colour if form.colour else ""
    noun = plural(thing.noun) if many else thing.noun
    return " ".join(word for word in (size, colour, noun) if word)


def _name(thing: Thing, form: Form) -> str:
    words = _words(thing, form)
    return words if form.bare else with_article(words)


def wrong_captions(scene: Scene, nouns: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Captions in the scene's form that are wrong in one respect, by which: colour, noun, side, swap, ground.

    nouns  to take a wrong one from
    Only what the caption tells can be wrong; a scene that tells nothing gives nothing.
    """
    form, things = scene.form, scene.things
    if not things:
        return {}
    wrong = {}
    at = int(rng.integers(len(things)))
    shown = {thing.noun for thing in things}
    other = [noun for noun in nouns if noun not in shown]
    wrong["noun"] = caption(_with(scene, at, noun=other[int(rng.integers(len(other)))]))
    if form.colour:
        near = {thing.colour for thing in things} | {scene.ground.colour}
        far = [colour for colour in COLOURS if colour not in near]
        wrong["colour"] = caption(_with(scene, at, colour=far[int(rng.integers(len(far)))]))
    if form.side and len(things) == 1 and scene.side:
        sides = [side for side in SIDES if side != scene.side]
        wrong["side"] = caption(replace(scene, side=sides[int(rng.integers(len(sides)))]))
    if len(things) > 1 and not scene.alike:
        one, two, *rest = things[::-1] if form.turned else things
        if form.side:
            # The first two change places, so that one relation at least is false.
            moved = (replace(one, x=two.x, y=two.y), replace(two, x=one.x, y=one.y), *rest)
            wrong["side"] = caption(replace(scene, things=moved[::-1] if form.turned else moved))
        if form.colour and one.colour != two.colour and one.noun != two.noun:
            swapped = (replace(one, colour=two.colour), replace(two, colour=one.colour), *rest)
            wrong["swap"] = caption(replace(scene, things=swapped[::-1] if form.turned else swapped))
    if form.ground and scene.ground.colour:
        taken = {thing.colour for thing in things} | {scene.ground.colour}
        far = [colour for colour in COLOURS if colour not in taken]
        ground = replace(scene.ground, colour=far[int(rng.integers(len(far)))])
        wrong["ground"] = caption(replace(scene, ground=ground))
    return wrong


def _with(scene: Scene, at: int, **facts: str) -> Scene:
    """The scene with facts of one thing changed; of all where all are alike."""
    things = [
        replace(thing, **facts) if n == at or scene.alike else thing  # type: ignore[arg-type]
        for n, thing in enumerate(scene.things)
    ]
    return replace(scene, things=tuple(things))
