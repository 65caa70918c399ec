"""Who draws a document. A document knows nobody, so it is told: the package does that when it is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vertumnus.errors import VertumnusError

_find: Callable[[], Callable[..., Any]] | None = None


def drawn_by(find: Callable[[], Callable[..., Any]]) -> None:
    """Says how to find the renderer: a function that returns one, called when a document is first drawn.

    A renderer is called with the collage, ``scale`` and ``background`` and returns a `PIL.Image.Image`.
    """
    global _find
    _find = find


def renderer() -> Callable[..., Any]:
    """The renderer.

    Raises `VertumnusError` if there is none.
    """
    if _find is None:
        raise VertumnusError("nothing is here that draws a collage; import vertumnus")
    return _find()
