"""SVG drawings: parsed within limits, then drawn by resvg. Nothing outside the file is ever read."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.elements.sandbox import draw_apart
from vertumnus.elements.svg_process import draw
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_SVG_BYTES, MAX_SVG_DEPTH, MAX_SVG_ELEMENTS

_URL = re.compile(r"url\(\s*['\"]?\s*([^'\")]*)", re.IGNORECASE)


def read_svg(data: bytes, where: str, elements: int = MAX_SVG_ELEMENTS) -> str:
    """The text of an SVG (or svgz) file that refers to nothing but itself.

    elements   that it may have; by default as many as are drawn

    Raises `VertumnusError` for XML that is not well formed or not SVG, for entity declarations (they
    are how a small file becomes a huge one), for references to other files or addresses, and beyond
    the limits of depth, elements and attributes.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            unpack = zlib.decompressobj(wbits=31)
            data = unpack.decompress(data, MAX_SVG_BYTES + 1)
        except (zlib.error, gzip.BadGzipFile) as error:
            raise VertumnusError(f"{where}: not a readable svgz file ({error})") from None
    if len(data) > MAX_SVG_BYTES:
        raise VertumnusError(f"{where}: more than {MAX_SVG_BYTES >> 20} MB is too much for an SVG")
    data = _as_utf8(data, where)
    parser = expat.ParserCreate("UTF-8")
    style: list[str] | None = None
    tags = depth = said = 0

    def refuse(what: str) -> None:
        raise VertumnusError(f"{where}: the SVG {what}, which is never followed")

    def entity(name: str, *_: object) -> None:
        refuse(f"declares the entity {name!r}")

    def check_css(text: str) -> None:
        if "@import" in text.lower():
            refuse("imports another style sheet")
        for target in _URL.findall(text):
            check_target(target)

    def check_target(target: str) -> None:
        target = target.strip()
        inner = target.lower().startswith("data:") and not target.lower().startswith("data:image/svg")
        if target and not target.startswith("#") and not inner:
            refuse(f"refers to {target[:60]!r}")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal style, tags, depth, said
        tags, depth, said = tags + 1, depth + 1, said + len(attributes)
        if tags > elements or depth > MAX_SVG_DEPTH or said > 10 * elements:
            raise VertumnusError(
                f"{where}: the SVG is too large to be drawn; at most {elements:,} elements are, nested"
                f" {MAX_SVG_DEPTH} deep, with {10 * elements:,} attributes"
            )
        local = tag.rpartition(":")[2]
        if tags == 1 and local != "svg":
            raise VertumnusError(f"{where}: not an SVG, its first element is <{tag[:60]}>")
        if local == "style":
            style = []
        for name, value in attributes.items():
            if name.rpartition(":")[2] in ("href", "src") and local != "a":
                check_target(value)
            elif "url(" in value.lower() or name == "style":
                check_css(value)

    def end(tag: str) -> None:
        nonlocal style, depth
        depth -= 1
        if style is not None and tag.rpartition(":")[2] == "style":
            check_css("".join(style))
            style = None

    def text(piece: str) -> None:
        if style is not None:
            style.append(piece)

    def instruction(target: str, _: str) -> None:
        if target == "xml-stylesheet":
            refuse("asks for another style sheet")

    parser.EntityDeclHandler = entity
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.ProcessingInstructionHandler = instruction
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
        return data.decode("utf-8-sig")
    except expat.ExpatError as error:
        raise VertumnusError(f"{where}: not a well-formed SVG ({error})") from None
    except (UnicodeError, ValueError) as error:
        if isinstance(error, VertumnusError):
            raise
        raise VertumnusError(f"{where}: the SVG is not written in UTF-8") from None


_DECLARED = re.compile(rb"""(<\?xml[^>]{0,200}?encoding\s*=\s*["'])([\w.:-]{1,40})""")
# Encodings of text that files are found in; Python knows others that are none.
_ENCODINGS = re.compile(
    r"utf-?(16|32)([lb]e)?|iso-?8859-?\d+|latin-?1|(windows-?|cp)\d+|gbk?(2312|18030)?|gb|big5(hkscs)?|shift-?jis|"
    r"sjis|euc-?(jp|kr|cn)|koi8-?[ru]|us-?ascii"
)


_SIDES = re.compile(r'^(<svg [^>]*?)width="[^"]*" height="[^"]*"')


def _as_utf8(data: bytes, where: str) -> bytes:
    """The document in UTF-8, from whatever encoding it declares itself to be in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf").lstrip()[:400])
        encoding = declared[2].decode("ascii", "replace").lower().replace("_", "-") if declared else "utf-8"
    if encoding in ("utf-8", "utf8"):
        return data
    try:
        if not _ENCODINGS.fullmatch(encoding):
            raise LookupError(encoding)
        text = data.decode(encoding)
    except (LookupError, ValueError):
        raise VertumnusError(f"{where}: the SVG cannot be read as {encoding}, the encoding it declares") from None
    return _DECLARED.sub(rb"\1UTF-8", text.encode(errors="replace"), count=1)


def draw_svg(text: str, width: int, height: int, where: str, own: bool = False) -> NDArray[np.uint8]:
    """The drawing at the largest size that fits width x height, as H x W x 4 straight RGBA.

    own   this program wrote the SVG; any other is drawn in a process of its own, see `vertumnus.elements.sandbox`

    Raises `VertumnusError` if resvg cannot draw it within bounds.
    """
    if own:
        drawn, png = draw(text, width, height, fonts=False)
        if not drawn:
            raise VertumnusError(f"{where}: cannot be drawn with {width} x {height} pixels ({png.decode()})")
    else:
        png = draw_apart(text, width, height, where)
    return _decoded(png)


def draw_exactly(drawing: bytes, width: int, height: int, where: str, own: bool = False) -> NDArray[np.uint8]:
    """A drawing as `vertumnus.elements.drawing` writes it, on width x height pixels, as H x W x 4 straight RGBA.

    Raises `VertumnusError` if resvg cannot draw it within bounds.
    """
    sides = f'width="{width}" height="{height}" preserveAspectRatio="none"'
    text = _SIDES.sub(rf"\g<1>{sides}", drawing.decode(), count=1)
    if own:
        drawn, png = draw(text, width, height, fonts=False, as_is=True)
        if not drawn:
            raise VertumnusError(f"{where}: cannot be drawn with {width} x {height} pixels ({png.decode()})")
    else:
        png = draw_apart(text, width, height, where, as_is=True)
    pixels = _decoded(png)
    if pixels.shape[:2] != (height, width):
        raise VertumnusError(f"{where}: not a drawing of {width} x {height} pixels")
    return pixels


def _decoded(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGBA"))
