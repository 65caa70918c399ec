"""What is drawn in an SVG that comes back, not embedded as a picture: each part as a drawing of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.pictures import Pictures
from vertumnus.elements.drawing import Drawing, read_drawing
from vertumnus.elements.read import picture_bytes, visible_box
from vertumnus.elements.svg import draw_exactly
from vertumnus.errors import VertumnusError
from vertumnus.export.svg import NAMESPACE
from vertumnus.limits import MAX_STORED_SIDE

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
SIDE = 1024  # pixels of the longer side of a canvas on which a part is looked for
CLOSE = 1.0  # of 255: two drawings whose pictures differ by less in the mean are the same
MENTIONED = re.compile(r"#([^\s'\")]+)")
Matrix = NDArray[np.float64]


class Part(NamedTuple):
    """A part that became a picture: its name, and where on the canvas it begins and how large its pixels are."""

    image: str
    left: float
    top: float
    scale: float


class DrawnParts:
    """An SVG's drawings.

    root       its root element
    pictures   of the collage that is made of it; they are added there
    original   of the collage that it was exported from: what is drawn alike stays the picture that it was
    where      the file, for errors
    """

    def __init__(self, root: ElementTree.Element, pictures: Pictures, original: Pictures | None, where: str) -> None:
        self.root, self.pictures, self.original, self.where = root, pictures, original, where
        self.by_id = {identity: one for one in root.iter() if (identity := one.get("id"))}
        self.styles = list(root.iter(f"{{{SVG}}}style"))

    def stored(self, group: ElementTree.Element) -> tuple[str, tuple[int, int]]:
        """The picture of a drawing that the exporter wrote, and its width and height.

        Raises `VertumnusError` if what it says of itself is not so, or it cannot be drawn.
        """
        sides = (group.get(f"{{{NAMESPACE}}}size") or "").split()
        if len(sides) != 2 or not all(side.isdigit() and 0 < int(side) <= MAX_STORED_SIDE for side in sides):
            raise VertumnusError(f"{self.where}: vertumnus:size: not two numbers of pixels")
        size = (int(sides[0]), int(sides[1]))
        drawing = self._apart(group, size, np.eye(3), group.get("id") or "")
        pixels = self._pixels(drawing, size)
        named = group.get(f"{{{NAMESPACE}}}picture") or ""
        known = self.original.drawing(named) if self.original is not None and named in self.original else None
        if known is not None and self.original is not None and self.original.size(named) == size:
            before = np.asarray(self.original.image(named)).astype(int)
            if np.abs(_over_grey(before) - _over_grey(pixels)).mean() < CLOSE:
                self.pictures.take_from(self.original, named)
                return named, size
        return self._add(pixels, drawing.written(*size)), size

    def part(self, elements: Iterable[ElementTree.Element], matrix: Matrix, canvas: tuple[int, int]) -> Part | None:
        """What elements draw on the canvas, cut to where there is something; None for nothing.

        matrix   from their coordinates to the canvas
        """
        holder = ElementTree.Element(f"{{{SVG}}}g")
        holder.extend(elements)
        drawing = self._apart(holder, canvas, matrix)
        width, height = drawing.fitted(SIDE)
        picture = Image.fromarray(self._pixels(drawing, (width, height)), "RGBA")
        box = visible_box(picture)
        if box is None:
            return None
        part = picture.crop(box)
        name = self._add(np.asarray(part), drawing.written(width, height, box))
        return Part(name, box[0] * canvas[0] / width, box[1] * canvas[1] / height, canvas[0] / width)

    def _add(self, pixels: NDArray[np.uint8], drawing: bytes) -> str:
        name = self.pictures.add(picture_bytes(Image.fromarray(pixels, "RGBA")))
        self.pictures.add_drawing(name, drawing)
        return name

    def _pixels(self, drawing: Drawing, size: tuple[int, int]) -> NDArray[np.uint8]:
        return draw_exactly(drawing.written(*size), *size, self.where)

    def _apart(self, holder: ElementTree.Element, size: tuple[int, int], matrix: Matrix, own: str = "") -> Drawing:
        """An SVG of what an element holds, with all that it refers to.

        own   what its ids begin with, which is taken off
        """
        width, height = (str(side) for side in size)
        whole = ElementTree.Element(
            f"{{{SVG}}}svg", {"width": width, "height": height, "viewBox": f"0 0 {width} {height}"}
        )
        outside = self._referred(holder)
        whole.extend(deepcopy(style) for style in self.styles)
        if outside:
            defs = ElementTree.SubElement(whole, f"{{{SVG}}}defs")
            defs.extend(deepcopy(self.by_id[identity]) for identity in outside)
        into = whole
        if not np.array_equal(matrix, np.eye(3)):
            numbers = " ".join(f"{value:.9g}" for value in matrix[:2].T.ravel())
            into = ElementTree.SubElement(whole, f"{{{SVG}}}g", {"transform": f"matrix({numbers})"})
        into.extend(holder)
        text = ElementTree.tostring(whole, encoding="unicode")
        if own:
            text = text.replace(f'id="{own}-', 'id="').replace(f"#{own}-", "#")
        drawing = read_drawing(text.encode(), self.where)
        assert drawing is not None
        return drawing

    def _referred(self, holder: ElementTree.Element) -> list[str]:
        """The ids that what it holds refers to, and those that these refer to, which are not within it."""
        within = {id(one) for one in holder.iter()}
        found: dict[str, None] = {}
        waiting = [holder]
        while waiting:
            for one in waiting.pop().iter():
                for value in one.attrib.values():
                    for identity in MENTIONED.findall(value) if "#" in value else ():
                        other = self.by_id.get(identity)
                        if other is not None and id(other) not in within and identity not in found:
                            found[identity] = None
                            waiting.append(other)
        return list(found)


def _over_grey(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Pixels as they look, so that what is transparent has no colour."""
    alpha = pixels[..., 3:].astype(float) / 255
    shown: NDArray[np.float64] = pixels[..., :3] * alpha + 128 * (1 - alpha)
    return np.concatenate([shown, 255 * alpha], axis=-1)
