"""`word_cloud`: words and a shape become a collage; `words`: they become elements."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError, about
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.outline import box, coverage, placed
from vertumnus.limits import MAX_SEED, check_canvas, check_number, check_whole
from vertumnus.live.spec import LIBRARIES
from vertumnus.reading import read_text
from vertumnus.shapes import Shape, parse_shape
from vertumnus.strict.sow import Field, Seeds, Sown, Step, sow
from vertumnus.version import __version__
from vertumnus.wording.colours import Color, ColorPicture, word_colors
from vertumnus.wording.contour import contour_layer
from vertumnus.wording.count import count_words
from vertumnus.wording.glyphs import Outline, find_face
from vertumnus.wording.lettering import Letters, draw_word, shares, title_of, word_elements, word_outlines
from vertumnus.wording.options import ColorOptions, WordOptions
from vertumnus.wording.table import Word, as_words, is_table, plain_words, read_table

Given = str | Path | Mapping[str, float] | Iterable[Any]
Colorer = Callable[[Word, float, float, float, float], str]
Watcher = Callable[[Step], bool | None]
DEFAULT_SIZE = (1200, 800)  # canvas pixels
ROUNDS = {"fast": 1, "normal": 2, "high": 8}
LETTER = 4.5  # raster pixels of the root of a small word's ink, a letter: what the raster is chosen for
RASTER = (200_000, 2_500_000)  # least and most pixels of it
HAIR = 0.05  # of a small word's letters: the gap that is kept when none is asked for


class Source(NamedTuple):
    """Words as they were had.

    words      the heaviest first
    language   whose stop words were left out
    """

    words: list[Word]
    language: str | None = None


def read_words(given: Given, **counting: Any) -> Source:
    """Words with their weights from whatever holds them.

    given      a text; the `Path` of a text, which is counted, or of a table (.csv, .tsv, .json) of words and weights;
               a mapping of word to weight; or words, `Word`s, (word, weight, group, link, color)
    counting   of `vertumnus.wording.count.count_words`

    Raises `VertumnusError` if there is no word in it.
    """
    if isinstance(given, Path):
        text = read_text(given)
        if "\0" in text:
            raise VertumnusError(f"{given}: cannot be read as text, it holds zero bytes")
        with about(given):
            if is_table(given):
                return Source(_heaviest_first(read_table(text, str(given), given.suffix.lower())))
            try:
                return _counted(text, counting)
            except VertumnusError as error:
                raise VertumnusError(f"{given}: {error}" if not str(error).startswith("`") else str(error)) from None
    if isinstance(given, str):
        return _counted(given, counting)
    return Source(_heaviest_first(as_words(given)))


def _counted(text: str, counting: Mapping[str, Any]) -> Source:
    found = count_words(text, **counting)
    return Source([Word(word, float(count)) for word, count in found.counts.items()], found.language)


def _heaviest_first(words: list[Word]) -> list[Word]:
    return sorted(words, key=lambda word: -word.weight)


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
    shape: str | Path | Shape = "canvas",
    *,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    seed: int = 0,
    font: str | Path | None = None,
    colors: ColorOptions | str | None = None,
    color_from: str | Path | None = None,
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
    color_from   a picture, laid over the canvas, from which each word takes the mean colour beneath it
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
    beyond = [(word.text, "beyond `max_words`") for word in source.words[chosen.max_words :]]
    kept, outlines, skipped = word_outlines(wanted, face, chosen.ligatures)
    if chosen.repeat:
        kept, outlines = _repeated(kept, outlines, chosen.max_words)
    found = word_colors(kept, coloring, seed)
    picture = ColorPicture(color_from, width, height) if color_from is not None else None
    share = shares(kept, outlines, chosen.size_by)
    ground, zoom = _ground(parsed, width, height, share, outlines, chosen)
    ink = np.array([outline.area for outline in outlines])
    # Long words are harder to place than short ones of as much ink.
    bulk = np.sqrt(np.sqrt(share) * np.sqrt(share / ink) * [outline.width for outline in outlines])
    seeds = Seeds(
        [Letters(outline, chosen.counters) for outline in outlines],
        np.sqrt(ink),
        np.sqrt(share),
        bulk,
        _angles(len(kept), chosen, seed),
    )
    step = None
    for step in sow(seeds, ground, seed, ROUNDS[chosen.quality]):
        if watch is not None and watch(step):
            break
    assert step is not None
    collage = Collage(width=width, height=height, background=background, seed=seed)
    if contour:
        contour_layer(collage, parsed, contour, contour_color)
    offset = (width - ground.inside.shape[1] / zoom) / 2, (height - ground.inside.shape[0] / zoom) / 2
    missing = []
    for word, outline, own, place in zip(kept, outlines, found, step.layout, strict=True):
        if place is None:
            missing.append((word.text, "no free place was left"))
            continue
        at = Sown(place.x / zoom + offset[0], place.y / zoom + offset[1], place.scale / zoom, place.degrees)
        add_word(collage, word, outline, at, _color(word, outline, at, own, picture, color))
    covered = sum(
        outline.area * (place.scale / zoom) ** 2
        for outline, place in zip(outlines, step.layout, strict=True)
        if place is not None
    )
    report = {
        "layers": len(collage.layers),
        "words": len(kept) - len(missing),
        "coverage": round(float(covered) / (ground.area / zoom**2), 6),
        "language": source.language,
        "unplaced": [{"name": name, "reason": why} for name, why in [*missing, *skipped, *beyond]],
        "limited_by": [kept[n].text for n in step.limits][:5],
    }
    collage.made_by = MadeBy(
        tool="words",
        versions=_versions(),
        options=chosen.model_dump(mode="json") | coloring.model_dump(mode="json"),
        inputs={
            "words": plain_words(kept),
            "shape": str(parsed.spec),
            "container": hashlib.sha256(np.packbits(ground.inside).tobytes()).hexdigest()[:32],
            "font": str(font) if font is not None else None,
            **({"provenance": dict(provenance)} if provenance else {}),
        },
        report=report,
    )
    return collage


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"vertumnus": __version__} | {name: version(name) for name in (*LIBRARIES, "uharfbuzz")}


def add_word(collage: Collage, word: Word, outline: Outline, at: Sown, color: Color) -> Layer:
    """Adds a word to a collage as a layer: its picture, and the drawing that it was made of."""
    drawn = draw_word(outline, at.scale, at.degrees, at.x, at.y, color, title_of(word))
    image = collage.pictures.add(drawn.png)
    collage.pictures.add_drawing(image, drawn.drawing)
    layer = Layer(name=word.text, image=image, x=drawn.x, y=drawn.y, scale=drawn.scale, rotation=float(at.degrees))
    collage.layers.append(layer)
    return layer


def _color(
    word: Word, outline: Outline, at: Sown, own: Color, picture: ColorPicture | None, color: Colorer | None
) -> Color:
    if color is not None:
        return parse_colour(color(word, at.x, at.y, at.scale, at.degrees))[:3]
    if picture is None or word.color is not None:
        return own
    zoom = min(1.0, picture.zoom[0] * 2, picture.zoom[1] * 2)
    lines = placed(outline.segments, at.scale * zoom, at.degrees)
    left, top, right, bottom = box(lines)
    ink = coverage(lines - [left, top, left, top], int(right - left) + 1, int(bottom - top) + 1) > 0.3
    rows, columns = np.nonzero(ink)
    if not len(rows):
        return own
    return picture.under_points(columns / zoom + left / zoom + at.x, rows / zoom + top / zoom + at.y)


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


def _angles(count: int, options: WordOptions, seed: int) -> list[list[float]]:
    """The angles each word may have, what it gets if it can first."""
    rng = np.random.default_rng([seed, 1])
    found: list[list[float]] = []
    owed = float(rng.random()) * (1 - options.horizontal)
    for _ in range(count):
        owed += 1 - options.horizontal
        others = (
            [float(a) for a in rng.uniform(-90, 90, 3)]
            if options.angles == "free"
            else [float(a) for a in rng.permutation(np.array(options.angles))]
        )
        if owed >= 1 - 1e-9 and others:
            owed -= 1
            found.append([*others, *([0.0] if options.horizontal > 0 else [])])
        else:
            found.append([0.0, *(others if options.horizontal < 1 else [])])
    return found


def _ground(
    shape: Shape,
    width: int,
    height: int,
    share: NDArray[np.float64],
    outlines: Sequence[Outline],
    options: WordOptions,
) -> tuple[Field, float]:
    """What the words are placed on: a raster of a size that the words alone decide, and its pixels to a canvas one."""
    letters = np.array([max(len(outline.text.replace(" ", "")), 1) for outline in outlines])
    small = float(np.quantile(np.sqrt(share / letters), 0.05))
    aspect = width / height
    pixels = float(np.clip((LETTER / small) ** 2 / 0.45, *RASTER))
    for _ in range(2):  # a shape that fills little of the canvas has a finer raster
        wide, high = max(16, round(np.sqrt(pixels * aspect))), max(16, round(np.sqrt(pixels / aspect)))
        inside = shape.coverage(wide, high) >= 250
        area = int(np.count_nonzero(shape.checked(inside)))
        pixels = float(np.clip(pixels * wide * high / area, *RASTER))
    zoom = min(wide / width, high / height)
    if options.border > 0:
        inside = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > options.border * zoom
        shape.checked(inside)
    gap = options.gap * zoom if options.gap is not None else HAIR * small * np.sqrt(0.45 * area) * 4
    return Field(inside, float(gap)), zoom
