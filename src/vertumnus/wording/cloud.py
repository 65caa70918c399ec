"""`word_cloud`: words and a shape become a collage; `words`: they become elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.errors import about
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import MAX_SEED, check_canvas, check_number, check_whole
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.sow import Sown
from vertumnus.wording.colours import Color, ColorPicture, word_colors
from vertumnus.wording.contour import contour_line
from vertumnus.wording.glyphs import Outline, find_face, font_digests
from vertumnus.wording.ground import make_ground
from vertumnus.wording.lettering import shares, word_elements, word_outlines
from vertumnus.wording.options import ColorOptions, WordOptions
from vertumnus.wording.plan import Plan, Watcher, carry_out
from vertumnus.wording.source import Given, read_words
from vertumnus.wording.table import Word

Colorer = Callable[[Word, float, float, float, float], str]
DEFAULT_SIZE = (1200, 800)  # canvas pixels


def words(
    given: Given,
    *,
    font: str | Path | None = None,
    seed: int = 0,
    options: WordOptions | None = None,
    colors: ColorOptions | str | None = None,
    **counting: Any,
) -> list[Element]:
    """Words as elements that `pack` and `compose` take like any other, alone or among pictures.

    given      see `read_words`, as is ``counting``
    font       a font file, a family that the machine has, or the one that comes with the program
    options    of these ``size_by``, ``max_words`` and ``ligatures`` count
    colors     a palette, a colormap or CSS colours, or `ColorOptions`

    Raises `VertumnusError` if there is no word, or none can be drawn.

    >>> [element.name for element in words({"big": 3, "small": 1})]
    ['big', 'small']
    """
    chosen = options or WordOptions()
    source = read_words(given, **counting)
    kept, outlines, _ = word_outlines(source.words[: chosen.max_words], find_face(font), chosen.ligatures)
    found = word_colors(kept, _color_options(colors), seed)
    return word_elements(kept, outlines, found, shares(kept, outlines, chosen.size_by))


def _color_options(colors: ColorOptions | str | None) -> ColorOptions:
    if isinstance(colors, ColorOptions):
        return colors
    return ColorOptions() if colors is None else ColorOptions(colors=colors)


def word_cloud(
    given: Given,
    shape: str | Path | Shape | Image.Image | NDArray[Any] = "canvas",
    *,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    seed: int = 0,
    font: str | Path | None = None,
    colors: ColorOptions | str | None = None,
    color_from: str | Path | Image.Image | NDArray[Any] | None = None,
    color: Colorer | None = None,
    background: str | None = "white",
    contour: float = 0.0,
    contour_color: str = "#888888",
    block: Sequence[str | Path] = (),
    invert: bool = False,
    watch: Watcher | None = None,
    provenance: Mapping[str, Any] | None = None,
    options: WordOptions | None = None,
    counting: Mapping[str, Any] | None = None,
    **choices: Any,
) -> Collage:
    """A cloud of words: each as large as its weight says, none on another, as large together as the shape lets them.

    given      see `read_words`, as is ``counting``
    shape      see `vertumnus.shapes.parse_shape`, as are ``block`` and ``invert``
    size       of the canvas in pixels. The layout is the same at any size of the same proportions
    seed       the same words, options and seed give the same cloud
    font       a font file, a family that the machine has, or the one that comes with the program
    colors     a palette, a colormap or CSS colours, or `ColorOptions`
    color_from   a picture, its file or an array, laid over the canvas: each word takes the mean colour beneath it
    color      a function of (word, x, y, canvas pixels to an em, degrees) that gives a CSS colour
    background   a CSS colour, or None for none
    contour    width of a line round the shape, canvas pixels, in ``contour_color``
    watch      called with each `Step`; asked for the best so far by returning True
    options    how; its fields (`vertumnus.wording.options.WordOptions`) may be given by name instead

    Raises `VertumnusError` if something cannot be used as given.

    >>> cloud = word_cloud({"fig": 5, "pear": 3, "quince": 1}, "circle", size=120)
    >>> [layer.name for layer in cloud.layers]
    ['fig', 'pear', 'quince']
    """
    seed = check_whole("`seed`", seed, 0, MAX_SEED)
    chosen = (options or WordOptions()).changed(**choices)
    coloring = _color_options(colors)
    width, height = check_canvas((size, size) if isinstance(size, int) else (size[0], size[1]))
    if background is not None:
        with about("`background`"):
            parse_colour(background)
    with about("`contour_color`"):
        parse_colour(contour_color)
    check_number("`contour`", contour, 0, 1000)
    parsed = parse_shape(shape, invert=invert, block=block)
    face = find_face(font)
    source = read_words(given, **(counting or {}))
    wanted = source.words[: chosen.max_words]
    beyond = [
        (word.text, f"not among the {chosen.max_words:,} heaviest") for word in source.words[chosen.max_words :]
    ]
    kept, outlines, skipped = word_outlines(wanted, face, chosen.ligatures)
    if chosen.repeat:
        kept, outlines = _repeated(kept, outlines, chosen.max_words)
    found = word_colors(kept, coloring, seed, background)
    share = shares(kept, outlines, chosen.size_by)
    picture = ColorPicture(color_from, width, height) if color_from is not None else None

    def painter(number: int, at: Sown) -> Color:
        if color is not None:
            return parse_colour(color(kept[number], at.x, at.y, at.scale, at.degrees))[:3]
        if picture is None or kept[number].color is not None:
            return found[number]
        return picture.under(outlines[number].segments, at)

    plan = Plan(
        width=width,
        height=height,
        background=background,
        seed=seed,
        options=chosen,
        coloring=coloring,
        words=kept,
        outlines=outlines,
        share=share,
        ground=make_ground(parsed, width, height, share, outlines, chosen),
        painter=painter,
        line=contour_line(parsed, width, height, contour, contour_color) if contour else None,
        inputs={
            "shape": str(parsed.spec),
            "font": str(font) if font is not None else None,
            "fonts": font_digests([word.text for word in kept], face),
            **({"provenance": dict(provenance)} if provenance else {}),
        },
        report={"language": source.language, "unplaced": [*skipped, *beyond]},
    )
    return carry_out(plan, watch)


def _repeated(kept: list[Word], outlines: list[Outline], most: int) -> tuple[list[Word], list[Outline]]:
    """The words again and again, each time a third as heavy, as many as are wanted."""
    words, shapes = list(kept), list(outlines)
    factor = 1.0
    while len(words) < most:
        factor /= 3
        for word, outline in zip(kept, outlines, strict=True):
            if len(words) < most:
                words.append(Word(word.text, word.weight * factor, word.group, word.link, word.color))
                shapes.append(outline)
        if factor < 1e-6:
            break
    return words, shapes
