"""Edits come back: what was moved about in Inkscape, Krita, GIMP or Photoshop, as a collage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.from_openraster import read_openraster
from vertumnus.export.from_psd import read_psd
from vertumnus.export.from_svg import read_back


@dataclass
class Opened:
    """A collage that was read back.

    lost    what a collage cannot represent, a sentence each
    moved   ids of layers that lie elsewhere than in the original, where there is one
    """

    collage: Collage
    lost: list[str]
    moved: list[str] = field(default_factory=list)


def open_edited(path: str | Path, original: Collage | None = None) -> Opened:
    """Reads ``*.svg``, ``*.ora`` or ``*.psd``.

    original   the collage it was exported from: which layers moved is told by it, and a file of pixels takes
               pictures, prompts and settings of layers that are in both from there

    Raises `VertumnusError` for a file that is none of these, or that cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    readers = {".svg": read_back, ".ora": read_openraster, ".psd": read_psd}
    if suffix not in readers:
        raise VertumnusError(f"{path}: what comes back is *.svg, *.ora or *.psd")
    opened = Opened(*readers[suffix](path, original))
    if original is not None:
        before = {layer.id: layer for layer in original.layers}
        for layer in opened.collage.layers:
            was = before.get(layer.id)
            if was is not None and not np.allclose(layer.placement, was.placement, atol=1e-3, rtol=1e-4):
                opened.moved.append(layer.id)
        opened.collage.made_by = original.made_by
        for name in original.made_by.pictures if original.made_by is not None else ():
            if name in original.pictures and name not in opened.collage.pictures:  # such as the shape that was filled
                opened.collage.pictures.take_from(original.pictures, name)
    return opened
