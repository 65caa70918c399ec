"""The page beside a Deep Zoom pyramid, where hovering shows the original picture and its path."""

from __future__ import annotations

import html
import json
import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from vertumnus.export.deepzoom import GENERATED, OVERLAP, SIDE, files_folder
from vertumnus.mosaic.paint import Painter
from vertumnus.mosaic.plan import Plan


def viewer_files(path: Path, plan: Plan, painter: Painter) -> tuple[dict[str, bytes], dict[Path, bytes]]:
    """NAME.html to lie beside NAME.dzi, and what it needs to know of the cells, to lie in NAME_files.

    It works from a disk without a server. Pictures are linked where they are, by a path relative to the page.
    Returns files by their names inside the folder, and files by their paths.
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
    text = files("vertumnus.mosaic").joinpath("viewer.html").read_text("utf-8")
    for mark, value in (
        ("@TITLE@", html.escape(path.stem)),
        ("@FILES@", quote(folder.name)),
        ("@GENERATED@", GENERATED),
    ):
        text = text.replace(mark, value)
    cells = f"const MOSAIC = {json.dumps(known, separators=(',', ':'))};\n"
    return {"cells.js": cells.encode()}, {page_path(path): text.encode()}


def page_path(path: Path) -> Path:
    """The page of NAME.dzi: NAME.html beside it."""
    return path.with_suffix(".html")


def _link(picture: Path, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(picture.absolute(), folder.absolute())).as_posix())
    except ValueError:  # on another drive
        return picture.absolute().as_uri()
