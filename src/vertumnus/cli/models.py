"""``vertumnus models``: list the models on this machine."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from vertumnus.models.checkpoint import MINI, on_this_machine
from vertumnus.models.registry import KNOWN, Known


def models(
    *,
    known: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """List the models on this machine: what each is, where it lies, how large it is.

    Parameters
    ----------
    known
        List also those that could be fetched, with licence, size and command.
    as_json
        Print JSON.
    """
    here = [
        {
            "name": found.name,
            "kind": found.kind,
            "family": found.family,
            "path": str(found.path),
            "megabytes": round(sum(file.stat().st_size for file in found.path.rglob("*.safetensors")) / 1e6, 1),
        }
        for found in on_this_machine()
    ]
    here.insert(0, {"name": "pictogram", "kind": "pictogram", "family": "pictogram", "path": "", "megabytes": 0.0})
    names = {row["name"] for row in here}
    away = [model for model in KNOWN if model.id not in names] if known else []
    if as_json:
        print(json.dumps({"here": here, "known": [_as_json(model) for model in away]}))
        return
    for row in here:
        own = "in the package" if row["name"] in (*MINI, "pictogram") else row["path"]
        print(f"{row['name']:44} {row['family']:20} {row['megabytes']:8.1f} MB  {own}")
    for model in away:
        note = f"; {model.note}" if model.note else ""
        print(f"{model.id:44} {model.kind:20} {model.gigabytes:8.1f} GB  {model.licence}{note}")
        print(f"    {model.command}")


def _as_json(model: Known) -> dict[str, object]:
    return {**model._asdict(), "gigabytes": model.gigabytes, "command": model.command}
