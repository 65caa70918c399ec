"""``vertumnus info``: say what a collage holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.document.bundle import used_pictures
from vertumnus.document.collage import Collage
from vertumnus.errors import about

LONG = 200  # characters of a value that are printed


def info(collage: Path, /, *, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """Say what a collage holds: canvas, layers, pictures, and how it was made.

    Parameters
    ----------
    collage
        A *.collage file, a collage.json or the folder that holds one.
    as_json
        Print JSON.
    """
    document = Collage.load(collage)
    names = used_pictures(document)
    with about(collage):
        stored = sum(len(document.pictures.read(name)) for name in names)
    made_by = document.made_by
    facts = {
        "width": document.width,
        "height": document.height,
        "background": document.background,
        "prompt": document.prompt,
        "seed": document.seed,
        "layers": len(document.layers),
        "hidden": sum(not layer.visible for layer in document.layers),
        "locked": sum(layer.locked for layer in document.layers),
        "pictures": len(names),
        "picture_bytes": stored,
        "made_by": made_by.model_dump() if made_by else None,
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(f"{collage}: {document.width} x {document.height} pixels, background {document.background or 'none'}")
    print(
        f"{facts['layers']} layers ({facts['hidden']} hidden, {facts['locked']} locked)"
        f" of {len(names)} pictures, {stored / 1e6:.1f} MB"
    )
    if document.prompt:
        print(f"prompt: {document.prompt}")
    if made_by is None:
        return
    versions = ", ".join(f"{name} {number}" for name, number in made_by.versions.items())
    print(f"made by {made_by.tool}, seed {document.seed}" + (f" ({versions})" if versions else ""))
    for title, items in (("options", made_by.options), ("report", made_by.report)):
        for name, value in items.items():
            shown = json.dumps(value)
            shown = shown if len(shown) <= LONG else f"{shown[:LONG]} ..."
            print(f"  {title}: {name} = {shown}")
