"""Vertumnus: collage as an editable document.

>>> import vertumnus as vt
>>> collage = vt.pack(["icon:apple", "icon:lemon"], "circle", size=100, count=8, quality="fast")
>>> collage.width, len(collage.layers)
(100, 8)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertumnus.version import __version__

if TYPE_CHECKING:
    from vertumnus.composing.compose import compose
    from vertumnus.composing.options import ComposeOptions, RenderLoss
    from vertumnus.document.collage import Collage, Layer
    from vertumnus.document.placement import Placement
    from vertumnus.elements.collect import collect
    from vertumnus.elements.element import Element
    from vertumnus.errors import VertumnusError
    from vertumnus.harmonizing.harmonize import harmonize
    from vertumnus.harmonizing.options import HarmonizeOptions
    from vertumnus.metrics.likeness import measure_likeness
    from vertumnus.metrics.packing import measure_packing
    from vertumnus.mosaic.library.index import update_index
    from vertumnus.mosaic.library.library import TileLibrary
    from vertumnus.mosaic.mosaic import make_mosaic
    from vertumnus.mosaic.options import MosaicOptions
    from vertumnus.mosaic.output import draw_mosaic, save_mosaic
    from vertumnus.mosaic.plan import load_plan
    from vertumnus.packing.options import LossWeights, PackOptions
    from vertumnus.packing.pack import pack
    from vertumnus.shapes import Shape, parse_shape

# Loaded when first used, so that `import vertumnus` and `vertumnus --help` are quick.
_HOME = {
    "Collage": "document.collage",
    "ComposeOptions": "composing.options",
    "Element": "elements.element",
    "HarmonizeOptions": "harmonizing.options",
    "Layer": "document.collage",
    "LossWeights": "packing.options",
    "MosaicOptions": "mosaic.options",
    "PackOptions": "packing.options",
    "Placement": "document.placement",
    "RenderLoss": "composing.options",
    "Shape": "shapes",
    "TileLibrary": "mosaic.library.library",
    "VertumnusError": "errors",
    "collect": "elements.collect",
    "compose": "composing.compose",
    "draw_mosaic": "mosaic.output",
    "harmonize": "harmonizing.harmonize",
    "load_plan": "mosaic.plan",
    "make_mosaic": "mosaic.mosaic",
    "measure_likeness": "metrics.likeness",
    "measure_packing": "metrics.packing",
    "pack": "packing.pack",
    "parse_shape": "shapes",
    "save_mosaic": "mosaic.output",
    "update_index": "mosaic.library.index",
}

__all__ = [
    "Collage",
    "ComposeOptions",
    "Element",
    "HarmonizeOptions",
    "Layer",
    "LossWeights",
    "MosaicOptions",
    "PackOptions",
    "Placement",
    "RenderLoss",
    "Shape",
    "TileLibrary",
    "VertumnusError",
    "__version__",
    "collect",
    "compose",
    "draw_mosaic",
    "harmonize",
    "load_plan",
    "make_mosaic",
    "measure_likeness",
    "measure_packing",
    "pack",
    "parse_shape",
    "save_mosaic",
    "update_index",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vertumnus' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"vertumnus.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
