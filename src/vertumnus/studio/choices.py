"""What each verb can be asked for, as JSON schemas: names, defaults, bounds, help. The page makes its controls of it.

Fields that name a file on the command line are not among them: a browser names uploads.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from vertumnus.errors import VertumnusError, did_you_mean

MODELS = {
    "pack": "vertumnus.packing.options:PackOptions",
    "compose": "vertumnus.composing.options:ComposeOptions",
    "pdf": "vertumnus.export.pdf:PrintOptions",
    "harmonize": "vertumnus.studio.jobs:Harmonize",
    "mosaic": "vertumnus.studio.jobs:Mosaic",
    "generate": "vertumnus.studio.jobs:Generate",
    "cutout": "vertumnus.studio.jobs:Cut",
    "words": "vertumnus.studio.jobs:Words",
}


def schema_of(verb: str) -> dict[str, Any]:
    """The JSON schema of a verb's options. Raises `VertumnusError` for a verb that has none here."""
    if verb not in MODELS:
        raise VertumnusError(f"{verb}: there is no such verb{did_you_mean(verb, MODELS)}")
    module, _, name = MODELS[verb].partition(":")
    make: Callable[[], dict[str, Any]] = getattr(import_module(module), name).model_json_schema
    return make()
