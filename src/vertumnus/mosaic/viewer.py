"""The page beside a Deep Zoom pyramid, where hovering shows the original picture and its path."""

from __future__ import annotations

import html
import json
import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from vertumnus.document.atomic import atomic_write
from vertumnus.export.deepzoom import OVERLAP, SIDE, files_folder
from vertumnus.mosaic.paint import Painter
from vertumnus.mosaic.plan import Plan


def save_page(path: Path, plan: Plan, painter: Painter) -> Path:
    """Writes NAME.html beside NAME.dzi, and what it needs to know of the cells into NAME_files; returns the page.

    It works from a disk without a server. Pictures are linked where they are, by a path relative to the page.
    Raises `VertumnusError` if the place cannot be written.
    """
    folder = files_folder(path)
    known = {
        "width": painter.width,
        "height": painter.height,
        "tile": SIDE,
        "overlap": OVERLAP,
        "files": quote(folder.name),
        "hexagons": plan.grid.kind == "hexagon",
        "cells": [[*box, tile] for box, tile in zip(painter.boxes.tolist(), plan.tile.tolist(), strict=True)],
        "pictures": [[_link(source.path, path.parent), str(source.path)] for source in plan.sources],
    }
    with atomic_write(folder / "cells.js") as stream:
        stream.write(f"const MOSAIC = {json.dumps(known, separators=(',', ':'))};\n".encode())
    text = files("vertumnus.mosaic").joinpath("viewer.html").read_text("utf-8")
    page = path.with_suffix(".html")
    with atomic_write(page) as stream:
        stream.write(text.replace("@TITLE@", html.escape(path.stem)).replace("@FILES@", quote(folder.name)).encode())
    return page


def _link(picture: Path, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(picture.absolute(), folder.absolute())).as_posix())
    except ValueError:  # on another drive
        return picture.absolute().as_uri()
