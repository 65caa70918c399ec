"""Fonts: which of those at hand has a letter, so that none is drawn as a box.

In this order: the font that was asked for, or Pillow's own; DejaVu Sans Bold, which comes with the program, so that a
text looks the same on every machine; what the machine has.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import chain
from pathlib import Path

from PIL import ImageFont

from vertumnus.errors import VertumnusError
from vertumnus.reading import check_regular

SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
# Marks, joiners and variation selectors: drawn with the letter before them, if its font has them.
ATTACHED = ("Mn", "Mc", "Me", "Cf")


@dataclass(frozen=True)
class Face:
    """A font.

    path   its file; None for Pillow's own
    fat    whether its letters are fat enough to be filled
    """

    path: Path | None
    fat: bool = False

    def at(self, size: float) -> ImageFont.FreeTypeFont:
        """The font with an em of ``size`` pixels.

        Raises `VertumnusError` if its file is not a font that can be read.
        """
        if self.path is None:
            font = ImageFont.load_default(size)
            assert isinstance(font, ImageFont.FreeTypeFont)
            return font
        check_regular(self.path)
        try:
            return ImageFont.truetype(str(self.path), size)
        except (OSError, ValueError) as error:
            raise VertumnusError(f"{self.path}: not a font file that can be read ({error})") from None

    @cached_property
    def letters(self) -> frozenset[int]:
        """The code points it draws; none for a font of pictures or one that cannot be read."""
        from fontTools.ttLib import TTFont  # only where there is a text

        source = self.at(16).path if self.path is None else str(self.path)
        try:
            if isinstance(source, io.BytesIO):
                source.seek(0)
            with TTFont(source, lazy=True, fontNumber=0) as font:
                if self.path is not None and not {"glyf", "CFF ", "CFF2"} & set(font.keys()):
                    return frozenset()
                return frozenset(font.getBestCmap() or ())
        except Exception:  # of a damaged font it raises whatever it meets
            return frozenset()


@cache
def default_face() -> Face:
    """Pillow's own."""
    return Face(None)


@cache
def shipped_face() -> Face:
    """DejaVu Sans Bold: Latin, Greek, Cyrillic, Hebrew, Arabic, Georgian, Armenian, arrows, symbols."""
    return Face(Path(str(resources.files("vertumnus.imaging") / "fonts" / "DejaVuSans-Bold.ttf")), fat=True)


@cache
def machine_faces() -> tuple[Face, ...]:
    """Those that the machine has, bold ones first."""
    files = (path for folder in _folders() if folder.is_dir() for path in sorted(folder.rglob("*")))
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    found.sort(key=lambda path: "bold" not in path.name.lower())
    return tuple(Face(path, "bold" in path.name.lower()) for path in found)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft/Windows/Fonts"
        return [local, Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    data = Path(os.environ.get("XDG_DATA_HOME", home / ".local/share"))
    return [data / "fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


def split_by_face(text: str, own: Face | None = None) -> list[tuple[Face, str]]:
    """A text in pieces that one font each can draw, in their order: one piece where a font has all of its letters.

    own   the font asked for

    Raises `VertumnusError` naming the first letter that no font has.

    >>> [(face.path.name if face.path else "", piece) for face, piece in split_by_face("a ♥")]
    [('DejaVuSans-Bold.ttf', 'a ♥')]
    """
    needed = {ord(sign) for sign in text if not _attached(sign)}
    for face in (own or default_face(), shipped_face()):
        if needed <= face.letters:
            return [(face, text)]
    pieces: list[tuple[Face, str]] = []
    for sign in text:
        attached = _attached(sign)
        if pieces and (attached or ord(sign) in pieces[-1][0].letters):
            pieces[-1] = pieces[-1][0], pieces[-1][1] + sign
            continue
        face = own or default_face() if attached else _face_of(sign, own)
        if pieces and pieces[-1][0] == face:
            pieces[-1] = face, pieces[-1][1] + sign
        else:
            pieces.append((face, sign))
    return pieces


def _attached(sign: str) -> bool:
    return unicodedata.category(sign) in ATTACHED or sign.isspace()


def _face_of(sign: str, own: Face | None) -> Face:
    for face in _order(own):
        if ord(sign) in face.letters:
            return face
    name = unicodedata.name(sign, "")
    raise VertumnusError(
        f"{sign!r}: no font at hand has this sign (U+{ord(sign):04X}{' ' + name if name else ''}); give a font file"
        " that does"
    )


def _order(own: Face | None) -> Iterator[Face]:
    first = [own] if own is not None else [default_face()]
    yield from chain([*first, shipped_face()], machine_faces())


def shaped(text: str) -> bool:
    """Whether letters of a text join or trade places, so that it has to be drawn whole."""
    return any(
        unicodedata.bidirectional(sign) in ("R", "AL", "AN") or unicodedata.category(sign) in ("Mn", "Mc")
        for sign in text
    )
