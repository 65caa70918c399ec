"""Harmonising without any model: every layer's tone fitted to what is around it, and seams smoothed.

Tone is an affine change of each channel in linear light, so it can be kept in the document (`gain`, `offset`) and
undone there; the statistics matched are those of Reinhard et al. 2001, mean and standard deviation, against the
picture in a ring around the layer. Seams are blended as by Pérez et al. 2003: along them the picture is solved for,
with the gradients it had on both sides and none across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.harmonizing.layers import NOBODY, Pixels, Stack
from vertumnus.imaging.poisson import divergence, solve_poisson

Floats = NDArray[np.float32]
RING = 0.12  # of the longer side, how far around a layer its surroundings reach
GAINS = (0.5, 2.0)  # bounds: beyond them a match is a mistake
LEAST = 32  # pixels that statistics are taken from, at least
BAND = 0.012  # of the longer side, to each side of a seam, in which it is blended


class Tone(NamedTuple):
    """An affine change per channel in linear light: ``gain * value + offset``."""

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]


SAME = Tone((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def linear(srgb: Pixels) -> Floats:
    """SRGB bytes to linear light from 0 to 1 (IEC 61966-2-1)."""
    value = srgb.astype(np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def match_tones(stack: Stack, strength: list[float]) -> list[Tone]:
    """A tone for every layer, from its surroundings.

    strength   of each layer, 0 (left as it is) to 1 (mean and deviation become those around it)

    The surroundings are what other layers show within `RING` of it; the plain ground says nothing of light. A layer
    that covers the whole canvas, lies alone, or is hardly seen, stays as it is.
    """
    picture = linear(stack.composite())
    reach = RING * max(stack.size)
    tones = []
    for index, share in enumerate(strength):
        own = stack.seen(index)
        seen = own & (stack.pictures[index, ..., 3] > 127)
        if seen.sum() < LEAST or share == 0:
            tones.append(SAME)
            continue
        others = (stack.visible != NOBODY) & ~own
        ring = (ndimage.distance_transform_edt(~seen) <= reach) & others
        if ring.sum() < LEAST:
            tones.append(SAME)
            continue
        inside, around = picture[seen], picture[ring]
        ratio = around.std(0) / np.maximum(inside.std(0), 1e-4)
        # A flat piece has no contrast to change, and shares say how far to go.
        gain = np.where(inside.std(0) < 0.01, 1.0, np.clip(ratio, *GAINS) ** share)
        offset = (1 - share) * inside.mean(0) + share * around.mean(0) - gain * inside.mean(0)
        tones.append(Tone(_three(gain), _three(offset)))
    return tones


def _three(values: NDArray[np.floating]) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 6) for value in values)
    return red, green, blue


def tones_of(stack: Stack, strength: float | None = None) -> list[Tone]:
    """Every layer's tone, matched by a third of its noise or of ``strength``.

    A third: a layer whose tone is all its surroundings' is lost in them.
    """
    shares = [(1 / 3) * (layer.noise if strength is None or layer.noise == 0 else strength) for layer in stack.layers]
    return match_tones(stack, shares)


def harmonize_tones(stack: Stack, tones: Sequence[Tone]) -> Pixels:
    """The composite with every layer under its tone, and the seams smoothed."""
    toned = stack.pictures.copy()
    for index, tone in enumerate(tones):
        toned[index, ..., :3] = with_tone(toned[index, ..., :3], tone)
    return blend_seams(stack, replace(stack, pictures=toned).composite())


def with_tone(srgb: Pixels, tone: Tone) -> Pixels:
    """A picture under a tone, ... x 3."""
    if tone == SAME:
        return srgb
    light = np.clip(linear(srgb) * np.array(tone.gain, np.float32) + np.array(tone.offset, np.float32), 0, 1)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.floor(value * 255 + 0.5), np.uint8)


def blend_seams(stack: Stack, picture: Pixels, width: float = BAND) -> Pixels:
    """The picture with the borders between layers smoothed.

    picture   H x W x 3, the composite
    width     in shares of the longer side, how far to each side of a seam the picture may change

    Within the band, the picture is the least-squares solution whose differences between neighbours are what they
    were, but 0 between pixels of different layers; outside of it, and so at its border, nothing changes.
    """
    seams = seam_pixels(stack.visible)
    band = ndimage.distance_transform_edt(~seams) < max(1.0, width * max(stack.size))
    if not band.any() or band.all():
        return picture
    visible, values = stack.visible, picture.astype(np.float64)
    across = np.where((visible[:, 1:] != visible[:, :-1])[..., None], -np.diff(values, axis=1), 0.0)
    down = np.where((visible[1:] != visible[:-1])[..., None], -np.diff(values, axis=0), 0.0)
    change = solve_poisson(divergence(across, down), band).field
    blended = picture.copy()
    blended[band] = np.clip(np.floor(values[band] + change[band] + 0.5), 0, 255).astype(np.uint8)
    return blended


def seam_pixels(visible: NDArray[np.int32]) -> NDArray[np.bool_]:
    """H x W, pixels beside one of another layer."""
    seams = np.zeros(visible.shape, bool)
    down, across = visible[1:] != visible[:-1], visible[:, 1:] != visible[:, :-1]
    seams[1:] |= down
    seams[:-1] |= down
    seams[:, 1:] |= across
    seams[:, :-1] |= across
    return seams


def seam_gradient(stack: Stack, picture: Pixels) -> float:
    """The mean step, in levels of 255, between neighbours of different layers: what blending is to lower."""
    visible, values = stack.visible, picture.astype(np.float64)
    steps = []
    for axis in (0, 1):
        different = np.diff(visible, axis=axis) != 0
        steps.append(np.abs(np.diff(values, axis=axis)).mean(-1)[different])
    every = np.concatenate(steps)
    return float(every.mean()) if len(every) else 0.0
