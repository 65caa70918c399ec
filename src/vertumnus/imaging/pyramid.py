"""Mip levels: a texture halved again and again, so that a small picture is sampled from a small one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.jit import kernel


def halve(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the size of an H x W or H x W x C texture, each texel the rounded mean of four.

    An odd edge is repeated, so that level k always has texels of exactly 2**k pixels.

    >>> halve(np.array([[0, 100, 8]], np.uint8))
    array([[50,  8]], dtype=uint8)
    """
    height, width = texture.shape[:2]
    if texture.ndim == 3 and texture.shape[2] == 4:  # Pillow's is the same to the bit, and faster
        image = Image.frombuffer("RGBa", (width, height), np.ascontiguousarray(texture), "raw", "RGBa", 0, 1)
        return np.asarray(image.reduce(2))
    if height % 2 or width % 2:
        pad = [(0, height % 2), (0, width % 2)] + [(0, 0)] * (texture.ndim - 2)
        texture = np.pad(texture, pad, mode="edge")
    total = texture[::2, ::2].astype(np.uint16)
    total += texture[1::2, ::2]
    total += texture[::2, 1::2]
    total += texture[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def halve_straight(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the size of H x W x 4 pixels of straight alpha: colours are means weighted by alpha, edges as in `halve`.

    >>> halve_straight(np.array([[[200, 100, 0, 255], [0, 0, 0, 0]]], np.uint8))
    array([[[200, 100,   0, 128]]], dtype=uint8)
    """
    height, width = pixels.shape[:2]
    half = np.empty(((height + 1) // 2, (width + 1) // 2, 4), np.uint8)
    _halve_straight(pixels, half)
    return half


@kernel
def _halve_straight(pixels, half):  # type: ignore[no-untyped-def]
    height, width = pixels.shape[:2]
    for row in range(half.shape[0]):
        above, below = pixels[2 * row], pixels[min(2 * row + 1, height - 1)]
        for column in range(half.shape[1]):
            left, right = 2 * column, min(2 * column + 1, width - 1)
            a, b, c, d = (
                np.int32(above[left, 3]), np.int32(above[right, 3]), np.int32(below[left, 3]),
                np.int32(below[right, 3]),
            )  # fmt: skip
            alpha = a + b + c + d
            half[row, column, 3] = (alpha + 2) >> 2
            for k in range(3):
                colour = a * above[left, k] + b * above[right, k] + c * below[left, k] + d * below[right, k]
                half[row, column, k] = (colour + alpha // 2) // alpha if alpha > 0 else 0


def shrink_below(texture: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], int]:
    """The first mip level whose longer side is at most ``side`` texels, and its number."""
    level = 0
    while max(texture.shape[:2]) > side:
        texture = halve(texture)
        level += 1
    return texture, level


def mip_level(texture: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    """Mip level ``level`` of a texture whose level 0 is given."""
    for _ in range(level):
        texture = halve(texture)
    return texture
