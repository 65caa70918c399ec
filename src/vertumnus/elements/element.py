"""`Element`: a picture made ready for placing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.pictures import Pictures, content_name
from vertumnus.elements.distance import DistanceTexture, distance_texture
from vertumnus.elements.probes import Probes, make_probes
from vertumnus.elements.read import keep_picture, store_picture
from vertumnus.imaging.look import Look, look_of_file
from vertumnus.imaging.pyramid import mip_level, shrink_below

ALPHA_SIDE = 384  # texels of the longer side of the alpha kept with an element
MAX_SIDE = 2048  # pixels of the longer side of a stored picture


@dataclass(frozen=True, eq=False)
class Element:
    """A picture and what placing it needs.

    name      what a person calls it: the file's name without suffix
    image     its name in a collage, the hash of its bytes
    source    those bytes, or the file that holds them
    width, height   of the stored picture, pixels
    area      pixels whose alpha is above one half: its silhouette
    alpha     mip level ``level`` of its alpha, 0 to 255; one texel 255 for an opaque picture
    texture   distance to the silhouette
    probes    points inside the silhouette, to tell what does not fit
    look      what tells pictures that look alike
    weight    relative area it should get
    label     what it shows, in words, where that is known; its layers' prompt
    drawing   the SVG that the picture was made of, on a canvas of its pixels (`vertumnus.elements.drawing`), or None
    """

    name: str
    image: str
    source: bytes | Path
    width: int
    height: int
    area: float
    alpha: NDArray[np.uint8]
    level: int
    texture: DistanceTexture
    probes: Probes
    look: Look
    weight: float = 1.0
    label: str = ""
    drawing: bytes | None = None

    @property
    def opaque(self) -> bool:
        """Whether the silhouette is the whole rectangle."""
        return self.alpha.size == 1

    @cached_property
    def unit(self) -> float:
        """The root of the silhouette's area, in the picture's pixels: its size at scale 1."""
        return float(np.sqrt(self.area))

    def weighted(self, weight: float) -> Element:
        """The same element with another weight."""
        return replace(self, weight=weight)

    def give_to(self, pictures: Pictures) -> None:
        """Gives a collage its picture, and the drawing that it was made of."""
        pictures.add_source(self.image, self.source)
        if self.drawing is not None:
            pictures.add_drawing(self.image, self.drawing)

    def fine_alpha(self, level: int) -> tuple[NDArray[np.uint8], int]:
        """The alpha at mip level ``level`` or finer, for an element that is drawn large."""
        if self.opaque or level >= self.level:
            return self.alpha, self.level
        pictures = Pictures()
        pictures.add_source(self.image, self.source)
        alpha = np.asarray(pictures.image(self.image).getchannel("A"))
        return mip_level(alpha, level), level


def make_element(
    data: bytes,
    source: Path | None,
    where: str,
    name: str,
    max_side: int | None = MAX_SIDE,
    drawing: bytes | None = None,
) -> Element:
    """Makes an encoded picture ready for placing.

    data      the file's bytes, of any format `vertumnus.elements.read` knows
    source    the file, kept by reference where it serves unchanged; None to keep the bytes
    where     what to call it in an error
    max_side  a longer picture is shrunk to this; None to keep the picture exactly as it is
    drawing   what the picture was made of, where that is known; of an SVG file it is that drawing

    Raises `VertumnusError` if it cannot be used; see `store_picture`.
    """
    stored = keep_picture(data, where) if max_side is None else store_picture(data, where, max_side)
    kept = stored.encoded if stored.encoded is not None else data
    alpha = stored.alpha
    height, width = alpha.shape
    area = float(np.count_nonzero(alpha > 127))
    small, level = shrink_below(alpha, ALPHA_SIDE)
    if alpha.min() == 255:
        small, level = np.full((1, 1), 255, np.uint8), 0
    return Element(
        name=name,
        image=content_name(hashlib.sha256(kept).hexdigest(), stored.suffix),
        source=source if stored.encoded is None and source is not None else kept,
        width=width,
        height=height,
        area=area,
        alpha=small,
        level=level,
        texture=distance_texture(small, level, width, height, area),
        probes=make_probes(small, level, width, height),
        look=look_of_file(kept, where),
        drawing=stored.drawing if drawing is None else drawing,
    )


def stored_element(pictures: Pictures, image: str, name: str) -> Element:
    """A picture that a collage holds as an element, byte for byte, with its drawing."""
    return make_element(pictures.read(image), None, image, name, None, pictures.drawing(image))
