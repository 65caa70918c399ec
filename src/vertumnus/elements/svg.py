"""SVG drawings: checked, then drawn by resvg. Nothing outside the file is ever read."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from xml.parsers import expat

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError

MAX_BYTES = 32 << 20
_URL = re.compile(r"url\(\s*['\"]?\s*([^'\")]*)", re.IGNORECASE)


def read_svg(data: bytes, where: str) -> str:
    """The text of an SVG (or svgz) file that refers to nothing but itself.

    Raises `VertumnusError` for XML that is not well formed or not SVG, for entity declarations (they
    are how a small file becomes a huge one) and for references to other files or addresses.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            unpack = zlib.decompressobj(wbits=31)
            data = unpack.decompress(data, MAX_BYTES + 1)
        except (zlib.error, gzip.BadGzipFile) as error:
            raise VertumnusError(f"{where}: not a readable svgz file ({error})") from None
    if len(data) > MAX_BYTES:
        raise VertumnusError(f"{where}: more than {MAX_BYTES >> 20} MB is too much for an SVG")
    parser = expat.ParserCreate()
    in_style = False
    tags = 0

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
        nonlocal in_style, tags
        tags += 1
        local = tag.rpartition(":")[2]
        if tags == 1 and local != "svg":
            raise VertumnusError(f"{where}: not an SVG, its first element is <{tag}>")
        in_style = local == "style"
        for name, value in attributes.items():
            if name.rpartition(":")[2] in ("href", "src") and local != "a":
                check_target(value)
            elif "url(" in value.lower() or name == "style":
                check_css(value)

    def end(_: str) -> None:
        nonlocal in_style
        in_style = False

    def text(piece: str) -> None:
        if in_style:
            check_css(piece)

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
    except UnicodeDecodeError:
        raise VertumnusError(f"{where}: the SVG is not written in UTF-8") from None


def draw_svg(text: str, width: int, height: int, where: str) -> NDArray[np.uint8]:
    """The drawing at the largest size that fits width x height, as H x W x 4 straight RGBA.

    Raises `VertumnusError` if resvg cannot draw it.
    """
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=text,
            width=width,
            height=height,
            dpi=96,
            skip_system_fonts="<text" not in text,  # looking for fonts takes longer than most drawings
        )
    except ValueError as error:
        raise VertumnusError(f"{where}: the SVG cannot be drawn ({error})") from None
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.asarray(image.convert("RGBA"))
