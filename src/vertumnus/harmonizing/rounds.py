"""Results in the document: each round of harmonising is a layer over the whole canvas, and can be taken back.

The layers that were harmonised stay, hidden, with their settings; the result lies behind them. How each round was
made, and what was there before it, stands in ``made_by``. Editing one layer (Collage Diffusion, sec. 4.5) makes a
collage of two: the result so far, kept, and that layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from vertumnus.checked import first_problem
from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Pixels, Stack, stack_of
from vertumnus.harmonizing.tone import SAME, Tone
from vertumnus.limits import MAX_GAIN
from vertumnus.version import __version__

TOOL = "harmonize"
RESULT = "harmonized "  # and the round's number, a result's name

Channels = tuple[float, float, float]


class Toned(BaseModel):
    """A layer's gain and offset before a round and after it."""

    before: tuple[Channels, Channels]
    after: tuple[Channels, Channels]


class Before(BaseModel):
    """What a round replaced in its document."""

    prompt: str | None
    seed: int | None
    made_by: MadeBy | None


class Round(BaseModel):
    """What taking a round back needs of what is written of it."""

    hidden: list[str]
    before: Before
    toned: dict[str, Toned] = {}


ROUNDS = TypeAdapter(list[Round])


def results(collage: Collage) -> list[Layer]:
    """The layers that are results of rounds, the first round first."""
    found = [layer for layer in collage.layers if layer.name.removeprefix(RESULT).isdecimal() and layer.locked]
    return sorted(found, key=lambda layer: int(layer.name.removeprefix(RESULT)))


def with_result(
    collage: Collage,
    picture: Pixels,
    *,
    prompt: str | None = None,
    seed: int | None = None,
    facts: Mapping[str, Any] | None = None,
    tones: Mapping[str, Tone] | None = None,
) -> Collage:
    """The collage with one more round's result as what is seen; its other layers are hidden and keep their settings.

    picture       H x W x 3, in the canvas's proportions
    prompt, seed  the document's from now on, if given
    facts         how it was made, plain values
    tones         by the layers' ids, what their gain and offset become beyond what they are
    """
    made = collage.model_copy(deep=True)
    made.name_layers()
    said = rounds_of(made)
    record = {
        **(facts or {}),
        "prompt": prompt,
        "seed": seed,
        "hidden": [layer.id for layer in made.layers if not layer.visible],
        "before": {
            "prompt": made.prompt,
            "seed": made.seed,
            # What later rounds know is in this one already.
            "made_by": made.made_by.model_dump(mode="json") if made.made_by and not said else None,
        },
    }
    toned = _put_on(made, tones or {})
    if toned:
        record["toned"] = toned
    made.made_by = MadeBy(
        tool=TOOL,
        versions={"vertumnus": __version__},
        pictures=list(made.made_by.pictures) if made.made_by else [],
        report={"rounds": [*said, record]},
    )
    made.prompt = made.prompt if prompt is None else prompt
    made.seed = made.seed if seed is None else seed
    made.name_layers()  # before the result is one of them: a layer's id stays what it was
    before = len(results(made))
    name = made.pictures.add_pixels(_opaque(picture))
    height, width = picture.shape[:2]
    for layer in made.layers:
        layer.visible = False
    result = Layer(
        name=f"{RESULT}{before + 1}",
        image=name,
        x=made.width / 2,
        y=made.height / 2,
        scale=max(made.width / width, made.height / height),
        locked=True,
        noise=0.0,
    )
    made.layers.insert(before, result)
    return made


def _put_on(collage: Collage, tones: Mapping[str, Tone]) -> dict[str, Any]:
    """Changes layers' gain and offset; by their ids, what these were before and are now.

    A layer whose gain and offset work on sRGB values, as in version 1, has no linear light to change.
    """
    changed = {}
    for layer in collage.layers:
        tone = tones.get(layer.id, SAME)
        if tone == SAME or layer.light != "linear":
            continue
        before = [list(layer.gain), list(layer.offset)]
        pairs = zip(layer.gain, layer.offset, tone.gain, tone.offset, strict=True)
        both = [(min(gain * g, MAX_GAIN), _bounded(gain * o + offset)) for g, o, gain, offset in pairs]
        red, green, blue = both
        layer.gain, layer.offset = (red[0], green[0], blue[0]), (red[1], green[1], blue[1])
        changed[layer.id] = {"before": before, "after": [list(layer.gain), list(layer.offset)]}
    return changed


