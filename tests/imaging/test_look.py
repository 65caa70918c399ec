"""Fingerprints: the same picture at another size, a little changed, is alike; others are not."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from skimage import data

from vertumnus.imaging.look import alike, kinds_of, look_of


@pytest.fixture(scope="module")
def pictures():
    return [Image.fromarray(getattr(data, name)()) for name in ("astronaut", "coffee", "chelsea", "rocket")]


def test_likeness_is_of_what_is_seen(pictures):
    coffee = pictures[1]
    near = [coffee.resize((97, 61)), ImageEnhance.Brightness(coffee).enhance(1.1), coffee.crop((8, 6, 592, 396))]
    far = [coffee.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ImageEnhance.Brightness(coffee).enhance(0.3)]
    looks = [look_of(one) for one in [coffee, *near, *far, *pictures]]
    assert alike(looks)[0].tolist() == [True] * 4 + [False] * 2 + [False, True, False, False]
    kinds = kinds_of(looks)
    assert len(set(kinds[:4])) == 1
    assert len(set(kinds)) == 6


def test_mean_colour_is_of_what_is_opaque():
    pixels = np.zeros((16, 18, 4), np.uint8)
    pixels[:, :5] = 0, 0, 255, 255
    blue = look_of(Image.fromarray(pixels))
    assert blue.colour == pytest.approx((0.452, -0.032, -0.312), abs=2e-3)  # OKLab of sRGB blue (Ottosson)
    assert look_of(Image.new("RGB", (5, 5), "red")).hue == pytest.approx(0.0812, abs=1e-3)
    assert look_of(Image.new("L", (5, 5), 99)).chroma < 1e-3
