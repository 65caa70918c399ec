"""``vertumnus words``: a word cloud."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import check_outputs, parse_size, say_unplaced
from vertumnus.cli.render import write_outputs
from vertumnus.cli.said import facts_of, saying
from vertumnus.cli.watch import Watch
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_SEED, MAX_TEXT_BYTES, check_whole
from vertumnus.strict.sow import Step
from vertumnus.wording.cloud import word_cloud
from vertumnus.wording.options import ColorOptions, WordOptions
from vertumnus.wording.page import save_page
from vertumnus.wording.source import Given, read_words
from vertumnus.wording.table import kind_of, read_table
from vertumnus.writing import check_apart, check_writable, together


def words(
    text: Annotated[list[str], Parameter(allow_leading_hyphen=True)],
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])] = [],  # noqa: B006 - cyclopts reads it
    html: Path | None = None,
    shape: str = "canvas",
    size: str = "1200x800",
    seed: int = 0,
    font: str | None = None,
    language: str | None = None,
    leave_out: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    stop_words: Path | None = None,
    phrases: int = 2,
    plurals: bool = True,
    fold_case: bool = True,
    numbers: Annotated[bool, Parameter(negative=())] = False,
    least_letters: int = 1,
    pattern: str | None = None,
    color_from: Path | None = None,
    background: str = "white",
    contour: float = 0.0,
    contour_color: str = "#888888",
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    scale: float = 1.0,
    title: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[WordOptions | None, Parameter(name="*", group="How")] = None,
    colors: Annotated[ColorOptions | None, Parameter(name="*", group="Colours")] = None,
) -> None:
    """Fill a shape with words, each as large as it is frequent.

    Examples: vertumnus words speech.txt --shape heart -o cloud.svg -o cloud.png;
    vertumnus words sales.csv --colors viridis --color-by weight -o sales.svg --html sales.html

    Parameters
    ----------
    text
        A text to count, or a table of words and weights (.csv, .tsv, .json), or - for standard input. Several texts
        are counted together.
    output
        Where to write, once for each file; the suffix tells the kind: .svg, .png, .collage, .jpg ...
    html
        Where to write a page of its own, with links and counts on hover.
    shape
        A picture, an SVG, text:Q, icon:NAME, circle, heart, square, star, or canvas for all of it.
    size
        Of the canvas in pixels. The layout is the same at any size of the same proportions.
    seed
        The same words, options and seed give the same cloud.
    font
        A font file, or a family that this machine has. Letters that it lacks come from another.
    language
        Whose stop words are left out, as en, de, hi; none for none; guessed by default.
    leave_out
        Further words that do not count.
    stop_words
        A file of such words, in place of the language's.
    phrases
        Most words of a phrase that counts as one; 1 for none.
    plurals
        A plural counts for the singular, where that occurs.
    fold_case
        A word in several cases counts as the most frequent one.
    numbers
        Numbers count as words.
    least_letters
        Of a word that counts.
    pattern
        A regular expression of what is a word.
    color_from
        A picture, laid over the canvas, from which each word takes its colour.
    background
        A CSS colour, or none.
    contour
        Width of a line round the shape, canvas pixels.
    contour_color
        Its colour.
    block
        Another shape whose area is kept free.
    invert
        The shape picture's light part instead of its dark one.
    scale
        Of the pictures written, pixels to a canvas pixel.
    title
        Of the page.
    as_json
        Print the report as JSON to standard output, and lines for people to standard error.
    options
        How words become a cloud.
    colors
        What colours they have.
    """
    if not output and html is None:
        raise VertumnusError("--output: missing; write -o cloud.svg, or --html cloud.html")
    inputs = [*text, shape, font, stop_words, color_from, *(block or [])]
    check_outputs(output, inputs, whole=True, scale=scale)
    if html is not None:
        check_writable(html)
        check_apart([html, *output], inputs)
    canvas = parse_size(size)
    check_whole("--seed", seed, 0, MAX_SEED)
    check_whole("--phrases", phrases, 1, 5)
    check_whole("--least-letters", least_letters, 1, 100)
    began, cpu = time.perf_counter(), time.process_time()
    if stop_words is not None:
        leave_out = [*(leave_out or []), *_lines(stop_words)]
        language = language or "none"
    counting = {
        "language": language, "leave_out": leave_out or [], "phrases": phrases, "plurals": plurals,
        "fold_case": fold_case, "numbers": numbers, "least_letters": least_letters, "pattern": pattern,
    }  # fmt: skip
    source = read_words(_given(text), **counting)
    with _Watch() as watch:
        collage = word_cloud(
            source.words,
            shape,
            size=canvas,
            seed=seed,
            font=font,
            colors=colors,
            color_from=color_from,
            background=None if background == "none" else background,
            contour=contour,
            contour_color=contour_color,
            block=block or [],
            invert=invert,
            watch=watch.look,
            provenance={"text": text, "shape": shape},
            options=options,
        )
    assert collage.made_by is not None
    collage.made_by.report["language"] = source.language
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    with saying(as_json) as tell:
        with together():
            if html is not None:
                save_page(collage, source.words, html, title or Path(text[0]).stem)
            write_outputs(collage, output, scale)
        if html is not None:
            print(f"{html}: a page of {collage.made_by.report['words']} words")
        _summary(collage, seconds, cpu, watch.stopped)
        tell(**facts_of(collage, [*output, *([html] if html else [])], seconds, cpu), stopped=watch.stopped)


def _given(names: list[str]) -> Given:
    """A text from standard input or several files, or the one file there is."""
    if names == ["-"]:
        data = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1)
        if len(data) > MAX_TEXT_BYTES:
            raise VertumnusError(f"standard input: more than {MAX_TEXT_BYTES >> 20} MB of text is too much")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise VertumnusError(
                f"standard input: cannot be read as text ({error.reason} at byte {error.start:,})"
            ) from None
        if "\0" in text:
            raise VertumnusError("standard input: cannot be read as text, it holds zero bytes")
        kind = kind_of(text)
        return read_table(text, "standard input", kind) if kind is not None else text
    paths = [Path(name) for name in names]
    for path in paths:
        if not path.exists():
            raise VertumnusError(f"{path}: there is no such file; name a text, a table of words and weights, or -")
    if len(paths) == 1:
        return paths[0]
    return "\n\n".join(_text(path) for path in paths)


def _text(path: Path) -> str:
    from vertumnus.reading import read_text

    text = read_text(path)
    if "\0" in text:
        raise VertumnusError(f"{path}: cannot be read as text, it holds zero bytes")
    return text


def _lines(path: Path) -> list[str]:
    return _text(path).split()


def _summary(collage: Collage, seconds: float, cpu: float, stopped: bool) -> None:
    assert collage.made_by is not None
    report = collage.made_by.report
    language = report.get("language")
    print(
        f"{report['words']} words, ink on {report['coverage']:.1%} of the shape"
        + (f", stop words of {language!r} left out" if language not in (None, "none") else "")
        + f"; {seconds:.1f} s ({cpu:.1f} s of one core)"
        + ("; stopped early, this is the best so far" if stopped else "")
    )
    if report["limited_by"]:
        named = ", ".join(json.dumps(word, ensure_ascii=False) for word in report["limited_by"][:3])
        print(f"no word can be larger, or there would be no room for {named}")
    say_unplaced(report)


class _Watch(Watch):
    """Shows how far the search is, and ends it when somebody asked for that: the best layout so far is kept."""

    def look(self, step: Step) -> bool:
        """Called after every round."""
        note = f"ink on {step.density:.1%}" if step.density else f"{step.placed} of {len(step.layout)} placed"
        self.show("placing words", 0, 0, note)
        return self.stopped and step.density > 0
