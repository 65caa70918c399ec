"""The final picture: a collage at any scale, drawn in bands, so that memory does not grow with its size.

The sampler is the one that packing tests and measures with (`vertumnus.render.sprites`), so what does not touch
in the document does not touch in the picture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at, premultiplied

BAND_PIXELS = 1 << 22  # drawn at a time
MAX_RENDER = 60_000  # pixels a side; more is a slip

Pixels = NDArray[np.uint8]


def picture_size(collage: Collage, scale: float) -> tuple[int, int]:
    """Width and height of a collage's picture at a scale.

    Raises `VertumnusError` for a scale that is not above zero or makes it larger than `MAX_RENDER`.
    """
    if not np.isfinite(scale) or scale <= 0:
        raise VertumnusError(f"scale: must be a number above 0, not {scale}")
    width, height = max(1, round(collage.width * scale)), max(1, round(collage.height * scale))
    if max(width, height) > MAX_RENDER:
        raise VertumnusError(f"scale: {width} x {height} pixels is too large, at most {MAX_RENDER:,} a side")
    return width, height


def render(
    collage: Collage,
    scale: float = 1.0,
    background: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """The collage as an RGBA picture, straight alpha.

    scale       pixels to a canvas pixel; the layout is the same at any
    background  a CSS colour in place of the document's own; the document's None is transparent
    progress    called with (rows done, rows)

    Raises `VertumnusError` for a bad scale or colour, or a picture that cannot be read.
    """
    width, height = picture_size(collage, scale)
    whole = np.empty((height, width, 4), np.uint8)
    done = 0
    for band in render_bands(collage, scale, background):
        whole[done : done + len(band)] = band
        done += len(band)
        if progress is not None:
            progress(done, height)
    return Image.frombuffer("RGBA", (width, height), whole, "raw", "RGBA", 0, 1)


def render_bands(collage: Collage, scale: float = 1.0, background: str | None = None) -> Iterator[Pixels]:
    """The picture from top to bottom, some rows at a time: h x width x 4, straight alpha.

    A layer's picture is decoded when the first band needs it, at the mip level it is drawn at, and forgotten
    after the last.
    """
    width, height = picture_size(collage, scale)
    colour = background if background is not None else collage.background
    ground = np.array(parse_colour(colour) if colour else (0, 0, 0, 0), np.float32) / np.float32(255)
    ground[:3] *= ground[3]
    layers = [layer for layer in collage.layers if layer.visible and layer.opacity > 0]
    pictures = _Pictures(collage, layers, scale)
    rows = max(1, BAND_PIXELS // width)
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            chosen = [n for n, (first, last) in enumerate(pictures.rows) if first < bottom and last >= top]
            sprites, which = pictures.load(chosen, top, pool)
            shown = [layers[n] for n in chosen]
            edges = np.linspace(top, bottom, workers + 1).astype(int).tolist()
            draw = partial(_draw, shown, which, sprites, collage, scale, ground)
            yield np.concatenate(list(pool.map(draw, pairwise(edges))))


def _draw(
    layers: list[Layer],
    which: list[int],
    sprites: Sprites,
    collage: Collage,
    scale: float,
    ground: NDArray[np.float32],
    rows: tuple[int, int],
) -> Pixels:
    """One strip of rows, as bytes."""
    renderer = SpriteRenderer(sprites, collage.width, collage.height, scale, rows)
    canvas = renderer.forward(
        Placements.of(
            [layer.placement for layer in layers],
            which,
            opacity=np.array([layer.opacity for layer in layers]),
            gain=np.array([layer.gain for layer in layers]).reshape(-1, 3),
        ),
        np.broadcast_to(ground, renderer.shape),
    )
    return straight(canvas)


def straight(canvas: NDArray[np.float32]) -> Pixels:
    """Premultiplied floats as straight bytes; colours too bright are clipped."""
    alpha = canvas[..., 3:]
    colour = canvas[..., :3] / np.maximum(alpha, np.float32(1e-6))
    both = np.concatenate([colour, alpha], axis=-1)
    return (np.clip(both, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


class _Pictures:
    """The layers' pictures, each held from the first band that shows it to the last."""

    def __init__(self, collage: Collage, layers: list[Layer], scale: float) -> None:
        self.collage = collage
        self.names = [layer.image for layer in layers]
        largest: dict[str, float] = {}
        for layer in layers:
            largest[layer.image] = max(largest.get(layer.image, 0.0), layer.scale)
        self.level = {name: level_at(most * scale) for name, most in largest.items()}
        sizes = {name: collage.pictures.size(name) for name in largest}
        self.size = sizes
        self.rows = []  # first and last row each layer may reach
        self.last: dict[str, int] = {}
        for layer in layers:
            reach = 0.5 * layer.scale * float(np.hypot(*sizes[layer.image])) * scale + 1
            first, last = int(layer.y * scale - reach), int(layer.y * scale + reach) + 1
            self.rows.append((first, last))
            self.last[layer.image] = max(self.last.get(layer.image, last), last)
        self.held: dict[str, Pixels] = {}

    def load(self, chosen: list[int], top: int, pool: ThreadPoolExecutor) -> tuple[Sprites, list[int]]:
        """Sprites of the chosen layers, and which of them each layer shows."""
        for name in [name for name in self.held if self.last[name] < top]:
            del self.held[name]
        needed = list(dict.fromkeys(self.names[n] for n in chosen))
        missing = [name for name in needed if name not in self.held]
        self.held.update(zip(missing, pool.map(self._decode, missing), strict=True))
        index = {name: n for n, name in enumerate(needed)}
        sprites = Sprites.of(
            [self.held[name] for name in needed],
            [self.size[name] for name in needed],
            [self.level[name] for name in needed],
        )
        return sprites, [index[self.names[n]] for n in chosen]

    def _decode(self, name: str) -> Pixels:
        return mip_level(premultiplied(self.collage.pictures.image(name)), self.level[name])
