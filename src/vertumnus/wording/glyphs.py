"""From a word to its outline: shaped by HarfBuzz, with another font for what the first one lacks."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import uharfbuzz as hb
from fontTools.pens.recordingPen import RecordingPen

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.imaging.fonts import Face, machine_faces, shipped_face, split_by_face
from vertumnus.imaging.outline import Command, Segments, area, box, flatten
from vertumnus.reading import read_named

TOLERANCE = 2e-4  # of an em: how near lines come to the curves
UNITS = 1000  # to an em, in which paths are written
MAX_LETTERS = 200  # of one word
# Directions of letters that are written from right to left (Unicode Standard Annex 9).
LEFTWARD = ("R", "AL", "AN")


@dataclass(frozen=True)
class Outline:
    """A word as it is drawn: an em is 1, y points down, the middle of its box is the origin.

    text       the word
    segments   its outline as lines
    path       the same with its curves, as SVG path data in `UNITS` to an em
    width, height   of its box
    area       of its ink
    """

    text: str
    segments: Segments
    path: str
    width: float
    height: float
    area: float


class _Glyph(NamedTuple):
    commands: list[Command]
    segments: Segments


class _Shaper:
    """One font file as HarfBuzz has it. Coordinates are in ems, y down."""

    def __init__(self, face: Face) -> None:
        if face.path is None:
            source = face.at(16).path
            data = source.getvalue() if isinstance(source, io.BytesIO) else Path(str(source)).read_bytes()
        else:
            data = read_named(face.path)
        self.digest = hashlib.sha256(data).hexdigest()
        try:
            self.font = hb.Font(hb.Face(data, 0))
        except Exception as error:  # of a damaged font it raises whatever it meets
            raise VertumnusError(f"{face.path}: not a font file that can be read ({error})") from None
        self.upem = self.font.face.upem or 1000
        self.glyphs: dict[int, _Glyph] = {}

    def glyph(self, number: int) -> _Glyph:
        """A glyph's outline."""
        if number not in self.glyphs:
            pen = RecordingPen()
            self.font.draw_glyph_with_pen(number, pen)
            one = 1 / self.upem
            commands = [(name, tuple((x * one, -y * one) for x, y in points)) for name, points in _simple(pen.value)]
            self.glyphs[number] = _Glyph(commands, flatten(commands, TOLERANCE))
        return self.glyphs[number]

    def shape(self, text: str, features: dict[str, bool]) -> tuple[list[tuple[int, float, float]], float]:
        """Glyphs with where each lies, and how far the text goes."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        hb.shape(self.font, buffer, features)
        found, x = [], 0.0
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            found.append((info.codepoint, (x + place.x_offset) / self.upem, -place.y_offset / self.upem))
            x += place.x_advance
        return found, x / self.upem


def _simple(commands: list[Command]) -> list[Command]:
    """The commands with every curve one of one or two control points."""
    found: list[Command] = []
    for name, points in commands:
        if name == "qCurveTo" and len(points) > 2:
            *controls, end = points
            for here, there in pairwise(controls):
                found.append((name, (here, ((here[0] + there[0]) / 2, (here[1] + there[1]) / 2))))
            found.append((name, (controls[-1], end)))
        else:
            found.append((name, points))
    return found


def font_digests(texts: Iterable[str], face: Face) -> dict[str, str]:
    """The fonts that texts are drawn with, by name, and the SHA-256 of each file's bytes."""
    used = dict.fromkeys(own for text in texts for own, _ in split_by_face(text, face))
    return {own.path.name if own.path else "": _shaper(own).digest for own in used}


@cache
def _shaper(face: Face) -> _Shaper:
    return _Shaper(face)


def find_face(font: str | Path | None) -> Face:
    """The font of a file, or of a family that the machine has; by default the one that comes with the program.

    Raises `VertumnusError` if there is none.
    """
    if font is None:
        return shipped_face()
    path = Path(font)
    if path.is_file() or path.suffix.lower() in (".ttf", ".otf", ".ttc", ".otc"):
        face = Face(path, fat=True)
        if not path.exists():
            raise VertumnusError(f"{path}: there is no such font file")
        face.at(16)
        if not face.letters:
            raise VertumnusError(f"{path}: the font has no letters with outlines")
        return face
    wanted = " ".join(str(font).lower().split())
    families = _families()
    if wanted in families:
        return families[wanted]
    raise VertumnusError(
        f"{font}: neither a font file nor a family that this machine has{did_you_mean(wanted, families)}"
    )


