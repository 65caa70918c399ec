"""Probes lie as deep inside the silhouette as they say."""

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.elements.probes import DEPTHS


@pytest.mark.parametrize("seed", range(4))
def test_every_probe_is_that_deep(seed):
    pixels = blob(seed, 90, 70)
    made = element(pixels)
    inside = np.pad(pixels[..., 3] > 127, 4)
    trimmed = np.argwhere(pixels[..., 3] >= 4)
    top, left = trimmed.min(0)
    rows, columns = np.nonzero(~inside)
    for ring in range(len(DEPTHS)):
        count = made.probes.number[ring]
        for x, y in made.probes.points[ring, :count]:
            # Distance to the nearest pixel centre outside, less half a pixel.
            away = np.hypot(columns - 4 + 0.5 - left - made.width / 2 - x, rows - 4 + 0.5 - top - made.height / 2 - y)
            assert away.min() - 0.5 >= made.probes.depth[ring] - 0.6


def test_the_first_probes_are_far_apart():
    made = element(blob(3, 90, 70))
    points = made.probes.points[0, : made.probes.number[0]]
    first = points[:6]
    nearest = min(np.hypot(*(a - b)) for n, a in enumerate(first) for b in first[:n])
    assert nearest > 8


def test_a_rectangle_has_probes_on_every_side():
    made = element(np.full((30, 60, 4), 255, np.uint8))
    x, y = made.probes.points[0, : made.probes.number[0]].T
    assert x.max() == pytest.approx(30, abs=0.5)
    assert y.min() == pytest.approx(-15, abs=0.5)
