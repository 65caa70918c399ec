"""Making a collage again from its document alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.live.run import LiveRun
from vertumnus.live.spec import Inputs, RunSpec

# What makes a live run of a spec: a class, or a function that loads what else it takes.
TOOLS = {
    "pack": "vertumnus.packing.run:Packing",
    "compose": "vertumnus.composing.composition:Composition",
    "generate": "vertumnus.mosaic.generate.generation:Generation",
}

HARMONIZED = "harmonize"  # has rounds in place of a run
WORDS = "words"  # likewise


def live_again(collage: Collage) -> LiveRun:
    """The run that made a collage, at its beginning; it will be told what it was told then.

    A collage that was harmonised has rounds and no run: `again` makes it.

    Raises `VertumnusError` if the document does not say how it was made, or a picture it was made of is missing.
    """
    if collage.made_by is not None and collage.made_by.tool == HARMONIZED:
        raise VertumnusError("made_by.tool: harmonize has rounds and no live run; again makes it")
    if collage.made_by is not None and collage.made_by.tool == WORDS:
        raise VertumnusError("made_by.tool: words has rounds and no live run; again makes it")
    spec = RunSpec.of(collage)
    if spec.tool not in TOOLS:
        raise VertumnusError(f"made_by.tool: {spec.tool!r} cannot be run again; known are {', '.join(TOOLS)}")
    module, _, name = TOOLS[spec.tool].partition(":")
    opener: Callable[[RunSpec, Inputs], LiveRun] = getattr(import_module(module), name)
    return opener(spec, Inputs.of(spec, collage))


def again(collage: Collage, watch: Callable[[LiveRun], None] | None = None) -> Collage:
    """Makes a collage again from its document alone; of the same version of the program, the same bytes.

    watch   called with the run after every step, of tools that have a live run

    Raises `VertumnusError` as `live_again` does.
    """
    if collage.made_by is not None and collage.made_by.tool == HARMONIZED:
        from vertumnus.harmonizing.again import again as rounds_again

        return rounds_again(collage)
    if collage.made_by is not None and collage.made_by.tool == WORDS:
        from vertumnus.wording.again import again as cloud_again

        return cloud_again(collage)
    run = live_again(collage)
    for _ in run:
        if watch is not None:
            watch(run)
    return run.document()
