"""How like its reference a picture is, seen from afar: PSNR, SSIM and the error of a Gaussian pyramid.

Pictures are H x W x 3 bytes; the two compared are first brought to the same size. Averages are of sRGB values, as the
papers' are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import convolve1d

RESOLUTIONS = (32, 64, 128, 256)
BASE = 256  # pixels of the longer side of the pyramid's level 0
LEVELS = 4

Bytes = NDArray[np.uint8]


def at_resolution(picture: Bytes, resolution: int) -> NDArray[np.float64]:
    """The picture with a longer side of ``resolution`` pixels, by area averages, values from 0 to 1."""
    height, width, _ = picture.shape
    scale = resolution / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    kind = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, kind), np.float64) / 255


def same_shape(picture: Bytes, reference: Bytes) -> Bytes:
    """The picture with the reference's aspect, so that both come out the same size at any resolution."""
    if picture.shape == reference.shape:
        return picture
    height, width, _ = reference.shape
    scale = max(1.0, min(picture.shape[0] / height, picture.shape[1] / width))
    size = round(width * scale), round(height * scale)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def psnr(picture: Bytes, reference: Bytes, resolution: int = 64) -> float:
    """Peak signal-to-noise ratio in decibels, 10 log10(1 / mean squared error); infinite for equal pictures."""
    a, b = (at_resolution(image, resolution) for image in (same_shape(picture, reference), reference))
    error = float(((a - b) ** 2).mean())
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(picture: Bytes, reference: Bytes, resolution: int = 64) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of deviation 1.5, mean over pixels and channels."""
    from skimage.metrics import structural_similarity

    a, b = (at_resolution(image, resolution) for image in (same_shape(picture, reference), reference))
    return float(
        structural_similarity(
            a,
            b,
            data_range=1.0,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            win_size=min(11, (min(a.shape[:2]) - 1) // 2 * 2 + 1),
        )
    )


def gaussian_level(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """The next level of a Gaussian pyramid: the binomial filter 1 4 6 4 1 each way, then every second pixel.

    Source: Burt and Adelson, "The Laplacian pyramid as a compact image code" (1983).
    """
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    smooth = convolve1d(convolve1d(picture, kernel, axis=0, mode="mirror"), kernel, axis=1, mode="mirror")
    return smooth[::2, ::2]


def pyramid_error(picture: Bytes, reference: Bytes, levels: int = LEVELS, base: int = BASE) -> list[float]:
    """E_k = |G_k(x) - G_k(x')|^2, eq. (11) of Generative Photomosaic, as a mean over values, k = 1 to ``levels``.

    base   pixels of the longer side at level 0; the paper does not say which it takes
    """
    a, b = (at_resolution(image, base) for image in (same_shape(picture, reference), reference))
    errors = []
    for _ in range(levels):
        a, b = gaussian_level(a), gaussian_level(b)
        errors.append(float(((a - b) ** 2).mean()))
    return errors


def measure_likeness(
    picture: Bytes, reference: Bytes, lpips_weights: Mapping[str, NDArray[np.float32]] | None = None
) -> dict[str, Any]:
    """All of these: psnr and ssim (and lpips, given its weights) by resolution, and pyramid by level."""
    found: dict[str, Any] = {
        "psnr": {str(n): psnr(picture, reference, n) for n in RESOLUTIONS},
        "ssim": {str(n): ssim(picture, reference, n) for n in RESOLUTIONS},
    }
    if lpips_weights is not None:
        from vertumnus.metrics.lpips import lpips

        like = same_shape(picture, reference)
        found["lpips"] = {
            str(n): lpips(at_resolution(like, n), at_resolution(reference, n), lpips_weights) for n in RESOLUTIONS
        }
    found["pyramid"] = pyramid_error(picture, reference)
    return found
