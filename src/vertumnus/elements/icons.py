"""Icons by name, drawn from the icon fonts that the package qtawesome carries.

The fonts are read as data: importing qtawesome would need Qt. Brand logos are left out. What was chosen, and
how many names it knows, is in docs/icons.md.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageFont

from vertumnus.elements.drawing import one_path
from vertumnus.elements.element import Element, make_element
from vertumnus.elements.read import picture_bytes
from vertumnus.elements.svg import draw_exactly
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.imaging.colour import parse_colour

ICON_SIDE = 384  # pixels of the longer side that an icon becomes as an element
logging.getLogger("fontTools.ttLib").setLevel(logging.ERROR)  # of slips in these fonts that do no harm
_TRIAL = 256  # pixels of an em at which a glyph's ink is measured

# Fonts in order of preference, by the short name that picks one (``icon:phosphor.cat``), the beginning of
# its file's name, and the ending that its filled glyphs carry.
_FONTS = (
    ("fa6", "fontawesome6-solid", ""),
    ("mdi6", "materialdesignicons6", ""),
    ("phosphor", "phosphor", "-fill"),
    ("remix", "remixicon", "-fill"),
    ("fa5", "fontawesome5-solid", ""),
    ("elusive", "elusiveicons", ""),
)
_HOLLOW = re.compile(r"-(outline|off|line|light|thin|bold|duotone)($|-)")

# Names people use, and COCO's, for glyphs that are called otherwise.
ALIASES = {
    "airplane": "plane",
    "apple": "apple-whole",
    "backpack": "bag-personal",
    "ball": "soccer",
    "baseball glove": "mdi6.boxing-glove",
    "bear": "remix.bear-smile",
    "bottle": "mdi6.bottle-wine",
    "bowl": "bowl-food",
    "car": "mdi6.car-side",
    "cell phone": "cellphone",
    "chicken": "mdi6.food-drumstick",
    "dining table": "mdi6.table-furniture",
    "face": "face-smile",
    "fire hydrant": "fire-hydrant",
    "flower": "mdi6.flower",
    "fork": "mdi6.silverware-fork",
    "frisbee": "mdi6.disc",
    "hair drier": "mdi6.hair-dryer",
    "handbag": "mdi6.purse",
    "hat": "hat-cowboy",
    "hot dog": "hotdog",
    "mouse": "computer-mouse",
    "orange": "mdi6.fruit-citrus",
    "oven": "mdi6.stove",
    "parking meter": "square-parking",
    "potted plant": "remix.plant",
    "rat": "mdi6.rodent",
    "refrigerator": "mdi6.fridge",
    "remote": "mdi6.remote-tv",
    "sandwich": "mdi6.hamburger",
    "sheep": "mdi6.sheep",
    "shoe": "mdi6.shoe-sneaker",
    "skis": "person-skiing",
    "sports ball": "basketball",
    "stop sign": "mdi6.octagon",
    "surfboard": "mdi6.surfing",
    "teddy": "mdi6.teddy-bear",
    "teddy bear": "mdi6.teddy-bear",
    "tennis racket": "mdi6.tennis",
    "tie": "user-tie",
    "watch": "mdi6.watch",
}


class Glyph(NamedTuple):
    """One icon: the file of its font and its place in it."""

    name: str
    font: str
    file: Path
    codepoint: int


@cache
def _glyphs() -> dict[str, dict[str, Glyph]]:
    """Glyphs by font and name. Filled ones go by their plain name, all by their full one."""
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise VertumnusError("icons need the package qtawesome; pip install qtawesome")
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    fonts: dict[str, dict[str, Glyph]] = {}
    for short, prefix, filled in _FONTS:
        charmaps = sorted(folder.glob(f"{prefix}*charmap*.json"))
        files = sorted(folder.glob(f"{prefix}*.ttf"))
        if not charmaps or not files:
            continue
        glyphs = {}
        for name, code in json.loads(charmaps[-1].read_text()).items():
            glyph = Glyph(name, short, files[-1], int(code, 16))
            glyphs[name] = glyph
        if filled:
            for name in [name for name in glyphs if name.endswith(filled)]:
                glyphs[name.removesuffix(filled)] = glyphs[name]
        fonts[short] = glyphs
    return fonts


def icon_names(font: str | None = None) -> list[str]:
    """The names of the filled icons, of one font or of all, sorted; brands and outlines left out."""
    chosen = _glyphs() if font is None else {font: _glyphs()[font]}
    return sorted({name for short, glyphs in chosen.items() for name in _filled(short, glyphs)})


def _filled(short: str, glyphs: dict[str, Glyph]) -> Iterator[str]:
    ending = {font: filled for font, _, filled in _FONTS}[short]
    for name, glyph in glyphs.items():
        if ending:
            if glyph.name.endswith(ending) and not name.endswith(ending):
                yield name
        elif not _HOLLOW.search(name):
            yield name


def filled_glyph(name: str, font: str) -> Glyph | None:
    """The filled glyph that one font has under exactly this name, if any."""
    glyph = find_glyph(name, font)
    ending = {short: filled for short, _, filled in _FONTS}[font]
    return glyph if glyph is not None and glyph.name.endswith(ending) and not _HOLLOW.search(name) else None


def find_glyph(name: str, font: str) -> Glyph | None:
    """The glyph, filled or not, that one font has under exactly this name, if any."""
    return _glyphs().get(font, {}).get(name)


def find_icon(name: str) -> Glyph:
    """The glyph of a name such as ``butterfly``, ``teddy bear`` or, from one font, ``phosphor.cat``.

    Raises `VertumnusError` with the nearest names if there is none.
    """
    asked = name.strip().lower()
    wanted = ALIASES.get(asked.replace("-", " "), asked).replace(" ", "-").replace("_", "-")
    short, dot, rest = wanted.partition(".")
    fonts = _glyphs()
    if dot and short in fonts:
        if rest in fonts[short]:
            return fonts[short][rest]
        raise VertumnusError(f"icon:{name}: the font {short} has no such icon{did_you_mean(rest, fonts[short])}")
    # A filled glyph of any font before a hollow one.
    for hollow in (False, True):
        for font, _, ending in _FONTS:
            glyph = fonts.get(font, {}).get(wanted)
            if glyph is not None and (hollow or glyph.name.endswith(ending)):
                return glyph
    known = set(icon_names()) | set(ALIASES)
    raise VertumnusError(f"icon:{name}: there is no such icon{did_you_mean(asked, known)}")


def draw_icon(glyph: Glyph, width: int, height: int) -> NDArray[np.uint8]:
    """The glyph's ink, as large as fits width x height, as an H x W coverage of 0 to 255."""
    trial = _ink(ImageFont.truetype(str(glyph.file), _TRIAL), glyph)
    size = _TRIAL * min(width / trial.shape[1], height / trial.shape[0])
    ink = _ink(ImageFont.truetype(str(glyph.file), max(1.0, size)), glyph)
    return np.ascontiguousarray(ink[:height, :width])


