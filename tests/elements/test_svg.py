"""SVG files that reach outside themselves are refused before they are drawn."""

import gzip
import sys

import pytest

from vertumnus.elements import sandbox
from vertumnus.elements.svg import draw_svg, read_svg
from vertumnus.errors import VertumnusError

HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20"'
DATA = "data:image/png;base64,iVBORw0KGgo="


def svg(body: str, before: str = "") -> bytes:
    return f"{before}<svg {HEAD}>{body}</svg>".encode()


@pytest.mark.parametrize(
    "data",
    [
        svg('<image xlink:href="/etc/passwd"/>'),
        svg('<image href="http://example.org/a.png"/>'),
        svg('<image href="file:///a.png"/>'),
        svg('<use href="other.svg#a"/>'),
        svg('<image href="data:image/svg+xml;base64,AAAA"/>'),
        svg('<rect style="fill:url(http://example.org/#a)"/>'),
        svg("<rect fill=\"url( 'other.svg#a' )\"/>"),
        svg("<style>@import url(a.css);</style>"),
        svg("<style>rect { fill: url(a.svg#b) }</style>"),
        svg("<style><![CDATA[@import 'a.css';]]></style>"),
        svg("", '<?xml-stylesheet href="a.css"?>'),
        svg("<text>&a;</text>", '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        svg("<text>&b;</text>", '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'),
        b"<html></html>",
        b"<svg",
        b"",
    ],
)
def test_refused(data):
    with pytest.raises(VertumnusError, match=r"^a\.svg: .*SVG"):
        read_svg(data, "a.svg")


@pytest.mark.parametrize(
    "data",
    [
        svg('<defs><rect id="a"/></defs><use xlink:href="#a"/>'),
        svg(f'<image href="{DATA}"/>'),
        svg('<rect fill="url(#a)" style="stroke:url(#b)"/>'),
        svg('<a href="https://example.org"><rect/></a>'),  # a link is not a reference: nothing is loaded
        svg("", '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">'),
        gzip.compress(svg("<rect/>")),
        b"\xef\xbb\xbf" + svg("<rect/>"),
    ],
)
def test_allowed(data):
    assert "<svg" in read_svg(data, "a.svg")


def test_a_gzip_bomb_is_refused():
    with pytest.raises(VertumnusError, match="too much"):
        read_svg(gzip.compress(b" " * (40 << 20)), "a.svgz")


def test_drawn_to_fit():
    picture = draw_svg(read_svg(svg('<rect width="20" height="20"/>'), "a.svg"), 300, 100, "a.svg")
    assert picture.shape == (100, 200, 4)
    assert picture[50, 50, 3] == 255
    assert picture[50, 150, 3] == 0


SQUARE = '<rect width="20" height="20"/>'


@pytest.mark.parametrize(
    "body",
    [
        "<g>" * 250 + SQUARE + "</g>" * 250,
        SQUARE * 100_001,
        ("<g " + " ".join(f"a{n}=''" for n in range(1000)) + "/>") * 1001,
    ],
    ids=["deep", "many", "attributes"],
)
def test_more_than_the_limits_is_refused_while_it_is_parsed(body):
    with pytest.raises(VertumnusError, match="too large to be drawn"):
        read_svg(svg(body), "a.svg")


def test_two_hundred_groups_are_drawn():
    picture = draw_svg(read_svg(svg("<g>" * 198 + SQUARE + "</g>" * 198), "a.svg"), 40, 20, "a.svg")
    assert picture[10, 10, 3] == 255


ENDLESS = (
    '<filter id="f" x="-5" y="-5" width="20" height="20">'
    + '<feTurbulence baseFrequency="0.5" numOctaves="99"/><feMorphology operator="dilate" radius="90"/>' * 30
    + '</filter><rect width="40" height="20" filter="url(#f)"/>'
)
HUGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0.0001 0.0001"><pattern id="p" width="90000" height="90000"'
    ' patternUnits="userSpaceOnUse"><rect width="9" height="9"/></pattern>'
    '<rect width="100" height="100" fill="url(#p)"/></svg>'
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere less of a process is bounded")
@pytest.mark.parametrize(
    ("text", "patience", "why"),
    [
        (svg(ENDLESS).decode(), 0.3, "too long"),
        pytest.param(svg(ENDLESS).decode(), 60, "too long", marks=pytest.mark.slow),
        (HUGE, 60, "too much memory"),
    ],
    ids=["wall", "CPU", "memory"],
)
def test_a_drawing_that_runs_away_is_ended_and_the_next_is_drawn(text, patience, why, monkeypatch):
    monkeypatch.setattr(sandbox, "MAX_SVG_SECONDS", 1)
    monkeypatch.setattr(sandbox, "PATIENCE", patience)
    with pytest.raises(VertumnusError, match=f"^a.svg: the SVG cannot be drawn .*{why}"):
        draw_svg(text, 512, 512, "a.svg")
    monkeypatch.undo()
    assert draw_svg(svg(SQUARE).decode(), 40, 20, "a.svg")[10, 10, 3] == 255


def test_what_would_crash_the_interpreter_does_not_stop_anything():
    with pytest.raises(VertumnusError, match="cannot be drawn"):  # past the parser's limits, straight to the library
        draw_svg(svg("<g>" * 9000 + SQUARE + "</g>" * 9000).decode(), 40, 20, "a.svg")


def test_a_process_that_died_waiting_is_replaced():
    draw_svg(svg(SQUARE).decode(), 40, 20, "a.svg")
    sandbox._idle[-1].process.kill()
    sandbox._idle[-1].process.wait()
    assert draw_svg(svg(SQUARE).decode(), 40, 20, "a.svg").shape == (20, 40, 4)


def test_one_process_serves_many_drawings_the_same_as_here():
    sandbox.close()
    for colour in ("red", "#0f08", "url(#none)"):
        text = svg(f'<rect width="17.3" height="20" fill="{colour}"/>').decode()
        ours, theirs = (draw_svg(text, 300, 100, "a.svg", own=own) for own in (True, False))
        assert (ours == theirs).all()
        assert len(sandbox._idle) == 1


@pytest.mark.parametrize("encoding", ["gb2312", "utf-16", "Shift_JIS", "iso-8859-1"])
def test_other_encodings_are_read(encoding):
    title = "é" if encoding.startswith("iso") else "中文"
    text = f'<?xml version="1.0" encoding="{encoding}"?><svg {HEAD}><title>{title}</title>{SQUARE}</svg>'
    read = read_svg(text.encode(encoding), "a.svg")
    assert title in read
    assert draw_svg(read, 40, 20, "a.svg")[10, 10, 3] == 255


@pytest.mark.parametrize("encoding", ["idna", "cp99999", "unicode_escape", "hex"])
def test_an_encoding_that_is_none_is_refused(encoding):
    with pytest.raises(VertumnusError, match="the SVG cannot be read as"):
        read_svg(f'<?xml version="1.0" encoding="{encoding}"?><svg {HEAD}/>'.encode(), "a.svg")


def test_a_reference_cut_by_the_parsers_buffer_is_seen():
    for pad in range(0, 24, 3):
        body = "<style>" + " " * (8180 + pad) + "rect { fill: url(http://example.org/#a) }</style>"
        with pytest.raises(VertumnusError, match="refers to"):
            read_svg(svg(body), "a.svg")
