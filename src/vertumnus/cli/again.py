"""``vertumnus again``: make a collage again from its document alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import check_outputs
from vertumnus.cli.render import write_outputs
from vertumnus.cli.watch import Watch
from vertumnus.document.bundle import to_json
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.live.run import LiveRun
from vertumnus.remake import again as make_again
from vertumnus.version import __version__

STEPS_SHOWN = 20  # steps between two looks at the bar


def again(
    collage: Path,
    /,
    *,
    output: Annotated[list[Path] | None, Parameter(name=["-o", "--output"])] = None,
    scale: float = 1.0,
) -> None:
    """Make a collage again from its document alone: the same bytes, as long as the program is the same.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    output
        Where to write, once for each file; without one it is only said whether the two are equal.
    scale
        Of the pictures written, pixels to a canvas pixel.
    """
    check_outputs(output or [], [collage if collage.is_file() else None], whole=True, scale=scale)
    document = Collage.load(collage)
    version = document.made_by.versions.get("vertumnus") if document.made_by else None
    if version not in (None, __version__):
        print(f"made by version {version}, and made again by {__version__}: it may differ", file=sys.stderr)
    try:
        with _Watch() as watch:
            made = make_again(document, watch)
    except VertumnusError as error:
        raise VertumnusError(f"{collage}: {error}") from None
    write_outputs(made, output or [], scale)
    same = to_json(made) == to_json(document)
    print(
        f"{len(made.layers)} layers, " + ("the same as before" if same else "which differ from those in the document")
    )


class _Watch(Watch):
    """Shows a run, and asks it to stop when somebody asked for that."""

    def __call__(self, run: LiveRun) -> None:
        if self.stopped:
            run.request_stop()
        if run.step % STEPS_SHOWN == 0 or run.phase == "draw":
            self.show("making again", run.done, run.total, run.phase)
