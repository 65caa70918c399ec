"""Which colour a word has: from a palette, a colormap, a picture beneath it, its group, or a function."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.decode import open_image, picture_of
from vertumnus.imaging.light import decode_srgb
from vertumnus.imaging.outline import Segments, box, coverage, placed
from vertumnus.reading import read_named
from vertumnus.strict.sow import Sown
from vertumnus.wording.options import ColorOptions
from vertumnus.wording.table import Word

# Each readable on the ground it is named for: dark ones on white, bright and pastel ones on black.
PALETTES = {
    "dark": "#1b3a5c #b23a48 #2e6f57 #7a4b94 #b8651b #20706f #5a3e36",
    "bright": "#ffd23f #ff6b6b #4ecdc4 #9be564 #7fb7ff #ff9f6e #e0aaff",
    "pastel": "#ffd6a5 #fdffb6 #caffbf #9bf6ff #a0c4ff #bdb2ff #ffc6ff",
    "ink": "#111111",
}
CONTRAST = 2.2  # with the ground, that a colormap's colours have at least
Color = tuple[int, int, int]
ColorFunction = Callable[[Word, float], str]  # of the word and its share of the heaviest's weight


def word_colors(words: Sequence[Word], options: ColorOptions, seed: int, ground: str | None = None) -> list[Color]:
    """A colour for each word; a word's own wins. The same word and seed have the same colour in every cloud.

    ground   what they are read on, a CSS colour: the ends of a colormap that can hardly be told from it are left out

    Raises `VertumnusError` for a name that is neither a palette nor a colormap nor colours.
    """
    ramp = legible_on(find_colors(options.colors), ground)
    heaviest = max(word.weight for word in words)
    lightest = min(word.weight for word in words)
    groups = {name: n for n, name in enumerate(dict.fromkeys(word.group for word in words))}
    found: list[Color] = []
    for number, word in enumerate(words):
        if word.color is not None:
            found.append(parse_colour(word.color)[:3])
        elif options.color_by == "weight":
            apart = np.log(heaviest / lightest)
            found.append(ramp(1.0 if apart == 0 else float(np.log(word.weight / lightest) / apart), None))
        elif options.color_by == "group":
            found.append(ramp((groups[word.group] + 0.5) / len(groups), groups[word.group]))
        elif options.color_by == "order":
            found.append(ramp(number / max(len(words) - 1, 1), number))
        else:
            digest = hashlib.sha256(f"{seed} {word.text}".encode(errors="replace")).digest()
            found.append(ramp(digest[0] / 255, digest[1]))
    return found


Ramp = Callable[[float, int | None], Color]


@cache
def find_colors(name: str) -> Ramp:
    """A function of (where in it, 0 to 1, and which in turn or None) that gives a colour.

    Raises `VertumnusError` for a name that is neither a palette nor a colormap nor colours.
    """
    listed = PALETTES.get(name, name).replace(";", " ").split()
    try:
        colours = [parse_colour(text)[:3] for text in listed]
    except VertumnusError as error:
        if len(listed) > 1:
            raise VertumnusError(f"`colors`: {error}") from None
        return _colormap(name)
    if not colours:
        raise VertumnusError("`colors`: none is named")

    def pick(share: float, turn: int | None) -> Color:
        at = turn if turn is not None else int(np.clip(share, 0, 1) * (len(colours) - 1) + 0.5)
        return colours[at % len(colours)]

    return pick


def _colormap(name: str) -> Ramp:
    import cmap

    try:
        found = cmap.Colormap(name)
    except (ValueError, TypeError, KeyError, LookupError):
        known = [*PALETTES, *{item.rpartition(":")[2] for item in cmap.Catalog().unique_keys()}]
        raise VertumnusError(
            f"`colors`: {name!r} is neither a palette ({', '.join(PALETTES)}) nor a colormap nor"
            f" colours{did_you_mean(name, known)}"
        ) from None

    def pick(share: float, turn: int | None) -> Color:
        red, green, blue, _ = found(float(np.clip(share, 0, 1))).rgba8
        return int(red), int(green), int(blue)

    pick.continuous = True  # type: ignore[attr-defined]
    return pick


def legible_on(ramp: Ramp, ground: str | None) -> Ramp:
    """The longest part of a colormap that contrasts with a ground; all of it where none does, or it is a palette."""
    if ground is None or not getattr(ramp, "continuous", False):
        return ramp
    red, green, blue, alpha = parse_colour(ground)
    if alpha < 128:
        return ramp
    places = np.linspace(0, 1, 101)
    good = [contrast(ramp(float(place), None), (red, green, blue)) >= CONTRAST for place in places]
    edges = np.flatnonzero(np.diff([False, *good, False]))
    if not len(edges):
        return ramp
    parts = list(zip(edges[::2], edges[1::2] - 1, strict=True))
    first, last = max(parts, key=lambda part: part[1] - part[0])
    low, high = float(places[first]), float(places[last])
    return lambda share, turn: ramp(low + (high - low) * share, turn)


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio" and "relative luminance")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    return float(decode_srgb(np.array(color) / 255) @ (0.2126, 0.7152, 0.0722))


class ColorPicture:
    """A picture that words take their colours from, laid over the canvas so that it covers all of it."""

    def __init__(self, given: str | Path | Image.Image | NDArray[Any], width: int, height: int) -> None:
        if isinstance(given, Image.Image | np.ndarray):
            whole = picture_of(given, "`color_from`").convert("RGB")
        else:
            with open_image(read_named(given), str(given)) as image:
                whole = ImageOps.exif_transpose(image).convert("RGB")
        side = 1024 / max(width, height)
        size = max(1, round(width * min(side, 1))), max(1, round(height * min(side, 1)))
        self.zoom = size[0] / width, size[1] / height
        pixels = np.asarray(ImageOps.fit(whole, size, Image.Resampling.BOX), np.float64)
        self.pixels: NDArray[np.float64] = pixels

    def under(self, segments: Segments, at: Sown) -> Color:
        """The mean colour under the ink of an outline where it lies on the canvas."""
        zoom = min(1.0, 2 * self.zoom[0], 2 * self.zoom[1])
        lines = placed(segments, at.scale * zoom, at.degrees)
        left, top, right, bottom = box(lines)
        ink = coverage(lines - [left, top, left, top], int(right - left) + 1, int(bottom - top) + 1)
        rows, columns = np.nonzero(ink >= min(0.3, float(ink.max())))
        x, y = (columns + 0.5 + left) / zoom + at.x, (rows + 0.5 + top) / zoom + at.y
        at_x = np.clip((x * self.zoom[0]).astype(int), 0, self.pixels.shape[1] - 1)
        at_y = np.clip((y * self.zoom[1]).astype(int), 0, self.pixels.shape[0] - 1)
        red, green, blue = np.rint(self.pixels[at_y, at_x].mean(0)).astype(int)
        return int(red), int(green), int(blue)


def as_hex(color: Color) -> str:
    """``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*color)
