"""The classical methods: pictures drawn from the prompt alone, chosen for cells and toned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.mosaic.match.tone import Tone, apply_tone

Bytes = NDArray[np.uint8]
COMPARED = 8  # values a side of tile and block whose squared difference decides
TONES = {"match": Tone("mean-std"), "tone": Tone("mean-std"), "histogram": Tone("histogram")}


def fill_from_pool(pool: list[Bytes], block: Bytes, method: str) -> Bytes:
    """A tile for a block.

    pool    pictures to choose from, each H x W x 3
    block   h x w x 3
    method  ``match``: the nearest picture in L2, in the block's mean and deviation (Match & Tone of the paper's
            sec. 4.1). ``tone``: the first picture, likewise. ``histogram``: the first, in the block's histogram
    """
    chosen = nearest(pool, block) if method == "match" else 0
    return apply_tone(pool[chosen], block, TONES[method])[0]


def nearest(pool: list[Bytes], block: Bytes) -> int:
    """The picture with the least squared difference from the block, both seen at `COMPARED` values a side."""
    wanted = _small(block)
    return int(np.argmin([((_small(picture) - wanted) ** 2).sum() for picture in pool]))


def _small(picture: Bytes) -> NDArray[np.float64]:
    shrunk = Image.fromarray(picture).resize((COMPARED, COMPARED), Image.Resampling.BOX)
    return np.asarray(shrunk, np.float64)
