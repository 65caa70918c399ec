"""Small collages for the tests of harmonising."""

from __future__ import annotations

import numpy as np

from vertumnus.document.collage import Collage, Layer


def disc(side: int, colour: tuple[int, int, int]) -> np.ndarray:
    """A hard-edged disc, side x side x 4."""
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    picture = np.zeros((side, side, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = 255 * (x**2 + y**2 < (side / 2 - 1) ** 2)
    return picture


def rough(side: int = 64, **settings: object) -> Collage:
    """A red ball to the left of a blue cup on a green table, which fills the canvas."""
    collage = Collage(width=side, height=side, prompt="a green table, a red ball and a blue cup")
    table = collage.pictures.add_pixels(np.full((8, 8, 4), [30, 160, 60, 255], np.uint8))
    ball = collage.pictures.add_pixels(disc(32, (220, 30, 30)))
    cup = collage.pictures.add_pixels(np.full((32, 20, 4), [30, 40, 210, 255], np.uint8))
    for name, image, x, y, scale in (
        ("table", table, 0.5, 0.5, side / 8),
        ("ball", ball, 0.3, 0.5, side / 80),
        ("cup", cup, 0.7, 0.5, side / 80),
    ):
        collage.layers.append(
            Layer(name=name, image=image, x=x * side, y=y * side, scale=scale, prompt=f"{name}", **settings)
        )
    collage.name_layers()
    return collage
