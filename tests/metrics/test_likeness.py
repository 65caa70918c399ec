"""Likeness against independent calculations."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio

from drawn import blob
from photographs import photograph
from vertumnus.metrics.likeness import at_resolution, gaussian_level, measure_likeness, psnr, pyramid_error, ssim


def pair():
    clean = np.asarray(photograph("coffee.png"))[:256, :256]
    noise = np.random.default_rng(0).normal(0, 30, clean.shape)
    return np.clip(clean + noise, 0, 255).astype(np.uint8), clean


def test_psnr_is_that_of_scikit_image():
    noisy, clean = pair()
    for resolution in (32, 256):
        small = [
            np.asarray(Image.fromarray(p).resize((resolution,) * 2, Image.Resampling.BOX)) for p in (clean, noisy)
        ]
        assert psnr(noisy, clean, resolution) == pytest.approx(peak_signal_noise_ratio(*small), abs=1e-9)
    assert psnr(clean, clean) == float("inf")


def test_ssim_against_its_formula():
    noisy, clean = pair()
    x, y = at_resolution(clean, 64), at_resolution(noisy, 64)

    def blur(values):
        return gaussian_filter(values, 1.5, axes=(0, 1), truncate=5 / 1.5 * 0.999 + 0.01)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    plain = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(noisy, clean, 64) == pytest.approx(plain[5:-5, 5:-5].mean(), abs=2e-3)
    assert ssim(clean, clean) == pytest.approx(1)


def test_a_pyramid_level_is_a_convolution_and_every_second_pixel():
    values = np.random.default_rng(1).random((33, 40, 3))
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    plain = np.stack([
        convolve2d(np.pad(values[..., c], 2, mode="reflect"), kernel, mode="valid")[::2, ::2] for c in range(3)
    ], axis=-1)  # fmt: skip
    np.testing.assert_allclose(gaussian_level(values), plain, atol=1e-12)


def test_pyramid_error_is_equation_eleven():
    noisy, clean = pair()
    errors = pyramid_error(noisy, clean)
    a, b = noisy / 255, clean / 255
    for error in errors:
        a, b = gaussian_level(a), gaussian_level(b)
        assert error == pytest.approx(np.mean((a - b) ** 2))
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)  # noise is gone from afar
    shifted = pyramid_error(np.clip(clean.astype(int) + 0, 0, 255).astype(np.uint8), clean)
    assert shifted == [0, 0, 0, 0]
    grey = [np.full((256, 256, 3), value, np.uint8) for value in (100, 151)]
    assert pyramid_error(*grey) == pytest.approx([0.04] * 4)


def test_pictures_of_any_size_are_compared():
    _, clean = pair()
    large = np.asarray(Image.fromarray(clean).resize((777, 777), Image.Resampling.BICUBIC))
    found = measure_likeness(large, clean)
    assert found["psnr"]["64"] > 35
    assert found["ssim"]["128"] > 0.97
    assert list(found) == ["psnr", "ssim", "pyramid"]


@pytest.mark.parametrize("shape", [(133, 200), (120, 179), (61, 90)])
def test_pictures_of_nearly_the_same_aspect_compare(shape):
    reference = blob(3, 180, 120)[..., :3]
    picture = np.asarray(Image.fromarray(reference).resize(shape[::-1], Image.Resampling.BICUBIC))
    found = measure_likeness(picture, reference)
    assert found["psnr"]["64"] > 25
    assert found["ssim"]["64"] > 0.9
