"""What the nesting search knows of a silhouette: a distance texture and a few points, about its centroid.

Lengths are in units of the root of the silhouette's area, so one outline serves every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.elements.distance import PAD, DistanceTexture, distance_texture
from vertumnus.elements.element import Element
from vertumnus.elements.probes import farthest_first
from vertumnus.render.sprites import Sprites

Floats = NDArray[np.float32]

FINE = 768  # on the full raster
POINTS = 400  # of an outline; the first few already spread over all of it
FULL = 0.01  # of its area, by which a rectangle may be smaller than its box
EDGE = 0.005  # of the root of the area: how deep the outermost points lie


class Outlines(NamedTuple):
    """M outlines.

    values   M x T x T, signed distance to the silhouette, negative inside, as `DistanceTexture` has it
    half     M x 2, half the texture's extent around the picture's centre
    box      M x 2, half the picture's extent
    centre   M x 2, the silhouette's centroid from the picture's centre; what follows is about the centroid
    points   M x K x 2, within the silhouette: the deepest, then each the farthest from all before it
    number   M, how many of them there are
    reach    M, the farthest that the picture extends from the centroid
    """

    values: Floats
    half: Floats
    box: Floats
    centre: Floats
    points: Floats
    number: NDArray[np.int64]
    reach: NDArray[np.float64]

    @property
    def rectangular(self) -> bool:
        """Whether all of them are rectangles."""
        return bool((4 * self.box.prod(axis=1) < 1 + FULL).all())

    @classmethod
    def of(cls, elements: Sequence[Element], beyond: float = 0.0) -> Outlines:
        """The elements' outlines.

        beyond   how far outside of the silhouettes distances must be right, in the same unit
        """
        textures = [_texture(element, beyond) for element in elements]
        half = np.array([[t.half_width, t.half_height] for t in textures], np.float32)
        box = np.array([[e.width / (2 * e.unit), e.height / (2 * e.unit)] for e in elements], np.float32)
        centre = np.zeros((len(elements), 2), np.float32)
        points = np.zeros((len(elements), POINTS, 2), np.float32)
        count = np.zeros(len(elements), np.int64)
        for m, texture in enumerate(textures):
            centre[m], found = _points(texture)
            count[m] = len(found)
            points[m, : len(found)] = found - centre[m]
        return cls(
            values=np.stack([t.values for t in textures]),
            half=half,
            box=box,
            centre=centre,
            points=points,
            number=count,
            reach=np.hypot(*(box + np.abs(centre)).T).astype(np.float64),
        )


def _texture(element: Element, beyond: float) -> DistanceTexture:
    if beyond <= element.texture.pad:
        return element.texture
    longer = max(element.width, element.height) / element.unit
    pad = max(PAD, beyond / longer)
    return distance_texture(element.alpha, element.level, element.width, element.height, element.area, pad)


def _points(texture: DistanceTexture) -> tuple[Floats, Floats]:
    """The centroid, and the points from the picture's centre."""
    rows, columns = texture.values.shape
    across = ((np.arange(columns) + 0.5) / columns * 2 - 1) * texture.half_width
    down = ((np.arange(rows) + 0.5) / rows * 2 - 1) * texture.half_height
    x, y = np.meshgrid(across, down)
    inside = texture.values < 0
    if not inside.any():  # a hair, finer than a texel
        inside = texture.values == texture.values.min()
    centre = np.array([x[inside].mean(), y[inside].mean()])
    # Points next to the edge are brought to one depth along the gradient of the distance.
    slope_y, slope_x = np.gradient(texture.values, down, across)
    texel = 2 * max(texture.half_width / columns, texture.half_height / rows)
    near = inside & (texture.values > -1.5 * texel)
    steep = np.maximum(np.hypot(slope_x, slope_y), 0.3) ** 2
    step = np.where(near, (texture.values + EDGE) / steep, 0.0)
    moved_x, moved_y = x - step * slope_x, y - step * slope_y
    at = [
        (moved_y / texture.half_height + 1) / 2 * rows - 0.5,
        (moved_x / texture.half_width + 1) / 2 * columns - 0.5,
    ]
    still = ndimage.map_coordinates(texture.values, at, order=1, mode="nearest") < 0
    use = near & still
    x, y = np.where(use, moved_x, x), np.where(use, moved_y, y)
    kept = inside & (use | (texture.values <= -EDGE) | ~near)
    found = np.column_stack([x[kept], y[kept]]) if kept.any() else np.column_stack([x[inside], y[inside]])
    depth = texture.values[kept] if kept.any() else texture.values[inside]
    order = farthest_first(np.ascontiguousarray(found, np.float64), POINTS, int(np.argmin(depth)))
    return centre.astype(np.float32), found[order].astype(np.float32)


def fine_points(sprites: Sprites, centre: Floats, unit: NDArray[np.float64]) -> tuple[Floats, NDArray[np.int64]]:
    """Points for a raster on which silhouettes are exact: M x K x 2 about the centroids, and how many of each.

    sprites   one of each outline; of its finest level the pixels at the silhouette's edge are taken, and some within
    centre    M x 2, the centroids, in units of ``unit``, the roots of the silhouettes' areas in the pictures' pixels
    """
    points = np.zeros((len(unit), FINE, 2), np.float32)
    number = np.zeros(len(unit), np.int64)
    for m, (start, rows, columns) in enumerate(sprites.table[:, 0].tolist()):
        width, height = sprites.size[m].tolist()
        mask = sprites.texels[start : start + rows * columns].reshape(rows, columns) > 127
        if mask.size == 1:
            mask = np.ones((256, 256), bool)
        inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        down, across = np.nonzero(inside == 1)
        inner = np.column_stack(np.nonzero(inside > 1))
        rng = np.random.default_rng(0)
        most = 4 * FINE
        if len(down) > most:
            some = rng.choice(len(down), most, replace=False)
            down, across = down[some], across[some]
        if len(inner):
            some = rng.choice(len(inner), min(FINE // 4, len(inner)), replace=False)
            down, across = np.concatenate([down, inner[some, 0]]), np.concatenate([across, inner[some, 1]])
        if not len(down):
            continue
        x = ((across + 0.5) / mask.shape[1] - 0.5) * width / unit[m] - centre[m, 0]
        y = ((down + 0.5) / mask.shape[0] - 0.5) * height / unit[m] - centre[m, 1]
        found = np.column_stack([x, y]).astype(np.float64)
        order = farthest_first(found, FINE, -1)
        number[m] = len(order)
        points[m, : len(order)] = found[order]
    return points, number
