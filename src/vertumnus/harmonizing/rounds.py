"""Results in the document: each round of harmonising is a layer over the whole canvas, and can be taken back.

The layers that were harmonised stay, hidden, with their settings; the result lies behind them. How each round was
made, and what was there before it, stands in ``made_by``. Editing one layer (Collage Diffusion, sec. 4.5) makes a
collage of two: the result so far, kept, and that layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Pixels, Stack, stack_of
from vertumnus.version import __version__

TOOL = "harmonize"
RESULT = "harmonized "  # and the round's number, a result's name


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
) -> Collage:
    """The collage with one more round's result as what is seen; its other layers are hidden and keep their settings.

    picture       H x W x 3, in the canvas's proportions
    prompt, seed  the document's from now on, if given
    facts         how it was made, plain values
    """
    made = collage.model_copy(deep=True)
    made.name_layers()
    said = _rounds(made)
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


def undo_round(collage: Collage) -> Collage:
    """The collage without its last round. Raises `VertumnusError` if there is none."""
    rounds = results(collage)
    if not rounds:
        raise VertumnusError("undo: the collage has no round of harmonising to take back")
    made = collage.model_copy(deep=True)
    last = rounds[-1].name
    made.layers = [layer for layer in made.layers if layer.name != last]
    said = _rounds(made)
    if not said:  # of a version that did not write it down
        for layer in made.layers:
            layer.visible = len(rounds) == 1 or layer.name == rounds[-2].name
        return made
    hidden, before = said[-1]["hidden"], said[-1]["before"]
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
    rounds, said = results(collage), _rounds(collage)
    hidden = said[0]["hidden"] if said else []
    own = [layer for layer in collage.layers if layer not in rounds]
    return [layer.model_copy(update={"visible": layer.id not in hidden}) for layer in own] if rounds else own


def _rounds(collage: Collage) -> list[dict[str, Any]]:
    """What ``made_by`` says of each round, the first one first. Raises `VertumnusError` if that cannot be."""
    if collage.made_by is None or collage.made_by.tool != TOOL:
        return []
    said = collage.made_by.report.get("rounds")
    fields = {"hidden": list, "before": dict}
    if not isinstance(said, list) or not all(
        isinstance(one, dict) and all(isinstance(one.get(name), kind) for name, kind in fields.items())
        for one in said
    ):
        raise VertumnusError("made_by.report.rounds: is not what harmonize writes")
    return said


def edit_stack(collage: Collage, name: str, size: tuple[int, int]) -> Stack:
    """Two layers, the result so far and the named one over it.

    Raises `VertumnusError` if there is no result yet, or no such layer.
    """
    rounds = results(collage)
    if not rounds:
        raise VertumnusError("edit: the collage has not been harmonised yet; harmonise it first")
    own = [layer for layer in collage.layers if layer not in rounds]
    chosen = [layer for layer in own if name in (layer.name, layer.prompt)]
    if not chosen:
        known = ", ".join(dict.fromkeys(layer.name for layer in own))
        raise VertumnusError(f"layer: there is no {name!r}; there are {known}")
    shown = [rounds[-1].model_copy(), chosen[-1].model_copy()]
    for layer in shown:
        layer.visible = True
    pair = collage.model_copy(update={"layers": shown})
    return stack_of(pair, size)


def _opaque(picture: Pixels) -> Pixels:
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([picture, alpha], axis=-1))
