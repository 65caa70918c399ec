"""Vertumnus himself: a head in profile made of fruit, leaves and small animals, after Arcimboldo.

What ``make demo`` runs. The pieces are icons that come with the program, in a palette of a market stall in autumn.
Run it with a folder to write to: ``python examples/harvest.py build``.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path

import vertumnus as vt
from vertumnus.elements.icons import icon_element
from vertumnus.export.svg import save_svg
from vertumnus.jit import while_compiling

GREENS = ["#31572c", "#4f772d", "#7d9b3c", "#9db453"]
REDS = ["#a4243b", "#c8402f", "#d8572a"]
GOLDS = ["#e9b44c", "#f0c33c", "#d9a441"]

PIECES = {
    "apple": ["#c8402f", "#a4243b", "#9db453"],
    "pepper-hot": ["#c8402f", "#d8572a"],
    "fruit-cherries": ["#a4243b"],
    "carrot": ["#e0822f", "#d96c1e"],
    "pumpkin": ["#db7c26", "#e0922f"],
    "fruit-citrus": ["#f0a202"],
    "lemon": ["#f3c145", "#f5d061"],
    "fruit-pineapple": ["#d9a441"],
    "corn": ["#f0c33c"],
    "wheat-awn": GOLDS,
    "fruit-pear": ["#9db453", "#b5c35a"],
    "fruit-grapes": ["#6d3b72", "#54306b"],
    "fruit-watermelon": ["#c8402f", "#4f772d"],
    "leaf": GREENS,
    "seed": GREENS,
    "clover": GREENS,
    "leaf-maple": ["#bc4b22", "#d8572a", "#e0922f"],
    "sprout": GREENS,
    "flower-tulip": ["#c2547d", "#a4243b"],
    "flower-poppy": REDS,
    "flower": ["#c2547d", "#8a5a9e"],
    "mushroom": ["#a9745b", "#8d5b45"],
    "peanut": ["#b98b57"],
    "butterfly": ["#8a5a9e", "#3f7d8c"],
    "ladybug": ["#a4243b"],
    "snail": ["#8d6a4f"],
    "bird": ["#3f7d8c", "#2f6172"],
    "feather": ["#3f7d8c"],
}
COUNT, SIZE, SEED = 320, 900, 4


def main(folder: Path) -> None:
    """Makes the collage and writes it as a document, a picture and an SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    elements = [icon_element(name, colour) for name, colours in PIECES.items() for colour in colours]
    with while_compiling(cache(lambda: print("compiling the kernels, which only the first run does", flush=True))):
        collage = vt.pack(elements, "icon:head", size=SIZE, count=COUNT, seed=SEED, flip=True)
    collage.background = "#fbf5e6"
    collage.save(folder / "harvest.collage")
    collage.render(scale=2).save(folder / "harvest.png")
    save_svg(collage, folder / "harvest.svg")
    assert collage.made_by is not None
    report = collage.made_by.report
    print(f"{report['layers']} pieces, coverage {report['coverage']:.1%}, {time.perf_counter() - began:.1f} s")
    for name in ("harvest.png", "harvest.svg", "harvest.collage"):
        print(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build"))
