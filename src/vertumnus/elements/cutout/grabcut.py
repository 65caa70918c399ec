"""Cutting by GrabCut (Rother, Kolmogorov, Blake, 2004), OpenCV's, from the centre or a box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError

Floats = NDArray[np.floating[Any]]
FRAME = 0.03  # of each side: ground for certain
CENTRE = 0.7  # of each side: an ellipse that is object until it is shown to be ground
ROUNDS = 3


def grab_cut(picture: Floats, box: tuple[float, float, float, float] | None = None) -> Floats:
    """Which pixels are object, H x W, 0 or 1.

    picture   H x W x 3, 0 to 1; a few hundred pixels a side are enough
    box       left, top, right, bottom, as shares of the picture, that the object lies in

    Raises `VertumnusError` if OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise VertumnusError("cutout: GrabCut needs OpenCV; pip install 'vertumnus[cutout]'") from None
    height, width = picture.shape[:2]
    rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    if box is None:
        sure = np.minimum.outer(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns)) < FRAME
        likely = np.hypot.outer((rows - 0.5) / CENTRE * 2, (columns - 0.5) / CENTRE * 2) < 1
    else:
        left, top, right, bottom = box
        likely = np.logical_and.outer((rows > top) & (rows < bottom), (columns > left) & (columns < right))
        sure = ~likely
    mask = np.where(sure, cv2.GC_BGD, np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD)).astype(np.uint8)
    if not likely.any() or not sure.any():
        return likely.astype(np.float32)
    cv2.setRNGSeed(0)  # of this thread, so that a photograph is cut the same way whoever comes before it
    pixels = np.ascontiguousarray(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)[..., ::-1])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(pixels, mask, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # of one colour all over: there is nothing to tell apart
        return np.zeros((height, width), np.float32)
    return ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
