"""``vertumnus measure``: say how well a collage fills a shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.document.collage import Collage
from vertumnus.metrics.packing import measure_packing
from vertumnus.shapes import parse_shape


def measure(
    collage: Path,
    /,
    *,
    shape: str,
    block: list[str] | None = None,
    invert: Annotated[bool, Parameter(negative=())] = False,
    font: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Say how well a collage fills a shape, from its pictures' alpha at twice the canvas size.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    shape
        The shape it should fill, as for pack.
    block
        Another shape whose area is not part of it.
    invert
        The shape picture's light part instead of its dark one.
    font
        A font file for text: shapes.
    as_json
        Print JSON: coverage, overlap, spill, area_cv, layers, unplaced.
    """
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
