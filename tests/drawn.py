"""Pictures drawn on the spot."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.elements.element import Element, make_element


def blob(seed: int, width: int = 48, height: int = 40) -> NDArray[np.uint8]:
    """An RGBA picture of some overlapping discs, smoothly coloured, with soft edges and empty corners."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] + 0.5
    alpha = np.zeros((height, width))
    for _ in range(3):
        radius = rng.uniform(0.18, 0.32) * min(width, height)
        cx, cy = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
        alpha = np.maximum(alpha, np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1))
    colour = [0.5 + 0.5 * np.sin(x / 9 * rng.uniform(0.5, 2) + y / 7 * rng.uniform(0.5, 2) + k) for k in range(3)]
    rgba = np.stack([*colour, alpha], axis=-1)
    return (rgba * 255 + 0.5).astype(np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The pixels as an encoded PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def element(pixels: NDArray[np.uint8], name: str = "piece") -> Element:
    """The pixels as an element."""
    return make_element(png(pixels), None, name, name)
