"""`RunSpec`: all that a run is a function of, every input by content hash.

One model serves a checkpoint's identity and a document's ``made_by``: what two runs must share for one to go on from
the other, and what a collage needs to be made again, are the same.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from vertumnus.checked import Options
from vertumnus.document.collage import Collage, MadeBy
from vertumnus.elements.element import Element, stored_element
from vertumnus.elements.pieces import GROUND
from vertumnus.errors import VertumnusError
from vertumnus.limits import MAX_PIECES, MAX_STARTS, Seed, Side, Weight
from vertumnus.shapes import Shape, drawn_size
from vertumnus.version import __version__

LIBRARIES = ("numpy", "numba", "scipy", "pillow")
FREE = ("version", "starts", "skipped", "provenance", "journal")  # fields that do not tell one run from another


class ElementInput(Options):
    """An element: the content hash of its picture (``elements/<hex>.png``), what it is called, what it weighs, and
    what it shows where that is known.
    """

    name: str
    image: str
    weight: Weight = 1.0
    label: str = ""

    @classmethod
    def of(cls, element: Element) -> Self:
        """How a spec names an element."""
        return cls(name=element.name, image=element.image, weight=element.weight, label=element.label)

    @model_serializer(mode="wrap")
    def _short(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a label where there is none, as documents were before there were any."""
        return {name: value for name, value in plain(self).items() if name != "label" or value}


class Region(Options):
    """An area of the canvas: how it was named, and the SHA-256 of what was drawn."""

    named: str
    digest: str


