"""Edits come back: what was moved about in Inkscape, Krita, GIMP or Photoshop, as a collage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError, about
from vertumnus.export.from_openraster import read_openraster
from vertumnus.export.from_psd import read_psd
from vertumnus.export.from_svg import read_back

STILL = 2e-3  # canvas pixels that a layer's corners may be off, by numbers rounded on the way


@dataclass
class Opened:
    """A collage that was read back.

    lost    what a collage cannot represent, a sentence each
    moved   ids of layers that lie elsewhere than in the original, where there is one
    """

    collage: Collage
    lost: list[str]
    moved: list[str] = field(default_factory=list)


def _corners(layer: Layer, collage: Collage) -> NDArray[np.float64]:
    """Where the corners of what a layer shows lie on the canvas, x and y: 2 x 4."""
    width, height = layer.crop[2:] if layer.crop is not None else collage.pictures.size(layer.image)
    corners = np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    there: NDArray[np.float64] = (layer.placement.matrix(width, height) @ corners)[:2]
    return there


def open_edited(path: str | Path, original: Collage | None = None) -> Opened:
    """Reads ``*.svg``, ``*.ora`` or ``*.psd``.

    original   the collage it was exported from: which layers moved is told by it, and a file of pixels takes
               pictures, prompts and settings of layers that are in both from there; its report then names what moved

    Raises `VertumnusError` for a file that is none of these, or that cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    readers = {".svg": read_back, ".ora": read_openraster, ".psd": read_psd}
    if suffix not in readers:
        raise VertumnusError(f"{path}: what comes back is *.svg, *.ora or *.psd")
    with about(path):
        opened = Opened(*readers[suffix](path, original))
        if original is not None:
            before = {layer.id: layer for layer in original.layers}
            for layer in opened.collage.layers:
                was = before.get(layer.id)
                if was is None:
                    continue
                if np.allclose(_corners(layer, opened.collage), _corners(was, original), atol=STILL):
                    if (layer.image, layer.crop) == (was.image, was.crop):  # 200 degrees come back as -160
                        for name, value in was.placement._asdict().items():
                            setattr(layer, name, value)
                else:
                    opened.moved.append(layer.id)
            opened.collage.made_by = original.made_by
            if original.made_by is not None:
                report = original.made_by.report | {"moved": opened.moved}
                opened.collage.made_by = original.made_by.model_copy(update={"report": report})
            for name in original.made_by.pictures if original.made_by is not None else ():
                if (
                    name in original.pictures and name not in opened.collage.pictures
                ):  # such as the shape that was filled
                    opened.collage.pictures.take_from(original.pictures, name)
        opened.collage._where = str(path)
        return opened
