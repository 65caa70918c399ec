"""The pieces a collage is to be made of: elements in turn, and the layers of an earlier collage."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element, stored_element
from vertumnus.errors import VertumnusError

GROUND = "background"  # the id of the layer that shows a background's picture: no piece


class Pieces:
    """Which element each piece is, what it is called, and where it lay before.

    elements   different elements, used in turn
    count      pieces; as many as elements by default
    warm       a collage to start from: its visible layers are pieces, and elements that it does not show join them,
               ``count`` of them

    elements   one for each piece
    placed     for each piece its layer in ``warm``, or -1
    locked     for each piece the scale of its layer if that is locked, or 0
    names      for each piece, the element's own with a number from its second use on

    Raises `VertumnusError` for a count below 1.
    """

    def __init__(self, elements: Sequence[Element], count: int | None = None, warm: Collage | None = None) -> None:
        if count is not None and count < 1:
            raise VertumnusError(f"`count`: must be at least 1, not {count}")
        self.warm = warm
        self.elements: list[Element] = []
        self.placed: list[int] = []
        self.locked: list[float] = []
        if warm is not None:
            self._take_layers(warm, elements)
        used = {piece.image for piece in self.elements}
        fresh = [element for element in elements if element.image not in used]
        free = self.locked.count(0.0)
        if warm is None or fresh or count is not None:
            # Beside layers that all stay, every element is new.
            source = (fresh if free or count is None else []) or list(elements)
            new = (count if count is not None else len(fresh)) - (0 if fresh else free)
            for n in range(max(0, new) if source else 0):
                self.elements.append(source[n % len(source)])
                self.placed.append(-1)
                self.locked.append(0.0)
        self.names = self._names()

    def copy(self) -> Self:
        """The same pieces, to be changed apart from these."""
        other = copy(self)
        other.elements, other.names = list(self.elements), list(self.names)
        other.placed, other.locked = list(self.placed), list(self.locked)
        return other

    def add(self, element: Element) -> None:
        """One more piece, at the end."""
        again = sum(piece.image == element.image for piece in self.elements)
        self.elements.append(self._same(element))
        self.names.append(element.name if not again else f"{element.name} {again + 1}")
        self.placed.append(-1)
        self.locked.append(0.0)

    def clear(self) -> None:
        """Takes all pieces out."""
        self.elements, self.names, self.placed, self.locked = [], [], [], []

    def remove(self, piece: int) -> None:
        """Takes a piece out."""
        for column in (self.elements, self.names, self.placed, self.locked):
            del column[piece]  # type: ignore[attr-defined]

    def replace(self, piece: int, element: Element) -> None:
        """Gives a piece another picture."""
        self.elements[piece] = self._same(element)
        self.names[piece] = element.name

    def _same(self, element: Element) -> Element:
        """The element itself, or an equal one that is there: uses of a picture share what was worked out of it."""
        for known in self.elements:
            if (known.image, known.name, known.weight) == (element.image, element.name, element.weight):
                return known
        return element

    def _take_layers(self, warm: Collage, elements: Sequence[Element]) -> None:
        by_image = {element.image: element for element in elements}
        own = elements_of(warm, but=by_image)
        for index, layer in enumerate(warm.layers):
            if layer.visible and layer.id != GROUND:
                self.elements.append(by_image.get(layer.image) or own[layer.image])
                self.placed.append(index)
                self.locked.append(layer.scale if layer.locked else 0.0)

    def _names(self) -> list[str]:
        seen: dict[str, int] = {}
        names = []
        for piece, layer in zip(self.elements, self.placed, strict=True):
            if layer >= 0 and self.warm is not None:
                names.append(self.warm.layers[layer].name)
                continue
            seen[piece.name] = again = seen.get(piece.name, 0) + 1
            names.append(piece.name if again == 1 else f"{piece.name} {again}")
        return names

    def add_to(
        self,
        collage: Collage,
        layout: Sequence[Placement | None],
        pinned: Sequence[bool] | None = None,
        looks: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Gives a collage its layers: hidden ones as they were, the pieces where they lie now, None left out.

        pinned   for each piece whether its layer is locked; by default those that were
        looks    for each piece further fields of its layer
        """
        layers: dict[int, Layer] = {}
        new: list[Layer] = []
        if self.warm is not None:
            for index, layer in enumerate(self.warm.layers):
                if not layer.visible:
                    layers[index] = layer.model_copy()
                    collage.pictures.take_from(self.warm.pictures, layer.image)
        stays = [scale > 0 for scale in self.locked] if pinned is None else pinned
        for n, (piece, place) in enumerate(zip(self.elements, layout, strict=True)):
            if place is None:
                continue
            piece.give_to(collage.pictures)
            at, look = self.placed[n], looks[n] if looks is not None else {}
            if at < 0 or self.warm is None:
                fields: dict[str, Any] = {
                    "name": self.names[n],
                    "image": piece.image,
                    "prompt": piece.label or None,
                }
                new.append(Layer(**fields, locked=stays[n], **place._asdict(), **look))
                continue
            layer = self.warm.layers[at]
            # Packing knows no squeeze and shear; a layer that stays where it is keeps its own.
            still = np.allclose(layer.placement[:5], place[:5])
            if not (layer.locked and stays[n] and layer.image == piece.image and still):
                change = {**place._asdict(), **look, "image": piece.image, "name": self.names[n], "locked": stays[n]}
                layer = layer.model_copy(update=change)
            layers[at] = layer
        collage.layers = [layers[index] for index in sorted(layers)] + new


def elements_of(collage: Collage, but: Container[str] = ()) -> dict[str, Element]:
    """The pictures of a collage's visible layers as elements, byte for byte the same pictures.

    but   names of pictures that are not asked for
    """
    found: dict[str, Element] = {}
    for layer in collage.layers:
        if layer.visible and layer.id != GROUND and layer.image not in found and layer.image not in but:
            element = stored_element(collage.pictures, layer.image, layer.name)
            found[layer.image] = element
    return found
