"""Cutting by GrabCut (Rother, Kolmogorov, Blake, 2004), OpenCV's, from the centre or a box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError

Floats = NDArray[np.floating[Any]]
FRAME = 0.03  # of each side: ground for certain
CENTRE = 0.7  # of each side: an ellipse that is object until it is shown to be ground
ROUNDS = 3  # on half as many pixels a side
BAND = 4  # pixels to either side of that cut, in which one more round on all of them decides


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
    half = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(mask, half, interpolation=cv2.INTER_NEAREST)
    try:
        cv2.grabCut(small, coarse, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
        found = cv2.resize(coarse & 1, (width, height), interpolation=cv2.INTER_NEAREST)  # the odd ones are object
        if found.any() and not found.all():
            square = np.ones((2 * BAND + 1,) * 2, np.uint8)
            inside, beyond = cv2.erode(found, square) > 0, cv2.dilate(found, square) == 0
            open_ = np.where(found > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
            fine = np.where(inside, cv2.GC_FGD, np.where(beyond | sure, cv2.GC_BGD, open_)).astype(np.uint8)
            cv2.grabCut(pixels, fine, None, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
            mask = fine
        else:
            mask = found
    except cv2.error:  # of one colour all over: there is nothing to tell apart
        return np.zeros((height, width), np.float32)
    return ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
