"""Similarities of layers, with a model whose features are known."""

import numpy as np
import pytest

from vertumnus.errors import VertumnusError
from vertumnus.metrics.layered import layer_similarities, region

COLOURS = {"red": (1, -1, -1), "blue": (-1, -1, 1)}


class MeanColour:
    """A picture is its mean colour off grey; a text is a colour's name."""

    def image_features(self, images):
        return np.stack([np.asarray(image, np.float64).mean((0, 1)) - 128 for image in images])

    def text_features(self, texts):
        return np.array([COLOURS[text] for text in texts], np.float64)


def halves(left, right):
    picture = np.empty((20, 40, 3), np.uint8)
    picture[:, :20], picture[:, 20:] = left, right
    masks = np.zeros((2, 20, 40), bool)
    masks[0, :, :20] = masks[1, :, 20:] = True
    return picture, masks


def test_each_layer_is_judged_in_its_own_place():
    red, blue = (255, 1, 1), (1, 1, 255)
    before, masks = halves(red, blue)
    same = layer_similarities(before, before, masks, ["red", "blue"], MeanColour())
    assert all(abs(one.text_image - 1) < 1e-6 and abs(one.image_image - 1) < 1e-6 for one in same)
    swapped, _ = halves(blue, red)
    changed = layer_similarities(swapped, before, masks, ["red", "blue"], MeanColour())
    assert all(one.text_image < 0 and one.image_image < 0 for one in changed)


def test_a_region_is_cut_out_on_grey():
    picture = np.full((30, 30, 3), 9, np.uint8)
    mask = np.zeros((30, 30), bool)
    mask[10:20, 5:10] = True
    mask[10, 5] = False
    seen = np.asarray(region(picture, mask))
    assert seen.shape == (12, 12, 3)
    assert (seen == 9).all(-1).sum() == 49
    assert (seen[1, 3] == 128).all()
    with pytest.raises(VertumnusError, match="none of it is seen"):
        region(picture, np.zeros((30, 30), bool))
