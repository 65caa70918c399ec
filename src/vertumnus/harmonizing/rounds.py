"""Results in the document: each round of harmonising is a layer over the whole canvas, and can be taken back.

The layers that were harmonised stay, hidden, with their settings; the result lies behind them. Editing one layer
(Collage Diffusion, sec. 4.5) makes a collage of two: the result so far, kept, and that layer.
"""

from __future__ import annotations

import numpy as np

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Pixels, Stack, stack_of

RESULT = "harmonized "  # and the round's number, a result's name


def results(collage: Collage) -> list[Layer]:
    """The layers that are results of rounds, the first round first."""
    found = [layer for layer in collage.layers if layer.name.removeprefix(RESULT).isdecimal() and layer.locked]
    return sorted(found, key=lambda layer: int(layer.name.removeprefix(RESULT)))


def with_result(collage: Collage, picture: Pixels) -> Collage:
    """The collage with one more round's result as what is seen; its other layers are hidden and keep their settings.

    picture   H x W x 3, in the canvas's proportions
    """
    made = collage.model_copy(deep=True)
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
    for layer in made.layers:
        layer.visible = len(rounds) == 1 or layer.name == rounds[-2].name
    return made


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