def _bounded(offset: float) -> float:
    return min(max(offset, -MAX_GAIN), MAX_GAIN)


def _taken_off(layer: Layer, rounds: list[dict[str, Any]]) -> Layer:
    """The layer with the tone it had before some rounds, the first one first, unless somebody changed it since."""
    made = layer.model_copy()
    for said in reversed(rounds):
        toned = said.get("toned", {}).get(layer.id)
        if toned is not None and [list(made.gain), list(made.offset)] == toned["after"]:
            made.gain, made.offset = (tuple(one) for one in toned["before"])
    return made


def undo_round(collage: Collage) -> Collage:
    """The collage without its last round. Raises `VertumnusError` if there is none."""
    rounds = results(collage)
    if not rounds:
        raise VertumnusError("undo: the collage has no round of harmonising to take back")
    made = collage.model_copy(deep=True)
    last = rounds[-1].name
    made.layers = [layer for layer in made.layers if layer.name != last]
    said = rounds_of(made)
    if not said:  # of a version that did not write it down
        for layer in made.layers:
            layer.visible = len(rounds) == 1 or layer.name == rounds[-2].name
        return made
    hidden, before = said[-1]["hidden"], said[-1]["before"]
    made.layers = [_taken_off(layer, said[-1:]) for layer in made.layers]
    for layer in made.layers:
        layer.visible = layer.id not in hidden
    made.prompt, made.seed = before["prompt"], before["seed"]
    if len(said) > 1:
        assert made.made_by is not None
        made.made_by.report = {"rounds": said[:-1]}
    else:
        made.made_by = None if before["made_by"] is None else MadeBy.model_validate(before["made_by"])
    return made


def first_layers(collage: Collage) -> list[Layer]:
    """The layers as they were before the first round: shown, but for those that were hidden already."""
    rounds, said = results(collage), rounds_of(collage)
    hidden = said[0]["hidden"] if said else []
    own = [layer for layer in collage.layers if layer not in rounds]
    if not rounds:
        return own
    return [_taken_off(layer, said).model_copy(update={"visible": layer.id not in hidden}) for layer in own]


def rounds_of(collage: Collage) -> list[dict[str, Any]]:
    """What ``made_by`` says of each round, the first one first. Raises `VertumnusError` if that cannot be."""
    if collage.made_by is None or collage.made_by.tool != TOOL:
        return []
    said: Any = collage.made_by.report.get("rounds")
    try:
        ROUNDS.validate_python(said)
    except ValidationError as error:
        raise VertumnusError(f"made_by.report.rounds: is not what harmonize writes: {first_problem(error)}") from None
    return list(said)  # as they stand, with all else that they say


def edit_stack(collage: Collage, name: str, size: tuple[int, int]) -> Stack:
    """Two layers, the result so far and the named one over it.

    name   a layer's id, or its name or text if no other layer has the same

    Raises `VertumnusError` if there is no result yet, no such layer, or more than one.
    """
    rounds = results(collage)
    if not rounds:
        raise VertumnusError("edit: the collage has not been harmonised yet; harmonise it first")
    own = [layer for layer in collage.layers if layer not in rounds]
    chosen = [layer for layer in own if name == layer.id] or [
        layer for layer in own if name in (layer.name, layer.prompt)
    ]
    if not chosen:
        known = ", ".join(dict.fromkeys(layer.name for layer in own))
        raise VertumnusError(f"layer: there is no {name!r}; there are {known}")
    if len(chosen) > 1:
        known = ", ".join(f"{layer.id} at {layer.x:.0f},{layer.y:.0f}" for layer in chosen)
        raise VertumnusError(f"layer: {len(chosen)} are called {name!r}; name one by its id: {known}")
    shown = [rounds[-1].model_copy(), chosen[-1].model_copy()]
    for layer in shown:
        layer.visible = True
    pair = collage.model_copy(update={"layers": shown})
    return stack_of(pair, size)


def _opaque(picture: Pixels) -> Pixels:
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([picture, alpha], axis=-1))
