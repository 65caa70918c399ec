"""The final picture as a file, its format told by the suffix."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.banded import Progress, save_bands, watched
from vertumnus.export.png import write_png
from vertumnus.limits import MAX_WEBP
from vertumnus.render.picture import picture_size, render, render_bands
from vertumnus.writing import atomic_write

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}

DEEP_ZOOM = ".dzi"


def save_picture(
    collage: Collage,
    path: str | Path,
    scale: float = 1.0,
    background: str | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> tuple[int, int]:
    """Draws a collage into a picture file and returns the picture's width and height.

    force   deep zoom: replace what is there, though this program did not make it

    PNG, JPEG, TIFF and deep zoom (``.dzi``) are written band by band, so that memory does not grow with their height;
    WebP is drawn whole. JPEG and deep zoom know no transparency: what has no background becomes white.
    Raises `VertumnusError` for an unknown suffix, a bad scale or colour, or a place that cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (*FORMATS, DEEP_ZOOM):
        raise VertumnusError(f"{path}: pictures are written as {', '.join((*FORMATS, DEEP_ZOOM))}")
    width, height = picture_size(collage, scale)
    clear = background is None and collage.background is None
    if suffix == ".png":
        with atomic_write(path) as stream:
            write_png(stream, width, height, watched(render_bands(collage, scale, background), height, progress))
    elif suffix == ".webp":
        if max(width, height) > MAX_WEBP:
            raise VertumnusError(
                f"{path}: {width} x {height} pixels; a WebP holds at most {MAX_WEBP:,} a side, write .png or .tif"
            )
        picture = render(collage, scale, background, progress)
        with atomic_write(path) as stream:
            stream.write(_encoded(picture, FORMATS[suffix]))
    else:
        straight = clear and suffix in (".tif", ".tiff")
        ground = "white" if clear and not straight else background
        bands = render_bands(collage, scale, ground, 4 if straight else 3)
        save_bands(bands, width, height, path, progress, force=force)
    return width, height


def save_image(image: Image.Image, path: Path) -> None:
    """Writes a picture made elsewhere, whole or not at all.

    Raises `VertumnusError` for an unknown suffix or a place that cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise VertumnusError(f"{path}: pictures are written as {', '.join(FORMATS)}")
    with atomic_write(path) as stream:
        stream.write(_encoded(image, kind))


def _encoded(image: Image.Image, kind: str) -> memoryview:
    """The picture as a file's bytes: given a real file, Pillow does not notice that the disk is full."""
    encoded = io.BytesIO()
    image.save(encoded, kind, quality=92)
    return encoded.getbuffer()
