"""Soft edges: an alpha that follows the picture, and colours without the ground's in them.

The alpha near the cut is that of a guided filter (He, Sun, Tang, 2010) worked out small and applied large (He and
Sun, 2015). Colours are estimated by blur fusion (Forte, 2021): near the edge, where object and ground mix, the
object's colour is that of its inside nearby, corrected by what the mixture leaves unexplained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Floats = NDArray[np.floating[Any]]
BAND = 3  # pixels of the small picture to either side of the cut, where alpha is soft
SMOOTH = 2e-4  # the guided filter's epsilon
COARSE = 4  # pixels of a radius that are enough
FAR, NEAR = 0.06, 0.005  # of the longer side: blur fusion's two radii


def refine(small: Floats, shown: Floats, large: Floats) -> Floats:
    """The alpha of the large picture, H x W from 0 to 1.

    small    h x w x 3, what was cut; shown: h x w, how much each of its pixels is object
    large    H x W x 3, the same picture as large as it is kept
    """
    inside = ndimage.binary_erosion(shown > 0.5, iterations=BAND)
    beyond = ~ndimage.binary_dilation(shown > 0.5, iterations=BAND)
    a, b = _guided(small, shown, 2 * BAND)
    size = large.shape[1], large.shape[0]
    alpha = sum(_enlarged(a[..., c], size) * large[..., c] for c in range(3)) + _enlarged(b, size)
    alpha = np.clip((alpha - 0.1) / 0.8, 0, 1)
    sure, never = _enlarged(inside.astype(np.float32), size), _enlarged(beyond.astype(np.float32), size)
    return np.asarray(np.where(sure > 0.5, 1, np.where(never > 0.5, 0, alpha)), np.float32)


def _guided(guide: Floats, wanted: Floats, radius: int) -> tuple[Floats, Floats]:
    """Coefficients of the guided filter by a colour picture: wanted is a . guide + b about each pixel."""

    def mean(image: Floats) -> Floats:
        size = (2 * radius + 1, 2 * radius + 1) + (1,) * (image.ndim - 2)
        return np.asarray(ndimage.uniform_filter(image, size, mode="nearest"), np.float32)

    centre, level = mean(guide), mean(wanted)
    products = guide[..., :, None] * guide[..., None, :]
    spread = mean(products.reshape(*guide.shape[:2], 9)).reshape(*guide.shape[:2], 3, 3)
    spread = spread - centre[..., :, None] * centre[..., None, :] + np.float32(SMOOTH) * np.eye(3, dtype=np.float32)
    together = mean(guide * wanted[..., None]) - centre * level[..., None]
    a = np.linalg.solve(spread, together[..., None])[..., 0]
    b = level - (a * centre).sum(-1)
    return mean(a.astype(np.float32)), mean(b.astype(np.float32))


def _enlarged(image: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def clean_colours(picture: Floats, alpha: Floats) -> Floats:
    """The object's own colours, H x W x 3; where there is nothing of it, those of the object nearby.

    picture   H x W x 3, 0 to 1: alpha times the object's colours and the rest the ground's
    """
    height, width = alpha.shape
    radius = max(1, round(FAR * max(height, width)))
    # Far around, small is as good.
    by = max(1, radius // COARSE)
    size = max(1, width // by), max(1, height // by)
    small = _planes(picture, size)
    front, back = _fusion(small, small, small, _planes(alpha[..., None], size), max(1, radius // by))
    front, back = _planes(front, (width, height)), _planes(back, (width, height))
    front, _ = _fusion(picture, front, back, alpha[..., None], max(1, round(NEAR * max(height, width))))
    return np.where(alpha[..., None] > 0.999, picture, np.clip(front, 0, 1)).astype(np.float32)


def _planes(image: Floats, size: tuple[int, int]) -> Floats:
    """Each channel at another size, (width, height)."""
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(image.shape[2])]
    filters = Image.Resampling.BOX if size[0] < image.shape[1] else Image.Resampling.BILINEAR
    return np.stack([np.asarray(plane.resize(size, filters)) for plane in planes], -1)


def _fusion(picture: Floats, front: Floats, back: Floats, alpha: Floats, radius: int) -> tuple[Floats, Floats]:
    size = (2 * radius + 1, 2 * radius + 1, 1)

    def mean(image: Floats) -> Floats:
        return np.asarray(ndimage.uniform_filter(image, size, mode="nearest"), np.float32)

    weight = mean(alpha)
    near_front = mean(front * alpha) / (weight + np.float32(1e-5))
    near_back = mean(back * (1 - alpha)) / (1 - weight + np.float32(1e-5))
    # Where no object is near, the picture's own: it does not show.
    near_front = np.where(weight > 1e-4, near_front, picture)
    unexplained = picture - alpha * near_front - (1 - alpha) * near_back
    return near_front + alpha * unexplained, near_back
