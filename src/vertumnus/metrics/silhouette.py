"""A judge that names silhouettes: nearest neighbour among drawings of known nouns, by shape alone.

SCORE (AAAI 2026) asks people what they recognise. This asks the nearest icon instead, of a font that nothing which
made the collage has seen. Shape is compared in three ways that fail differently: where there is ink (blurred), which
way its edges run (histograms of oriented gradients, Dalal and Triggs 2005), and how far the edge is (distance field).
Some drawings, such as plain round ones, are near to everything; how crowded it is around a drawing is taken off its
distances (as CSLS does, Conneau et al. 2018, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.feature import hog

from vertumnus.errors import VertumnusError

# Pixels of the raster on which a silhouette is cleaned.
CLEAN_SIDE = 120  # longer side of its ink
SMOOTH = 1.5  # standard deviation of the blur that takes off small teeth
CLOSE = 6  # gaps narrower than this are closed
# Pixels of the raster on which it is compared.
SIDE = 48  # longer side of its ink
BORDER = 4  # around that
FINE, COARSE = 8, 14  # cells of the histograms
REACH = 8  # beyond which distance from the edge no longer counts

WEIGHTS = (0.7, 1.6, 1.0, 1.0)  # of ink, fine edges, coarse edges and distance
CROWD = 0.5  # of a drawing's mean distance from those around it, taken off
NEIGHBOURS = 20  # drawings of other nouns that are around one
TURNS = (0.0, -10.0, 10.0)  # degrees by which what is judged may stand askew

Floats = NDArray[np.float32]


class SilhouetteJudge:
    """Names silhouettes by the nearest of those it knows, mirrored or a little askew.

    nouns  what it knows, each once, in the order given
    """

    def __init__(self, entries: Iterable[tuple[str, NDArray[np.floating]]]) -> None:
        """Learns drawings.

        entries  (noun, H x W ink from 0 to 1), any number of a noun and of any size

        Raises `VertumnusError` if there are none, or one has no ink.
        """
        known = [(noun, silhouette_features(ink)) for noun, ink in entries]
        if not known:
            raise VertumnusError("entries: a judge needs at least one drawing to know")
        names = [noun for noun, _ in known]
        self.nouns = tuple(dict.fromkeys(names))
        place = {noun: n for n, noun in enumerate(self.nouns)}
        self._which = np.array([place[noun] for noun in names])
        self._features = np.stack([features for _, features in known])
        self._crowd = self._crowding()

    def rank(self, ink: NDArray[np.floating]) -> list[tuple[str, float]]:
        """Every noun and its distance from a silhouette, nearest first.

        ink  H x W from 0 to 1, such as a collage's alpha

        The distance is that of the noun's nearest drawing: squared, of the features, less `CROWD` of the mean that
        the drawing has from its `NEIGHBOURS` of other nouns; so it may be below 0. Raises `VertumnusError` if
        there is no ink.
        """
        views = np.stack([silhouette_features(view) for view in _views(ink)])
        distance = 2 - 2 * (self._features @ views.T).max(axis=1) - self._crowd
        nearest = np.full(len(self.nouns), np.inf)
        np.minimum.at(nearest, self._which, distance)
        order = np.argsort(nearest, kind="stable")
        return [(self.nouns[n], float(nearest[n])) for n in order]

    def margin(self, ink: NDArray[np.floating], noun: str) -> float:
        """How much nearer a silhouette is to a noun than to any other: above 0 if it is named right.

        Raises `VertumnusError` if the noun is not known, is the only one known, or there is no ink.
        """
        distance = dict(self.rank(ink))
        if noun not in distance or len(distance) < 2:
            raise VertumnusError(f"noun: the judge does not know {noun!r} apart from others")
        own = distance.pop(noun)
        return min(distance.values()) - own

    def _crowding(self) -> NDArray[np.float64]:
        """What is taken off the distances of each drawing."""
        squares = 2 - 2 * (self._features @ self._features.T).astype(np.float64)
        squares[self._which[:, None] == self._which] = np.inf
        around = np.sort(squares, axis=1)[:, :NEIGHBOURS]
        counted = np.isfinite(around)
        total = np.where(counted, around, 0).sum(axis=1)
        return CROWD * total / np.maximum(counted.sum(axis=1), 1)


def silhouette_features(ink: NDArray[np.floating]) -> Floats:
    """A silhouette's shape as one vector of length one, whatever its size and place.

    ink  H x W from 0 to 1

    Raises `VertumnusError` if there is no ink.
    """
    shape = fitted_silhouette(ink)
    inside = shape > 0.5
    distance = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    parts: tuple[NDArray[np.floating], ...] = (
        ndimage.gaussian_filter(shape, 2.0),
        _edges(ndimage.gaussian_filter(shape, 1.0), FINE),
        _edges(ndimage.gaussian_filter(shape, 1.5), COARSE),
        np.clip(distance / REACH, -1, 1),
    )
    total = np.sqrt(np.square(WEIGHTS).sum())
    scaled = [weight / total * _unit(part.ravel()) for weight, part in zip(WEIGHTS, parts, strict=True)]
    return np.concatenate(scaled).astype(np.float32)


def _edges(shape: NDArray[np.floating], cell: int) -> NDArray[np.floating]:
    """Histograms of the shape's edge directions in cells of that many pixels."""
    found: NDArray[np.floating] = hog(shape, pixels_per_cell=(cell, cell), cells_per_block=(2, 2))
    return found


def fitted_silhouette(ink: NDArray[np.floating]) -> Floats:
    """The silhouette without small teeth and gaps, as large as fits a square of `SIDE` and its border, 0 to 1."""
    mask = np.asarray(ink) > 0.5
    if not mask.any():
        raise VertumnusError("ink: there is none, so there is no silhouette to judge")
    clean = _resized(_cropped(mask), CLEAN_SIDE)
    clean = ndimage.gaussian_filter(np.pad(clean, CLOSE + 2), SMOOTH)
    # Thin lines may have faded below one half; what is left of them counts.
    taken = clean > min(0.5, 0.9 * float(clean.max()))
    grown = ndimage.distance_transform_edt(~taken) <= CLOSE / 2
    closed = ndimage.distance_transform_edt(grown) > CLOSE / 2
    fitted = _resized(_cropped(closed | taken), SIDE)
    whole = np.zeros((SIDE + 2 * BORDER,) * 2, np.float32)
    top, left = ((len(whole) - side) // 2 for side in fitted.shape)
    whole[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return whole


def _views(ink: NDArray[np.floating]) -> list[Floats]:
    """The ink as it is and mirrored, each turned a little."""
    picture = Image.fromarray(np.asarray(ink, np.float32))
    turned = [
        np.asarray(picture.rotate(turn, Image.Resampling.BILINEAR, expand=True) if turn else picture)
        for turn in TURNS
    ]
    return [view for each in turned for view in (each, each[:, ::-1])]


def _cropped(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(mask: NDArray[np.bool_], side: int) -> Floats:
    """The mask at a longer side, 0 to 1."""
    ratio = side / max(mask.shape)
    size = max(1, round(mask.shape[1] * ratio)), max(1, round(mask.shape[0] * ratio))
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)


def _unit(part: NDArray[np.floating]) -> NDArray[np.floating]:
    return part / max(float(np.linalg.norm(part)), 1e-9)
