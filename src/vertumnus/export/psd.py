"""PSD: a pixel layer for each layer, for Photoshop and whatever else opens such files. Written by psd-tools."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.banded import Progress
from vertumnus.export.openraster import MAX_PIXELS, ground_of, layer_pixels
from vertumnus.render.picture import picture_size, render
from vertumnus.writing import atomic_write

PSD_SIDE = 30_000  # pixels, as the format has it
MAX_NAME = 255  # characters, as the format has it


def psd_tools(path: str | Path) -> Any:
    """The library. Raises `VertumnusError` if it is not installed."""
    try:
        import psd_tools
    except ImportError:
        raise VertumnusError(f"{path}: PSD files need psd-tools; run pip install 'vertumnus[psd]'") from None
    return psd_tools


def save_psd(
    collage: Collage,
    path: str | Path,
    scale: float = 1.0,
    background: str | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Writes a collage as ``*.psd`` and returns the picture's width and height.

    A layer is its pixels at ``scale``, its opacity, visibility and lock the editor's own, and its name ends in its id
    (``apple [k3]``). The background is a layer of its own at the bottom. An editor lays layers over each other
    whatever the collage's render method; the merged picture inside is drawn by that.

    Raises `VertumnusError` if psd-tools is not installed, for a picture of more than `MAX_PIXELS` or `PSD_SIDE`, one
    that is gone, or a place that cannot be written.
    """
    library = psd_tools(path)
    width, height = picture_size(collage, scale)
    if width * height > MAX_PIXELS or max(width, height) > PSD_SIDE:
        raise VertumnusError(
            f"{width} x {height} pixels are too many for a PSD's layers, at most {MAX_PIXELS:,}, {PSD_SIDE:,} a side"
        )
    collage.name_layers()
    colour = background if background is not None else collage.background
    psd = library.PSDImage.frompil(render(collage, scale, background))
    # The library goes through all layers with each that is added, which a thousand of them feel; so all are at once.
    made_all: list[Any] = []
    psd.append = made_all.append
    if colour is not None:
        psd.create_pixel_layer(ground_of(collage, scale, colour), name="background")
    for number, layer in enumerate(collage.layers):
        pixels, left, top = layer_pixels(collage, layer, scale)
        made = psd.create_pixel_layer(pixels, name="layer", top=top, left=left, opacity=round(255 * layer.opacity))
        identity = f" [{layer.id}]"
        # In Unicode, which the name that it is made with cannot be in.
        made.name = layer.name[: max(1, MAX_NAME - len(identity))] + identity
        made.visible = layer.visible
        if layer.locked:
            made.lock()
        if progress is not None:
            progress(number + 1, len(collage.layers))
    del psd.append
    psd.extend(made_all)
    kept = psd._record.layer_and_mask_information.layer_info
    if kept is not None:  # below 0: the merged picture's fourth channel is its transparency
        kept.layer_count = -abs(kept.layer_count)
    buffer = io.BytesIO()
    psd._record.write(buffer)  # `save` would draw the merged picture anew, in its own way
    with atomic_write(Path(path)) as stream:
        stream.write(buffer.getbuffer())
    return width, height
