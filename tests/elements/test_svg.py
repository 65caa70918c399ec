"""SVG files that reach outside themselves are refused before they are drawn."""

import gzip

import pytest

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
