"""The pieces of a composition as arrays: which pictures, as sprites small enough for the guidance's resolution."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.terms import initial_scale
from vertumnus.document.pictures import Pictures
from vertumnus.elements.element import Element
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render.coverage import Textures
from vertumnus.render.sprites import Sprites, level_at, premultiplied

LARGEST = 2.0  # of the size of eq. (5), up to which a piece is drawn from its finest texels


@dataclass(frozen=True)
class Scene:
    """N pieces; a piece is one use of an element.

    elements   the M different ones
    which      N, the element each piece is
    size       (width, height) of the canvas, pixels
    zoom       guidance pixels to a canvas pixel
    longer     M, the elements' longer sides in their own pixels
    unit       N, root of each piece's silhouette area at scale 1
    """

    elements: list[Element]
    which: NDArray[np.int32]
    size: tuple[int, int]
    zoom: float
    longer: NDArray[np.float64]
    unit: NDArray[np.float64]
    sprites: Sprites
    textures: Textures


def make_scene(pieces: Sequence[Element], size: tuple[int, int], resolution: int) -> Scene:
    """Makes pieces ready for composing.

    pieces       one element each; the same one may come many times
    resolution   guidance pixels of the canvas's longer side
    """
    different = {id(piece): piece for piece in pieces}
    index = {key: n for n, key in enumerate(different)}
    elements = list(different.values())
    which = np.array([index[id(piece)] for piece in pieces], np.int32)
    zoom = resolution / max(size)
    longer = np.array([max(element.width, element.height) for element in elements], np.float64)
    largest = LARGEST * initial_scale(len(pieces)) * min(size) * zoom / longer
    levels = [level_at(scale) for scale in largest]
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(_sprite, elements, levels))
    return Scene(
        elements=elements,
        which=which,
        size=size,
        zoom=zoom,
        longer=longer,
        unit=np.array([element.unit for element in elements])[which],
        sprites=Sprites.of(pictures, [(element.width, element.height) for element in elements], levels),
        textures=Textures.of([e.texture for e in elements], [e.unit for e in elements]),
    )


def _sprite(element: Element, level: int) -> NDArray[np.uint8]:
    pictures = Pictures()
    pictures.add_source(element.image, element.source)
    return mip_level(premultiplied(pictures.image(element.image)), level)
