"""What ``vertumnus measure --reference`` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.limits import MAX_PIXELS
from vertumnus.metrics.likeness import RESOLUTIONS, measure_likeness
from vertumnus.metrics.lpips import read_weights
from vertumnus.mosaic.load import is_first_version, load_mosaic
from vertumnus.mosaic.match.reference import read_reference
from vertumnus.mosaic.output import draw_mosaic, mosaic_statistics
from vertumnus.reading import open_file

LARGE = 300_000_000  # pixels of a mosaic that may be measured


def measure_reference(picture: Path, reference: Path, lpips: Path | None, as_json: bool) -> None:
    """Measures a picture, a collage or a mosaic's assignment against the picture it should look like."""
    with about(picture):
        pixels, uses = _read(picture)
    wanted = np.asarray(read_reference(reference)[0])
    found = measure_likeness(pixels, wanted, read_weights(lpips) if lpips is not None else None) | uses
    if as_json:
        print(json.dumps(found))
        return
    print("at pixels  " + "".join(f"{n:>9}" for n in RESOLUTIONS))
    for name, digits in (("psnr", 2), ("ssim", 4), ("lpips", 4)):
        if name in found:
            print(f"{name:<11}" + "".join(f"{found[name][str(n)]:9.{digits}f}" for n in RESOLUTIONS))
    print("pyramid    " + "".join(f"{error:9.5f}" for error in found["pyramid"]) + "   levels 1 to 4")
    for name, value in uses.items():
        print(f"{name:<16}{value}")


def _read(path: Path) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """A picture's pixels, and what a mosaic's assignment says about the use of tiles."""
    if path.is_dir() or path.suffix.lower() in (".collage", ".json"):
        collage = load_mosaic(path) if is_first_version(path) else Collage.load(path)
        if collage.made_by is not None and collage.made_by.tool == "mosaic":
            if collage.width * collage.height > LARGE:
                raise VertumnusError(f"{path}: {collage.width} x {collage.height} pixels are too many to be measured")
            return np.asarray(draw_mosaic(collage)), mosaic_statistics(collage)
        scale = min(1.0, (MAX_PIXELS / (collage.width * collage.height)) ** 0.5)
        image = collage.render(scale, "white")
        return np.asarray(image.convert("RGB")), {}
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = LARGE  # what this program writes is larger than what it takes for a tile
    try:
        with open_file(path) as stream, Image.open(stream) as image:
            if image.width * image.height <= LARGE:
                scale = max(1, min(image.size) // 1024)
                return np.asarray(image.convert("RGB").reduce(scale)), {}
    except Exception:  # decoders end in whatever they meet; it is said below, in the words every picture gets
        pass
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    return np.asarray(read_reference(path)[0]), {}
