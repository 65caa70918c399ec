"""An OpenRaster file that was worked on in Krita or GIMP, as a collage; see `vertumnus.export.from_layers`."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from vertumnus.archive import list_members, read_member
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.export.from_layers import PixelLayer, collage_of
from vertumnus.imaging.decode import open_image
from vertumnus.limits import MAX_PICTURE_BYTES, MAX_STATE_BYTES
from vertumnus.reading import open_file

MAX_STACK = 16 << 20  # bytes of the list of layers


def read_openraster(path: Path, original: Collage | None) -> tuple[Collage, list[str]]:
    """Reads an OpenRaster file: the collage, and what it could not take; see `vertumnus.export.edited.open_edited`.

    Raises `VertumnusError` for one that cannot be read.
    """
    try:
        with open_file(path) as stream:
            members = {info.filename: info for info in list_members(stream, str(path))}
            text = read_member(stream, members["stack.xml"], str(path), MAX_STACK)
            if b"<!" in text:  # entities are how a small text becomes a huge one, and no editor writes any
                raise VertumnusError(f"{path}: stack.xml: declares entities or a type, which is never followed")
            root = ElementTree.fromstring(text)
            entries = [one for one in root.iter() if one.tag == "layer"]
            left = MAX_STATE_BYTES
            pictures = []
            for one in entries:
                pictures.append(
                    read_member(stream, members[one.get("src") or ""], str(path), min(left, MAX_PICTURE_BYTES))
                )
                left -= len(pictures[-1])
    except KeyError as error:
        raise VertumnusError(f"{path}: not a readable OpenRaster file ({error} is missing)") from None
    except VertumnusError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise VertumnusError(f"{path}: not a readable OpenRaster file ({why})") from None
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as error:  # an encoding may be none
        raise VertumnusError(f"{path}: not a readable OpenRaster file ({error})") from None
    width, height = (int(_number(root.get(name), 0.0)) for name in ("w", "h"))
    if min(width, height) < 1:
        raise VertumnusError(f"{path}: stack.xml: w and h: missing, so its size is not known")
    layers = []
    for entry, data in reversed(list(zip(entries, pictures, strict=True))):
        name = entry.get("name") or "layer"
        with open_image(data, f"{path}: {name}") as image:
            pixels = np.asarray(image.convert("RGBA"))
        x, y, opacity = (_number(entry.get(one), at) for one, at in (("x", 0.0), ("y", 0.0), ("opacity", 1.0)))
        visible = entry.get("visibility", "visible") != "hidden"
        layers.append(PixelLayer(name, pixels, x, y, opacity, visible, entry.get("edit-locked") == "true"))
    with about(path):
        return collage_of(layers, (width, height), original)


def _number(text: str | None, otherwise: float) -> float:
    try:
        value = float(text) if text else otherwise
    except ValueError:
        return otherwise
    return value if np.isfinite(value) else otherwise
