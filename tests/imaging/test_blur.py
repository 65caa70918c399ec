"""The wide blur against a plain Gaussian."""

import numpy as np
import pytest
from scipy import ndimage

from vertumnus.imaging.blur import wide_blur


@pytest.mark.parametrize("sigma", [0.5, 2.0, 3.0, 4.5, 6.0, 12.0])
def test_it_is_a_gaussian(sigma):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((96, 128, 3)).astype(np.float32)
    image[20:40, 30:80] += 1
    plain = ndimage.gaussian_filter(image.astype(np.float64), (sigma, sigma, 0), mode="reflect")
    error = wide_blur(image, sigma) - plain
    assert np.abs(error).max() < 0.04 * np.abs(plain).max()
    assert np.sqrt((error**2).mean()) < 0.02 * np.sqrt((plain**2).mean())


def test_a_canvas_of_any_shape_and_empty_channels():
    image = np.zeros((33, 51, 4), np.float32)
    image[10:14, 40:47, 3] = 1
    plain = ndimage.gaussian_filter(image[..., 3].astype(np.float64), 7.0, mode="reflect")
    blurred = wide_blur(image, 7.0)
    assert not blurred[..., :3].any()
    assert np.abs(blurred[..., 3] - plain).max() < 0.15 * plain.max()  # towards an edge that is odd
    assert wide_blur(np.ones((3, 1, 1), np.float32), 20.0) == pytest.approx(1.0)
