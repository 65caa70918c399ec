"""Ten thousand photographs to benchmark mosaics with, made from the ones that come with scikit-image.

    python benchmarks/tile_set.py FOLDER [--count 10000] [--seed 0] [--megapixels 2]

Each is a crop of a bundled photograph, flipped or not, its colours turned and its light changed, with a camera's
grain, saved as a JPEG of quality 85. The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import colorsys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageEnhance

PHOTOGRAPHS = """
astronaut.png brick.png camera.png chelsea.png coffee.png coins.png color.png grass.png gravel.png
hubble_deep_field.jpg ihc.png moon.png motorcycle_left.png motorcycle_right.png retina.jpg rocket.jpg
"""


def photographs() -> list[Image.Image]:
    """The bundled photographs."""
    folder = Path(skimage.data.__file__).parent
    return [Image.open(folder / name).convert("RGB") for name in PHOTOGRAPHS.split()]


GRAIN = 3.0  # standard deviation, bytes


def grain(seed: int) -> np.ndarray:
    """Noise that pictures take pieces of, H x W x 1."""
    rng = np.random.default_rng(seed)
    return (GRAIN * rng.standard_normal((2600, 2600, 1))).round().astype(np.int16)


def variant(source: Image.Image, rng: np.random.Generator, size: tuple[int, int], noise: np.ndarray) -> Image.Image:
    """A crop with another tone, enlarged to ``size``."""
    aspect = size[0] / size[1]
    width = rng.uniform(0.3, 0.95) * min(source.width, source.height * aspect)
    height = width / aspect
    left, top = rng.uniform(0, source.width - width), rng.uniform(0, source.height - height)
    picture = source.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tint = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.9), 1.0)) * rng.uniform(0.35, 1.5)
    lift = rng.uniform(0, 90) if rng.random() < 0.4 else 0.0
    tables = [np.clip(np.arange(256) * gain + lift, 0, 255).astype(np.uint8) for gain in tint]
    picture = picture.point([int(value) for table in tables for value in table])
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.4, 1.6))
    down, across = rng.integers(0, len(noise) - max(size), 2)
    noisy = np.asarray(picture, np.int16) + noise[down : down + size[1], across : across + size[0]]
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def make_tiles(folder: Path, count: int, seed: int = 0, megapixels: float = 2.0) -> None:
    """Writes ``count`` JPEGs; those that are there already are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = photographs()
    noise = grain(seed)

    def make(number: int) -> None:
        path = folder / f"{number:06d}.jpg"
        if path.exists():
            return
        rng = np.random.default_rng([seed, number])
        aspect = (4 / 3, 3 / 2, 3 / 4, 1.0)[rng.choice(4, p=[0.6, 0.2, 0.15, 0.05])]
        height = round((megapixels * 1e6 / aspect) ** 0.5)
        picture = variant(sources[int(rng.integers(len(sources)))], rng, (round(height * aspect), height), noise)
        part = path.with_suffix(".part")
        picture.save(part, "JPEG", quality=85)
        part.replace(path)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(make, range(count)):
            pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--megapixels", type=float, default=2.0)
    arguments = parser.parse_args()
    make_tiles(arguments.folder, arguments.count, arguments.seed, arguments.megapixels)
