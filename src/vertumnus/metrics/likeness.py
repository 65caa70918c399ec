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


def at_resolution(picture: Bytes, resolution: int, aspect: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """The picture with a longer side of ``resolution`` pixels, by area averages, values from 0 to 1.

    aspect   (height, width) whose ratio it takes; its own by default
    """
    height, width = aspect or picture.shape[:2]
    scale = resolution / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    smaller = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    kind = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, kind), np.float64) / 255


def both_at_resolution(
    picture: Bytes, reference: Bytes, resolution: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two at the same size, that of the reference with a longer side of ``resolution`` pixels."""
    aspect = reference.shape[0], reference.shape[1]
    return at_resolution(picture, resolution, aspect), at_resolution(reference, resolution)


def psnr(picture: Bytes, reference: Bytes, resolution: int = 64) -> float:
    """Peak signal-to-noise ratio in decibels, 10 log10(1 / mean squared error); infinite for equal pictures."""
    a, b = both_at_resolution(picture, reference, resolution)
    error = float(((a - b) ** 2).mean())
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(picture: Bytes, reference: Bytes, resolution: int = 64) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of deviation 1.5, mean over pixels and channels."""
    from skimage.metrics import structural_similarity

    a, b = both_at_resolution(picture, reference, resolution)
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
    a, b = both_at_resolution(picture, reference, base)
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

        found["lpips"] = {
            str(n): lpips(*both_at_resolution(picture, reference, n), lpips_weights) for n in RESOLUTIONS
        }
    found["pyramid"] = pyramid_error(picture, reference)
    return found
