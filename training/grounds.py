"""What lies behind the things: flat colours, gradients, patterns, textures and crops of photographs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PATTERNS = ("dots", "stripes", "checks")
TEXTURES = ("brick.png", "grass.png", "gravel.png")
# Photographs that scikit-image carries; the last two are for testing only.
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "motorcycle_left.png", "hubble_deep_field.jpg", "ihc.png")
TESTED_PHOTOGRAPHS = ("coffee.png", "rocket.jpg")
_MUTED = 0.55  # of a photograph's contrast, left of it behind things


@dataclass(frozen=True)
class Ground:
    """What lies behind, in two shades of a colour.

    colour  its name; empty for a photograph
    kind    ``plain``, ``gradient``, one of PATTERNS, ``texture`` or ``photo``
    which   the texture or photograph, and where it is cut (x, y and side, from 0 to 1)
    """

    colour: str
    kind: str
    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    angle: float = 0.0
    period: float = 0.125
    which: str = ""
    cut: tuple[float, float, float] = (0.0, 0.0, 1.0)


@cache
def photograph(name: str) -> Image.Image:
    """A picture of scikit-image's, RGB."""
    with resources.files("skimage.data").joinpath(name).open("rb") as file:
        return Image.open(file).convert("RGB")


def cut_out(picture: Image.Image, cut: tuple[float, float, float], width: int, height: int) -> NDArray[np.float32]:
    """A part of a picture, height x width x 3 from 0 to 1.

    cut  where it lies in the room there is (across, down), and its size as a share of the largest that fits
    """
    scale = max(0.3, cut[2]) * min(picture.width / width, picture.height / height)
    lengths = (scale * width, scale * height)
    left, top = (share * (room - length) for share, room, length in zip(cut, picture.size, lengths, strict=False))
    box = (left, top, left + lengths[0], top + lengths[1])
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX, box=box), np.float32) / 255


def mean_colour(name: str, cut: tuple[float, float, float]) -> tuple[float, float, float]:
    """The mean colour of a photograph's cut."""
    red, green, blue = cut_out(photograph(name), cut, 8, 8).mean((0, 1)).tolist()
    return red, green, blue


def backdrop(ground: Ground, width: int, height: int) -> NDArray[np.float32]:
    """The ground as height x width x 3, from 0 to 1. Patterns are measured in the shorter side."""
    side = min(width, height)
    light, dark = np.array(ground.light, np.float32), np.array(ground.dark, np.float32)
    if ground.kind == "plain":
        return np.broadcast_to(light, (height, width, 3)).copy()
    if ground.kind == "photo":
        found = cut_out(photograph(ground.which), ground.cut, width, height)
        return light + np.float32(_MUTED) * (found - light)
    if ground.kind == "texture":
        grain = cut_out(photograph(ground.which), ground.cut, width, height).mean(-1, keepdims=True)
        share = np.clip(0.5 + (grain - grain.mean()) / (3 * max(float(grain.std()), 1e-3)), 0, 1)
        return (light + share * (dark - light)).astype(np.float32)
    middles = [(np.arange(length, dtype=np.float32) + 0.5) / side for length in (height, width)]
    down, across = np.meshgrid(*middles, indexing="ij")
    cos, sin = np.float32(np.cos(ground.angle)), np.float32(np.sin(ground.angle))
    u, v = cos * across + sin * down, cos * down - sin * across
    wave = np.float32(2 * np.pi / ground.period)
    if ground.kind == "gradient":
        share = (u - u.min()) / (u.max() - u.min())
    else:
        if ground.kind == "stripes":
            share = np.sin(u * wave)
        elif ground.kind == "checks":
            share = 2 * np.sin(u * wave) * np.sin(v * wave)
        else:
            share = np.cos(u * wave) + np.cos(v * wave) - 1
        share = np.clip(0.5 + 2 * share, 0, 1)
    return (light + share[..., None] * (dark - light)).astype(np.float32)
