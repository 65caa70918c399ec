"""How long cutting photographs of 12 megapixels by GrabCut takes, in CPU seconds of one core each.

    python benchmarks/cutout.py [--photos 100]

The photographs are parts of scikit-image's pictures, mirrored or not, enlarged to 4,000 x 3,000 with a little noise
and kept as JPEG; beside the time that reading one takes (Pillow, all of it), as a unit of this machine.
"""

from __future__ import annotations

import argparse
import io
import time

import cv2
import numpy as np
from PIL import Image
from skimage import data

from vertumnus.elements.cutout.cut import CutoutOptions, cut_out
from vertumnus.errors import VertumnusError

NAMES = ("astronaut", "coffee", "chelsea", "rocket")
SIZE = (4000, 3000)


def photograph(number: int) -> bytes:
    """One, as the bytes of a JPEG."""
    rng = np.random.default_rng(number)
    picture = Image.fromarray(getattr(data, NAMES[number % len(NAMES)])()).convert("RGB")
    height = min(picture.height, picture.width * 3 // 4) * float(rng.uniform(0.75, 1))
    left, top = rng.uniform(0, picture.width - height * 4 / 3), rng.uniform(0, picture.height - height)
    large = picture.resize(SIZE, Image.Resampling.BICUBIC, box=(left, top, left + height * 4 / 3, top + height))
    if rng.random() < 0.5:
        large = large.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(large).astype(np.int16) + rng.integers(-6, 7, (SIZE[1], SIZE[0], 1), np.int16)
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    cut_out(photograph(0), "warm up", CutoutOptions(method="grabcut"))
    each, reading, none = [], [], 0
    for number in range(given.photos):
        encoded = photograph(number)
        began = time.process_time()
        Image.open(io.BytesIO(encoded)).convert("RGB")
        reading.append(time.process_time() - began)
        began = time.process_time()
        try:
            cut_out(encoded, f"photo {number}", CutoutOptions(method="grabcut"))
        except VertumnusError:
            none += 1
        each.append(time.process_time() - began)
    low, middle, high = np.quantile(each, (0.05, 0.5, 0.95))
    print(
        f"{given.photos} photographs of 12 megapixels: {np.mean(each):.2f} CPU s each (5 % {low:.2f}, median"
        f" {middle:.2f}, 95 % {high:.2f}, most {max(each):.2f}); reading one takes {np.mean(reading):.2f};"
        f" {none} gave nothing"
    )


if __name__ == "__main__":
    main()
