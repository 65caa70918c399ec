"""An SVG that was moved about in Inkscape, as a collage.

One that this program wrote says in attributes of its own what SVG has no word for, and editors keep them; where
pieces lie is read from the transforms. Pictures of any other SVG become layers as well, and so does what is drawn.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.svg import read_svg
from vertumnus.errors import VertumnusError, about
from vertumnus.export.drawn_parts import SVG, XLINK, DrawnParts
from vertumnus.export.svg import NAMESPACE, POSE
from vertumnus.limits import MAX_PICTURE_BYTES, MAX_PIECES
from vertumnus.reading import read_file

INKSCAPE, SODIPODI = (
    "http://www.inkscape.org/namespaces/inkscape",
    "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
)
STEP = re.compile(r"([a-zA-Z]+)\s*\(([^)]*)\)")
MAX_DEPTH = 64
# What draws nothing where it stands.
_UNSEEN = """
    defs title desc metadata style script symbol marker pattern mask clipPath filter linearGradient
    radialGradient view
"""
UNSEEN = frozenset(_UNSEEN.split())
DRAWN = frozenset({"crop", "outline", "gain", "offset", "light"})  # of a layer, that its drawing has in it
Matrix = NDArray[np.float64]


def read_back(path: Path, original: Collage | None = None) -> tuple[Collage, list[str]]:
    """Reads an SVG: the collage, and what it could not take; see `vertumnus.export.edited.open_edited`.

    Raises `VertumnusError` for one that cannot be read, or refers to what is not inside it.
    """
    with about(path), np.errstate(all="ignore"):  # numbers that are none are told of where they end up
        return _read(path, original)


def _read(path: Path, original: Collage | None) -> tuple[Collage, list[str]]:
    text = read_svg(read_file(path, MAX_PICTURE_BYTES), str(path), 10 * MAX_PIECES)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:  # of namespaces, which are looked at only here
        raise VertumnusError(f"{path}: not a readable SVG ({error})") from None
    document = _json(root.get(f"{{{NAMESPACE}}}document"), path)
    width, height, view = _canvas(root, path)
    known = {
        name: document[name] for name in ("background", "clip", "rendering", "prompt", "seed") if name in document
    }
    collage = Collage(width=width, height=height, **known)
    lost: list[str] = []
    parts = DrawnParts(root, collage.pictures, original.pictures if original is not None else None, str(path))
    pictured = _pictured(root)
    names: dict[int, str] = {}
    taken: set[str] = set()
    for element, matrix, said in _walk(root, view, {"lost": lost}, 0, path, pictured):
        kept = {name: value for name, value in _json(said.get("layer"), path).items() if name not in POSE}
        shown = _shown(element, pictured)
        if shown is None:
            part = parts.part([_bare(element)], matrix, (width, height))
            if part is None:
                called = said.get("label") or element.get("id") or element.tag.rpartition("}")[2]
                lost.append(f"{called}: draws nothing")
                continue
            image = part.image
            across, down = collage.pictures.size(image)
            matrix = np.array([[part.scale, 0, part.left], [0, part.scale, part.top], [0, 0, 1.0]])
            kept = {name: value for name, value in kept.items() if name not in DRAWN}
        else:
            if element.tag == f"{{{SVG}}}use":
                matrix = matrix @ _shift(element)
            if id(shown) not in names:
                drawn = shown.tag != f"{{{SVG}}}image"
                names[id(shown)] = parts.stored(shown)[0] if drawn else collage.pictures.add(_data(shown, path))
            image = names[id(shown)]
            across, down = collage.pictures.size(image)
            stated = [_number(shown.get(name), at) for name, at in (("width", across), ("height", down))]
            matrix = matrix @ _shift(shown) @ np.diag([stated[0] / across, stated[1] / down, 1.0])
        if str(kept.get("id", "")) in taken:
            kept.pop("id", None)
        taken.add(str(kept.get("id", "")))
        layer = Layer(
            name=said.get("label") or element.get("id") or "piece", image=image, x=0, y=0, scale=1,
            opacity=min(max(said.get("opacity", 1.0), 0.0), 1.0), visible=not said.get("hidden"),
            locked=bool(said.get("locked")), **kept,
        )  # fmt: skip
        left, top, wide, tall = layer.crop or (0, 0, across, down)
        place = _placement(matrix, (left + wide / 2, top + tall / 2))
        if place is None:
            lost.append(f"{layer.name}: is squeezed to nothing")
            continue
        for name, value in place.items():
            setattr(layer, name, value)
        collage.layers.append(layer)
    collage.name_layers()
    return collage, lost


def _walk(
    element: ElementTree.Element,
    matrix: Matrix,
    said: dict[str, Any],
    depth: int,
    path: Path,
    pictured: dict[str | int, ElementTree.Element],
) -> Iterator[tuple[ElementTree.Element, Matrix, dict[str, Any]]]:
    """What is drawn, back to front, with its transform to the canvas and what the groups around it say."""
    if depth > MAX_DEPTH:
        raise VertumnusError(f"{path}: groups within groups, more than {MAX_DEPTH} deep")
    for one in element:
        tag = one.tag.rpartition("}")[2] if isinstance(one.tag, str) else ""
        if not tag or not one.tag.startswith(f"{{{SVG}}}"):
            continue
        if tag in UNSEEN:
            continue
        style = _style(one)
        own = dict(said)
        own["opacity"] = said.get("opacity", 1.0) * _number(style.get("opacity", one.get("opacity")), 1.0)
        if "none" in (style.get("display"), one.get("display")):
            own["hidden"] = True
        if one.get(f"{{{SODIPODI}}}insensitive") == "true":
            own["locked"] = True
        named = {"layer": one.get(f"{{{NAMESPACE}}}layer"), "label": one.get(f"{{{INKSCAPE}}}label")}
        own |= {name: value for name, value in named.items() if value}
        here = matrix @ _transform(one.get("transform"), path)
        if one.get(f"{{{NAMESPACE}}}background"):
            continue
        if id(one) in pictured:
            own["lost"] += [f"{own.get('label') or one.get('id') or tag}: {what}" for what in _beyond(one, style)]
        if tag == "g" and (id(one) in pictured or _of_layers(one)):
            yield from _walk(one, here, own, depth + 1, path, pictured)
        else:
            yield one, here, own


def _pictured(root: ElementTree.Element) -> dict[str | int, ElementTree.Element]:
    """What there is to show, by id; and each element that shows a picture or holds one that does, by identity."""
    found: dict[str | int, ElementTree.Element] = {}
    for one in root.iter():
        named = one.get("id")
        if named and (one.tag == f"{{{SVG}}}image" or one.get(f"{{{NAMESPACE}}}picture")):
            found[named] = one

    def look(element: ElementTree.Element, depth: int) -> bool:
        if depth > 4 * MAX_DEPTH:
            return False
        inner = [look(one, depth + 1) for one in element]
        holds = any(inner) or _shown(element, found) is not None
        if holds:
            found[id(element)] = element
        return holds

    look(root, 0)
    return found


def _shown(
    element: ElementTree.Element, pictured: dict[str | int, ElementTree.Element]
) -> ElementTree.Element | None:
    """The picture that an element shows."""
    if element.tag == f"{{{SVG}}}image":
        return element
    if element.tag != f"{{{SVG}}}use":
        return None
    return pictured.get((element.get(f"{{{XLINK}}}href") or element.get("href") or "").removeprefix("#"))


def _of_layers(element: ElementTree.Element) -> bool:
    """Whether a group holds layers of Inkscape's."""
    return any(one.get(f"{{{INKSCAPE}}}groupmode") == "layer" for one in element)


