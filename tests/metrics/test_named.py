"""What a classifier takes a picture for."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from vertumnus.errors import VertumnusError
from vertumnus.metrics.named import named, unseen_looks
from vertumnus.models.classifier import Classifier


def test_a_photograph_is_taken_for_what_it_shows():
    judge = Classifier.load("lite2")
    coffee = Image.fromarray(data.coffee()[:, 60:460])
    right, wrong = named(coffee, "a cup of espresso", judge), named(coffee, "a snail", judge)
    assert right.place == 1
    assert right.likeliest[0][0] == "espresso"
    assert 0.1 < right.likeliest[0][1] <= right.chance <= 1
    assert wrong.place > 20
    assert wrong.likeliest == right.likeliest
    with pytest.raises(VertumnusError, match="names nothing that the classifier knows"):
        named(coffee, "a qwerty", judge)


def test_five_looks():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (21, 21, 3), np.uint8)
    looks = unseen_looks(Image.fromarray(pixels), angles=(90, 0))
    assert looks.shape == (5, 21, 21, 3)
    plain = pixels / np.float32(255)
    np.testing.assert_allclose(looks[0], plain)
    np.testing.assert_allclose(looks[1], plain[:, ::-1])
    assert looks[2].std() < 0.5 * plain.std()
    np.testing.assert_allclose(looks[3], np.rot90(plain), atol=1e-5)
    np.testing.assert_allclose(looks[4], plain, atol=1e-5)
