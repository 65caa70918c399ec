"""``vertumnus pack``: fill a shape with pictures."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vertumnus.cli.common import about_start, check_outputs, parse_size, passed_over, read_elements, say_unplaced
from vertumnus.cli.estimate import drawing, go_on, packing
from vertumnus.cli.record import Recorder, recording
from vertumnus.cli.render import write_outputs
from vertumnus.cli.said import facts_of, saying
from vertumnus.cli.watch import Watch
from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Collection
from vertumnus.elements.element import MAX_SIDE
from vertumnus.errors import VertumnusError, about
from vertumnus.limits import MAX_SEED, MAX_STORED_SIDE, check_canvas, check_whole
from vertumnus.live.several import Starts
from vertumnus.packing.options import PackOptions
from vertumnus.packing.pack import pack as pack_elements
from vertumnus.packing.run import Packing

STEPS_SHOWN = 20  # iterations between two looks at the bar


def pack(
    elements: list[str] | None = None,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    shape: str | None = None,
    size: str | None = None,
    seed: int = 0,
    count: int | None = None,
    weights: Path | None = None,
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    lock: Literal["moved"] | None = None,
    background: str | None = None,
    scale: float = 1.0,
    starts: int = 1,
    checkpoint: Path | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    icon_colors: str | None = None,
    max_side: int = MAX_SIDE,
    record: Path | None = None,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    options: Annotated[PackOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Fill a shape with pictures.

    Examples: vertumnus pack photos/ --shape heart -o love.collage -o love.png;
    vertumnus pack icon:apple,lemon --count 80 --shape text:Q -o q.svg

    Parameters
    ----------
    elements
        Pictures, folders, globs, or icons as icon:NAME,NAME. None with --from: the collage's own.
    output
        Where to write, once for each file; the suffix tells the kind: .collage, .json, .svg, .png, .jpg ...
    shape
        A picture, an SVG, text:Q, icon:NAME, circle, heart, square, star, or canvas for all of it. With --from: the
        collage's own, unless given anew.
    size
        Of the canvas in pixels: 600 (the default) or 800x600. With --from: the collage's own, unless given anew.
    seed
        The same input, options and seed give the same collage.
    count
        Pieces to place, with --from of the new pictures; the pictures are used in turn.
    weights
        A CSV table of name and weight: relative areas.
    block
        Another shape whose area is kept free.
    invert
        The shape picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    from_
        A collage to start from: locked layers stay, the others start where they lie, and new pictures join them. It
        brings its canvas, shape and options; what is given anew wins.
    lock
        Of a collage that was opened with --original, lock the layers that moved, so that all others go around them.
    background
        The collage's background: a CSS colour, or a picture that fills the canvas; transparent by default.
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
    record
        A film of how the pieces are arranged: .webp, .gif, .mp4, or a folder of frames.
    yes
        Do not ask before what takes more than a minute or 2 GB.
    as_json
        Print the report as JSON to standard output, and lines for people to standard error.
    options
        How elements fill the shape.
    """
    inputs = [*(elements or []), shape, weights, *(block or []), font]
    check_outputs(output, [*inputs, from_], whole=True, scale=scale)
    recorder = recording(record, [*inputs, from_])
    if recorder is not None and starts > 1:
        raise VertumnusError("--record: goes with one run; leave out --starts")
    canvas = parse_size(size) if size is not None else None
    start = Collage.load(from_) if from_ is not None else None
    if lock is not None:
        _lock_moved(start)
    if not elements and start is None:
        raise VertumnusError("ELEMENTS: name pictures, folders or icons to pack, or a collage with --from")
    if shape is None and start is None:
        raise VertumnusError(
            "--shape: missing; name a shape to fill: a picture, text:Q, icon:NAME, heart, canvas ..."
        )
    check_whole("--max-side", max_side, 1, MAX_STORED_SIDE)
    check_whole("--seed", seed, 0, MAX_SEED)
    began, cpu = time.perf_counter(), time.process_time()
    found = read_elements(elements, icon_colors, max_side)
    if canvas is None and start is not None:
        with about(start.where):
            shown = check_canvas((start.width, start.height))
    else:
        shown = check_canvas(canvas or (600, 600))
    pieces = (count or len(found.elements)) + (len(start.layers) if start is not None else 0)
    slow = options is not None and options.quality == "high"
    go_on(packing(pieces, shown, starts, slow) + drawing(shown, scale, output), yes)
    named = {
        "elements": elements,
        "shape": shape,
        "block": block,
        "invert": invert,
        "weights": weights,
        "from": from_,
    }
    provenance = {name: value for name, value in named.items() if value}
    with about_start(from_, *inputs), _Watch(recorder) as watch:
        collage = pack_elements(
            found,
            shape,
            size=canvas,
            seed=seed,
            count=count,
            weights=weights,
            block=block or [],
            invert=invert,
            font=font,
            start=start,
            background=background,
            starts=starts,
            watch=watch,
            checkpoint=checkpoint,
            resume=resume,
            provenance=json.loads(json.dumps(provenance, default=str)),
            options=options,
        )
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    with about_start(from_, *inputs, *output), saying(as_json) as tell:
        write_outputs(collage, output, scale)
        if recorder is not None and watch.live is not None:
            print(recorder.write(watch.live))
        _summary(collage, found, seconds, cpu, watch.stopped)
        tell(**facts_of(collage, output, seconds, cpu), stopped=watch.stopped)


def _lock_moved(start: Collage | None) -> None:
    """Locks the layers that `vertumnus open` found elsewhere than they were."""
    said = start.made_by.report.get("moved") if start is not None and start.made_by is not None else None
    if start is None or not isinstance(said, list):
        raise VertumnusError(
            "--lock: goes with --from of a collage that was opened with --original: it says what moved"
        )
    for layer in start.layers:
        if layer.id in said:
            layer.locked = True


def _summary(collage: Collage, found: Collection, seconds: float, cpu: float, stopped: bool) -> None:
    assert collage.made_by is not None
    report = collage.made_by.report
    print(
        f"{report['layers']} pieces, coverage {report['coverage']:.1%}, overlap {report['overlap']:.2%},"
        f" spill {report['spill']:.2%}, spread of area {report['area_cv']:.2f};"
        f" {seconds:.1f} s ({cpu:.1f} s of one core)"
        + ("; stopped early, this is the best so far" if stopped else "")
        + passed_over(found, report)
    )
    if "limited_by" in report:
        print(f"{report['limited_by']} is as large as the shape lets it be; all others are in proportion to it")
    if "largest_element_size" in report:
        print(f"all would fit at --element-size {report['largest_element_size']:g}")
    say_unplaced(report)


class _Watch(Watch):
    """Shows a packing, and asks it to stop when somebody asked for that: the best layout so far is kept."""

    def __init__(self, recorder: Recorder | None) -> None:
        super().__init__()
        self.recorder = recorder
        self.live: Packing | None = None

    def __call__(self, packing: Packing | Starts) -> None:
        if self.stopped:
            packing.request_stop()
        if isinstance(packing, Packing):
            self.live = packing
            if self.recorder is not None:
                self.recorder.see(packing)
        if packing.phase == "arrange" and packing.done % STEPS_SHOWN and packing.done != packing.total:
            return
        what = {"arrange": "arranging", "finish": "finishing", "starts": "starts"}[packing.phase]
        self.show(what, packing.done, packing.total, f"coverage {packing.coverage:.1%}")
