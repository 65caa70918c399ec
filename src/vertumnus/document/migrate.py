"""Reading documents of earlier versions: each step turns version n into n + 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vertumnus.errors import VertumnusError

FORMAT = "vertumnus/collage"
VERSION = 2

Document = dict[str, Any]


def _draft_to_1(document: Document) -> Document:
    """Version 0, the draft: ``made_by`` was the bare name of the tool."""
    made_by = document.get("made_by")
    if isinstance(made_by, str):
        document["made_by"] = {"tool": made_by}
    return document


def _1_to_2(document: Document) -> Document:
    """Version 1: layers had no id, and their gain multiplied sRGB values."""
    layers = document.get("layers")
    if not isinstance(layers, list):
        return document
    document["layers"] = moved = []
    for layer in layers:
        if isinstance(layer, dict) and layer.get("gain", [1, 1, 1]) != [1, 1, 1]:
            layer = {**layer, "light": "srgb"}
        moved.append(layer)
    return document


STEPS: dict[int, Callable[[Document], Document]] = {0: _draft_to_1, 1: _1_to_2}


def migrate(document: object, where: str) -> Document:
    """The document as the current version would have written it.

    Raises `VertumnusError` if it is no collage, or one of a version newer than this program.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VertumnusError(f'{where}: format: not a collage, it does not say "format": "{FORMAT}"')
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise VertumnusError(f"{where}: version: must be a whole number, not {version!r}")
    if version > VERSION:
        raise VertumnusError(
            f"{where}: version: {version} is newer than this program reads ({VERSION}); please update vertumnus"
        )
    while version < VERSION:
        document = STEPS[version](dict(document))
        version += 1
        document["version"] = version
    return document
