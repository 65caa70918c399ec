"""One photograph to its objects: found small, refined large, each trimmed to a picture of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, field_validator
from scipy import ndimage

from vertumnus.checked import Options
from vertumnus.elements.cutout.edge import clean_colours, refine
from vertumnus.elements.cutout.grabcut import grab_cut
from vertumnus.elements.cutout.ground import plain_ground
from vertumnus.elements.cutout.matting import Matting
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode

Floats = NDArray[np.floating[Any]]
Share = Annotated[float, Field(ge=0, le=1)]
Method = Literal["auto", "alpha", "ground", "grabcut", "model"]
SEGMENTED = 1024  # pixels of the longer side of what a network takes apart
SIDE = 320  # pixels of the longer side at which objects are found
MARGIN = 2  # pixels kept around an object
ALL = 0.97  # of a picture: an object that fills it is none


class CutoutOptions(Options):
    """How photographs are cut."""

    method: Method = Field(
        "auto",
        description="alpha, ground, grabcut or model; by default the model if there is one, else the first of"
        " the others that fits",
    )
    box: tuple[Share, Share, Share, Share] | None = Field(
        None, description="left, top, right, bottom that the object lies in, as shares of the photograph"
    )
    objects: Annotated[int, Field(ge=1, le=100)] = Field(1, description="objects of a photograph that are kept")
    smallest: Share = Field(0.005, description="of the photograph that an object covers at least")
    max_side: Annotated[int, Field(ge=32, le=16384)] = Field(
        2048, description="pixels of the photograph's longer side"
    )

    @field_validator("box")
    @classmethod
    def _a_box(cls, box: tuple[float, float, float, float] | None) -> tuple[float, float, float, float] | None:
        if box is not None and not (box[0] < box[2] and box[1] < box[3]):
            raise ValueError("it must be left, top, right, bottom, with left below right and top below bottom")
        return box


class Part(Protocol):
    """A part of a picture: how much each pixel is of it, what it is called, whether it is one thing."""

    @property
    def mask(self) -> Floats:
        """H x w, 0 to 1."""

    @property
    def label(self) -> str:
        """What it is called, or nothing."""

    @property
    def whole(self) -> bool:
        """Whether it is one thing, though it lie in several pieces, or a class of things."""


class Segmenting(Protocol):
    """A network that takes a picture apart, as `vertumnus.models.segmentation.Segmenter`."""

    def segments(self, picture: Floats, box: tuple[float, float, float, float] | None = None) -> Sequence[Part]:
        """The parts of a picture, h x w x 3 from 0 to 1, in a box of shares where there is one."""


class CutOut(NamedTuple):
    """An object.

    picture   RGBA, trimmed
    box       left, top, width, height of it in the photograph at ``size``, upright
    size      width and height of the photograph as it was cut
    method    how it was found
    share     of the photograph that it covers
    label    what it is called, where a network said so
    """

    picture: Image.Image
    box: tuple[int, int, int, int]
    size: tuple[int, int]
    method: str
    share: float
    label: str = ""


def cut_out(
    data: bytes, where: str, options: CutoutOptions, model: Matting | Segmenting | None = None
) -> list[CutOut]:
    """The objects of an encoded photograph, the largest first.

    where   what to call it in an error
    model   a network that tells the object from its ground, or takes the photograph apart

    Raises `VertumnusError` if it cannot be read, or shows nothing that can be told from its ground.
    """
    picture = decode(data, where, options.max_side // 2).image
    if max(picture.size) > options.max_side:
        picture.thumbnail((options.max_side, options.max_side), Image.Resampling.LANCZOS)
    colours = np.asarray(picture.convert("RGB"), np.float32) / 255
    own = np.asarray(picture.getchannel("A"), np.float32) / 255 if "A" in picture.getbands() else None
    if own is not None and own.min() > 0.99:
        own = None
    if options.method == "alpha" and own is None:
        raise VertumnusError(f"{where}: nothing of it is transparent; cut it by another method")
    if own is not None and options.method in ("auto", "alpha"):
        return _objects(colours, own, where, "alpha", options)
    small = picture.convert("RGB").copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    seen = np.asarray(small, np.float32) / 255
    if model is not None and not isinstance(model, Matting) and options.method in ("auto", "model"):
        return _segmented(picture.convert("RGB"), colours, own, where, options, model)
    shown, method = _found(seen, where, options, model)
    alpha = refine(seen, shown, colours)
    if own is not None:
        alpha = alpha * own
    return _objects(colours, alpha, where, method, options, clean=True)


def _segmented(
    picture: Image.Image, colours: Floats, own: Floats | None, where: str, options: CutoutOptions, model: Segmenting
) -> list[CutOut]:
    """The objects that a network finds, each with what it is called."""
    small = picture.copy()
    small.thumbnail((SEGMENTED, SEGMENTED), Image.Resampling.BOX)
    seen = np.asarray(small, np.float32) / 255
    found: list[CutOut] = []
    for part in model.segments(seen, options.box):
        if (part.mask > 0.5).mean() < options.smallest:
            continue
        alpha = refine(seen, part.mask, colours)
        if own is not None:
            alpha = alpha * own
        try:
            found += _objects(colours, alpha, where, "model", options, True, part.label, part.whole)
        except VertumnusError:
            continue  # it is all of the picture, or nothing is left of it
    if not found:
        raise VertumnusError(f"{where}: the model finds nothing in it that stands out")
    return sorted(found, key=lambda cut: -cut.share)[: options.objects]


def _found(
    seen: Floats, where: str, options: CutoutOptions, model: Matting | Segmenting | None
) -> tuple[Floats, str]:
    """What is object in the small picture, and how that was found."""
    if isinstance(model, Matting) and options.method in ("auto", "model"):
        return model(seen), "model"
    if options.method == "model":
        raise VertumnusError("cutout: method: model needs the file of one")
    if options.method in ("auto", "ground") and options.box is None:
        shown = plain_ground(seen)
        if shown is not None and (shown > 0.5).mean() > options.smallest:
            return shown, "ground"
    if options.method == "ground":
        raise VertumnusError(f"{where}: its ground is not plain; cut it by another method")
    return grab_cut(seen, options.box), "grabcut"


def _owners(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The object that each pixel belongs to or is nearest to; nearness is worked out on `SIDE` pixels or so."""
    by = max(1, max(labels.shape) // SIDE)
    small = labels[::by, ::by]
    nearest = ndimage.distance_transform_edt(small == 0, return_distances=False, return_indices=True)
    near = small[tuple(nearest)].repeat(by, 0).repeat(by, 1)[: labels.shape[0], : labels.shape[1]]
    return np.where(labels > 0, labels, near)


def _objects(
    colours: Floats,
    alpha: Floats,
    where: str,
    method: str,
    options: CutoutOptions,
    clean: bool = False,
    label: str = "",
    whole: bool = False,
) -> list[CutOut]:
    labels, count = ndimage.label(alpha > 0.5)
    if whole and count:
        labels, count = (alpha > 0.5).astype(np.int32), 1
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] / alpha.size
    chosen = [int(n) for n in np.argsort(-sizes, kind="stable")[: options.objects] if sizes[n] >= options.smallest]
    if len(sizes) and not chosen:
        raise VertumnusError(f"{where}: every object in it is below `smallest`, {options.smallest:g} of the picture")
    if not chosen or sizes[chosen[0]] > ALL:
        raise VertumnusError(f"{where}: nothing in it can be told from its ground")
    # Soft pixels go with the object that is nearest.
    owner = _owners(np.asarray(labels, np.int32)) if count > 1 else np.ones_like(labels)
    found = []
    height, width = alpha.shape
    for n in chosen:
        own = np.where(owner == n + 1, alpha, 0)
        rows, columns = np.flatnonzero((own > 0.02).any(1)), np.flatnonzero((own > 0.02).any(0))
        top, bottom = max(0, int(rows[0]) - MARGIN), min(height, int(rows[-1]) + 1 + MARGIN)
        left, right = max(0, int(columns[0]) - MARGIN), min(width, int(columns[-1]) + 1 + MARGIN)
        part = (slice(top, bottom), slice(left, right))
        front = clean_colours(colours[part], alpha[part]) if clean else colours[part]
        rgba = np.concatenate([front, own[part][..., None]], -1)
        picture = Image.fromarray((rgba * 255 + 0.5).astype(np.uint8))
        found.append(
            CutOut(picture, (left, top, right - left, bottom - top), (width, height), method, float(sizes[n]), label)
        )
    return found
