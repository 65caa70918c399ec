"""How true a harmonised collage is to its layers: the measures of Collage Diffusion's Table 1, layer by layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.harmonize import first_stack, text_of
from vertumnus.harmonizing.rounds import results
from vertumnus.metrics.clip_scores import ImageTextModel
from vertumnus.metrics.layered import layer_similarities

LONGEST = 768  # pixels of the longer side at which layers are compared


class LayerTruth(NamedTuple):
    """Of one layer: its name, the text it is judged by, and 100 times the cosines of Table 1.

    text_image   of what is drawn where it shows, and its text
    image_image  of the same, and the layer as it was; None before the collage was harmonised
    """

    name: str
    text: str
    text_image: float
    image_image: float | None


def measure_layers(collage: Collage, clip: ImageTextModel) -> list[LayerTruth]:
    """Both similarities of every layer that shows, against the last result, or the composite if there is none.

    A layer without a text is judged by its name. Raises `VertumnusError` if no layer shows.
    """
    scale = LONGEST / max(collage.width, collage.height)
    size = max(1, round(collage.width * scale)), max(1, round(collage.height * scale))
    stack = first_stack(collage, size)
    shown = [n for n in range(len(stack.layers)) if stack.seen(n).any()]
    if not shown:
        raise VertumnusError("layers: none shows")
    composite, rounds = stack.composite(), results(collage)
    picture = composite
    if rounds:
        alone = collage.model_copy(update={"layers": [rounds[-1].model_copy(update={"visible": True})]})
        drawn = alone.render(size[0] / collage.width).convert("RGB").resize(size)
        picture = np.asarray(drawn)
    texts = [text_of(stack.layers[n].prompt, stack.layers[n].name) for n in shown]
    found = layer_similarities(picture, composite, [stack.seen(n) for n in shown], texts, clip)
    return [
        LayerTruth(stack.layers[n].name, text, 100 * one.text_image, 100 * one.image_image if rounds else None)
        for n, text, one in zip(shown, texts, found, strict=True)
    ]
