"""The three examples that ship: a heart to pack, a cat of fruit, a photograph of photographs.

Icons come with the program, photographs with scikit-image, which it needs anyhow; nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.elements.icons import icon_element
from vertumnus.errors import VertumnusError
from vertumnus.reading import open_file
from vertumnus.studio.session import Placed, Session

FRUITS = ("apple", "lemon", "carrot", "mdi6.fruit-cherries", "mdi6.fruit-grapes", "mdi6.fruit-pear",
          "mdi6.fruit-pineapple", "mdi6.fruit-watermelon", "mdi6.fruit-citrus", "pepper-hot")  # fmt: skip
HEARTY = ("heart", "star", "leaf", "feather", "seedling", "mdi6.flower", "dove", "fish", "music", "key", "bell",
          "mdi6.butterfly")  # fmt: skip
WARM = ("#b3001b", "#d7263d", "#f46036", "#f2a541", "#8d0801", "#e86a92")
FRUITY = (
    "#d7263d",
    "#f4d35e",
    "#ee964b",
    "#9b2335",
    "#6a4c93",
    "#b5c334",
    "#e0a526",
    "#4f9d69",
    "#f28c28",
    "#c81d25",
)
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "grass.png",
               "brick.png", "gravel.png", "hubble_deep_field.jpg", "coins.png", "camera.png", "moon.png")  # fmt: skip
TILES = 360
TILE = 160, 160


class Example(NamedTuple):
    """An example: what it is called, what it says, and how it is set up.

    prepare   makes the document
    begin     the command that sets it going
    """

    title: str
    says: str
    prepare: Callable[[], Collage]
    begin: dict[str, Any]


def _of_icons(names: tuple[str, ...], colours: tuple[str, ...], count: int, side: int) -> Collage:
    session = Session(Collage(width=side, height=side, background="white"), Path("example.collage"))
    made = [icon_element(name, colours[n % len(colours)]) for n, name in enumerate(names)]
    session.add([Placed(made[n % len(made)], names[n % len(names)].rpartition(".")[2]) for n in range(count)])
    return session.collage()


def _heart() -> Collage:
    return _of_icons(HEARTY, WARM, 72, 900)


def _cat() -> Collage:
    return _of_icons(FRUITS, FRUITY, 60, 900)


def _blank() -> Collage:
    return Collage(width=1024, height=1024, background="white")


EXAMPLES = {
    "heart": Example(
        "Pack a heart",
        "Seventy-two small pictures fill a heart, none on another.",
        _heart,
        {"kind": "run", "verb": "pack", "shape": {"named": "heart"}, "anew": True, "options": {"gap": 2.0}},
    ),
    "cat": Example(
        "A cat of fruit",
        "Sixty fruits arrange themselves until they read as a cat.",
        _cat,
        {"kind": "run", "verb": "compose", "prompt": "a cat", "anew": True},
    ),
    "photographs": Example(
        "A photograph of photographs",
        "An astronaut made of a few hundred other photographs.",
        _blank,
        {
            "kind": "job",
            "verb": "mosaic",
            "options": {
                "reference": "example",
                "tiles": {"example": True},
                "size": 1536,
                "how": {"count": 1024, "tone": "mean:0.6"},
            },
        },
    ),
}


def example(name: str) -> Example:
    """One of them. Raises `VertumnusError` for another name."""
    if name not in EXAMPLES:
        raise VertumnusError(f"{name}: there is no such example; there are {', '.join(EXAMPLES)}")
    return EXAMPLES[name]


def _photograph(name: str) -> Image.Image:
    import skimage.data

    with open_file(Path(skimage.data.__file__).parent / name) as stream, Image.open(stream) as image:
        return image.convert("RGB")


def reference_photograph(folder: Path) -> Path:
    """The picture that the third example rebuilds, as a file in a folder."""
    path = folder / "astronaut.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _photograph("astronaut.png").save(path)
    return path


def example_photographs(folder: Path) -> Path:
    """Parts of photographs to be tiles, the same ones each time, as files in a folder."""
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    sources = [_photograph(name) for name in PHOTOGRAPHS]
    for n in range(TILES):
        source = sources[n % len(sources)]
        side = int(rng.integers(100, min(source.size) // 2 + 60))
        side = min(side, *source.size)
        left, top = (int(rng.integers(0, length - side + 1)) for length in source.size)
        part = source.resize(TILE, Image.Resampling.LANCZOS, (left, top, left + side, top + side))
        stem = Path(PHOTOGRAPHS[n % len(sources)]).stem
        part.save(folder / f"{stem}-{n // len(sources):02d}.jpg", quality=88)
    (folder / "done").touch()
    return folder
