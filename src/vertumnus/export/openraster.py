"""OpenRaster (openraster.org): a pixel layer for each layer, for Krita, GIMP and MyPaint."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

from PIL import Image

from vertumnus.document.bundle import LONG_AGO
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.export.banded import Progress
from vertumnus.export.svg import plain
from vertumnus.render.clip import outline_coverage
from vertumnus.render.layer import render_layer
from vertumnus.render.picture import clip_of, cut, picture_size, render
from vertumnus.render.strip import straight
from vertumnus.writing import atomic_write

MIMETYPE = "image/openraster"
THUMBNAIL = 256  # pixels of a side at most, as the format asks
MAX_PIXELS = 100_000_000  # of the canvas: editors hold every layer in memory


def save_openraster(
    collage: Collage,
    path: str | Path,
    scale: float = 1.0,
    background: str | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Writes a collage as ``*.ora`` and returns the picture's width and height.

    A layer is its pixels at ``scale``, its opacity, visibility and lock the editor's own, and its name ends in its id
    (``apple [k3]``). The background is a layer of its own at the bottom. An editor lays layers over each other
    whatever the collage's render method; the merged picture inside is drawn by that.

    Raises `VertumnusError` for a picture of more than `MAX_PIXELS`, one that is gone, or a place that cannot be
    written.
    """
    width, height = picture_size(collage, scale)
    if width * height > MAX_PIXELS:
        raise VertumnusError(
            f"{width} x {height} pixels are too many for OpenRaster's layers, at most {MAX_PIXELS:,}"
        )
    collage.name_layers()
    colour = background if background is not None else collage.background
    entries: list[str] = []
    with atomic_write(Path(path)) as stream, zipfile.ZipFile(stream, "w") as bundle:
        _add(bundle, "mimetype", MIMETYPE.encode(), zipfile.ZIP_STORED)
        if colour is not None:
            _picture(bundle, "data/background.png", ground_of(collage, scale, colour))
            entries.append('<layer name="background" src="data/background.png" x="0" y="0"/>')
        for number, layer in enumerate(collage.layers):
            entries.append(_layer(bundle, collage, layer, number, scale))
            if progress is not None:
                progress(number + 1, len(collage.layers))
        whole = render(collage, scale, background)
        _picture(bundle, "mergedimage.png", whole)
        whole.thumbnail((THUMBNAIL, THUMBNAIL))
        _picture(bundle, "Thumbnails/thumbnail.png", whole)
        stack = "\n".join(reversed(entries))  # the topmost first
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<image version="0.0.5" w="{width}" h="{height}"><stack>\n{stack}\n</stack></image>\n'
        )
        _add(bundle, "stack.xml", text.encode(), zipfile.ZIP_DEFLATED)
    return width, height


def layer_pixels(collage: Collage, layer: Layer, scale: float) -> tuple[Image.Image, int, int]:
    """A layer's own pixels without its opacity, cut to what there is of it, and where they begin: left and top."""
    drawn = render_layer(collage, layer.model_copy(update={"opacity": 1.0, "visible": True}), scale)
    if drawn is None:
        return Image.new("RGBA", (1, 1)), 0, 0
    (rows, columns), pixels = drawn
    clip = clip_of(collage)
    if clip is not None:
        high, wide = pixels.shape[:2]
        cut(pixels, outline_coverage(clip, scale, rows.start, high, wide, columns.start), (0, 0, 0, 0))
    picture = Image.fromarray(straight(pixels))
    box = picture.getchannel("A").getbbox()
    if box is None:
        return Image.new("RGBA", (1, 1)), 0, 0
    return picture.crop(box), columns.start + box[0], rows.start + box[1]


def _layer(bundle: zipfile.ZipFile, collage: Collage, layer: Layer, number: int, scale: float) -> str:
    picture, left, top = layer_pixels(collage, layer, scale)
    name = f"data/layer{number:05}.png"
    _picture(bundle, name, picture)
    return (
        f'<layer name={quoteattr(plain(f"{layer.name} [{layer.id}]"))} src={quoteattr(name)} x="{left}" y="{top}"'
        f' opacity="{layer.opacity:.6g}" visibility="{"visible" if layer.visible else "hidden"}"'
        f' composite-op="svg:src-over"{" edit-locked=" + quoteattr("true") if layer.locked else ""}/>'
    )


def ground_of(collage: Collage, scale: float, colour: str) -> Image.Image:
    """The picture of a collage without its layers: its background."""
    other = collage.model_copy()
    other.__dict__["layers"] = []
    return render(other, scale, colour)


def _picture(bundle: zipfile.ZipFile, name: str, picture: Image.Image) -> None:
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=4)
    _add(bundle, name, data.getvalue(), zipfile.ZIP_STORED)


def _add(bundle: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    bundle.writestr(info, data)
