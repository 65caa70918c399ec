"""The page beside a Deep Zoom pyramid, where hovering shows the original picture and its path."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from vertumnus.document.collage import Collage
from vertumnus.document.pictures import Pictures
from vertumnus.export.deepzoom import GENERATED, OVERLAP, SIDE, files_folder
from vertumnus.export.svg import plain
from vertumnus.mosaic.collage import encoded
from vertumnus.mosaic.pixels import part_of
from vertumnus.reading import legible
from vertumnus.render.cell import snapped

COPIED = 1600  # pixels of a copied picture's longer side
QUALITY = 88


def viewer_files(
    path: Path, collage: Collage, bundle: bool = False
) -> tuple[dict[str, bytes | Callable[[], bytes]], dict[Path, bytes]]:
    """NAME.html to lie beside NAME.dzi, and what it needs to know of the cells, to lie in NAME_files.

    It works from a disk without a server. Pictures are linked where they are, by a path relative to the page, or
    with ``bundle`` copied, `COPIED` pixels a side at most.
    Returns files by their names inside the folder, and files by their paths.
    """
    folder = files_folder(path)
    numbers = {name: n for n, name in enumerate(dict.fromkeys(layer.image for layer in collage.layers))}
    cells = []
    for layer in collage.layers:
        size = (layer.crop[2], layer.crop[3]) if layer.crop else collage.pictures.size(layer.image)
        cell = snapped(layer, size, 1.0)
        if cell is not None:
            cells.append([*cell.box, numbers[layer.image]])
    linked = [collage.pictures.linked(name) for name in numbers]
    known = {
        "width": collage.width,
        "height": collage.height,
        "tile": SIDE,
        "overlap": OVERLAP,
        "files": quote(os.fsencode(folder.name)),
        "hexagons": any(layer.outline == "hexagon" for layer in collage.layers),
        "cells": cells,
        "pictures": [[_link(place, path.parent), legible(str(place))] if place else ["", ""] for place in linked],
    }
    copies: dict[str, bytes | Callable[[], bytes]] = {}
    if bundle:
        here = quote(os.fsencode(folder.name))
        names = {n: f"picture-{n}.jpg" for n in range(len(linked))}
        said = [legible(place.name) if place else "" for place in linked]
        known["pictures"] = [[f"{here}/{names[n]}", said[n]] for n in names]
        copies = {names[n]: partial(_copy, collage.pictures, name) for name, n in numbers.items()}
    text = files("vertumnus.mosaic").joinpath("viewer.html").read_text("utf-8")
    for mark, value in (
        ("@TITLE@", html.escape(plain(path.stem))),
        ("@FILES@", quote(os.fsencode(folder.name))),
        ("@GENERATED@", GENERATED),
    ):
        text = text.replace(mark, value)
    script = f"const MOSAIC = {json.dumps(known, separators=(',', ':'))};\n"
    return {"cells.js": legible(script).encode(), **copies}, {page_path(path): legible(text).encode()}


def _copy(pictures: Pictures, name: str) -> bytes:
    """A picture as a JPEG to be looked at."""
    width, height = pictures.size(name)
    factor = min(1.0, COPIED / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return encoded(part_of(pictures, name, (0, 0, width, height), size), QUALITY)


def page_path(path: Path) -> Path:
    """The page of NAME.dzi: NAME.html beside it."""
    return path.with_suffix(".html")


def _link(picture: Path, folder: Path) -> str:
    try:
        return quote(os.fsencode(Path(os.path.relpath(picture.absolute(), folder.absolute())).as_posix()))
    except ValueError:  # on another drive
        return picture.absolute().as_uri()
