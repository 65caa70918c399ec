"""What ``vertumnus measure --layers`` prints."""

from __future__ import annotations

import json

import numpy as np

from vertumnus.document.collage import Collage
from vertumnus.harmonizing.measure import measure_layers
from vertumnus.metrics.clip_scores import ImageTextModel


def print_layers(document: Collage, clip: ImageTextModel, as_json: bool) -> None:
    """Measures every layer that shows against its text and, once harmonised, against what it was."""
    found = measure_layers(document, clip)
    means = {
        name: float(np.mean(numbers)) if numbers else None
        for name in ("text_image", "image_image")
        if (numbers := [value for one in found if (value := getattr(one, name)) is not None]) is not None
    }
    if as_json:
        print(json.dumps({"layers": [one._asdict() for one in found], "mean": means}))
        return
    wide = max(12, *(len(one.text) for one in found))
    print(f"{'':{wide}} text-image image-image   100 x cosine")
    for name, text_image, image_image in (
        *((one.text, one.text_image, one.image_image) for one in found),
        ("mean", means["text_image"], means["image_image"]),
    ):
        shown = "          -" if image_image is None else f"{image_image:11.2f}"
        print(f"{name:{wide}} {text_image:10.2f} {shown}")
