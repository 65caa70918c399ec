"""One layer of a collage by itself, in floating point: what is worked on before layers are laid over each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.picture import picture_size
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at, premultiplied


def render_layer(
    collage: Collage, layer: Layer, scale: float = 1.0
) -> tuple[tuple[slice, slice], NDArray[np.float32]] | None:
    """One layer alone: the rows and columns of the picture that it may reach, and its premultiplied RGBA there, its
    opacity and gain in it. None if it lies outside the canvas.
    """
    width, height = picture_size(collage, scale)
    size = collage.pictures.size(layer.image)
    reach = 0.5 * layer.scale * float(np.hypot(*size)) * scale + 1
    spans = []
    for middle, most in ((layer.y * scale, height), (layer.x * scale, width)):
        first, last = max(0, int(np.floor(middle - reach))), min(most, int(np.ceil(middle + reach)))
        if first >= last:
            return None
        spans.append(slice(first, last))
    rows, columns = spans
    level = level_at(layer.scale * scale)
    pixels = mip_level(premultiplied(collage.pictures.image(layer.image)), level)
    renderer = SpriteRenderer(
        Sprites.of([pixels], [size], [level]), columns.stop - columns.start, rows.stop - rows.start
    )
    place = layer.placement
    moved = place._replace(
        x=place.x * scale - columns.start, y=place.y * scale - rows.start, scale=place.scale * scale
    )
    drawn = renderer.forward(Placements.of([moved], [0], opacity=[layer.opacity], gain=[layer.gain]))
    return (rows, columns), drawn
