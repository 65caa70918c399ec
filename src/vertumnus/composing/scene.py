"""The pieces of a composition as sprites small enough for the guidance's resolution, and the canvas they make."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.geometry import initial_scale
from vertumnus.document.pictures import Pictures
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.splat import SplatRenderer
from vertumnus.render.sprites import Sprites, level_at, premultiplied
from vertumnus.render.transparency import TransparencyRenderer

Canvas = NDArray[np.float32]

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


def make_scene(
    pieces: Sequence[Element], size: tuple[int, int], resolution: int, library: Sequence[Element] = ()
) -> Scene:
    """Makes pieces ready for composing.

    pieces       one element each; the same one may come many times
    resolution   guidance pixels of the canvas's longer side
    library      further elements that pieces may come to show
    """
    if library:
        # By picture and in the library's order, whatever the pieces show by now.
        by_image = {element.image: element for element in [*library, *pieces]}
        index = {image: n for n, image in enumerate(by_image)}
        elements = list(by_image.values())
        which = np.array([index[piece.image] for piece in pieces], np.int32)
    else:
        different = {id(piece): piece for piece in pieces}
        places = {key: n for n, key in enumerate(different)}
        elements = list(different.values())
        which = np.array([places[id(piece)] for piece in pieces], np.int32)
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


class ComposeRenderer:
    """Contract 1 for composing: a canvas of five channels.

    The first four are the layers over each other, premultiplied, in a fixed order (standard alpha blending), or by a
    render method of CLIP-CLOP; the fifth is A_accum, eq. (10): the sum of the coverages of the pieces as they are
    before they are squeezed and sheared, or, where nobody counts, the fourth again.

    kernel_sigma   standard deviation of the paper's Gaussian kernel in raster pixels; 0 draws sharply
    gap            canvas pixels that pieces are grown by in the fifth channel
    method         "alpha", or one of `vertumnus.render.transparency.METHODS`
    counted        whether anybody looks at the fifth channel

    Raises `VertumnusError` for a kernel and a method, which do not go together.
    """

    def __init__(
        self,
        sprites: Sprites,
        textures: Textures,
        size: tuple[int, int],
        zoom: float,
        kernel_sigma: float = 0.0,
        gap: float = 0.0,
        method: str = "alpha",
        counted: bool = True,
    ) -> None:
        if kernel_sigma and method != "alpha":
            raise VertumnusError(f"kernel_sigma: the splatting renderer draws alpha alone, not {method}")
        self.zoom, self.counted = zoom, counted
        self.picture: SpriteRenderer | SplatRenderer | TransparencyRenderer
        if kernel_sigma:
            self.picture = SplatRenderer(sprites, *size, zoom, kernel_sigma)
        elif method == "alpha":
            self.picture = SpriteRenderer(sprites, *size, zoom)
        else:
            self.picture = TransparencyRenderer(sprites, *size, method, zoom)  # type: ignore[arg-type]
        self.coverage = CoverageRenderer(textures, *size, zoom, gap)

    def forward(self, placements: Placements) -> Canvas:
        """H x W x 5."""
        picture = self.picture.forward(placements)
        if not self.counted:
            return np.concatenate([picture, picture[..., 3:]], axis=-1)
        return np.concatenate([picture, self.coverage.forward(placements)[..., None]], axis=-1)

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the placements last rendered."""
        by_picture = self.picture.backward(np.ascontiguousarray(grad_canvas[..., :4]))
        if not self.counted:
            return by_picture
        return by_picture.plus(self.coverage.backward(np.ascontiguousarray(grad_canvas[..., 4])))
