"""Tiles and references for tests: crops of scikit-image's bundled photographs, and pictures drawn on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

FOLDER = Path(skimage.data.__file__).parent
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "ihc.png", "moon.png")


def photograph(name: str) -> Image.Image:
    with Image.open(FOLDER / name) as image:
        return image.convert("RGB")


def make_folder(folder: Path, count: int, size: tuple[int, int] = (96, 72), seed: int = 0) -> Path:
    """JPEGs of ``size``: crops of photographs, tinted differently."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sources = [photograph(name).reduce(2) for name in NAMES]
    for n in range(count):
        source = sources[n % len(sources)]
        width = int(rng.integers(48, 120))
        height = round(width * size[1] / size[0])
        left, top = (int(rng.integers(0, most)) for most in (source.width - width, source.height - height))
        tile = source.resize(size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
        pixels = np.asarray(tile) * rng.uniform(0.3, 1.5, 3) + rng.uniform(0, 60)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{n:04d}.jpg", quality=90)
    return folder


def drawn(width: int = 120, height: int = 90) -> Image.Image:
    """A smooth picture with an edge in it."""
    y, x = np.mgrid[:height, :width]
    red, green = 255 * x / width, 255 * y / height
    blue = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2, 230, 40)
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))
