"""The drawings of the world's nouns: icons of several families, each drawn by another hand.

Which drawing shows which noun was chosen by eye and stands in drawings.toml; the drawings themselves, and their
licences, are in drawings.json, which fetch.py makes. Families are kept apart: those trained on, one that choices are
made by, and some that only judges know, so that nothing is judged by the drawings that it learnt.
"""

from __future__ import annotations

import io
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
TABLE = HERE / "drawings.toml"
TRAINED = (
    "mdi", "fa6-solid", "ri", "tabler", "ion", "bi", "mingcute", "fluent", "icon-park-solid", "material-symbols",
    "healthicons", "maki", "solar", "streamline-plump",
)  # fmt: skip
CHOOSING = ("ph",)  # guidances, steps and stopping are chosen by it
JUDGING = (
    "game-icons", "fluent-emoji-high-contrast", "emojione-monotone", "bxs", "mynaui", "tdesign", "temaki", "whh",
)  # fmt: skip
EMOJI = ("twemoji",)  # in their own colours, trained on
JUDGED_EMOJI = ("noto", "fxemoji")  # likewise, never trained on
FAMILIES = (*TRAINED, *CHOOSING, *JUDGING, *EMOJI, *JUDGED_EMOJI)
COLOURED = (*EMOJI, *JUDGED_EMOJI)


class Drawing(NamedTuple):
    """One icon: the noun that it shows, its family and its name there."""

    noun: str
    family: str
    name: str

    @property
    def coloured(self) -> bool:
        """Whether it has colours of its own."""
        return self.family in COLOURED


@cache
def _table() -> dict[str, tuple[str, ...]]:
    return {noun: tuple(names) for noun, names in tomllib.loads(TABLE.read_text()).items()}


@cache
def _known() -> dict[str, str]:
    found: dict[str, str] = json.loads((HERE / "drawings.json").read_text())["drawings"]
    return found


def drawn_nouns() -> tuple[str, ...]:
    """The nouns that there are drawings of."""
    return tuple(_table())


@cache
def drawings_of(noun: str, families: tuple[str, ...] = TRAINED) -> tuple[Drawing, ...]:
    """The drawings of a noun in those families."""
    split = [name.partition(":") for name in _table()[noun]]
    return tuple(Drawing(noun, family, name) for family, _, name in split if family in families)


def render_svg(svg: str, side: int) -> NDArray[np.uint8]:
    """A drawing's ink, cut out: straight RGBA, the longer side of that many pixels."""
    large = 2 * side
    png = resvg_py.svg_to_bytes(svg_string=svg, width=large, height=large)
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    box = picture.getchannel("A").point(lambda value: 255 if value > 8 else 0).getbbox()
    if box is None:
        raise ValueError("the drawing is empty")
    picture = picture.crop(box)
    scale = side / max(picture.size)
    size = tuple(max(1, round(scale * length)) for length in picture.size)
    # Premultiplied while it is made smaller, so that no colour bleeds in from what is clear.
    return np.asarray(picture.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA"))


def render(drawing: Drawing, side: int) -> NDArray[np.uint8]:
    """A drawing as `render_svg`."""
    return render_svg(_known()[f"{drawing.family}:{drawing.name}"], side)
