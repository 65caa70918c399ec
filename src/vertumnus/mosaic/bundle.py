"""A mosaic that holds its pictures: what its cells show of each tile, no larger than they show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.pictures import Pictures
from vertumnus.mosaic.collage import encoded
from vertumnus.mosaic.pixels import part_of
from vertumnus.mosaic.workers import Threads, Workers

QUALITY = 92
JOB = 16  # pictures made by one job


class _Wanted(NamedTuple):
    """A picture, the part of it that any cell shows, and the pixels that part is to have."""

    name: str
    box: tuple[int, int, int, int]
    size: tuple[int, int]


def bundled(collage: Collage, workers: Workers | None = None, pixels: int | None = None) -> Collage:
    """The same mosaic on pictures of its own, at the resolution of its canvas.

    A linked picture, a photograph perhaps, is cut to what its cells show and made as small as the largest of them
    allows; tones stay gains and offsets. Pictures that the collage holds already stay as they are.

    pixels   that the shorter side of a cell has at least, where its picture has as many: enough to be printed larger
    """
    users: dict[str, list[int]] = defaultdict(list)
    for n, layer in enumerate(collage.layers):
        if layer.crop is not None and collage.pictures.linked(layer.image) is not None:
            users[layer.image].append(n)
    wanted = [_want(name, [collage.layers[n] for n in some], pixels) for name, some in users.items()]
    other = collage.model_copy(update={"layers": list(collage.layers)})
    other._pictures = Pictures()
    for layer in collage.layers:
        if layer.image not in users:
            other.pictures.take_from(collage.pictures, layer.image)
    for name in collage.made_by.pictures if collage.made_by is not None else ():
        other.pictures.take_from(collage.pictures, name)
    jobs = (wanted[n : n + JOB] for n in range(0, len(wanted), JOB))
    made = (data for results in (workers or Threads()).map(_made, jobs, collage.pictures) for data in results)
    for want, data in zip(wanted, made, strict=True):
        name = other.pictures.add(data)
        for n in users[want.name]:
            other.layers[n] = _moved(collage.layers[n], want, name)
    return other


def _want(name: str, layers: Sequence[Layer], pixels: int | None) -> _Wanted:
    crops = [layer.crop for layer in layers if layer.crop is not None]
    left, top = min(crop[0] for crop in crops), min(crop[1] for crop in crops)
    right, bottom = max(crop[0] + crop[2] for crop in crops), max(crop[1] + crop[3] for crop in crops)
    finer = [_finer(layer, pixels) for layer in layers]
    across = min(1.0, max(layer.scale * more for layer, more in zip(layers, finer, strict=True)))
    down = min(1.0, max(layer.scale * layer.squeeze * more for layer, more in zip(layers, finer, strict=True)))
    size = max(1, round((right - left) * across)), max(1, round((bottom - top) * down))
    return _Wanted(name, (left, top, right, bottom), size)


def _finer(layer: Layer, pixels: int | None) -> float:
    """How many times as fine as the canvas a layer's picture is to be."""
    if pixels is None or layer.crop is None:
        return 1.0
    side = min(layer.crop[2] * layer.scale, layer.crop[3] * layer.scale * layer.squeeze)
    return max(1.0, pixels / max(side, 1e-9))


def _made(pictures: Pictures, some: Sequence[_Wanted]) -> list[bytes]:
    """Encoded pictures; the job of one worker."""
    return [encoded(part_of(pictures, want.name, want.box, want.size, alpha=True), QUALITY) for want in some]


def _moved(layer: Layer, want: _Wanted, name: str) -> Layer:
    """The layer on the new picture: the same part, as near as its pixels allow, in the same place."""
    assert layer.crop is not None
    left, top, across, down = layer.crop
    by_x = want.size[0] / (want.box[2] - want.box[0])
    by_y = want.size[1] / (want.box[3] - want.box[1])
    wide, tall = max(1, round(across * by_x)), max(1, round(down * by_y))
    x = min(round((left - want.box[0]) * by_x), want.size[0] - wide)
    y = min(round((top - want.box[1]) * by_y), want.size[1] - tall)
    scale = layer.scale * across / wide
    squeeze = layer.scale * layer.squeeze * down / (tall * scale)
    crop = None if (wide, tall) == want.size else (x, y, wide, tall)
    return layer.model_copy(update={"image": name, "crop": crop, "scale": scale, "squeeze": squeeze})
