"""A live run of what a browser asked for: the document's layers are its pieces.

What a browser names is a word this program knows, or something that was uploaded: never a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count as numbers_from
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vertumnus.document.collage import Collage
from vertumnus.elements.element import Element
from vertumnus.elements.pieces import GROUND, elements_of
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.live.pieces import PieceRun
from vertumnus.shapes import BUILT_IN, WHOLE, Coverage, Shape, parse_shape
from vertumnus.studio import schema
from vertumnus.studio.drive import Drive

GUIDANCE = re.compile(r"([a-z]+)(?::([^=]{1,200}))?(=[0-9.]{1,12})?")
MODEL = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
OURS = ("mini", "lite0", "lite1")


def shape_of(given: schema.ShapeGiven, size: tuple[int, int], files: Mapping[str, Path]) -> Shape:
    """The region that a browser named or drew.

    size   of the canvas, that a lasso's points lie on
    files  uploads by what they are called

    Raises `VertumnusError` unless it is exactly one of these, and there is such a shape.
    """
    named = [name for name in ("named", "upload", "lasso") if getattr(given, name) is not None]
    if len(named) != 1:
        raise VertumnusError("shape: name one of named, upload and lasso")
    if given.lasso is not None:
        return lasso(given.lasso, size, given.invert)
    if given.upload is not None:
        return parse_shape(file_of(given.upload, files), invert=given.invert)
    return parse_shape(checked_shape(given.named or ""), invert=given.invert)


def checked_shape(named: str) -> str:
    """A shape's name that is no file's. Raises `VertumnusError` for any other."""
    if named not in BUILT_IN and named != WHOLE and not named.startswith(("icon:", "text:")):
        known = [*BUILT_IN, WHOLE]
        raise VertumnusError(f"shape: {named!r} is none; known are {', '.join(known)}, icon:NAME and text:Q")
    return named


def lasso(points: list[tuple[float, float]], size: tuple[int, int], invert: bool = False) -> Shape:
    """What lies within a line drawn on a canvas of ``size`` pixels, by the even-odd rule.

    >>> lasso([(0, 0), (10, 0), (10, 5), (0, 5)], (10, 10)).mask(20, 20).sum()
    np.int64(200)
    """
    corners = np.array(points, float)

    def draw(width: int, height: int) -> Coverage:
        image = Image.new("1", (width, height))
        here = corners * [width / size[0], height / size[1]] - 0.5
        ImageDraw.Draw(image).polygon([(x, y) for x, y in here.clip(-1e6, 1e6).tolist()], fill=1)
        inside = np.asarray(image)
        return np.where(inside != invert, np.uint8(255), np.uint8(0))

    return Shape("lasso", draw)


def file_of(identity: str, files: Mapping[str, Path]) -> Path:
    """Where an upload lies. Raises `VertumnusError` if there is none."""
    if identity not in files:
        raise VertumnusError(f"{identity}: there is no such upload")
    return files[identity]


def checked_guidance(named: str) -> str:
    """What judges, if it names no file: a kind, and perhaps a model of the program or of the hub's.

    Raises `VertumnusError` for any other.
    """
    found = GUIDANCE.fullmatch(named)
    if found is None or found[1] == "photo":
        raise VertumnusError(f"guidance: {named!r} is not NAME[:MODEL][=WEIGHT]")
    about = found[2]
    if found[1] == "shape":
        checked_shape(about or "heart")
    elif about is not None:
        checked_model(about, "guidance")
    return named


def checked_model(named: str, field: str = "model") -> str:
    """A model that is one of the program's, or named as the hub names it. Raises `VertumnusError` for a path."""
    if named not in OURS and (not MODEL.fullmatch(named) or Path(named).exists()):
        raise VertumnusError(f"{field}: {named!r} is no model's name; write mini, or as owner/name")
    return named


