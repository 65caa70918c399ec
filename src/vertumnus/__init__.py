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
    from vertumnus.document.collage import Collage, Layer
    from vertumnus.document.placement import Placement
    from vertumnus.elements.collect import collect
    from vertumnus.elements.element import Element
    from vertumnus.errors import VertumnusError
    from vertumnus.metrics.aesthetic import aesthetic_score, load_aesthetic
    from vertumnus.metrics.clip_scores import PriorClip, clip_contour, clip_rgb
    from vertumnus.metrics.contour import contour_map
    from vertumnus.metrics.packing import measure_packing, overlap_ratio
    from vertumnus.metrics.silhouette import SilhouetteJudge
    from vertumnus.metrics.vision_language import VlmEndpoint, vlm_score
    from vertumnus.packing.options import LossWeights, PackOptions
    from vertumnus.packing.pack import pack
    from vertumnus.shapes import Shape, parse_shape

# Loaded when first used, so that `import vertumnus` and `vertumnus --help` are quick.
_HOME = {
    "Collage": "document.collage",
    "Element": "elements.element",
    "Layer": "document.collage",
    "LossWeights": "packing.options",
    "PackOptions": "packing.options",
    "Placement": "document.placement",
    "PriorClip": "metrics.clip_scores",
    "Shape": "shapes",
    "SilhouetteJudge": "metrics.silhouette",
    "VertumnusError": "errors",
    "VlmEndpoint": "metrics.vision_language",
    "aesthetic_score": "metrics.aesthetic",
    "clip_contour": "metrics.clip_scores",
    "clip_rgb": "metrics.clip_scores",
    "collect": "elements.collect",
    "contour_map": "metrics.contour",
    "load_aesthetic": "metrics.aesthetic",
    "measure_packing": "metrics.packing",
    "overlap_ratio": "metrics.packing",
    "pack": "packing.pack",
    "parse_shape": "shapes",
    "vlm_score": "metrics.vision_language",
}

__all__ = [
    "Collage",
    "Element",
    "Layer",
    "LossWeights",
    "PackOptions",
    "Placement",
    "PriorClip",
    "Shape",
    "SilhouetteJudge",
    "VertumnusError",
    "VlmEndpoint",
    "__version__",
    "aesthetic_score",
    "clip_contour",
    "clip_rgb",
    "collect",
    "contour_map",
    "load_aesthetic",
    "measure_packing",
    "overlap_ratio",
    "pack",
    "parse_shape",
    "vlm_score",
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
