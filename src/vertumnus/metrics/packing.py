"""How well elements fill a shape: coverage, overlap, spill and spread of area.

All are counted on a raster of twice the canvas size, where a pixel belongs to an element's silhouette if its
sampled alpha is above one half (`vertumnus.render.silhouette`). Opacity and colour do not matter; hidden layers
do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage
from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError
from vertumnus.render.silhouette import COUNT, EVERYWHERE, NO_LIMIT, PUT, walk
from vertumnus.render.sprites import Sprites, alpha_sprite, level_at
from vertumnus.shapes import WHOLE, Shape, parse_shape

RASTER = 2  # raster pixels to a canvas pixel
ROWS = 256  # of the raster counted at once
COUNTED = 4  # times the raster that a layer's picture may be, for what lies beyond the raster to be counted


class PackingMeasure(NamedTuple):
    """What is counted.

    coverage  share of the shape's pixels in at least one silhouette
    overlap   pixels in two silhouettes or more, over the silhouettes' summed area
    spill     silhouette area outside the shape, over the same
    area_cv   standard deviation of the silhouettes' areas over their mean
    """

    coverage: float
    overlap: float
    spill: float
    area_cv: float


def measure_silhouettes(
    placements: Sequence[Placement],
    which: Sequence[int],
    sprites: Sprites,
    areas: Sequence[float],
    mask: NDArray[np.bool_],
) -> PackingMeasure:
    """Counts placed silhouettes on a mask of `RASTER` times the canvas.

    which    the sprite that each placement shows
    areas    each sprite's silhouette area in its own pixels
    """
    taken = np.zeros(mask.shape, np.uint16)
    nothing: NDArray[np.uint16] | None = None
    size = np.empty(len(placements))
    summed = beyond = 0
    for n, (place, sprite) in enumerate(zip(placements, which, strict=True)):
        turn = np.deg2rad(place.rotation)
        drawn = (
            place.x * RASTER, place.y * RASTER, place.scale * RASTER, np.cos(turn), np.sin(turn), place.flip,
            np.int32(sprite), sprites.texels, sprites.table, sprites.size,  # of the type that packing has it in
        )  # fmt: skip
        within = walk(PUT, NO_LIMIT, EVERYWHERE, taken, *drawn)
        summed += within
        size[n] = areas[sprite] * (place.scale * RASTER) ** 2
        reach = 0.5 * float(np.hypot(*sprites.size[sprite])) * drawn[2] + 1
        if reach <= min(drawn[0], drawn[1], mask.shape[1] - drawn[0], mask.shape[0] - drawn[1]):
            continue
        if np.prod(sprites.size[sprite] * place.scale * RASTER) <= COUNTED * max(taken.size, 1):
            # On empty ground only what lies beyond the raster counts as taken.
            nothing = np.zeros(taken.shape, taken.dtype) if nothing is None else nothing  # pages as needed
            beyond += walk(COUNT, NO_LIMIT, EVERYWHERE, nothing, *drawn)
        else:  # of what is far larger its area tells, and counting would not end
            beyond += max(round(size[n]) - within, 0)
    summed += beyond
    free = covered = twice = 0
    for top in range(0, len(mask), ROWS):
        some, inside = taken[top : top + ROWS], mask[top : top + ROWS]
        free += int(np.count_nonzero(inside))
        covered += int(np.count_nonzero((some > 0) & inside))
        twice += int(np.count_nonzero(some > 1))
        beyond += int((some * ~inside).sum(dtype=np.int64))
    return PackingMeasure(
        coverage=covered / max(free, 1),
        overlap=twice / max(summed, 1),
        spill=beyond / max(summed, 1),
        area_cv=float(size.std() / size.mean()) if len(size) else 0.0,
    )


def measure_packing(collage: Collage, shape: Shape) -> PackingMeasure:
    """Counts a collage's visible layers against a shape, from their pictures' alpha.

    Raises `VertumnusError` if the shape is empty or a picture cannot be read.
    """
    layers = [layer for layer in collage.layers if layer.visible]
    # Of a picture what is cut out of it counts, as high as it is squeezed.
    shown = [(layer.image, layer.crop, layer.squeeze) for layer in layers]
    kinds = {kind: n for n, kind in enumerate(dict.fromkeys(shown))}
    largest = dict.fromkeys(kinds, 0.0)
    for layer, kind in zip(layers, shown, strict=True):
        largest[kind] = max(largest[kind], layer.scale)
    alphas, sizes, first, areas = [], [], [], []
    for (name, crop, squeeze), scale in largest.items():
        alpha = np.asarray(collage.pictures.image(name).getchannel("A"))
        if crop is not None:
            left, top, width, height = crop
            alpha = np.ascontiguousarray(alpha[top : top + height, left : left + width])
            if not alpha.size:
                raise VertumnusError(f"crop: {list(crop)} lies outside {name}")
        areas.append(float(np.count_nonzero(alpha > 127)) * squeeze)
        texels, level = alpha_sprite(alpha, level_at(scale * RASTER))
        alphas.append(texels)
        first.append(level)
        sizes.append((alpha.shape[1], alpha.shape[0] * squeeze))
    return measure_silhouettes(
        [layer.placement for layer in layers],
        [kinds[kind] for kind in shown],
        Sprites.of(alphas, sizes, first),
        areas,
        shape.mask(collage.width * RASTER, collage.height * RASTER),
    )


def overlap_ratio(collage: Collage) -> float:
    """Overlap Ratio of SCORE (AAAI 2026, "Evaluation Metrics", Table 2): "the total area of overlapping regions
    between rendered elements divided by the sum of element areas".

    A pixel covered three times counts once, as overlapping. Raises `VertumnusError` if a picture cannot be read.
    """
    return measure_packing(collage, parse_shape(WHOLE)).overlap