def _bare(element: ElementTree.Element) -> ElementTree.Element:
    """What an element draws where it stands: without its own transform, opacity and visibility, which a layer has."""
    bare = ElementTree.Element(element.tag, element.attrib)
    bare.text, bare[:] = element.text, list(element)
    style = {name: value for name, value in _style(element).items() if name not in ("opacity", "display")}
    for name in ("transform", "opacity", "display"):
        bare.attrib.pop(name, None)
    bare.set("style", ";".join(f"{name}:{value}" for name, value in style.items()))
    return bare


def _style(element: ElementTree.Element) -> dict[str, str]:
    parts = (part.split(":", 1) for part in (element.get("style") or "").split(";") if ":" in part)
    return {name.strip(): value.strip() for name, value in parts}


def _beyond(element: ElementTree.Element, style: dict[str, str]) -> Iterator[str]:
    """What an element that shows pictures says that a layer cannot."""
    for name, own in (("mask", ""), ("filter", "t"), ("clip-path", "c")):
        said = style.get(name) or element.get(name) or "none"
        if said != "none" and not re.fullmatch(rf"url\(['\"]?#({own}\d+|canvas)['\"]?\)" if own else "", said):
            yield f"its {name} is left out"
    blend = style.get("mix-blend-mode", "normal")
    if blend not in ("normal", "plus-lighter"):
        yield f"its blend mode {blend} is left out"


