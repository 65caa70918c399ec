"""A start that knows the reference photograph: more and smaller pieces where it has detail.

Points are drawn with a density that rises with detail and spread by Lloyd's iterations (weighted Voronoi stippling,
Secord, 2002); each piece is as large as the cell of its point, so that together they cover the canvas, the largest at
the back. Every piece goes to the cell that its colours suit, and where colours are free it starts in its cell's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize, spatial

from vertumnus.composing.scene import Scene
from vertumnus.render.placements import Placements

Floats = NDArray[np.float64]
SPREADING = 12  # iterations of Lloyd's
EVEN = 0.35  # of the density that is the same everywhere
SMOOTH = 0.012  # of the longer side, over which detail is felt
MATCHED = 3000  # pieces that are matched to cells one by one
OVERLAP = 2.0  # a piece's area, of its cell's


def structured_layout(reference: NDArray[np.float32], scene: Scene, rng: np.random.Generator) -> Placements:
    """Pieces as a photograph wants them.

    reference   H x W x 3, 0 to 1, of the canvas at the guidance's resolution
    """
    count = len(scene.which)
    points, area, colour = cells(reference, count, rng)
    order = np.argsort(-area, kind="stable")
    points, area, colour = points[order], area[order], colour[order]
    own = mean_colours(scene)
    which = scene.which[matched(own[scene.which], colour)]
    scale = np.sqrt(OVERLAP * area) / scene.zoom / np.array([element.unit for element in scene.elements])[which]
    return Placements(
        x=points[:, 0] / scene.zoom,
        y=points[:, 1] / scene.zoom,
        log_scale=np.log(scale),
        rotation=rng.uniform(-np.pi, np.pi, count),
        flip=np.zeros(count, bool),
        which=which,
        gain=colour / np.maximum(own[which], 0.02),
    )


def matched(pieces: Floats, wanted: Floats) -> NDArray[np.intp]:
    """Which piece goes to each cell, so that colours fit best together (least squares); of very many, in their order
    of lightness.

    pieces, wanted   N x 3, colours
    """
    if len(pieces) > MATCHED:
        found = np.empty(len(pieces), np.intp)
        found[np.argsort(wanted.sum(1), kind="stable")] = np.argsort(pieces.sum(1), kind="stable")
        return found
    cost = spatial.distance.cdist(wanted, pieces, "sqeuclidean")
    return np.asarray(optimize.linear_sum_assignment(cost)[1], np.intp)


def cells(reference: NDArray[np.float32], count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Points (x, y) of so many cells of a picture, N x 2; their areas in pixels, N; their mean colours, N x 3."""
    height, width = reference.shape[:2]
    density = detail(reference)
    flat = density.ravel() / density.sum()
    spots = rng.choice(flat.size, count, replace=count > flat.size, p=flat)
    points = np.column_stack([spots % width, spots // width]) + rng.uniform(0, 1, (count, 2))
    rows, columns = np.mgrid[:height, :width]
    places = np.column_stack([columns.ravel(), rows.ravel()]) + 0.5
    nearest = spatial.cKDTree(points).query(places)[1]
    for _ in range(SPREADING):
        weight = np.bincount(nearest, density.ravel(), count)
        filled = weight > 0
        for axis in (0, 1):
            moved = np.bincount(nearest, density.ravel() * places[:, axis], count)
            points[filled, axis] = moved[filled] / weight[filled]
        nearest = spatial.cKDTree(points).query(places)[1]
    area = np.bincount(nearest, minlength=count).astype(np.float64)
    sums = [np.bincount(nearest, reference[..., c].ravel(), count) for c in range(3)]
    colour = np.stack(sums, -1) / np.maximum(area, 1)[:, None]
    return points, np.maximum(area, 1.0), colour


def detail(reference: NDArray[np.float32]) -> Floats:
    """Where a picture has detail, H x W, of mean 1: the smoothed strength of its edges, and something everywhere."""
    luma = reference.astype(np.float64) @ (0.299, 0.587, 0.114)
    strength = np.hypot(ndimage.sobel(luma, 0), ndimage.sobel(luma, 1))
    smooth = ndimage.gaussian_filter(strength, max(1.0, SMOOTH * max(luma.shape)))
    mean = smooth.mean()
    return EVEN + (1 - EVEN) * smooth / mean if mean > 0 else np.ones_like(luma)


def mean_colours(scene: Scene) -> Floats:
    """The mean colour of each element where it is not transparent, M x 3, 0 to 1."""
    coarsest = scene.sprites.table[:, -1]
    texels = np.stack([scene.sprites.texels[start : start + 4] for start in coarsest[:, 0]]).astype(np.float64)
    return texels[:, :3] / np.maximum(texels[:, 3:], 1.0)
