"""What ``vertumnus measure --tiles`` prints: how well a mosaic's tiles show what they are to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError
from vertumnus.metrics.tile_scores import matching_scores, quality_scores, text_scores
from vertumnus.models.checkpoint import Dtype
from vertumnus.mosaic.generate.finish import apply_affine

MEANINGS = {
    "clip": "cosine of tile and prompt, by CLIP",
    "clip_iqa": "CLIP-IQA's quality, from 0 to 1",
    "blip": "probability that tile and prompt belong together, by BLIP",
    "hps": "Human Preference Score: the cosine, by its own CLIP",
    "image_reward": "ImageReward; 0 is the mean of what people rated",
}
NEEDED = {
    "clip": "--clip FOLDER, such as a copy of openai/clip-vit-large-patch14 (MIT), or --clip mini",
    "clip_iqa": "--clip FOLDER, as clip",
    "blip": "--blip FOLDER, such as a copy of Salesforce/blip-itm-base-coco (BSD-3)",
    "hps": "--hps FOLDER, HPS v2 (Apache-2.0) as a CLIP of transformers",
    "image_reward": "--image-reward FOLDER, ImageReward (Apache-2.0) converted as docs/measure.md says",
}


def print_tiles(
    document: Collage,
    models: dict[str, str | None],
    dtype: Dtype,
    as_json: bool,
) -> None:
    """Measures every tile that has a prompt.

    models  what was named for clip, blip, hps and image_reward

    Raises `VertumnusError` for a collage without such tiles, and for a model that cannot be used.
    """
    layers = [layer for layer in document.layers if layer.visible and layer.prompt]
    if not layers:
        raise VertumnusError("--tiles: no layer has a prompt; measure a mosaic that a model drew")
    images = [tile_shown(document, layer) for layer in layers]
    texts = [str(layer.prompt) for layer in layers]
    found: dict[str, Any] = {}
    missing = {name: f"needs {need}" for name, need in NEEDED.items()}

    def measure(name: str, scores: Callable[[], np.ndarray]) -> None:
        found[name] = scores()
        del missing[name]

    if (named := models["clip"]) is not None:
        clip = _clip(named, dtype)
        measure("clip", lambda: text_scores(images, texts, clip))
        measure("clip_iqa", lambda: quality_scores(images, clip))
    if (named := models["hps"]) is not None:
        judge = _clip(named, dtype)
        measure("hps", lambda: text_scores(images, texts, judge))
    for name, reward in (("blip", False), ("image_reward", True)):
        if (named := models[name]) is not None:
            from vertumnus.models import load_model

            matcher = load_model(named, "matching", dtype=dtype)
            measure(name, lambda: matching_scores(images, texts, matcher, reward))  # noqa: B023
    if as_json:
        means = {name: round(float(found[name].mean()), 6) if name in found else None for name in MEANINGS}
        each = {name: [round(value, 6) for value in scores.tolist()] for name, scores in found.items()}
        print(json.dumps({"tiles": len(layers), **means, "each": each, "missing": missing}))
        return
    print(f"{'tiles':14}{len(layers):9}")
    for name, meaning in MEANINGS.items():
        if name in found:
            print(f"{name:14}{found[name].mean():9.4f}  {meaning}")
        else:
            print(f"{name:14}{'-':>9}  {missing[name]}")


def tile_shown(document: Collage, layer: Layer) -> Image.Image:
    """A tile as the mosaic shows it: the part of its picture, with its gain and offset."""
    image = document.pictures.decoded(layer.image).convert("RGB")
    if layer.crop is not None:
        left, top, width, height = layer.crop
        image = image.crop((left, top, left + width, top + height))
    return Image.fromarray(apply_affine(np.asarray(image), np.array(layer.gain), np.array(layer.offset)))


def _clip(named: str | Path, dtype: Dtype) -> Any:
    from vertumnus.cli.measure import load_clip

    return load_clip(str(named), dtype)
