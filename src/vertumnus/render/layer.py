"""One layer of a collage by itself, in floating point: what is worked on before layers are laid over each other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.render.picture import StripRenderer, picture_size
from vertumnus.render.strip import Strip


def render_layer(
    collage: Collage, layer: Layer, scale: float = 1.0
) -> tuple[tuple[slice, slice], NDArray[np.float32]] | None:
    """One layer alone: the rows and columns of the picture that it may reach, and its premultiplied RGBA there, its
    opacity and tone in it. None if it lies outside the canvas.
    """
    width, height = picture_size(collage, scale)
    scene = StripRenderer(collage, scale, layers=[layer])
    if not scene.shown:
        return None
    one = scene.shown[0]
    if one.cell is not None:
        left, right = one.cell.box[0], one.cell.box[2]
    else:
        assert one.ready is not None
        x, reach = one.ready.pose[0], one.ready.reach[0]
        left, right = math.floor(x - reach), math.ceil(x + reach) + 1
    rows = slice(max(0, one.rows[0]), min(height, one.rows[1]))
    columns = slice(max(0, left), min(width, right))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    strip = Strip(scene.ground, rows.start, rows.stop - rows.start, columns.stop - columns.start, columns.start)
    scene.lay(0, strip)
    return (rows, columns), strip.floats()
