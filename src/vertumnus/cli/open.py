"""``vertumnus open``: edits that were made in another program come back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vertumnus.cli.common import check_outputs
from vertumnus.cli.render import write_outputs
from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.export.edited import open_edited


def open_(
    edited: Path,
    /,
    *,
    output: Annotated[list[Path], Parameter(name=["-o", "--output"])],
    original: Path | None = None,
    lock: Literal["moved"] | None = None,
) -> None:
    """Make a collage of an SVG, OpenRaster or PSD file that was worked on in Inkscape, Krita, GIMP or Photoshop.

    Example: vertumnus open edited.svg --original love.collage --lock moved -o edited.collage

    Parameters
    ----------
    edited
        *.svg, *.ora or *.psd, as this program exports them.
    output
        Where to write, once for each file; the suffix tells the kind: .collage, .json, .svg, .png, .jpg ...
    original
        The collage that was exported: what moved is told by it, and layers of an .ora or .psd take from it what
        those cannot hold.
    lock
        Lock the layers that moved, so that pack --from and compose --from go on around them.
    """
    check_outputs(output, [edited, original], whole=True)
    if lock is not None and original is None:
        raise VertumnusError("--lock: name the collage it was exported from with --original")
    opened = open_edited(edited, Collage.load(original) if original is not None else None)
    if lock is not None:
        for identity in opened.moved:
            opened.collage.layer(identity).locked = True
    write_outputs(opened.collage, output, 1.0)
    if original is not None:
        print(f"{len(opened.moved)} of {len(opened.collage.layers)} layers moved")
    for sentence in opened.lost:
        print(f"not taken over: {sentence}", file=sys.stderr)
