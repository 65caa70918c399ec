"""The final picture of a collage whose rendering is a method of CLIP-CLOP: the same formula at any size, in bands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.imaging.pyramid import mip_level
from vertumnus.render.placements import Placements
from vertumnus.render.sprites import Sprites, level_at, premultiplied
from vertumnus.render.tone import byte_table
from vertumnus.render.transparency import TransparencyRenderer

Canvas = NDArray[np.float32]
Box = tuple[int, int, int, int]
Tone = tuple[tuple[float, float, float], tuple[float, float, float]]
BAND_PIXELS = 1 << 20
NORMED = "masked-transparency-normed"


def added_bands(collage: Collage, scale: float, ground: tuple[int, int, int, int]) -> Iterator[Canvas]:
    """The picture from top to bottom, h x width x 4 premultiplied floats each.

    ground   red, green, blue, alpha behind it all, 0 to 255

    All pictures are held at the size they are drawn at. Raises `VertumnusError` for a picture that cannot be read,
    and for a layer that such a picture cannot have.
    """
    layers = [layer for layer in collage.layers if layer.visible and layer.opacity > 0]
    width, height = max(1, round(collage.width * scale)), max(1, round(collage.height * scale))
    sprites, which = _sprites(collage, layers, scale)
    srgb = [layer.gain if layer.light == "srgb" else (1.0, 1.0, 1.0) for layer in layers]
    placements = Placements.of(
        [layer.placement for layer in layers],
        which,
        opacity=[layer.opacity for layer in layers],
        gain=np.array(srgb).reshape(-1, 3),
        order=[layer.depth for layer in layers],
    )
    behind = np.array(ground, np.float32) / np.float32(255)
    behind[:3] *= behind[3]
    rows = max(1, BAND_PIXELS // width)
    bands = [(top, min(top + rows, height)) for top in range(0, height, rows)]

    def renderer(band: tuple[int, int]) -> TransparencyRenderer:
        below = np.broadcast_to(behind, (band[1] - band[0], width, 4))
        assert collage.rendering != "alpha"
        return TransparencyRenderer(
            sprites, collage.width, collage.height, collage.rendering, scale, band, np.ascontiguousarray(below)
        )

    peak = None
    if collage.rendering == NORMED:
        peak = max(float(renderer(band).sums(placements)[..., 3].max()) for band in bands)
    for band in bands:
        yield renderer(band).forward(placements, peak)


def _sprites(collage: Collage, layers: list[Layer], scale: float) -> tuple[Sprites, list[int]]:
    """What layers show, each different part and tone once, and which of them each layer shows."""
    index: dict[tuple[str, Box | None, Tone | None], int] = {}
    which: list[int] = []
    finest: dict[int, float] = {}
    for layer in layers:
        tone = (layer.gain, layer.offset) if layer.light == "linear" and layer.toned else None
        if layer.snap or layer.outline != "rectangle" or (layer.light == "srgb" and any(layer.offset)):
            raise VertumnusError(
                f"layer {layer.name!r}: a mosaic's cells (snap, outline, offset) are drawn by the rendering alpha"
                f" alone, not by {collage.rendering}"
            )
        key = (layer.image, layer.crop, tone)
        at = index.setdefault(key, len(index))
        which.append(at)
        finest[at] = max(finest.get(at, 0.0), layer.scale * layer.squeeze**0.5 * scale)
    pictures, sizes, levels = [], [], []
    for (name, crop, tone), at in index.items():
        picture = collage.pictures.image(name)
        if crop is not None:
            left, top, width, height = crop
            picture = picture.crop((left, top, left + width, top + height))
        if tone is not None:
            straight = np.array(picture.convert("RGBA"))
            for channel, table in enumerate(byte_table(*tone)):
                straight[..., channel] = table[straight[..., channel]]
            picture = Image.fromarray(straight)
        level = level_at(finest[at])
        pictures.append(mip_level(premultiplied(picture), level))
        sizes.append(picture.size)
        levels.append(level)
    return Sprites.of(pictures, sizes, levels), which
