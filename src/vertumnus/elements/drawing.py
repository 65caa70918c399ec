"""A drawing that stays one: an SVG made harmless and put into a picture's own pixels, so that it can stand for them.

A picture made of an SVG keeps the drawing beside its pixels. The drawing is the SVG without what could act or reach
out (scripts, event handlers, links, animations, foreign content, references to anything but itself), its style sheets
written out as properties of the elements they match (CSS matched by cssselect2), on a canvas of the picture's pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import cssselect2
import numpy as np
import tinycss2
from numpy.typing import NDArray

from vertumnus.elements.svg import draw_exactly, read_svg
from vertumnus.errors import VertumnusError

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"
_KEPT = """
    svg g path rect circle ellipse line polyline polygon text tspan textPath defs symbol use linearGradient
    radialGradient stop clipPath mask pattern marker filter image switch title desc
"""
_EFFECTS = """
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
    feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode
    feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence
"""
KEPT = frozenset((_KEPT + _EFFECTS).split())
SHOWN_TEXT = frozenset({"text", "tspan", "textPath", "title", "desc"})
EMBEDDED = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
REFERENCE = re.compile(r"url\(\s*(['\"]?)\s*#([^'\")]*?)\s*\1\s*\)", re.IGNORECASE)
URL = re.compile(r"url\(", re.IGNORECASE)
ACTING = re.compile(r"\\|expression\(|javascript:|@import|-moz-binding|behavior\s*:", re.IGNORECASE)
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "mm": 96 / 25.4, "cm": 96 / 2.54}
LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(px|pt|pc|in|mm|cm)?\s*")
VIEWPORT = frozenset(
    {"width", "height", "viewBox", "preserveAspectRatio", "x", "y", "transform", "overflow", "zoomAndPan"}
)
LENGTHS = ("x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2", "y2", "dx", "dy", "font-size")
SHARES = frozenset({"linearGradient", "radialGradient", "filter", "pattern", "mask"})  # of what they are on
Size = tuple[float, float]
Box = tuple[float, float, float, float]


class Drawing(NamedTuple):
    """An SVG that is harmless, read once.

    root    its elements; only those of `KEPT`, without style sheets
    size    its width and height in its own units, of which its canvas is that many
    """

    root: ElementTree.Element
    size: Size

    def written(self, width: int, height: int, box: Box | None = None) -> bytes:
        """The drawing as an SVG file of its own, on width x height pixels or a box of them.

        box   left, top, right, bottom of what is kept
        """
        left, top, right, bottom = box if box is not None else (0, 0, width, height)
        across, down = right - left, bottom - top
        whole = box is None or (left, top, right, bottom) == (0, 0, width, height)
        view = _view(self.root, self.size, (width, height), (left, top))
        if whole and self.within and self.size == (width, height) and _only_canvas(self.root):
            inner = "".join(_text(one) for one in self.root)
        elif view is not None:
            inner = self._in_group(view, (across, down))
        else:
            element = ElementTree.Element(self.root.tag, self.root.attrib)
            element.extend(self.root)
            element.set("width", _number(width))
            element.set("height", _number(height))
            if element.get("viewBox") is None:
                element.set("viewBox", f"0 0 {_number(self.size[0])} {_number(self.size[1])}")
            for name, value in (("x", -left), ("y", -top)):
                element.attrib.pop(name, None)
                if value:
                    element.set(name, _number(value))
            inner = _text(element)
        return (
            f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" width="{_number(across)}" height="{_number(down)}"'
            f' viewBox="0 0 {_number(across)} {_number(down)}">{inner}</svg>\n'
        ).encode()

    def _in_group(self, view: tuple[float, ...], size: Size) -> str:
        """What is drawn as a group that is cut to a canvas, its viewport a transform: what editors know best."""
        taken = {one.get("id") for one in self.root.iter()}
        cut = next(name for name in map("view{}".format, count()) if name not in taken)
        clip = ElementTree.Element("clipPath", {"id": cut})
        ElementTree.SubElement(clip, "rect", {"width": _number(size[0]), "height": _number(size[1])})
        said = {name: value for name, value in self.root.attrib.items() if name not in VIEWPORT}
        across, down, x, y = view
        moved = f"matrix({_number(across)} 0 0 {_number(down)} {_number(x)} {_number(y)})"
        group = ElementTree.Element("g", {**said, "transform": moved})
        group.extend(self.root)
        holder = ElementTree.Element("g", {"clip-path": f"url(#{cut})"})
        holder.append(group)
        return _text(clip) + _text(holder)

    @property
    def within(self) -> bool:
        """Whether nothing it draws reaches beyond its canvas: it is cut already, or one path as programs write it."""
        drawn = [one for one in self.root if one.tag not in ("title", "desc", "defs", "clipPath")]
        return len(drawn) == 1 and (drawn[0].tag in ("svg", "path") or drawn[0].get("clip-path") is not None)

    def fitted(self, side: int) -> tuple[int, int]:
        """The most whole pixels it has within a square."""
        longer = max(self.size)
        width, height = (max(1, round(side * length / longer)) for length in self.size)
        return width, height

    def apart(self, prefix: str) -> str:
        """What is drawn, to be put into another SVG: every id in it begins with ``prefix``."""
        return "".join(_text(one, prefix) for one in self.root)


def read_drawing(data: bytes, where: str) -> Drawing | None:
    """The drawing that an SVG file holds; None if it does not say how large it is.

    Raises `VertumnusError` as `vertumnus.elements.svg.read_svg` does.
    """
    try:
        root = ElementTree.fromstring(read_svg(data, where))
    except ElementTree.ParseError as error:  # an undeclared prefix, which expat alone lets pass
        raise VertumnusError(f"{where}: not a well-formed SVG ({error})") from None
    size = _size(root)
    if size is None:
        return None
    _write_styles_out(root)
    clean = _cleaned(root)
    return Drawing(clean, size) if clean is not None and clean.tag == "svg" else None


def stored_drawing(data: bytes, size: tuple[int, int], where: str) -> Drawing:
    """The drawing beside a picture of width x height pixels, made harmless again: a document may come from anybody.

    Raises `VertumnusError` for what is no such drawing.
    """
    drawing = read_drawing(data, where)
    if drawing is None or not (_only_canvas(drawing.root) and drawing.size == size):
        raise VertumnusError(f"{where}: not a drawing on a canvas of {size[0]} x {size[1]} pixels")
    return drawing


def draw_drawing(data: bytes, size: tuple[int, int], times: int, where: str) -> NDArray[np.uint8]:
    """The drawing beside a picture of width x height pixels, so many times as large, as H x W x 4 straight RGBA.

    Raises `VertumnusError` for what is no such drawing, or cannot be drawn within bounds.
    """
    drawing = stored_drawing(data, size, where)
    return draw_exactly(drawing.written(*size), times * size[0], times * size[1], where)


def one_path(path: str, width: int, height: int, look: str, title: str = "") -> bytes:
    """A drawing of one path on width x height pixels.

    path    SVG path data, in those pixels
    look    attributes of how it is drawn, such as ``fill="#123456"``
    title   what it is called
    """
    named = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">{named}<path {look} d={quoteattr(path)}/></svg>\n'
    ).encode()


def _size(root: ElementTree.Element) -> Size | None:
    """Width and height of the canvas (SVG 1.1, sec. 7.2 and 7.7), pixels where it is said in such units."""
    view = [_finite(part) for part in re.split(r"[\s,]+", (root.get("viewBox") or "").strip()) if part]
    box = (view[2], view[3]) if len(view) == 4 and all(map(math.isfinite, view)) and min(view[2:]) > 0 else None
    sides = []
    for name in ("width", "height"):
        found = LENGTH.fullmatch(root.get(name) or "")
        sides.append(float(found[1]) * UNITS[found[2] or ""] if found else None)
        if sides[-1] is not None and not 0 < sides[-1] < 1e9:
            return None
        if sides[-1] is None and box is None:
            return None
        if root.get("viewBox") is not None and box is None:
            return None
    width, height = sides
    if box is not None:  # one side that is not said follows from the other
        if width is None and height is None:
            width, height = box
        elif width is None and height is not None:
            width = height * box[0] / box[1]
        elif height is None and width is not None:
            height = width * box[1] / box[0]
    assert width is not None
    assert height is not None
    return width, height


def _view(
    root: ElementTree.Element, size: Size, viewport: tuple[int, int], corner: Size
) -> tuple[float, float, float, float] | None:
    """How the canvas becomes a viewport of so many pixels that begins at minus the corner (SVG 1.1, sec. 7.8): scales
    and shifts. None if lengths in it follow from the viewport's size, or what it says is not understood.
    """
    for element in root.iter():
        if (
            element is not root
            and element.tag not in SHARES
            and any("%" in element.get(name, "") for name in LENGTHS)
        ):
            return None
        if "%" in element.get("style", "") or "%" in element.get("stroke-width", ""):
            return None
    box = [_finite(part) for part in re.split(r"[\s,]+", root.get("viewBox", f"0 0 {size[0]} {size[1]}").strip())]
    said = root.get("preserveAspectRatio", "xMidYMid meet").split()
    across, down = viewport[0] / box[2], viewport[1] / box[3]
    if said[:1] != ["none"]:
        found = re.fullmatch(r"x(Min|Mid|Max)Y(Min|Mid|Max)", said[0] if said else "")
        if found is None or said[1:] not in ([], ["meet"], ["slice"]):
            return None
        across = down = max(across, down) if said[1:] == ["slice"] else min(across, down)
        room = [{"Min": 0.0, "Mid": 0.5, "Max": 1.0}[one] for one in found.groups()]
    else:
        room = [0.0, 0.0]
    x = room[0] * (viewport[0] - across * box[2]) - across * box[0] - corner[0]
    y = room[1] * (viewport[1] - down * box[3]) - down * box[1] - corner[1]
    return across, down, x, y


def _finite(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _only_canvas(root: ElementTree.Element) -> bool:
    """Whether the root says no more than a canvas that begins at 0, 0, in pixels."""
    width, height = root.get("width", ""), root.get("height", "")
    return set(root.attrib) <= {"width", "height", "viewBox"} and root.get("viewBox") == f"0 0 {width} {height}"


def _write_styles_out(root: ElementTree.Element) -> None:
    """Makes of style sheets what they say of each element, in its ``style``.

    What an element says itself comes after and wins, but for what is important. Rules within @media and others are
    left out, as resvg does.
    """
    matcher = cssselect2.Matcher()
    ruled = False
    for style in root.iter(f"{{{SVG}}}style"):
        rules = tinycss2.parse_stylesheet("".join(style.itertext()), skip_comments=True, skip_whitespace=True)
        for rule in rules:
            if rule.type != "qualified-rule":
                continue
            said = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            declared = [
                (one.lower_name, tinycss2.serialize(one.value).strip(), one.important)
                for one in said
                if one.type == "declaration"
            ]
            try:
                selectors = cssselect2.compile_selector_list(rule.prelude)
            except cssselect2.SelectorError:
                continue
            for selector in selectors:
                if selector.pseudo_element is None:
                    matcher.add_selector(selector, declared)
                    ruled = True
    if not ruled:
        return
    for wrapped in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        first: list[str] = []
        last: list[str] = []
        for *_, declared in sorted(matcher.match(wrapped), key=lambda found: found[:2]):
            for name, value, important in declared:
                (last if important else first).append(f"{name}:{value}")
        if first or last:
            element = wrapped.etree_element
            own = (element.get("style") or "").strip().rstrip(";")
            element.set("style", ";".join([*first, *([own] if own else []), *last]))


def _cleaned(element: ElementTree.Element) -> ElementTree.Element | None:
    """The element without what could act or reach out, its tag without a namespace; None if it is such itself."""
    tag = element.tag if isinstance(element.tag, str) else ""
    space, _, local = tag.rpartition("}")
    if space not in (f"{{{SVG}", ""):
        return None
    if local == "a":  # what it holds is drawn
        local = "g"
    if local not in KEPT:
        return None
    clean = ElementTree.Element(local)
    for name, value in element.attrib.items():
        kept = _attribute(name, value, local)
        if kept is not None:
            clean.set(*kept)
    if local in SHOWN_TEXT:
        clean.text = element.text
    for child in element:
        inner = _cleaned(child)
        if inner is not None:
            inner.tail = child.tail if local in SHOWN_TEXT else None
            clean.append(inner)
        elif local in SHOWN_TEXT and child.tail:
            _append_text(clean, child.tail)
    return clean


def _append_text(element: ElementTree.Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _attribute(name: str, value: str, tag: str) -> tuple[str, str] | None:
    """An attribute as it is kept, or None."""
    if name in (f"{{{XLINK}}}href", "href"):
        target = value.strip()
        if target.startswith("#") or (tag == "image" and EMBEDDED.match(target)):
            return "xlink:href", target
        return None
    if name == f"{{{XML}}}space":
        return "xml:space", value
    if name.startswith("{") or name.lower().startswith(("on", "data-", "aria-")) or ":" in name:
        return None
    if name in ("class", "src", "role", "version", "baseProfile"):
        return None
    if name == "style":
        value = ";".join(part for part in value.split(";") if _harmless(part))
        return (name, value) if value else None
    return (name, value) if _harmless(value) else None


def _harmless(value: str) -> bool:
    return len(URL.findall(value)) == len(REFERENCE.findall(value)) and not ACTING.search(value)


def _text(element: ElementTree.Element, prefix: str = "") -> str:
    return "".join(_written(element, prefix))


def _written(element: ElementTree.Element, prefix: str) -> Iterator[str]:
    yield f"<{element.tag}"
    for name, value in element.attrib.items():
        if prefix:
            if name == "id":
                value = prefix + value
            elif name == "xlink:href" and value.startswith("#"):
                value = f"#{prefix}{value[1:]}"
            elif "url(" in value.lower():
                value = REFERENCE.sub(lambda found: f"url(#{prefix}{found[2]})", value)
        yield f" {name}={quoteattr(value)}"
    if len(element) or element.text:
        yield ">" + escape(element.text or "")
        for child in element:
            yield from _written(child, prefix)
            yield escape(child.tail or "")
        yield f"</{element.tag}>"
    else:
        yield "/>"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