def _canvas(root: ElementTree.Element, path: Path) -> tuple[int, int, Matrix]:
    """The canvas's size in pixels, and the transform from the SVG's own units to it."""
    try:
        box = [float(part) for part in re.split(r"[\s,]+", (root.get("viewBox") or "").strip()) if part]
    except ValueError:
        raise VertumnusError(f"{path}: viewBox: is not four numbers") from None
    if not box:
        box = [0.0, 0.0, _number(root.get("width"), 0.0), _number(root.get("height"), 0.0)]
    if len(box) != 4 or not all(map(math.isfinite, box)) or box[2] < 1 or box[3] < 1:
        raise VertumnusError(f"{path}: viewBox: missing, so its size is not known")
    shift = np.eye(3)
    shift[:2, 2] = -box[0], -box[1]
    return round(box[2]), round(box[3]), shift


def _transform(text: str | None, path: Path) -> Matrix:
    """The matrix of a transform list (SVG 1.1, sec. 7.6)."""
    whole = np.eye(3)
    for name, inner in STEP.findall(text or ""):
        try:
            v = [float(part) for part in re.split(r"[\s,]+", inner.strip()) if part]
            one = np.eye(3)
            if name == "matrix":
                one[:2] = np.array(v).reshape(3, 2).T
            elif name == "translate":
                one[:2, 2] = v[0], v[1] if len(v) > 1 else 0.0
            elif name == "scale":
                one[0, 0], one[1, 1] = v[0], v[1] if len(v) > 1 else v[0]
            elif name == "rotate":
                turn = math.radians(v[0])
                one[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
                if len(v) == 3:
                    centre = np.array(v[1:])
                    one[:2, 2] = centre - one[:2, :2] @ centre
            elif name in ("skewX", "skewY"):
                row, column = (0, 1) if name == "skewX" else (1, 0)
                one[row, column] = math.tan(math.radians(v[0]))
            else:
                raise ValueError(name)
        except (ValueError, IndexError):
            raise VertumnusError(f"{path}: transform: {name}({inner}) is none") from None
        whole = whole @ one
    if not np.isfinite(whole).all():
        raise VertumnusError(f"{path}: transform: {(text or '')[:60]!r} is not finite")
    return whole


def _placement(matrix: Matrix, middle: tuple[float, float]) -> dict[str, Any] | None:
    """The pose whose matrix this is: rotation, shear and scales by one step of Gram and Schmidt."""
    (a, b), (c, d) = matrix[:2, :2]
    area, scale = a * d - b * c, math.hypot(a, c)
    if scale < 1e-9 or abs(area) < 1e-12:
        return None
    flip = area < 0
    turn = math.atan2(-c, -a) if flip else math.atan2(c, a)
    down = abs(area) / scale
    lean = b * math.cos(turn) + d * math.sin(turn)
    x, y, _ = matrix @ [*middle, 1.0]
    return {
        "x": _tidy(float(x)), "y": _tidy(float(y)), "scale": _tidy(scale), "flip": flip,
        "rotation": _tidy(math.degrees(turn)), "squeeze": _tidy(down / scale),
        "shear": _tidy(math.degrees(math.atan2(lean, down))),
    }  # fmt: skip


def _tidy(value: float) -> float:
    """Without what arithmetic left behind, so that what was not changed reads as it was."""
    near = round(value, 8)
    return near if abs(value - near) < 1e-10 * max(1.0, abs(value)) else value


def _shift(element: ElementTree.Element) -> Matrix:
    moved = np.eye(3)
    moved[:2, 2] = _number(element.get("x"), 0.0), _number(element.get("y"), 0.0)
    return moved


def _number(text: str | None, otherwise: float) -> float:
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text or "")
    value = float(found[0]) if found else otherwise
    return value / 100 if found and (text or "").strip().endswith("%") else value


def _data(image: ElementTree.Element, path: Path) -> bytes:
    target = image.get(f"{{{XLINK}}}href") or image.get("href") or ""
    head, _, body = target.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        raise VertumnusError(f"{path}: image {image.get('id')!r}: is not inside the file")
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        raise VertumnusError(f"{path}: image {image.get('id')!r}: cannot be decoded") from None


def _json(text: str | None, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise VertumnusError(f"{path}: vertumnus: what the file says of the collage cannot be read")
    return found
