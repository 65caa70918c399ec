"""Guidances by name: ``NAME[:MODEL|FILE][=WEIGHT]`` becomes options, and options become a guidance.

The names are listed here and nowhere else. A kind's module is imported when it is first used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from PIL import Image
from pydantic import ValidationError

from vertumnus.checked import first_problem
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.guidance.mixture import MixedSource
from vertumnus.guidance.protocol import GuidanceOptions, Source

DEFAULT = "pictogram"
NETWORK = "distillation"  # what guides where a model is named and no kind


class Kind(NamedTuple):
    """Where a kind of guidance is at home: ``module:name`` of its options, and of the function that opens them."""

    options: str
    opener: str
    about: str


KINDS: dict[str, Kind] = {
    "pictogram": Kind(
        "vertumnus.guidance.options:PictogramOptions",
        "vertumnus.guidance.pictogram:open_pictogram",
        "icons whose names the prompt matches; no weights",
    ),
    "distillation": Kind(
        "vertumnus.guidance.options:DistillationOptions",
        "vertumnus.guidance.distillation:open_distillation",
        "a diffusion model, by score distillation: distillation:mini, a folder or a hub id",
    ),
    "shape": Kind(
        "vertumnus.guidance.options:ShapeOptions",
        "vertumnus.guidance.shape:open_shape",
        "a silhouette: shape:heart, shape:icon:fish, shape:mask.png",
    ),
    "photo": Kind(
        "vertumnus.guidance.options:PhotoOptions",
        "vertumnus.guidance.photo:open_photo",
        "a photograph that pieces are to look like: photo:reference.jpg",
    ),
    "clip": Kind(
        "vertumnus.guidance.options:ClipOptions",
        "vertumnus.guidance.clip:open_clip",
        "a model of pictures and words: clip:mini, a folder or a hub id",
    ),
    "classifier": Kind(
        "vertumnus.guidance.options:ClassifierOptions",
        "vertumnus.guidance.classifier:open_classifier",
        "a classifier of photographs, ImageNet's thousand names: classifier, classifier:lite1",
    ),
}


def options_of(kind: str) -> type[GuidanceOptions]:
    """The options model of a kind. Raises `VertumnusError` for a name that is none."""
    if kind not in KINDS:
        raise VertumnusError(
            f"guidance: there is none of the name {kind!r}, known are {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        )
    return cast(type[GuidanceOptions], _load(KINDS[kind].options))


def parse_guidance(spec: str | Path | GuidanceOptions, **fields: Any) -> GuidanceOptions:
    """The options that a spec names.

    spec     ``NAME``, ``NAME:ARGUMENT`` or either with ``=WEIGHT``. What is no registered name is a diffusion model:
             ``mini``, a folder or a hub id. Options are given back as they are
    fields   more of its options; those that its kind does not have are passed over

    Raises `VertumnusError` for options that cannot be.

    >>> parse_guidance("shape:icon:fish=0.3")
    ShapeOptions(weight=0.3, shape='icon:fish', shape_loss='matching')
    >>> parse_guidance("mini").model
    'mini'
    """
    if isinstance(spec, GuidanceOptions):
        return spec
    text = str(spec).strip()
    text, weight = _weight(text)
    name, colon, argument = text.partition(":")
    if name not in KINDS:
        name, colon, argument = NETWORK, ":", text
    model = options_of(name)
    given: dict[str, Any] = {key: value for key, value in fields.items() if key in model.model_fields}
    if weight is not None:
        given["weight"] = weight
    if colon:
        if model.argument is None:
            raise VertumnusError(f"guidance: {name} takes nothing after a colon, not {argument!r}")
        given[model.argument] = argument
    try:
        return model(**given)
    except ValidationError as error:
        raise VertumnusError(f"guidance {name}: {first_problem(error)}") from None


def read_guidance(kept: Mapping[str, Any]) -> GuidanceOptions:
    """The options that a document keeps as ``{"kind": ..., ...}``. Raises `VertumnusError` if they cannot be."""
    if not isinstance(kept, Mapping) or not all(isinstance(name, str) for name in kept):
        raise VertumnusError("guidance: must be a list of objects with a kind")
    fields = dict(kept)
    model = options_of(str(fields.pop("kind", "")))
    try:
        return model(**fields)
    except ValidationError as error:
        raise VertumnusError(f"guidance {model.kind}: {first_problem(error)}") from None


def kept_guidance(options: GuidanceOptions) -> dict[str, Any]:
    """Options as a document keeps them."""
    return {"kind": options.kind, **options.model_dump(mode="json")}


def open_guidance(
    *options: GuidanceOptions, device: str | None = None, pictures: Mapping[str, Image.Image] | None = None
) -> Source:
    """The source of some options: of one its own, of several their mixture by weight.

    device     a torch device for networks; a GPU if there is one
    pictures   in place of files, by the argument that names them

    Raises `VertumnusError` if weights or files cannot be had, or if there is nothing to open.
    """
    if not options:
        raise VertumnusError("guidance: none is given")
    opened = []
    for each in options:
        named = str(getattr(each, each.argument or "", ""))
        more = {"picture": pictures[named]} if pictures and named in pictures else {}
        opened.append(cast(Source, _load(KINDS[each.kind].opener)(each, device=device, **more)))
    return opened[0] if len(opened) == 1 else MixedSource(opened)


def open_named(specs: str | Path | GuidanceOptions | Iterable[str | Path | GuidanceOptions], **fields: Any) -> Source:
    """As `open_guidance`, of specs as `parse_guidance` reads them."""
    several = [specs] if isinstance(specs, str | Path | GuidanceOptions) else list(specs)
    return open_guidance(*(parse_guidance(spec, **fields) for spec in several))


def _weight(text: str) -> tuple[str, float | None]:
    """A spec and the number after its last ``=``; text after it that is no number belongs to the spec."""
    found = re.fullmatch(r"(.+)=([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", text)
    return (found[1], float(found[2])) if found else (text, None)


def _load(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
