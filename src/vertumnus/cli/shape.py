"""``vertumnus shape``: show how a shape is understood."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from PIL import Image
from scipy import ndimage

from vertumnus.cli.common import check_outputs, parse_size
from vertumnus.errors import VertumnusError
from vertumnus.limits import check_canvas
from vertumnus.shapes import parse_shape
from vertumnus.writing import atomic_write

INK, PAPER, BLOCKED = (38, 70, 83), (250, 247, 240), (231, 111, 81)


def shape(
    spec: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    size: str = "600",
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
) -> None:
    """Show how a shape is understood: its area, islands and holes, and a preview.

    Parameters
    ----------
    spec
        A picture, an SVG, text:Q, icon:NAME, circle, heart, square, star or canvas.
    output
        A PNG to draw the preview into: dark is filled, red is blocked.
    size
        Of the canvas in pixels: 600 or 800x600.
    block
        Another shape whose area is kept free.
    invert
        A picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    """
    if output is not None:
        if output.suffix.lower() != ".png":
            raise VertumnusError(f"{output}: the preview is written as .png")
        check_outputs([output])
    width, height = check_canvas(parse_size(size))
    understood = parse_shape(spec, invert=invert, font=font, block=block or [])
    mask = understood.mask(width, height)
    _, islands = ndimage.label(mask, np.ones((3, 3)))
    _, grounds = ndimage.label(np.pad(~mask, 1, constant_values=True))
    share = mask.mean()
    print(f"{spec}: {share:.1%} of a canvas of {width} x {height} pixels, {islands} islands, {grounds - 1} holes")
    if output is not None:
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = PAPER
        if block:
            whole = parse_shape(spec, invert=invert, font=font).mask(width, height)
            picture[whole & ~mask] = BLOCKED
        picture[mask] = INK
        with atomic_write(output) as stream:
            Image.fromarray(picture).save(stream, "PNG")
        print(f"{output}: {width} x {height} pixels")
