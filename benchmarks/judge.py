"""How often the judge of silhouettes names drawings of fonts that it does not know.

    python benchmarks/judge.py [--known fa6 fa5] [--asked mdi6 phosphor remix elusive] [--json FILE]

The judge knows every drawing of the nouns of the small models' world in the known fonts, and is asked for every
drawing of the same nouns in the others. Times are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from vertumnus.elements.icons import draw_icon
from vertumnus.metrics.silhouette import SilhouetteJudge

SIDE, MARGIN = 128, 8  # pixels of the ink's longer side, and around it


def drawings(fonts: list[str]) -> list[tuple[str, np.ndarray]]:
    """(noun, ink) of every drawing of every noun in the fonts."""
    from vertumnus.models.mini.vocabulary import glyphs_of, nouns

    return [
        (noun, np.pad(draw_icon(glyph, SIDE, SIDE).astype(np.float32) / 255, MARGIN))
        for font in fonts
        for noun in nouns()
        for glyph in glyphs_of(noun, (font,))
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", nargs="+", default=["fa6", "fa5"])
    parser.add_argument("--asked", nargs="+", default=["mdi6", "phosphor", "remix", "elusive"])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    known = drawings(given.known)
    start = time.process_time()
    judge = SilhouetteJudge(known)
    learning = time.process_time() - start
    rows, places = {}, []
    start = time.process_time()
    for font in given.asked:
        found = []
        for noun, ink in drawings([font]):
            if noun in judge.nouns:
                found.append([name for name, _ in judge.rank(ink)].index(noun))
        rows[font] = found
        places += found
    judging = (time.process_time() - start) / max(len(places), 1)
    table = Table(title=f"{len(judge.nouns)} nouns, {len(known)} drawings of {', '.join(given.known)}")
    for column in ("asked", "drawings", "first", "among five"):
        table.add_column(column, justify="right")
    numbers = {}
    for font, found in {**rows, "all": places}.items():
        first, five = np.mean(np.array(found) < 1), np.mean(np.array(found) < 5)
        numbers[font] = {"drawings": len(found), "first": round(first, 4), "among_five": round(five, 4)}
        table.add_row(font, str(len(found)), f"{first:.3f}", f"{five:.3f}")
    Console().print(table)
    print(f"learning {learning:.2f} s, judging {1000 * judging:.0f} ms each")
    if given.json:
        given.json.write_text(json.dumps({"nouns": len(judge.nouns), **numbers}, indent=1))


if __name__ == "__main__":
    main()
