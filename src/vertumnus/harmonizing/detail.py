"""Layers' fine detail put back into a result: the band between two Gaussians, where a layer stayed in its place."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from vertumnus.harmonizing.layers import Pixels, Stack
from vertumnus.harmonizing.maps import Floats

FINE, COARSE = 0.5, 4.0  # pixels, the Gaussians' standard deviations
PLACE = 0.02  # of the longer side: the deviation at which places are compared
ALIKE = 0.5  # correlation from which on a layer counts as having stayed


def with_detail(stack: Stack, picture: Pixels, share: float) -> Pixels:
    """The result with a share of its band of detail replaced by the composite's, inside layers that stayed.

    picture   H x W x 3
    share     0 for none, 1 for all of it

    The band is G(FINE) - G(COARSE). It fades towards a layer's border, so that what was a hard edge is not put back.
    """
    composite = stack.composite().astype(np.float32)
    result = picture.astype(np.float32)
    wanted = np.zeros(picture.shape[:2], np.float32)
    for index in range(len(stack.layers)):
        seen = stack.seen(index)
        if seen.any() and stayed(composite, result, seen):
            # From 0 at the border to 1 as far in as the coarse Gaussian reaches.
            wanted = np.maximum(wanted, np.clip(ndimage.distance_transform_edt(seen) / (2 * COARSE), 0, 1))
    mixed = result + share * wanted[..., None] * (band(composite) - band(result))
    return np.where(wanted[..., None] > 0, np.clip(np.floor(mixed + 0.5), 0, 255), picture).astype(np.uint8)


def band(picture: Floats) -> Floats:
    """G(FINE) - G(COARSE) of H x W x 3."""
    fine, coarse = (ndimage.gaussian_filter(picture, (s, s, 0), mode="nearest") for s in (FINE, COARSE))
    return np.asarray(fine - coarse)


def stayed(composite: Floats, result: Floats, seen: np.ndarray) -> bool:
    """Whether what is drawn about a layer's place has the layer's coarse form: the correlation of both, blurred."""
    around = ndimage.binary_dilation(seen, iterations=max(2, round(4 * PLACE * max(seen.shape))))
    sigma = PLACE * max(seen.shape)
    before, after = (
        ndimage.gaussian_filter(one, (sigma, sigma, 0), mode="nearest")[around] for one in (composite, result)
    )
    before, after = before - before.mean(0), after - after.mean(0)
    norm = float(np.sqrt((before**2).sum() * (after**2).sum()))
    return norm > 0 and float((before * after).sum()) / norm >= ALIKE
