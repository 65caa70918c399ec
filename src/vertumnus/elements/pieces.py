"""The pieces a collage is to be made of: elements in turn, and the layers of an earlier collage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element, make_element
from vertumnus.errors import VertumnusError


class Pieces:
    """Which element each piece is, what it is called, and where it lay before.

    elements   different elements, used in turn
    count      pieces; as many as elements by default
    warm       a collage to start from: its visible layers are pieces, but for those whose pictures are not among
               ``elements``, where elements are given at all and the layer is not locked

    elements   one for each piece
    placed     for each piece its layer in ``warm``, or -1
    locked     for each piece the scale of its layer if that is locked, or 0
    names      for each piece, the element's own with a number from its second use on

    Raises `VertumnusError` for a count below 1.
    """

    def __init__(self, elements: Sequence[Element], count: int | None = None, warm: Collage | None = None) -> None:
        if count is not None and count < 1:
            raise VertumnusError(f"count: must be at least 1, not {count}")
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
            wanted = count if count is not None else free + len(fresh)
            source = fresh or list(elements)
            for n in range(max(0, wanted - free) if source else 0):
                self.elements.append(source[n % len(source)])
                self.placed.append(-1)
                self.locked.append(0.0)
        self.names = self._names()

    def _take_layers(self, warm: Collage, elements: Sequence[Element]) -> None:
        by_image = {element.image: element for element in elements}
        own = elements_of(warm)
        for index, layer in enumerate(warm.layers):
            if layer.visible and (layer.locked or not elements or layer.image in by_image):
                self.elements.append(by_image.get(layer.image, own[layer.image]))
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
        looks: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Gives a collage its layers: hidden ones as they were, the pieces where they lie now, None left out.

        looks   further fields of each piece's layer
        """
        layers: dict[int, Layer] = {}
        new: list[Layer] = []
        if self.warm is not None:
            for index, layer in enumerate(self.warm.layers):
                if not layer.visible:
                    layers[index] = layer.model_copy()
                    collage.pictures.take_from(self.warm.pictures, layer.image)
        looks = looks if looks is not None else [{}] * len(layout)
        for piece, name, at, place, look in zip(self.elements, self.names, self.placed, layout, looks, strict=True):
            if place is None:
                continue
            collage.pictures.add_source(piece.image, piece.source)
            if at >= 0 and self.warm is not None:
                layer = self.warm.layers[at]
                layers[at] = layer if layer.locked else layer.model_copy(update={**place._asdict(), **look})
            else:
                new.append(Layer(name=name, image=piece.image, **place._asdict(), **look))
        collage.layers = [layers[index] for index in sorted(layers)] + new


def elements_of(collage: Collage) -> dict[str, Element]:
    """The pictures of a collage's visible layers as elements, byte for byte the same pictures."""
    found: dict[str, Element] = {}
    for layer in collage.layers:
        if layer.image not in found and layer.visible:
            element = make_element(collage.pictures.read(layer.image), None, layer.image, layer.name, None)
            found[layer.image] = element
    return found