def _ink(font: ImageFont.FreeTypeFont, glyph: Glyph) -> NDArray[np.uint8]:
    """What the font draws, cropped to where there is something."""
    mask, _ = font.getmask2(chr(glyph.codepoint), mode="L")
    ink = np.asarray(mask, np.uint8).reshape(mask.size[1], mask.size[0])
    if not ink.any():
        raise VertumnusError(f"icon:{glyph.name}: the font {glyph.font} draws nothing for it")
    rows, columns = np.nonzero(ink.any(1))[0], np.nonzero(ink.any(0))[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


# A font reads its tables when they are first asked for, which two threads must not do at once.
_READING = threading.Lock()


def icon_element(name: str, colour: str = "black") -> Element:
    """The icon of that name in one colour, ready to be placed: its outline, and the picture of that.

    Raises `VertumnusError` for an unknown name or colour.
    """
    glyph = find_icon(name)
    with _READING:
        drawing, width, height = outline(glyph, colour)
    pixels = draw_exactly(drawing, width, height, f"icon:{name}", own=True)
    return make_element(picture_bytes(Image.fromarray(pixels, "RGBA")), None, f"icon:{name}", name, None, drawing)


def outline(glyph: Glyph, colour: str) -> tuple[bytes, int, int]:
    """The glyph as an SVG of one path that fills its canvas, and that canvas's width and height in pixels."""
    font = _font(glyph.file)
    glyphs = font.getGlyphSet()
    drawn = glyphs[font.getBestCmap()[glyph.codepoint]]
    bounds = BoundsPen(glyphs)
    drawn.draw(bounds)
    if bounds.bounds is None:
        raise VertumnusError(f"icon:{glyph.name}: the font {glyph.font} draws nothing for it")
    left, bottom, right, top = bounds.bounds
    scale = ICON_SIDE / max(right - left, top - bottom)
    width, height = (max(1, math.ceil(side * scale)) for side in (right - left, top - bottom))
    pen = SVGPathPen(glyphs, ntos=lambda value: f"{value:.2f}".rstrip("0").rstrip("."))
    drawn.draw(TransformPen(pen, (scale, 0, 0, -scale, -left * scale, top * scale)))
    red, green, blue, alpha = parse_colour(colour)
    faint = f' fill-opacity="{alpha / 255:.4g}"' if alpha < 255 else ""
    look = f'fill="#{red:02x}{green:02x}{blue:02x}"{faint}'
    return one_path(pen.getCommands(), width, height, look, glyph.name), width, height


@lru_cache(maxsize=8)
def _font(file: Path) -> TTFont:
    return TTFont(file, lazy=True)
