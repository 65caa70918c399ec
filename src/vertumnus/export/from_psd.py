"""A PSD file that was worked on in Photoshop, as a collage; see `vertumnus.export.from_layers`."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.from_layers import PixelLayer, collage_of
from vertumnus.export.openraster import MAX_PIXELS
from vertumnus.export.psd import psd_tools
from vertumnus.limits import MAX_PICTURE_BYTES, MAX_STATE_BYTES
from vertumnus.reading import read_named

logging.getLogger("psd_tools").setLevel(logging.ERROR)  # what it does not know of a file is no matter of ours


def read_psd(path: Path, original: Collage | None) -> tuple[Collage, list[str]]:
    """Reads a PSD file: the collage, and what it could not take; see `vertumnus.export.edited.open_edited`.

    Raises `VertumnusError` for one that cannot be read.
    """
    library = psd_tools(path)
    data = read_named(path, MAX_PICTURE_BYTES)
    lost: list[str] = []
    try:
        psd = library.PSDImage.open(io.BytesIO(data), max_alloc_bytes=MAX_STATE_BYTES)
        if psd.width * psd.height > MAX_PIXELS:
            raise VertumnusError(f"{path}: {psd.width} x {psd.height} pixels are too many, at most {MAX_PIXELS:,}")
        layers = list(_layers(psd, 1.0, True, lost))
    except VertumnusError:
        raise
    except Exception as error:  # whatever the library makes of a damaged file
        raise VertumnusError(f"{path}: not a readable PSD file ({str(error) or type(error).__name__})") from None
    if not layers:
        raise VertumnusError(f"{path}: holds no layer of pixels")
    with about(path):
        collage, more = collage_of(layers, (psd.width, psd.height), original)
    return collage, lost + more


def _layers(group: Any, opacity: float, visible: bool, lost: list[str]) -> Iterator[PixelLayer]:
    """The layers of pixels in a group and those in it, back to front."""
    for one in group:
        lost += [f"{one.name}: {what}" for what in _beyond(one)]
        own, seen = opacity * one.opacity / 255, visible and bool(one.visible)
        if one.is_group():
            yield from _layers(one, own, seen, lost)
            continue
        if one.width * one.height > MAX_PIXELS:
            raise VertumnusError(f"{one.name}: {one.width} x {one.height} pixels are too many for a layer")
        with warnings.catch_warnings(record=True) as damaged:
            warnings.simplefilter("always")
            picture = one.topil() if one.width and one.height else None
        if damaged:
            lost.append(f"{one.name}: is damaged, and black where it cannot be read")
        if picture is None:
            lost.append(f"{one.name}: has no pixels ({one.kind})")
            continue
        pixels = np.asarray(picture.convert("RGBA"))
        locks = one.locks
        locked = bool(locks is not None and (locks.complete or locks.position))
        yield PixelLayer(one.name, pixels, one.left, one.top, own, seen, locked)


def _beyond(one: Any) -> Iterator[str]:
    """What a layer of a PSD has that a collage's cannot."""
    blend = one.blend_mode.name.lower().replace("_", " ")
    if blend not in ("normal", "pass through"):
        yield f"its blend mode {blend} is left out"
    if one.has_mask():
        yield "its mask is left out"
    if one.has_effects():
        yield "its effects are left out"
    if getattr(one, "clipping", False):
        yield "that it is cut to the layer below is left out"
