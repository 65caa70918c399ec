"""Shaping: ligatures, other directions, other fonts, and SVG paths that are the outlines."""

import shutil

import numpy as np
import pytest
import uharfbuzz
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.svgLib.path import parse_path
from fontTools.ttLib import TTFont

from vertumnus.errors import VertumnusError
from vertumnus.imaging.fonts import shipped_face
from vertumnus.imaging.outline import area, flatten
from vertumnus.wording.glyphs import UNITS, find_face, font_digests, outline_of


def test_the_path_is_the_outline():
    outline = outline_of("Quince", find_face(None))
    pen = RecordingPen()
    parse_path(outline.path, pen)
    lines = flatten(pen.value, 0.2)
    assert area(lines) / UNITS**2 == pytest.approx(outline.area, rel=1e-3)
    assert np.ptp(lines[:, ::2]) / UNITS == pytest.approx(outline.width, abs=1e-3)
    assert lines[:, 1::2].max() / UNITS == pytest.approx(outline.height / 2, abs=1e-3)


def test_ligatures_are_used_unless_they_are_not_wanted():
    face = find_face(None)
    joined, apart = outline_of("fi", face), outline_of("fi", face, {"liga": False})
    assert joined.path != apart.path


def test_letters_of_arabic_join_and_run_leftward():
    face = find_face(None)
    whole, parts = outline_of("سلام", face), [outline_of(sign, face) for sign in "سلام"]
    assert whole.width < sum(part.width for part in parts)
    shalom = outline_of("של", face)
    shin = outline_of("ש", face)
    # The first letter lies at the right.
    assert shalom.segments[:, 0].max() - shin.segments[:, 0].max() == pytest.approx(shalom.width / 2 - shin.width / 2)
    assert outline_of("ab שלום", face).width > outline_of("ab", face).width


def test_letters_that_a_font_lacks_come_from_another(tmp_path):
    few = tmp_path / "few.ttf"
    font = TTFont(shipped_face().path)
    for table in font["cmap"].tables:
        table.cmap = {code: name for code, name in table.cmap.items() if chr(code) in "abc"}
    font.save(few)
    face = find_face(few)
    assert outline_of("cab", face).area == pytest.approx(outline_of("cab", find_face(None)).area)
    assert outline_of("cab ♥", face).width > outline_of("cab", face).width
    assert set(font_digests(["cab", "♥"], face)) == {"few.ttf", "DejaVuSans-Bold.ttf"}


def test_a_sign_that_no_font_has_is_named():
    with pytest.raises(VertumnusError, match=r"no font at hand has this sign.*U\+E0F0"):
        outline_of("a\ue0f0", find_face(None))
    with pytest.raises(VertumnusError, match="draws nothing"):
        outline_of("  ", find_face(None))


def test_fonts_by_file_and_by_family(tmp_path):
    copy = tmp_path / "own.ttf"
    shutil.copy(shipped_face().path, copy)
    assert find_face(copy).path == copy
    assert find_face("DejaVu Sans Bold").path is not None
    with pytest.raises(VertumnusError, match="neither a font file nor a family"):
        find_face("No Such Family")
    with pytest.raises(VertumnusError, match="there is no such font file"):
        find_face(tmp_path / "gone.ttf")
    bad = tmp_path / "bad.ttf"
    bad.write_bytes(b"not a font")
    with pytest.raises(VertumnusError, match=r"bad\.ttf: not a font file"):
        find_face(bad)


def test_outlines_of_cubic_curves(tmp_path):
    """A font of PostScript outlines with one Chinese sign, a disc of four cubic curves in a box."""
    k = 55.2285  # of a radius of 100: Riskus, "Approximation of a cubic Bezier curve by circular arcs"
    pen = T2CharStringPen(1000, None)
    pen.moveTo((100, 0))
    pen.curveTo((100 + k, 0), (200, 100 - k), (200, 100))
    pen.curveTo((200, 100 + k), (100 + k, 200), (100, 200))
    pen.curveTo((100 - k, 200), (0, 100 + k), (0, 100))
    pen.curveTo((0, 100 - k), (100 - k, 0), (100, 0))
    pen.closePath()
    built = FontBuilder(1000, isTTF=False)
    built.setupGlyphOrder([".notdef", "sun"])
    built.setupCharacterMap({ord("日"): "sun"})
    blank = T2CharStringPen(1000, None)
    built.setupCFF("Disc", {}, {".notdef": blank.getCharString(), "sun": pen.getCharString()}, {})
    built.setupHorizontalMetrics({".notdef": (1000, 0), "sun": (1000, 0)})
    built.setupHorizontalHeader(ascent=800, descent=-200)
    built.setupOS2()
    built.setupPost()
    built.save(tmp_path / "disc.otf")
    outline = outline_of("日日", find_face(tmp_path / "disc.otf"))
    assert outline.area == pytest.approx(2 * np.pi * 0.1**2, rel=5e-3)  # points are whole units
    assert outline.width == pytest.approx(1.2)
    assert outline.path.count("C") == 8


def test_advances_are_harfbuzz_own():
    face = find_face(None)
    font = uharfbuzz.Font(uharfbuzz.Face(shipped_face().path.read_bytes()))
    buffer = uharfbuzz.Buffer()
    buffer.add_str("AVAVA")
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    kerned = sum(place.x_advance for place in buffer.glyph_positions) / font.face.upem
    assert outline_of("AVAVA", face).width == pytest.approx(kerned, abs=0.05)
    assert kerned < 5 * outline_of("A", face).width
