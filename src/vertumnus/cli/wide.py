"""``vertumnus compose --wide``: a wide picture, window by window."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vertumnus.cli.common import parse_size
from vertumnus.cli.render import write_outputs
from vertumnus.composing.compose import run
from vertumnus.composing.wide import SIDE, wide_runs
from vertumnus.elements.collect import Collection
from vertumnus.errors import VertumnusError


def compose_windows(
    elements: Collection,
    rows: Sequence[str],
    output: list[Path],
    scale: float,
    size: str | None,
    others: dict[str, Any],
    given: dict[str, Any],
    watching: Callable[[], Any],
) -> None:
    """Arranges the windows, writes the picture and says so.

    others    what does not go with windows, by its flag
    given     of `vertumnus.composing.wide.wide_runs`
    watching  makes what watches a window's run
    """
    unfit = [name for name in others if others[name]]
    if unfit:
        raise VertumnusError(f"--wide: has prompts and windows of its own; leave out --{unfit[0]}")
    across, down = parse_size(size) if size is not None else (SIDE, SIDE)
    if across != down:
        raise VertumnusError(f"--size: with --wide it is that of a window, which is square, not {across}x{down}")
    began, cpu, stopped, wide = time.perf_counter(), time.process_time(), False, None
    for number, (wide, live) in enumerate(wide_runs(elements, rows, size=across, **given)):
        with watching() as watch:
            run(live, watch)
        stopped = watch.stopped
        print(f"window {number + 1} of {len(wide.rows) * len(wide.rows[0])}: {live.prompt!r}", file=sys.stderr)
        if stopped:
            wide.add(number, live.document(), sum(at >= 0 for at in live.pieces.placed))
            break
    assert wide is not None
    write_outputs(wide.collage, output, scale)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"{len(wide.collage.layers)} pieces in {len(wide.reports)} windows, {wide.collage.width} x"
        f" {wide.collage.height} pixels; {seconds:.1f} s ({cpu:.1f} s of one core)"
        + ("; stopped early" if stopped else "")
    )
