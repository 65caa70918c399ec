"""Makes the pictures in docs/images: what packing offers, one option at a time.

``python examples/gallery.py docs/images`` takes about a minute.
"""

from __future__ import annotations

import sys
from colorsys import rgb_to_hsv
from pathlib import Path

import harvest
from PIL import Image, ImageColor

import vertumnus as vt
from vertumnus.elements.icons import icon_element
from vertumnus.metrics.contour import contour_map

PAPER = "#fbf5e6"
FRUIT = [
    "apple",
    "lemon",
    "fruit-pear",
    "pumpkin",
    "pepper-hot",
    "fruit-cherries",
    "carrot",
    "leaf",
    "seed",
    "mushroom",
]


def pieces(names: list[str]) -> list[vt.Element]:
    """Icons in the colours of the harvest."""
    return [icon_element(name, colour) for name in names for colour in harvest.PIECES[name]]


def by_hue() -> list[vt.Element]:
    """All icons of the harvest, twice each, from purple through red and yellow to blue."""
    coloured = [(colour, name) for name, colours in harvest.PIECES.items() for colour in colours]

    def hue(item: tuple[str, str]) -> float:
        red, green, blue = (value / 255 for value in ImageColor.getrgb(item[0])[:3])
        return (rgb_to_hsv(red, green, blue)[0] + 0.3) % 1

    return [icon_element(name, colour) for colour, name in sorted(coloured, key=hue) for _ in range(2)]


ALL = pieces(list(harvest.PIECES))
FEW = pieces(FRUIT)

PICTURES: dict[str, tuple[list[vt.Element], str, dict[str, object]]] = {
    "closed": (ALL, "text:S", {"count": 120}),
    "gap": (ALL, "text:R", {"count": 90, "gap": 5, "border": 3}),
    "upright": (ALL, "text:G", {"count": 120, "rotation": 20.0}),
    "proportional": (FEW, "heart", {"count": 80, "sizes": "proportional"}),
    "block": (ALL, "circle", {"count": 140, "block": ["icon:star"]}),
    "bowl": (FEW, "circle", {"count": 120, "open": True, "fill": 0.55}),
    "point": (FEW, "canvas", {"count": 120, "open": True, "fill": 0.4, "gravity": (240, 240)}),
    "ordered": (by_hue(), "icon:fish", {"init": "ordered", "rotation": 30.0}),
}

SCENES = ("a cat to the left of a tree", "two cups", "a house under a rainbow", "three small fish around a big shark")
COLOURED = ("a strawberry", "a tree", "a red heart and a green apple")
SENTENCES: tuple[tuple[str, int, dict[str, object], list[tuple[str, int]]], ...] = (
    ("scenes", 64, {}, [(prompt, 1) for prompt in SCENES]),
    ("colours", 72, {"drawings": "emoji"}, [(prompt, 1) for prompt in COLOURED]),
)


def small(picture: Image.Image, path: Path, colours: int = 96) -> None:
    """Saves a picture in few colours, which flat icons do not miss."""
    picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)


def beside_its_contours(collage: vt.Collage) -> Image.Image:
    """The collage and the contour map that CLIP-Contour looks at."""
    contours = contour_map(collage.render())
    pair = Image.new("RGB", (2 * contours.width, contours.height), "white")
    pair.paste(collage.render(background="white").resize(contours.size, Image.Resampling.LANCZOS))
    pair.paste(contours, (contours.width, 0))
    return pair


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one height in a row."""
    whole = Image.new("RGB", (sum(picture.width for picture in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        whole.paste(picture.convert("RGB"), (left, 0))
        left += picture.width
    return whole


def arranged(folder: Path) -> None:
    """What sentences say, with `compose`."""
    for name, count, given, prompts in SENTENCES:
        row = [vt.compose(ALL, prompt, seed=seed, count=count, **given) for prompt, seed in prompts]  # type: ignore[arg-type]
        small(
            side_by_side([collage.render(scale=0.6, background="white") for collage in row]), folder / f"{name}.png"
        )


def main(folder: Path) -> None:
    """Makes every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    harvest.main(Path("build"))
    small(vt.Collage.load("build/harvest.collage").render(), folder / "harvest.png")
    for name, (elements, shape, options) in PICTURES.items():
        collage = vt.pack(elements, shape, size=480, seed=1, **options)
        small(collage.render(background=PAPER), folder / f"{name}.png")
        report = collage.made_by.report if collage.made_by else {}
        print(name, report.get("coverage"), len(collage.layers))
    prompts = ("a heart", "a crown", "a cat")
    row = [vt.compose(ALL, prompt, size=480, seed=3, count=64).render(background=PAPER) for prompt in prompts]
    small(side_by_side(row), folder / "composed.png")
    arranged(folder)
    cat = vt.pack(ALL, "icon:cat", size=480, seed=1, count=48)
    small(beside_its_contours(cat), folder / "contours.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