def open_run(collage: Collage, asked: schema.Run, files: Mapping[str, Path]) -> PieceRun:
    """The live run, at its beginning.

    collage   whose visible layers are the pieces; locked ones stay
    files     uploads by what they are called

    Raises `VertumnusError` if something cannot be used as asked.
    """
    if not any(layer.visible and layer.id != GROUND for layer in collage.layers):
        raise VertumnusError("there is nothing to place: add pictures, icons or words first")
    size = collage.width, collage.height
    shape = shape_of(asked.shape, size, files) if asked.shape is not None else None
    elements, start, count = _pieces(collage, asked)
    if asked.verb == "pack":
        from vertumnus.packing.options import PackOptions
        from vertumnus.packing.pack import live_pack

        _known(asked.options, PackOptions.model_fields)
        if shape is None and start is None:
            raise VertumnusError("shape: name one to fill: a name, an upload or a lasso")
        return live_pack(
            elements, shape, size=None if start is not None else size, seed=asked.seed, count=count, start=start,
            background=None if start is not None else collage.background, provenance=_provenance(asked),
            **asked.options,
        )  # fmt: skip
    return _compose(collage, asked, files, shape, elements, start, count)


def open_drive(collage: Collage, asked: schema.Run, files: Mapping[str, Path], first_id: int) -> Drive:
    """The same with its pieces known by the layers' ids.

    first_id   number of the first id for pieces that no layer is yet
    """
    return Drive(open_run(collage, asked, files), collage, (f"k{n}" for n in numbers_from(first_id)))


def _compose(
    collage: Collage,
    asked: schema.Run,
    files: Mapping[str, Path],
    shape: Shape | None,
    elements: list[Element],
    start: Collage | None,
    count: int | None,
) -> PieceRun:
    from vertumnus.composing.compose import live_compose
    from vertumnus.composing.options import ComposeOptions
    from vertumnus.guidance.registry import DEFAULT

    _known(asked.options, ComposeOptions.model_fields)
    guidance: Any = [checked_guidance(one) for one in asked.guidance] if asked.guidance else [DEFAULT]
    options = dict(asked.options)
    if start is None and collage.background is not None:
        options.setdefault("background", collage.background)
    return live_compose(
        elements,
        asked.prompt if asked.prompt is not None else collage.prompt or "",
        guidance=guidance,
        like=file_of(asked.like, files) if asked.like is not None else None,
        size=(collage.width, collage.height),
        seed=asked.seed,
        count=count,
        container=shape,
        start=start,
        provenance=_provenance(asked),
        **options,
    )


def _known(options: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    for name in options:
        if name not in fields:
            raise VertumnusError(f"{name}: there is no such option{did_you_mean(name, fields)}")


def _provenance(asked: schema.Run) -> dict[str, Any]:
    shape = asked.shape
    named = None if shape is None else shape.named or ("lasso" if shape.lasso is not None else "upload")
    return {"elements": ["the document's own"], **({"shape": named} if named is not None else {})}


def _pieces(collage: Collage, asked: schema.Run) -> tuple[list[Element], Collage | None, int | None]:
    """Elements, what to start from, and how many: from where the layers lie, or anew.

    Locked and hidden layers keep their places, so with any of them a run starts from the document.
    """
    shown = [layer for layer in collage.layers if layer.visible and layer.id != GROUND]
    kept = len(shown) < len(collage.layers) or any(layer.locked for layer in shown)
    if not asked.anew or kept:
        count = None
        if asked.count is not None:
            if asked.count < len(shown):
                raise VertumnusError(f"count: there are {len(shown)} layers already; remove some first")
            # Pieces reckon with free layers.
            count = asked.count - sum(layer.locked for layer in shown) if asked.count > len(shown) else None
        return [], collage, count
    own = elements_of(collage)
    labels = {layer.image: layer.prompt for layer in reversed(shown) if layer.prompt}
    from dataclasses import replace

    elements = [replace(one, label=labels.get(image, "")) for image, one in own.items()]
    uses = [layer.image for layer in shown]
    if len(set(uses)) < len(uses) and asked.count is None:
        # Each layer is a piece, though its picture be another's too.
        elements = [next(one for one in elements if one.image == image) for image in uses]
    return elements, None, asked.count
