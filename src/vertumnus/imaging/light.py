"""Linear light and the spaces colours are compared in, for arrays whose last axis is red, green, blue."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Space = Literal["oklab", "lab", "rgb"]
Floats = NDArray[np.float32]

# Ottosson, "A perceptual color space for image processing" (2020).
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# IEC 61966-2-1, D65, each row divided by the white point's X, Y and Z.
_TO_XYZ = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
) / np.array([[0.9504559], [1.0], [1.0890578]])


def decode_srgb(values: ArrayLike) -> NDArray[np.float64]:
    """SRGB values, 0 to 1, as linear light (IEC 61966-2-1)."""
    v = np.asarray(values, np.float64)
    return np.where(v <= 0.04045, v / 12.92, ((np.maximum(v, 0.04045) + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: ArrayLike) -> NDArray[np.float64]:
    """Linear light, 0 to 1, as sRGB values."""
    v = np.asarray(light, np.float64)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055)


LINEAR: Floats = decode_srgb(np.arange(256) / 255).astype(np.float32)  # of each byte
ENCODE_STEPS = 1 << 14
# The byte of each of ENCODE_STEPS + 1 evenly spaced amounts of light: within one fifth of a byte of exact.
ENCODED: NDArray[np.uint8] = (encode_srgb(np.arange(ENCODE_STEPS + 1) / ENCODE_STEPS) * 255 + 0.5).astype(np.uint8)


LIGHT: Floats = decode_srgb(np.linspace(0, 1, ENCODE_STEPS + 1)).astype(np.float32)  # of evenly spaced values


def to_bytes(light: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Linear light as sRGB bytes; what is below 0 or above 1 is clipped."""
    return ENCODED[(np.clip(light, 0, 1) * ENCODE_STEPS + 0.5).astype(np.int32)]


def in_space(values: Floats, space: Space) -> Floats:
    """SRGB values, 0 to 1, as what colours are compared by: themselves, or a perceptual space."""
    if space == "rgb":
        return values
    light = LIGHT[(np.clip(values, 0, 1) * (len(LIGHT) - 1) + np.float32(0.5)).astype(np.int32)]
    return perceptual(light, space)


def perceptual(light: NDArray[np.floating], space: Literal["oklab", "lab"] = "oklab") -> Floats:
    """Linear light in OKLab, or in CIELAB over 100; a lightness of 1 is white in both.

    >>> perceptual(np.ones(3)).round(3)
    array([1., 0., 0.], dtype=float32)
    >>> perceptual(np.array([0.0, 0.0, 1.0]), "lab").round(3)
    array([ 0.323,  0.792, -1.079], dtype=float32)
    """
    light = np.maximum(np.asarray(light, np.float32), 0)
    if space == "oklab":
        lms = np.cbrt(light @ _TO_LMS.T.astype(np.float32))
        return lms @ _TO_OKLAB.T.astype(np.float32)
    xyz = light @ _TO_XYZ.T.astype(np.float32)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (841 / 108) * xyz + 4 / 29).astype(np.float32)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], axis=-1).astype(np.float32)
