"""Colours as people write them."""

from __future__ import annotations

from PIL import ImageColor

from vertumnus.errors import VertumnusError


def parse_colour(text: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha (0 to 255) of a CSS colour: a name, ``#rgb``, ``#rrggbb``, ``rgb(...)``.

    Raises `VertumnusError` for anything else.

    >>> parse_colour("#f00")
    (255, 0, 0, 255)
    """
    try:
        rgb = ImageColor.getrgb(text)
    except ValueError:
        raise VertumnusError(f"{text!r} is not a colour; write a name or #rrggbb") from None
    return (rgb[0], rgb[1], rgb[2], rgb[3] if len(rgb) == 4 else 255)
