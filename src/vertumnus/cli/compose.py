"""``vertumnus compose``: a sentence arranges the pieces."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, create_model

from vertumnus.cli.common import about_start, check_outputs, parse_size, passed_over, read_elements, say_unplaced
from vertumnus.cli.estimate import composing, drawing, go_on
from vertumnus.cli.record import Recorder, recording
from vertumnus.cli.render import write_outputs
from vertumnus.cli.said import facts_of, saying
from vertumnus.cli.watch import Watch
from vertumnus.composing.compose import ICON_GAIN, live_compose, only_icons, restore, run
from vertumnus.composing.composition import Composition
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.variations import compose_variations
from vertumnus.composing.wide import OVERLAP
from vertumnus.document.collage import Collage
from vertumnus.elements.collect import Collection
from vertumnus.elements.element import MAX_SIDE
from vertumnus.errors import VertumnusError
from vertumnus.export.picture import save_image, save_picture
from vertumnus.export.video import FILMS, is_video
from vertumnus.guidance.registry import DEFAULT, KINDS, options_of
from vertumnus.limits import MAX_SEED, MAX_STARTS, MAX_STEPS, MAX_STORED_SIDE, check_whole
from vertumnus.writing import check_apart, check_writable

STEPS_SHOWN = 10  # steps between two looks at the bar
LIGHT = re.compile(r"(pictogram|shape|photo)\b|(\w+:)?mini\b")  # guidances that need no large network


def _flags() -> type[BaseModel]:
    """Every option that some kind of guidance has; it goes to all kinds that have it."""
    fields: dict[str, Any] = {}
    for kind in KINDS:
        model = options_of(kind)
        for name, field in model.model_fields.items():
            if name in ("weight", model.argument):
                continue
            about = f"{kind}: {field.description}" + (
                "" if field.default is None else f" (by default {_shown(field.default)})"
            )
            if name in fields:
                about = f"{fields[name][1].description}; {about}"
            annotation: Any = field.annotation
            if field.metadata:
                annotation = Annotated[(annotation, *field.metadata)]
            fields[name] = (annotation | None, Field(None, description=about))
    return create_model("GuidanceFlags", __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def _shown(default: object) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


GuidanceFlags = _flags()


def _given(flags: BaseModel | None) -> dict[str, Any]:
    return flags.model_dump(exclude_none=True) if flags is not None else {}


def compose(
    elements: list[str] | None = None,
    /,
    *,
    prompt: str = "",
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    like: Path | None = None,
    size: str | None = None,
    seed: int = 0,
    count: int | None = None,
    guidance: list[str] | None = None,
    container: str | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    wide: list[str] | None = None,
    wide_overlap: float = OVERLAP,
    variations: int = 1,
    particles: int | None = None,
    scale: float = 1.0,
    preview: Path | None = None,
    preview_every: int = 100,
    checkpoint: Path | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    icon_colors: str | None = None,
    max_side: int = MAX_SIDE,
    record: Path | None = None,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    preset: str | None = None,
    options: Annotated[ComposeOptions | None, Parameter(name="*", group="How")] = None,
    flags: Annotated[GuidanceFlags | None, Parameter(name="*", group="Guidance")] = None,  # type: ignore[valid-type]
) -> None:
    """Arrange pictures until the whole reads as a prompt.

    Example: vertumnus compose photos/ --prompt "a butterfly" -o butterfly.collage -o butterfly.png

    Parameters
    ----------
    elements
        Pictures, folders, globs, or icons as icon:NAME,NAME. None with --from: the collage's own.
    prompt
        What the whole is to read as.
    output
        Where to write, once for each file; the suffix tells the kind: .collage, .json, .svg, .png, .jpg ...
    like
        A photograph to rebuild: photo guidance, alone unless another is named; of a video or a folder of frames,
        every frame, with a video or a folder as the output.
    size
        Of the canvas in pixels: 600 or 800x600; by default 600, or of the ratio of the photograph.
    seed
        The same input, options and seed give the same collage.
    count
        Pieces to place, with --from of the new pictures; the pictures are used in turn.
    guidance
        What judges the picture, NAME[:MODEL|FILE][=WEIGHT], once for each that is to be mixed: pictogram (icons, no
        weights; the default), mini, the folder of a diffusion model or its id, shape:heart=0.3.
    container
        A shape that pieces are to stay in, as for pack.
    from_
        A collage to start from: locked layers stay, the others start where they lie.
    wide
        Prompts of overlapping square windows of a wide picture, as 'sea|beach|forest', once for each row; each is
        arranged with --count pieces on --size pixels, with its finished neighbours as the ground.
    wide_overlap
        Share of a window's side that it shares with the next.
    variations
        Collages to make, of as many seeds; outputs are numbered, and a picture of all is written beside them.
    particles
        Variations that a network judges at once, with one student for all; by default all.
    scale
        Of the pictures written, pixels to a canvas pixel.
    preview
        A picture that is written again and again while it runs.
    preview_every
        Steps between two previews.
    checkpoint
        A file the state is written to now and then.
    resume
        Go on from the checkpoint.
    icon_colors
        CSS colours that icons take in turn, separated by spaces or semicolons; black by default, white with --like.
    max_side
        Longer pictures are stored shrunk to this many pixels.
    record
        A film of how the pieces are arranged: .webp, .gif, .mp4, or a folder of frames.
    yes
        Do not ask before what takes more than a minute or 2 GB.
    as_json
        Print the report as JSON to standard output, and lines for people to standard error.
    preset
        Settings of a network under one name: score-paper for the published ones of SCORE, vertumnus for ours. What is
        given beside it wins.
    options
        How the pieces are arranged.
    flags
        Of the kinds of guidance that have them.
    """
    if like is not None and (
        like.is_dir() or like.suffix.lower() in FILMS or (output and is_video(output[0]) and output[0].suffix)
    ):
        from vertumnus.cli.film import compose_frames

        others = {
            "prompt": prompt, "guidance": guidance, "container": container, "from": from_, "wide": wide,
            "variations": variations > 1, "checkpoint": checkpoint, "preset": preset,
        }  # fmt: skip
        pieces = read_elements(elements, icon_colors or "white", max_side)
        compose_frames(pieces, like, output, scale, size, others, seed, count, options, _given(flags))
        return
    check_outputs(output, [*(elements or []), container, like, from_], whole=True, scale=scale)
    if preview is not None:
        check_writable(preview)
        check_apart([preview], elements or [])
    recorder = recording(record, [*(elements or []), container, like, from_])
    if recorder is not None and (variations > 1 or wide):
        raise VertumnusError("--record: goes with one run; leave out --variations and --wide")
    check_whole("--preview-every", preview_every, 1, MAX_STEPS)
    check_whole("--max-side", max_side, 1, MAX_STORED_SIDE)
    check_whole("--seed", seed, 0, MAX_SEED)
    check_whole("--variations", variations, 1, MAX_STARTS)
    if particles is not None:
        check_whole("--particles", particles, 1, MAX_STARTS)
    if variations > 1 and checkpoint is not None:
        raise VertumnusError("--checkpoint: goes with one collage; leave out --variations")
    start = Collage.load(from_) if from_ is not None else None
    if not elements and start is None:
        raise VertumnusError("ELEMENTS: name pictures, folders or icons to arrange, or a collage with --from")
    if wide:
        from vertumnus.cli.wide import compose_windows

        others = {
            "prompt": prompt, "like": like, "container": container, "from": from_, "variations": variations > 1,
            "checkpoint": checkpoint, "preset": preset, "resume": resume,
        }  # fmt: skip
        given = {
            "guidance": guidance or [DEFAULT], "seed": seed, "count": count, "overlap": wide_overlap,
            "options": options, **_given(flags),
        }  # fmt: skip
        pieces = read_elements(elements, icon_colors, max_side)
        watch_one = lambda: _Watch(preview, preview_every, None)  # noqa: E731
        compose_windows(pieces, wide, output, scale, size, others, given, watch_one)
        return
    coloured = icon_colors is None and like is not None and (options is None or options.colour != "own")
    # White takes any colour that the photograph wants.
    read = read_elements(elements, "white" if coloured else icon_colors, max_side)
    named = {"elements": elements, "container": container, "like": like, "from": from_}
    if coloured and only_icons(elements or []) and (options is None or options.gain is None):
        options = (options or ComposeOptions()).changed(gain=ICON_GAIN)
    choices = _given(flags)
    inputs = [*(elements or []), container, like, *output]
    with about_start(from_, *inputs):
        live = live_compose(
            read,
            prompt,
            guidance=guidance or [DEFAULT],
            like=like,
            size=parse_size(size) if size is not None else None,
            seed=seed,
            count=count,
            container=container,
            start=start,
            provenance=json.loads(json.dumps({name: value for name, value in named.items() if value}, default=str)),
            preset=preset,
            options=options,
            **choices,
        )
    networks = sum(not LIGHT.match(one) for one in guidance or [])
    if resume:
        with about_start(from_, *inputs):
            restore(live, checkpoint)
    arranging = composing(len(live.numbers), live.spec.size, live.total - live.done, networks, variations)
    go_on(arranging + drawing(live.spec.size, scale, [*output] * variations), yes)
    told: list[dict[str, Any]] = []
    with about_start(from_, *inputs), saying(as_json) as tell:
        with _Watch(preview, preview_every, recorder) as watch:

            def made(compositions: Sequence[Composition], collages: Sequence[Collage]) -> None:
                seconds, cpu = watch.timing(len(collages))
                for composition, collage in zip(compositions, collages, strict=True):
                    number = composition.spec.seed - seed
                    outputs = [_numbered(path, number, variations) for path in output]
                    write_outputs(collage, outputs, scale)
                    _summary(collage, composition, read, f"{seconds:.1f} s ({cpu:.1f} s of one core)", watch.stopped)
                    likeness = {"likeness": composition.likeness, "stopped": watch.stopped}
                    told.append(facts_of(collage, outputs, seconds, cpu) | likeness)

            if variations == 1:
                composition = run(live, watch, checkpoint)
                made([composition], [composition.document()])
                if recorder is not None:
                    print(recorder.write(composition))
                tell(**told[0])
                return
            found = compose_variations(live, variations, particles=particles, watch=watch, made=made)
        sheet = output[0].with_name(f"{output[0].stem}-sheet.png")
        save_image(found.sheet(), sheet)
        best = _numbered(output[0], found.best, variations).name
        alike = "" if found.alike is None else f", their figures {found.alike:.0%} alike"
        print(f"{sheet}: {len(found.collages)} variations{alike}; the best, {found.why}, is {best}")
        tell(variations=told, best=found.best, why=found.why, sheet=str(sheet))


def _numbered(path: Path, number: int, variations: int) -> Path:
    return path if variations == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def _summary(collage: Collage, composition: Composition, read: Collection, timing: str, stopped: bool) -> None:
    assert collage.made_by is not None
    report = collage.made_by.report
    likeness = "" if composition.guidance.target_alpha is None else f", likeness {composition.likeness:.0%}"
    said = f" as {collage.prompt!r}" if collage.prompt else ""
    print(
        f"{report['layers']} pieces{said}, overlap {report.get('overlap', 0):.2%}{likeness};"
        f" {timing}" + ("; stopped early, this is the best so far" if stopped else "") + passed_over(read, report)
    )
    if "understood" in report:
        passed = ", ".join(report.get("passed_over", []))
        print(f"understood: {report['understood']}" + (f"; passed over: {passed}" if passed else ""))
    skipped = composition.guidance.skipped
    if skipped:
        print(f"{skipped} steps skipped, where the network's answer was not finite", file=sys.stderr)
    say_unplaced(report)


class _Watch(Watch):
    """Shows a composition, writes previews, and turns Ctrl-C into a request to stop."""

    def __init__(self, preview: Path | None, every: int, recorder: Recorder | None) -> None:
        super().__init__()
        self.recorder = recorder
        self.preview, self.every = preview, max(every, 1)
        self.shown: Composition | None = None  # of several side by side, the first
        self.began = time.perf_counter(), time.process_time()

    def timing(self, runs: int) -> tuple[float, float]:
        """Seconds, and seconds of one core, that each of some runs took, which are the last to have been shown."""
        now = time.perf_counter(), time.process_time()
        seconds, cpu = ((after - before) / runs for after, before in zip(now, self.began, strict=True))
        self.began, self.shown = now, None
        return seconds, cpu

    def __call__(self, composition: Composition) -> None:
        if self.stopped:
            composition.request_stop()
        self.shown = self.shown or composition
        if composition is not self.shown:
            return
        if self.recorder is not None:
            self.recorder.see(composition)
        arranging = composition.phase == "arrange"
        if arranging and self.preview is not None and composition.done % self.every == 0:
            save_picture(composition.document(), self.preview, background="white")
        if arranging and composition.done % STEPS_SHOWN and composition.done != composition.total:
            return
        what = "arranging" if arranging else "finishing"
        self.show(what, composition.done, composition.total, f"loss {composition.loss:.3g}")
