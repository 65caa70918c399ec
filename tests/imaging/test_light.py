"""Colour against independent conversions."""

import numpy as np
from skimage.color import rgb2lab

from vertumnus.imaging.light import decode_srgb, encode_srgb, perceptual, to_bytes


def test_lab_is_that_of_scikit_image():
    rgb = np.random.default_rng(0).random((50, 3))
    ours = perceptual(decode_srgb(rgb), "lab") * 100
    np.testing.assert_allclose(ours, rgb2lab(rgb[None])[0], atol=0.05)


def test_oklab_of_known_colours():
    """Values published with the space: white, and the primaries to three decimals."""
    colours = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    known = [[1, 0, 0], [0.628, 0.225, 0.126], [0.866, -0.234, 0.179], [0.452, -0.032, -0.312]]
    np.testing.assert_allclose(perceptual(colours), known, atol=1e-3)


def test_srgb_there_and_back():
    values = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(encode_srgb(decode_srgb(values)), values, atol=1e-6)
    every = np.arange(256)
    assert (to_bytes(decode_srgb(every / 255)) == every).all()
    assert to_bytes(np.array([-1.0, 2.0])).tolist() == [0, 255]
