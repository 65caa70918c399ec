"""Layers of pixels that were worked on in an editor, as a collage.

Such formats have no place for what a layer is made of: layers are told by the ids at the ends of their names, and
their pixels compared with what the original would have written. One whose pixels are the same has moved, and stays
what it was; another becomes a picture of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.export.openraster import layer_pixels

NAMED = re.compile(r"\s*\[([^\[\]\s]{1,64})\]\s*$")
CLOSE = 2  # of 255: pixels that an editor saved again are the same within this


class PixelLayer(NamedTuple):
    """A layer as an editor has it.

    pixels      H x W x 4, straight RGBA
    left, top   where they begin on the canvas
    """

    name: str
    pixels: NDArray[np.uint8]
    left: float
    top: float
    opacity: float = 1.0
    visible: bool = True
    locked: bool | None = None  # where the format says


def collage_of(
    layers: Iterable[PixelLayer], size: tuple[int, int], original: Collage | None
) -> tuple[Collage, list[str]]:
    """A collage of an editor's layers, back to front, on width x height pixels; and what it could not take.

    original   the collage that was exported, perhaps at another scale

    Raises `VertumnusError` for a canvas of other proportions than the original's.
    """
    width, height = size
    if original is None:
        collage = Collage(width=width, height=height)
    else:
        collage = original.model_copy()
        collage.__dict__["layers"] = []
        original.name_layers()
    before = {layer.id: layer for layer in original.layers} if original is not None else {}
    scale = width / collage.width
    if abs(height - collage.height * scale) > 1 + collage.height / collage.width:  # sides are rounded
        raise VertumnusError(
            f"canvas: {width} x {height} pixels are not in the proportions of the original's"
            f" {collage.width} x {collage.height}; give it back its own, or open it alone"
        )
    lost: list[str] = []
    for one in layers:
        if original is not None and one.name == "background":
            continue
        found = NAMED.search(one.name)
        was = before.pop(found[1], None) if found else None
        at = np.array([one.left, one.top])
        shown = {"opacity": min(max(one.opacity, 0.0), 1.0), "visible": one.visible}
        if was is not None and original is not None:
            then, left, top = layer_pixels(original, was, scale)
            offset = _offset(one.pixels, np.asarray(then))
            if offset is not None:
                moved = (at + offset - [left, top]) / scale
                if np.abs(moved).max() < 1e-9:
                    moved = np.zeros(2)
                if abs(shown["opacity"] - was.opacity) < 0.5 / 255:  # as near as bytes say it
                    shown["opacity"] = was.opacity
                layer = was.model_copy(update={"x": float(was.x + moved[0]), "y": float(was.y + moved[1]), **shown})
                collage.layers.append(layer)
                continue
            lost.append(f"{was.name}: was drawn over, and is now a picture of its own")
        kept = was.model_dump(include={"id", "prompt", "noise", "control", "attract", "repel"}) if was else {}
        box = Image.fromarray(one.pixels).getchannel("A").getbbox()
        if box is None:
            continue
        cut = one.pixels[box[1] : box[3], box[0] : box[2]]
        middle = (at + np.array([box[0] + cut.shape[1] / 2, box[1] + cut.shape[0] / 2])) / scale
        collage.layers.append(
            Layer(
                name=NAMED.sub("", one.name) or one.name,
                image=collage.pictures.add_pixels(np.ascontiguousarray(cut)), x=float(middle[0]), y=float(middle[1]),
                scale=1 / scale, locked=bool(one.locked), **shown, **kept,
            )
        )  # fmt: skip
    lost += [f"{layer.name}: is gone" for layer in before.values()]
    collage.name_layers()
    return collage, lost


def _offset(now: NDArray[np.uint8], then: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Where in a layer's pixels those that were written begin, if they are all there is and the same."""
    box = Image.fromarray(now).getchannel("A").getbbox()
    if box is None or (box[3] - box[1], box[2] - box[0]) != then.shape[:2]:
        return None
    part = now[box[1] : box[3], box[0] : box[2]].astype(int)
    there = (part[..., 3:] > 0) & (then[..., 3:] > 0)
    away = np.abs(part - then) * np.concatenate([there.repeat(3, -1), np.ones_like(there)], axis=-1)
    return np.array(box[:2], float) if away.max(initial=0) <= CLOSE else None
