"""A cloud made again from its document: its words, its container and its options are there; the fonts must be too."""

from __future__ import annotations

from typing import Any

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError, about
from vertumnus.imaging.colour import parse_colour
from vertumnus.limits import check_canvas, check_number
from vertumnus.strict.sow import Sown
from vertumnus.wording.colours import Color
from vertumnus.wording.glyphs import find_face, font_digests, outline_of
from vertumnus.wording.ground import Ground
from vertumnus.wording.lettering import features_of, shares
from vertumnus.wording.options import ColorOptions, WordOptions
from vertumnus.wording.plan import Plan, Watcher, carry_out
from vertumnus.wording.table import FIELDS, as_words

OWN = ("words", "mask", "gap", "zoom", "contour")  # of the inputs, what the plan writes itself


def plan_of(collage: Collage) -> Plan:
    """What a cloud's document says that it was made of.

    Raises `VertumnusError` if it does not say so, or a font is not the one it was made with.
    """
    try:
        return _plan_of(collage)
    except VertumnusError:
        raise
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise VertumnusError(f"made_by.inputs: is not what words writes ({error})") from error


def _plan_of(collage: Collage) -> Plan:
    made = collage.made_by
    assert made is not None
    with about("made_by"):
        options = WordOptions(**{k: v for k, v in made.options.items() if k in WordOptions.model_fields})
        coloring = ColorOptions(**{k: v for k, v in made.options.items() if k in ColorOptions.model_fields})
    inputs: dict[str, Any] = made.inputs
    for name in ("words", "mask", "gap", "zoom"):
        if name not in inputs:
            raise VertumnusError(f"made_by.inputs.{name}: missing, so the cloud cannot be made again")
    check_canvas((collage.width, collage.height))
    given = [tuple(one.get(name) for name in FIELDS) for one in inputs["words"]]
    words = as_words(given, "made_by.inputs.words", repeats=True)
    face = find_face(inputs.get("font"))
    there = font_digests([word.text for word in words], face)
    for name, digest in dict(inputs.get("fonts") or {}).items():
        if there.get(name) != digest:
            raise VertumnusError(
                f"made_by.inputs.fonts: {name}: this machine has not the font that the cloud was made with"
            )
    outlines = [outline_of(word.text, face, features_of(options.ligatures)) for word in words]
    for image in [inputs["mask"], *([inputs["contour"]] if "contour" in inputs else [])]:
        if image not in collage.pictures:
            raise VertumnusError(f"{image}: the picture is missing that the cloud was made with")
    ground = Ground(
        np.asarray(collage.pictures.image(inputs["mask"]).convert("L")) > 127,
        check_number("made_by.inputs.zoom", inputs["zoom"], 1e-6, 1e6),
        check_number("made_by.inputs.gap", inputs["gap"], 0, 1e4),
    )

    def painter(number: int, _: Sown) -> Color:
        return parse_colour(words[number].color or "black")[:3]

    line = None
    if "contour" in inputs:
        drawing = collage.pictures.drawing(inputs["contour"])
        line = collage.pictures.read(inputs["contour"]), drawing or b""
    return Plan(
        width=collage.width,
        height=collage.height,
        background=collage.background,
        seed=collage.seed or 0,
        options=options,
        coloring=coloring,
        words=words,
        outlines=outlines,
        share=shares(words, outlines, options.size_by),
        ground=ground,
        painter=painter,
        line=line,
        inputs={name: value for name, value in inputs.items() if name not in OWN},
        report={
            "language": made.report.get("language"),
            "unplaced": made.unplaced(),
        },
    )


def again(collage: Collage, watch: Watcher | None = None) -> Collage:
    """Makes a cloud again from its document; with the same fonts and version, the same bytes."""
    return carry_out(plan_of(collage), watch)
