"""Distance textures against the distance computed pixel by pixel, and against closed forms."""

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.elements.distance import PAD, TEXELS, distance_texture


def positions(texture, width, height, area):
    """Where texel centres lie, in picture pixels from the centre."""
    unit = np.sqrt(area)
    steps = (np.arange(TEXELS) + 0.5) / TEXELS * 2 - 1
    return steps * texture.half_width * unit, steps * texture.half_height * unit


def test_a_disc_has_the_distance_of_a_disc():
    size, radius = 120, 50.0
    y, x = np.mgrid[:size, :size] + 0.5
    alpha = (np.clip(radius - np.hypot(x - 60, y - 60) + 0.5, 0, 1) * 255).astype(np.uint8)
    area = float(np.count_nonzero(alpha > 127))
    texture = distance_texture(alpha, 0, size, size, area)
    across, down = positions(texture, size, size, area)
    expected = np.hypot(across[None, :], down[:, None]) - radius
    # Distances are measured between pixel centres: right to within a pixel, and at the edge to within half.
    error = texture.values * np.sqrt(area) - expected
    assert np.abs(error).max() < 1.0
    assert np.abs(error[np.abs(expected) < 3]).mean() < 0.35


def test_a_rectangle_is_exact():
    texture = distance_texture(np.full((1, 1), 255, np.uint8), 0, 80, 40, 3200.0)
    across, down = positions(texture, 80, 40, 3200.0)
    ox, oy = np.abs(across)[None, :] - 40, np.abs(down)[:, None] - 20
    expected = np.hypot(np.maximum(ox, 0), np.maximum(oy, 0)) + np.minimum(np.maximum(ox, oy), 0)
    np.testing.assert_allclose(texture.values * np.sqrt(3200.0), expected, atol=0.02)


def test_against_every_pixel():
    pixels = blob(7, 64, 64)
    inside = np.pad(pixels[..., 3] > 127, 16)
    area = float(inside.sum())
    texture = distance_texture(pixels[..., 3], 0, 64, 64, area)
    across, down = positions(texture, 64, 64, area)
    rows, columns = np.mgrid[-16:80, -16:80] + 0.5
    for i in range(0, TEXELS, 7):
        for j in range(0, TEXELS, 7):
            away = np.hypot(columns - 32 - across[j], rows - 32 - down[i])
            expected = away[inside].min() - away[~inside].min()
            assert abs(texture.values[i, j] * np.sqrt(area) - expected) < 1.1


@pytest.mark.slow
def test_shrinking_first_changes_little():
    pixels = blob(8, 1600, 1400)
    whole = element(pixels)
    half = element(pixels[::8, ::8])
    assert whole.level == 2
    assert np.abs(whole.texture.values - half.texture.values).max() < 0.04


def test_half_precision_and_padding():
    texture = element(blob(9)).texture
    np.testing.assert_array_equal(texture.values, texture.values.astype(np.float16))
    rim = np.concatenate([texture.values[0], texture.values[-1], texture.values[:, 0], texture.values[:, -1]])
    assert rim.min() > 0
    made = element(blob(9))
    assert made.texture.half_width * made.unit == pytest.approx(made.width / 2 + PAD * max(made.width, made.height))
