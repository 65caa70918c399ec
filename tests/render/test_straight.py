"""Kernels that make pixels straight and halve them, against the plain formulas."""

import numpy as np
import pytest

from vertumnus.imaging.pyramid import halve_straight
from vertumnus.render.strip import straight


def test_straight():
    rng = np.random.default_rng(0)
    alpha = rng.random((9, 11, 1)).astype(np.float32)
    alpha[:3] = 0
    canvas = np.concatenate([alpha * rng.random((9, 11, 3)).astype(np.float32) * 1.2, alpha], -1).astype(np.float32)
    plain = np.concatenate([canvas[..., :3] / np.maximum(alpha, np.float32(1e-6)), alpha], -1)
    bytes_ = (np.clip(plain, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    assert np.abs(straight(canvas).astype(int) - bytes_).max() <= 1  # one rounding may be one step
    assert (straight(canvas) == bytes_).mean() > 0.99
    assert (straight(canvas, 3) == straight(canvas)[..., :3]).all()


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (1, 1)])
def test_halved(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 4)).astype(np.uint8)
    pixels[:1, :, 3] = 0
    whole = np.pad(pixels, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge").astype(int)
    four = np.stack([whole[row::2, column::2] for row in (0, 1) for column in (0, 1)])
    alpha = four[..., 3:].sum(0)
    colour = ((four[..., :3] * four[..., 3:]).sum(0) + alpha // 2) // np.maximum(alpha, 1)
    assert (halve_straight(pixels) == np.concatenate([colour, (alpha + 2) >> 2], -1)).all()
