"""An OpenRaster file that was worked on in Krita or GIMP, as a collage.

The format has no place for what a layer is made of: layers are told by the ids at the ends of their names, and their
pixels compared with what the original would have written. One whose pixels are the same has moved, and stays what it
was; another becomes a picture of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.archive import list_members, read_member
from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.export.openraster import layer_pixels
from vertumnus.imaging.decode import open_image
from vertumnus.limits import MAX_PICTURE_BYTES, MAX_STATE_BYTES
from vertumnus.reading import open_file

NAMED = re.compile(r"\s*\[([^\[\]\s]{1,64})\]\s*$")
MAX_STACK = 16 << 20  # bytes of the list of layers
CLOSE = 2  # of 255: pixels that an editor saved again are the same within this


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
    except (OSError, ElementTree.ParseError) as error:
        raise VertumnusError(f"{path}: not a readable OpenRaster file ({error})") from None
    width, height = (int(_number(root.get(name), 0.0)) for name in ("w", "h"))
    if min(width, height) < 1:
        raise VertumnusError(f"{path}: stack.xml: w and h: missing, so its size is not known")
    if original is None:
        collage = Collage(width=width, height=height)
    else:
        collage = original.model_copy()
        collage.__dict__["layers"] = []
        original.name_layers()
    before = {layer.id: layer for layer in original.layers} if original is not None else {}
    scale = width / collage.width
    lost: list[str] = []
    for entry, data in reversed(list(zip(entries, pictures, strict=True))):
        name = entry.get("name") or "layer"
        if original is not None and name == "background":
            continue
        found = NAMED.search(name)
        was = before.pop(found[1], None) if found else None
        with open_image(data, f"{path}: {name}") as image:
            pixels = np.asarray(image.convert("RGBA"))
        at = np.array([_number(entry.get("x"), 0.0), _number(entry.get("y"), 0.0)])
        shown = {
            "opacity": min(max(_number(entry.get("opacity"), 1.0), 0.0), 1.0),
            "visible": entry.get("visibility", "visible") != "hidden",
        }
        if was is not None and original is not None:
            then, left, top = layer_pixels(original, was, scale)
            offset = _offset(pixels, np.asarray(then))
            if offset is not None:
                moved = (at + offset - [left, top]) / scale
                layer = was.model_copy(update={"x": was.x + moved[0], "y": was.y + moved[1], **shown})
                collage.layers.append(layer)
                continue
            lost.append(f"{was.name}: was drawn over, and is now a picture of its own")
        kept = was.model_dump(include={"id", "prompt", "noise", "control", "attract", "repel"}) if was else {}
        box = Image.fromarray(pixels).getchannel("A").getbbox()
        if box is None:
            continue
        cut = pixels[box[1] : box[3], box[0] : box[2]]
        middle = (at + np.array([box[0] + cut.shape[1] / 2, box[1] + cut.shape[0] / 2])) / scale
        collage.layers.append(
            Layer(
                name=NAMED.sub("", name) or name, image=collage.pictures.add_pixels(np.ascontiguousarray(cut)),
                x=float(middle[0]), y=float(middle[1]), scale=1 / scale, locked=entry.get("edit-locked") == "true",
                **shown, **kept,
            )
        )  # fmt: skip
    lost += [f"{layer.name}: is gone" for layer in before.values()]
    collage.name_layers()
    return collage, lost


def _offset(now: NDArray[np.uint8], then: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Where in a layer's pixels those that were written begin, if they are all there is and the same."""
    box = Image.fromarray(now).getchannel("A").getbbox()
    if box is None or (box[3] - box[1], box[2] - box[0]) != then.shape[:2]:
        return None
    part = now[box[1] : box[3], box[0] : box[2]].astype(int)
    there = (part[..., 3:] > 0) & (then[..., 3:] > 0)
    away = np.abs(part - then) * np.concatenate([there.repeat(3, -1), np.ones_like(there)], axis=-1)
    return np.array(box[:2], float) if away.max(initial=0) <= CLOSE else None


def _number(text: str | None, otherwise: float) -> float:
    try:
        value = float(text) if text else otherwise
    except ValueError:
        return otherwise
    return value if np.isfinite(value) else otherwise
