"""``vertumnus cutout``: objects cut out of photographs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vertumnus.cli.common import progress_bar
from vertumnus.elements.cutout.cut import CutoutOptions, Segmenting
from vertumnus.elements.cutout.folder import cut_folder


def cutout(
    photos: list[str],
    /,
    *,
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
    model: str | None = None,
    options: Annotated[CutoutOptions | None, Parameter(name="*", group="How")] = None,
) -> None:
    """Cut objects out of photographs, to be pieces.

    Example: vertumnus cutout photos/ -o pieces/

    Parameters
    ----------
    photos
        Photographs, folders, globs.
    output
        The folder to write to: a PNG an object, elements.json, and .sheet/contact.jpg, which shows them all.
    model
        The ONNX file of a matting network (U2-Net, IS-Net, BiRefNet families); or the folder or id of a segmentation
        network of transformers (DeepLabV3, Mask2Former, SAM), whose labels the objects keep.
    options
        How they are cut.
    """
    began, cpu = time.perf_counter(), time.process_time()
    with progress_bar("cutting") as show:
        found = cut_folder(photos, output, options, _network(model), show)
    for name, reason in found.skipped:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"{output}: {len(found.entries)} objects; {seconds:.1f} s ({cpu:.1f} s of one core)")


def _network(named: str | None) -> Path | Segmenting | None:
    """A file is a matting network's, for `cut_folder` to open; what else is named, one that takes pictures apart."""
    if named is None or named.lower().endswith(".onnx") or Path(named).is_file():
        return Path(named) if named is not None else None
    from vertumnus.models import load_model

    return load_model(named, "segmentation")
