"""Word clouds beside the package wordcloud: the same words, font and canvas; CPU seconds of one core.

``python benchmarks/words.py [--words 1000] [--rows 1600x1200,3000x2000,mask] [--seeds 3]`` prints a line for each,
and the medians over seeds in the end. What was measured is kept in the JSON, so a run that is cut short goes on
where it was. Ink is the mean of a white drawing on black: the share of the canvas (of the mask) that letters
cover. What wordcloud drops it does not say, so it is counted. Weights are a text's (``--text``,
this repository by default) or Zipf's, 1 / rank.
``theirs-proportional`` has relative_scaling 1: letters' heights in proportion, as in ``ours-height``. By default
wordcloud makes sizes differ less than weights do, and words that do not fit smaller than they should be.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
MASK = 1200  # pixels a side of the heart
HORIZONTAL = 0.9  # share of words that lie level, of both


def counted(text: Path | None, count: int) -> dict[str, int]:
    """The most frequent words."""
    from vertumnus.wording.count import count_words

    pages = (
        [text]
        if text
        else [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", *sorted((ROOT / "src").rglob("*.py"))]
    )
    everything = "\n\n".join(page.read_text() for page in pages)
    found = count_words(everything, language="en", phrases=1, pattern=r"\b[A-Za-z]{3,}\b").counts
    return dict(list(found.items())[:count])


def ours(
    given: dict[str, float], size: tuple[int, int], shape: str, seed: int, size_by: str, quality: str
) -> dict[str, float]:
    """Ours, drawn as PNG; time from the words to the file's bytes."""
    from vertumnus.export.picture import save_image
    from vertumnus.wording.cloud import word_cloud

    began = time.process_time()
    made = word_cloud(
        given, shape, size=size, max_words=len(given), size_by=size_by, quality=quality, colors="white",
        background="black", seed=seed, horizontal=HORIZONTAL,
    )  # fmt: skip
    laid = time.process_time()
    picture = made.render()
    picture.convert("RGB").save(io.BytesIO(), "PNG")
    done = time.process_time()
    if out := globals().get("OUT"):
        save_image(picture, out / f"ours-{size[0]}-{shape}-{size_by}.png")
    light = np.asarray(picture.convert("L"), np.float64) / 255
    return {
        "layout": laid - began,
        "seconds": done - began,
        "ink": light.sum() / area(size, shape),
        "placed": made.made_by.report["words"],
    }  # type: ignore[union-attr]


def theirs(
    given: dict[str, float], size: tuple[int, int], shape: str, seed: int, scaling: str | float
) -> dict[str, float]:
    """The package wordcloud's."""
    from wordcloud import WordCloud

    from vertumnus.imaging.fonts import shipped_face

    mask = None
    if shape != "canvas":
        from vertumnus.shapes import parse_shape

        mask = 255 - parse_shape(shape).coverage(*size)
        mask = np.where(mask > 127, 255, 0).astype(np.uint8)
    began = time.process_time()
    made = WordCloud(
        width=size[0], height=size[1], mask=mask, max_words=len(given), font_path=str(shipped_face().path),
        relative_scaling=scaling, random_state=seed, color_func=lambda *_, **__: "white",
        prefer_horizontal=HORIZONTAL,
    ).generate_from_frequencies(given)  # fmt: skip
    laid = time.process_time()
    picture = made.to_image()
    picture.save(io.BytesIO(), "PNG")
    done = time.process_time()
    if out := globals().get("OUT"):
        picture.save(out / f"theirs-{size[0]}-{shape}-{scaling}.png")
    light = np.asarray(picture.convert("L"), np.float64) / 255
    return {
        "layout": laid - began,
        "seconds": done - began,
        "ink": light.sum() / area(size, shape),
        "placed": len(made.layout_),
    }


def area(size: tuple[int, int], shape: str) -> float:
    """Pixels that may be covered."""
    if shape == "canvas":
        return size[0] * size[1]
    from vertumnus.shapes import parse_shape

    return float(parse_shape(shape).mask(*size).sum())


def main() -> None:
    """Prints a row for each canvas, law and program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--rows", default="1600x1200,3000x2000,mask")
    parser.add_argument("--laws", default="text,zipf")
    parser.add_argument("--only", default="ours,ours-high,theirs,theirs-proportional")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-words.json"))
    options = parser.parse_args()
    globals()["OUT"] = options.out
    text = counted(options.text, options.words)
    laws = {"text": {w: float(n) for w, n in text.items()}, "zipf": {w: 1 / n for n, w in enumerate(text, 1)}}
    ours({"warm": 2, "up": 1}, (60, 40), "canvas", 0, "area", "fast")
    runs = {
        "ours": lambda *row: ours(*row, "area", "normal"),
        "ours-high": lambda *row: ours(*row, "area", "high"),
        "ours-height": lambda *row: ours(*row, "height", "normal"),
        "theirs": lambda *row: theirs(*row, "auto"),
        "theirs-proportional": lambda *row: theirs(*row, 1),
    }
    known = json.loads(options.json.read_text()) if options.json.exists() else {}
    rows = [(row, law) for row in options.rows.split(",") for law in options.laws.split(",")]
    for seed in range(options.seeds):
        for row, law in rows:
            size = (MASK, MASK) if row == "mask" else tuple(int(side) for side in row.split("x"))
            for name in options.only.split(","):
                key = f"{row} | {law} | {name} | {seed}"
                if key not in known:
                    known[key] = runs[name](laws[law], size, "heart" if row == "mask" else "canvas", seed)
                    options.json.parent.mkdir(parents=True, exist_ok=True)
                    options.json.write_text(json.dumps(known, indent=1) + "\n")
                print(key, {what: round(value, 4) for what, value in known[key].items()})
                sys.stdout.flush()
    for row, law in rows:
        for name in options.only.split(","):
            found = [run for key, run in known.items() if key.startswith(f"{row} | {law} | {name} | ")]
            print(
                f"{row}, {law}, {name}, {len(found)} seeds:",
                {what: round(statistics.median(run[what] for run in found), 3) for what in found[0]},
            )


if __name__ == "__main__":
    main()