@cache
def _families() -> dict[str, Face]:
    """The machine's fonts by family, and by family and style, in lower case; a family alone is its regular one."""
    found: dict[str, Face] = {}
    for face in (shipped_face(), *machine_faces()):
        try:
            family, style = face.at(16).getname()
        except VertumnusError:
            continue
        if family is None:
            continue
        name = f"{family} {style or 'Regular'}".lower()
        found.setdefault(name, face)
        if (style or "").lower() in ("regular", "book", "normal", "roman"):
            found[family.lower()] = face
    for name in list(found):
        found.setdefault(name.rpartition(" ")[0], found[name])
    return found


def outline_of(text: str, face: Face, features: dict[str, bool] | None = None) -> Outline:
    """The outline of a word or a few.

    face       the font asked for; letters that it lacks are taken from others, see `vertumnus.imaging.fonts`
    features   OpenType features to switch on or off, as ``{"liga": False}``

    Raises `VertumnusError` naming the first letter that no font at hand has, or if nothing is drawn.
    """
    if len(text) > MAX_LETTERS:
        raise VertumnusError(f"{text[:20]!r}...: {len(text):,} letters are too many for one word")
    commands: list[Command] = []
    lines: list[Segments] = []
    x = 0.0
    for own, piece in _in_order(text, face):
        shaper = _shaper(own)
        glyphs, far = shaper.shape(piece, features or {})
        for number, left, down in glyphs:
            glyph = shaper.glyph(number)
            if not len(glyph.segments):
                continue
            lines.append(glyph.segments + np.array([x + left, down, x + left, down]))
            commands += [
                (name, tuple((x + left + px, down + py) for px, py in points)) for name, points in glyph.commands
            ]
        x += far
    if not lines:
        raise VertumnusError(f"{text!r}: the font draws nothing for it")
    segments = np.concatenate(lines)
    left, top, right, bottom = box(segments)
    middle = (left + right) / 2, (top + bottom) / 2
    segments = segments - [*middle, *middle]
    return Outline(text, segments, _path(commands, middle), right - left, bottom - top, area(segments))


def _in_order(text: str, face: Face) -> list[tuple[Face, str]]:
    """The text in pieces of one font and one direction each, as they stand from left to right."""
    pieces = [(own, run) for own, piece in split_by_face(text, face) for run in _one_way(piece)]
    leftward = next((found in LEFTWARD for found in map(_strong, text) if found), False)
    if not leftward:
        return pieces
    return pieces[::-1]


def _one_way(text: str) -> list[str]:
    """The text cut where letters of one direction follow on those of the other."""
    runs: list[str] = []
    way: bool | None = None
    for sign in text:
        strong = _strong(sign)
        leftward = None if strong is None else strong in LEFTWARD
        if runs and (leftward is None or way is None or leftward == way):
            runs[-1] += sign
        else:
            runs.append(sign)
        way = leftward if leftward is not None else way
    return runs


def _strong(sign: str) -> str | None:
    found = unicodedata.bidirectional(sign)
    return found if found in ("L", "EN", *LEFTWARD) else None


LETTERS = {"moveTo": "M", "lineTo": "L", "qCurveTo": "Q", "curveTo": "C", "closePath": "Z", "endPath": "Z"}


def _path(commands: list[Command], middle: tuple[float, float]) -> str:
    """SVG path data about the middle."""
    points = np.array([point for _, given in commands for point in given]).reshape(-1, 2)
    numbers = np.rint((points - middle) * UNITS * 10).astype(np.int64)
    written = [f"{_tenths(x)} {_tenths(y)}" for x, y in numbers.tolist()]
    parts, at = [], 0
    for name, given in commands:
        parts.append(LETTERS[name] + " ".join(written[at : at + len(given)]))
        at += len(given)
    return "".join(parts)


def _tenths(number: int) -> str:
    whole, tenth = divmod(abs(number), 10)
    return ("-" if number < 0 else "") + (f"{whole}.{tenth}" if tenth else str(whole))
