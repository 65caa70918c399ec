"""``vertumnus pack``: fill a shape with pictures."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import DOCUMENTS, check_outputs, parse_size, read_elements
from vertumnus.cli.render import write_output
from vertumnus.cli.watch import Watch
from vertumnus.document.collage import Collage
from vertumnus.elements.element import MAX_SIDE
from vertumnus.elements.weights import read_weights
from vertumnus.errors import VertumnusError
from vertumnus.packing.options import PackOptions
from vertumnus.packing.pack import pack as pack_elements
from vertumnus.packing.run import Packing
from vertumnus.packing.starts import Starts

STEPS_SHOWN = 20  # iterations between two looks at the bar


def pack(
    elements: list[str] | None = None,
    /,
    *,
    shape: str,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    size: str = "600",
    seed: int = 0,
    count: int | None = None,
    weights: Path | None = None,
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    background: str | None = None,
    scale: float = 1.0,
    starts: int = 1,
    checkpoint: Path | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    icon_colors: str | None = None,
    max_side: int = MAX_SIDE,
    options: Annotated[PackOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Fill a shape with pictures.

    Examples: vertumnus pack photos/ --shape heart -o love.collage -o love.png;
    vertumnus pack icon:apple,lemon --count 80 --shape text:Q -o q.svg

    Parameters
    ----------
    elements
        Pictures, folders, globs, or icons as icon:NAME,NAME. None with --from: the collage's own.
    shape
        A picture, an SVG, text:Q, icon:NAME, circle, heart, square, star, or canvas for all of it.
    output
        Where to write, once for each file; the suffix tells the kind: .collage, .json, .svg, .png, .jpg ...
    size
        Of the canvas in pixels: 600 or 800x600.
    seed
        The same input, options and seed give the same collage.
    count
        Pieces to place; the pictures are used in turn.
    weights
        A CSV table of name and weight: relative areas.
    block
        Another shape whose area is kept free.
    invert
        The shape picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    from_
        A collage to start from: locked layers stay, the others start where they lie.
    background
        The collage's background, a CSS colour; transparent by default.
    scale
        Of the pictures written, pixels to a canvas pixel.
    starts
        Seeds to try, one a core; the layout that covers most is kept.
    checkpoint
        A file the state is written to now and then.
    resume
        Go on from the checkpoint.
    icon_colors
        CSS colours that icons take in turn, separated by spaces or semicolons.
    max_side
        Longer pictures are stored shrunk to this many pixels.
    options
        How elements fill the shape.
    """
    check_outputs(output)
    canvas = parse_size(size)
    start = Collage.load(from_) if from_ is not None else None
    if not elements and start is None:
        raise VertumnusError("ELEMENTS: name pictures, folders or icons to pack, or a collage with --from")
    began, cpu = time.perf_counter(), time.process_time()
    found = read_elements(elements, icon_colors, max_side)
    given = {
        "elements": elements or [],
        "shape": shape,
        "count": count,
        "block": block or [],
        "invert": invert,
    }
    given |= {"weights": str(weights) if weights else None, "from": str(from_) if from_ else None}
    with _Watch() as watch:
        collage = pack_elements(
            found,
            shape,
            size=canvas,
            seed=seed,
            count=count,
            weights=read_weights(weights) if weights else None,
            weights_from=str(weights) if weights else "weights",
            block=block or [],
            invert=invert,
            font=font,
            start=start,
            starts=starts,
            watch=watch,
            checkpoint=checkpoint,
            resume=resume,
            given=given,
            options=options,
        )
    if background is not None:
        collage.background = background
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    for path in sorted(output, key=lambda path: path.suffix.lower() not in DOCUMENTS):
        print(write_output(collage, path, scale, None))
    _summary(collage, seconds, cpu, watch.stopped)


def _summary(collage: Collage, seconds: float, cpu: float, stopped: bool) -> None:
    assert collage.made_by is not None
    report = collage.made_by.report
    print(
        f"{report['layers']} pieces, coverage {report['coverage']:.1%}, overlap {report['overlap']:.2%},"
        f" spill {report['spill']:.2%}, spread of area {report['area_cv']:.2f};"
        f" {seconds:.1f} s ({cpu:.1f} s of one core)"
        + ("; stopped early, this is the best so far" if stopped else "")
    )
    for item in report["unplaced"]:
        print(f"not placed: {item['name']}: {item['reason']}", file=sys.stderr)


class _Watch(Watch):
    """Shows a packing, and turns Ctrl-C into a hurry: the best layout so far is kept."""

    def __call__(self, packing: Packing | Starts) -> None:
        packing.hurry = self.stopped
        if packing.phase == "arrange" and packing.done % STEPS_SHOWN and packing.done != packing.total:
            return
        what = {"arrange": "arranging", "finish": "finishing", "starts": "starts"}[packing.phase]
        self.show(what, packing.done, packing.total, f"coverage {packing.coverage:.1%}")