class RunSpec(Options):
    """What a run is a function of.

    tool         the verb: pack, compose
    version      of the program
    seed         of everything random
    starts       how many seeds were tried to find this one
    size         (width, height) of the canvas, pixels
    options      the tool's, as plain values
    elements     the different ones, in the order given
    count        pieces asked for
    container    what pieces stay in; ``block``: areas kept free
    mask         the picture in the document that shows the container without the blocks
    models       content hashes of what judges: weights, pictures, by what each is called
    references   the pictures in the document of files that judge, by what names them
    start        the collage that was started from, without its ``made_by``
    background, prompt   of the document
    ground       the picture in the document that lies under it all
    skipped      (name, reason) of what could not be used
    provenance   what was asked for, in the words it was asked: paths, names
    journal      (step, command) of all that it was told while it ran
    """

    tool: str
    version: str = __version__
    seed: Seed = 0
    starts: int = Field(1, ge=1, le=MAX_STARTS)
    size: tuple[Side, Side]
    options: dict[str, Any] = Field({})
    elements: tuple[ElementInput, ...] = ()
    count: int | None = Field(None, ge=1, le=MAX_PIECES)
    container: Region | None = None
    block: tuple[Region, ...] = ()
    mask: str | None = None
    models: dict[str, str] = Field({})
    references: dict[str, str] = Field({})
    start: dict[str, Any] | None = None
    background: str | None = None
    prompt: str | None = None
    ground: str | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    provenance: dict[str, Any] = Field({})
    journal: tuple[tuple[int, dict[str, Any]], ...] = ()

    def identity(self) -> dict[str, Any]:
        """Plain values, by the name a person knows them by, that tell this run from others."""
        plain = self.model_dump(mode="json")
        own = {
            name: plain[name]
            for name in plain
            if name not in (*FREE, "options", "elements", "mask", "references", "start")
        }
        own["version"] = self.version
        own["elements"] = [element.image for element in self.elements]
        own["weights"] = [element.weight for element in self.elements]
        own["container"] = self.container.digest if self.container else None
        own["block"] = sorted(region.digest for region in self.block)
        own["start"] = None if self.start is None else _digest(json.dumps(self.start, sort_keys=True).encode())
        return {**plain["options"], **own}

    def made_by(self, report: Mapping[str, Any]) -> MadeBy:
        """How a document keeps it."""
        plain = self.model_dump(mode="json", exclude={"tool", "version", "options", "seed", "size"})
        fields = type(self).model_fields
        return MadeBy(
            tool=self.tool,
            versions={"vertumnus": self.version} | {name: installed(name) for name in LIBRARIES},
            options=self.model_dump(mode="json")["options"],
            inputs={name: value for name, value in plain.items() if value != _plain(fields[name].default)},
            report=dict(report),
        )

    @classmethod
    def of(cls, collage: Collage) -> Self:
        """The spec of the run that made a collage.

        Raises `VertumnusError` if the document does not say.
        """
        made = collage.made_by
        if made is None:
            raise VertumnusError("made_by: missing, so nothing says how the collage was made")
        if not made.inputs:
            raise VertumnusError(
                "made_by.inputs: missing, the collage was made before documents kept what they were made of"
            )
        return cls(
            **{
                **made.inputs,
                "tool": made.tool,
                "version": made.versions.get("vertumnus", __version__),
                "options": made.options,
                "seed": collage.seed or 0,
                "size": (collage.width, collage.height),
            }
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Inputs:
    """What a spec names by content.

    elements   by image
    mask       the container at some multiple of the canvas size, H x W
    start      the collage that was started from
    references   pictures of files that judge, by what names them
    clip       the container's edge, where pieces are cut to it
    ground     the picture under it all
    document   that is made again, where one is
    """

    elements: dict[str, Element] = field(default_factory=dict)
    mask: NDArray[np.bool_] | None = None
    start: Collage | None = None
    references: dict[str, Image.Image] = field(default_factory=dict)
    document: Collage | None = None
    clip: str | None = None
    ground: Element | None = None

    @classmethod
    def of(cls, spec: RunSpec, collage: Collage) -> Self:
        """All that a spec names, from the pictures of the document itself.

        Raises `VertumnusError` naming a picture that is not there any more.
        """
        found = cls(document=collage, clip=collage.clip)
        for wanted in (*spec.elements, *_journal_elements(spec)):
            if wanted.image not in collage.pictures:
                raise VertumnusError(f"{wanted.image}: the picture of {wanted.name} is missing, one that was placed")
            if wanted.image not in found.elements:
                found.elements[wanted.image] = stored_element(collage.pictures, wanted.image, wanted.name)
        if spec.mask is not None:
            if spec.mask not in collage.pictures:
                raise VertumnusError(f"{spec.mask}: the picture of the container is missing")
            found.mask = np.asarray(collage.pictures.image(spec.mask).convert("L")) > 127
        for named, image in spec.references.items():
            if image not in collage.pictures:
                raise VertumnusError(f"{image}: the picture of {named} is missing")
            found.references[named] = collage.pictures.image(image)
        if spec.ground is not None:
            if spec.ground not in collage.pictures:
                raise VertumnusError(f"{spec.ground}: the picture of the background is missing")
            found.ground = stored_element(collage.pictures, spec.ground, GROUND)
        if spec.start is not None:
            found.start = start_from(spec.start, collage)
        return found

    def element(self, wanted: ElementInput) -> Element:
        """An element by the name and weight it has in a run."""
        found = self.elements[wanted.image]
        if (found.name, found.weight, found.label) == (wanted.name, wanted.weight, wanted.label):
            return found
        return replace(found, name=wanted.name, weight=wanted.weight, label=wanted.label)


def _journal_elements(spec: RunSpec) -> list[ElementInput]:
    return [ElementInput(**command["element"]) for _, command in spec.journal if "element" in command]


def start_document(collage: Collage) -> dict[str, Any]:
    """A collage to start from as a spec keeps it."""
    return collage.model_dump(mode="json", exclude={"made_by", "format", "version", "drawings"})


def start_from(kept: Mapping[str, Any], pictures: Collage) -> Collage:
    """The collage to start from, its pictures shared with another collage that keeps them."""
    start = Collage.model_validate(dict(kept))
    for layer in start.layers:
        if layer.image not in pictures.pictures:
            raise VertumnusError(f"{layer.image}: the picture of {layer.name} in the start document is missing")
        start.pictures.take_from(pictures.pictures, layer.image)
    return start


def regions(shape: Shape, width: int, height: int) -> tuple[NDArray[np.bool_], Region, tuple[Region, ...]]:
    """A shape drawn for width x height pixels: what of it is free, and the hashes of the container and its blocks.

    The mask is `drawn_size` large, as a document keeps it; see `vertumnus.shapes.enlarged`.
    Raises `VertumnusError` if the shape is empty.
    """
    width, height = drawn_size(width, height)
    covered = shape.drawing(width, height)
    container = _region(shape.spec, covered > 127)
    blocked = []
    for block in shape.blocked:
        drawn = block(width, height)
        blocked.append(_region("block", drawn > 127))
        covered = np.minimum(covered, 255 - drawn)
    return shape.checked(covered > 127), container, tuple(blocked)


def _region(named: str, mask: NDArray[np.bool_]) -> Region:
    return Region(named=named, digest=_digest(repr(mask.shape).encode() + np.packbits(mask).tobytes())[:32])


def mask_picture(mask: NDArray[np.bool_]) -> bytes:
    """A mask as a PNG of one bit a pixel."""
    buffer = io.BytesIO()
    Image.fromarray(mask).convert("1").save(buffer, "PNG", optimize=False, compress_level=9)
    return buffer.getvalue()
