"""Vertumnus: collage as an editable document.

>>> import vertumnus as vt
>>> collage = vt.pack(["icon:apple", "icon:lemon"], "circle", size=100, count=8, quality="fast")
>>> collage.width, len(collage.layers)
(100, 8)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vertumnus.document.drawing import drawn_by
from vertumnus.errors import VertumnusError
from vertumnus.version import __version__

if TYPE_CHECKING:
    from vertumnus.composing.compose import compose, live_compose
    from vertumnus.composing.composition import Composition
    from vertumnus.composing.options import ComposeOptions, RenderLoss
    from vertumnus.composing.variations import compose_variations
    from vertumnus.composing.wide import compose_wide
    from vertumnus.document.collage import Collage, Layer
    from vertumnus.document.placement import Placement
    from vertumnus.elements.collect import collect
    from vertumnus.elements.element import Element
    from vertumnus.harmonizing.harmonize import harmonize
    from vertumnus.harmonizing.options import HarmonizeOptions
    from vertumnus.live.commands import (
        Add,
        Move,
        Pin,
        Release,
        Remove,
        Replace,
        Rotate,
        Scale,
        SetOption,
        Stop,
        Undo,
    )
    from vertumnus.live.run import LiveRun, Snapshot
    from vertumnus.live.several import best_of, variations
    from vertumnus.live.spec import RunSpec
    from vertumnus.metrics.likeness import measure_likeness
    from vertumnus.metrics.packing import measure_packing
    from vertumnus.models.adapters import Adapters
    from vertumnus.models.loader import load_model
    from vertumnus.mosaic.generate.generate import generate_mosaic
    from vertumnus.mosaic.generate.options import GenerateOptions
    from vertumnus.mosaic.library.index import update_index
    from vertumnus.mosaic.library.library import TileLibrary
    from vertumnus.mosaic.load import load_mosaic
    from vertumnus.mosaic.mosaic import make_mosaic
    from vertumnus.mosaic.options import MosaicOptions
    from vertumnus.mosaic.output import draw_mosaic, save_mosaic
    from vertumnus.packing.options import LossWeights, PackOptions
    from vertumnus.packing.pack import live_pack, pack
    from vertumnus.packing.run import Packing
    from vertumnus.remake import again, live_again
    from vertumnus.sampling.sample import draw_pictures, sample
    from vertumnus.shapes import Shape, parse_shape
    from vertumnus.wording.cloud import word_cloud, words
    from vertumnus.wording.options import ColorOptions, WordOptions
    from vertumnus.wording.page import save_page
    from vertumnus.wording.table import Word

# Loaded when first used, so that `import vertumnus` and `vertumnus --help` are quick.
_HOME = {
    "Adapters": "models.adapters",
    "Add": "live.commands",
    "Collage": "document.collage",
    "ColorOptions": "wording.options",
    "ComposeOptions": "composing.options",
    "Composition": "composing.composition",
    "Element": "elements.element",
    "GenerateOptions": "mosaic.generate.options",
    "HarmonizeOptions": "harmonizing.options",
    "Layer": "document.collage",
    "LiveRun": "live.run",
    "LossWeights": "packing.options",
    "MosaicOptions": "mosaic.options",
    "Move": "live.commands",
    "PackOptions": "packing.options",
    "Packing": "packing.run",
    "Pin": "live.commands",
    "Placement": "document.placement",
    "Release": "live.commands",
    "Remove": "live.commands",
    "RenderLoss": "composing.options",
    "Replace": "live.commands",
    "Rotate": "live.commands",
    "RunSpec": "live.spec",
    "Scale": "live.commands",
    "SetOption": "live.commands",
    "Shape": "shapes",
    "Snapshot": "live.run",
    "Stop": "live.commands",
    "TileLibrary": "mosaic.library.library",
    "Undo": "live.commands",
    "Word": "wording.table",
    "WordOptions": "wording.options",
    "again": "remake",
    "best_of": "live.several",
    "collect": "elements.collect",
    "compose": "composing.compose",
    "compose_variations": "composing.variations",
    "compose_wide": "composing.wide",
    "draw_mosaic": "mosaic.output",
    "draw_pictures": "sampling.sample",
    "generate_mosaic": "mosaic.generate.generate",
    "harmonize": "harmonizing.harmonize",
    "load_model": "models.loader",
    "live_again": "remake",
    "live_compose": "composing.compose",
    "live_pack": "packing.pack",
    "load_mosaic": "mosaic.load",
    "make_mosaic": "mosaic.mosaic",
    "measure_likeness": "metrics.likeness",
    "measure_packing": "metrics.packing",
    "pack": "packing.pack",
    "parse_shape": "shapes",
    "sample": "sampling.sample",
    "save_mosaic": "mosaic.output",
    "save_page": "wording.page",
    "save_picture": "export.picture",
    "save_svg": "export.svg",
    "update_index": "mosaic.library.index",
    "variations": "live.several",
    "word_cloud": "wording.cloud",
    "words": "wording.cloud",
}

__all__ = [
    "Adapters",
    "Add",
    "Collage",
    "ColorOptions",
    "ComposeOptions",
    "Composition",
    "Element",
    "GenerateOptions",
    "HarmonizeOptions",
    "Layer",
    "LiveRun",
    "LossWeights",
    "MosaicOptions",
    "Move",
    "PackOptions",
    "Packing",
    "Pin",
    "Placement",
    "Release",
    "Remove",
    "RenderLoss",
    "Replace",
    "Rotate",
    "RunSpec",
    "Scale",
    "SetOption",
    "Shape",
    "Snapshot",
    "Stop",
    "TileLibrary",
    "Undo",
    "VertumnusError",
    "Word",
    "WordOptions",
    "__version__",
    "again",
    "best_of",
    "collect",
    "compose",
    "compose_variations",
    "compose_wide",
    "draw_mosaic",
    "draw_pictures",
    "generate_mosaic",
    "harmonize",
    "live_again",
    "live_compose",
    "live_pack",
    "load_model",
    "load_mosaic",
    "make_mosaic",
    "measure_likeness",
    "measure_packing",
    "pack",
    "parse_shape",
    "sample",
    "save_mosaic",
    "save_page",
    "save_picture",
    "save_svg",
    "update_index",
    "variations",
    "word_cloud",
    "words",
]


def _renderer() -> Any:
    from vertumnus.render.picture import render

    return render


drawn_by(_renderer)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vertumnus' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(f"vertumnus.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "vertumnus").startswith("vertumnus"):
            raise
        raise VertumnusError(f"{name}: needs {error.name}; pip install 'vertumnus[models]'") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
