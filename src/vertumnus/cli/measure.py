"""``vertumnus measure``: say how well a collage fills a shape, or how like its reference a picture is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.document.collage import Collage
from vertumnus.errors import VertumnusError
from vertumnus.metrics.packing import measure_packing
from vertumnus.shapes import parse_shape


def measure(
    collage: Path,
    /,
    *,
    shape: str | None = None,
    reference: Path | None = None,
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
    lpips: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Say how well a collage fills a shape, or how like its reference a picture is.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one; with --reference a picture too, or a mosaic's
        assignment.
    shape
        The shape it should fill, as for pack. Counted from its pictures' alpha at twice the canvas size.
    reference
        The picture it should look like: PSNR and SSIM at 32 to 256 pixels, and the error of a Gaussian pyramid.
    block
        Another shape whose area is not part of it.
    invert
        The shape picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    lpips
        A safetensors file of LPIPS weights on AlexNet, to measure that too.
    as_json
        Print JSON.
    """
    if (shape is None) == (reference is None):
        raise VertumnusError("measure: give either --shape or --reference")
    if reference is not None:
        from vertumnus.cli.likeness import measure_reference

        measure_reference(collage, reference, lpips, as_json)
        return
    assert shape is not None
    document = Collage.load(collage)
    found = measure_packing(document, parse_shape(shape, invert=invert, font=font, block=block or []))
    report = document.made_by.report if document.made_by else {}
    numbers: dict[str, float | int] = {name: round(value, 6) for name, value in found._asdict().items()}
    numbers["layers"] = len(document.layers)
    numbers["unplaced"] = len(report.get("unplaced", []))
    if as_json:
        print(json.dumps(numbers))
        return
    print(f"coverage  {found.coverage:8.2%}  of the shape is covered")
    print(f"overlap   {found.overlap:8.4%}  of the elements' area lies on one another")
    print(f"spill     {found.spill:8.4%}  of the elements' area lies outside the shape")
    print(f"area_cv   {found.area_cv:8.3f}  spread of the elements' areas over their mean")
    print(f"layers    {numbers['layers']:8d}")
    print(f"unplaced  {numbers['unplaced']:8d}")
