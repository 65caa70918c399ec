"""Every tone against what it promises, in linear light."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from photographs import photograph
from vertumnus.errors import VertumnusError
from vertumnus.imaging.light import decode_srgb
from vertumnus.mosaic.match.tone import Tone, apply_tone, tone_curve, transport_map


def light(pixels):
    return decode_srgb(pixels.reshape(-1, 3) / 255)


def pieces():
    """A tile and a part of a reference whose tones are near enough that nothing is clipped."""
    tile = np.asarray(photograph("chelsea.png").resize((60, 40)))
    part = (np.asarray(photograph("coffee.png").resize((30, 30))) * 0.3 + 100).astype(np.uint8)
    return tile, part


def test_mean_shift():
    tile, part = pieces()
    toned, _ = apply_tone(tile, part, Tone("mean", 1.0))
    np.testing.assert_allclose(light(toned).mean(axis=0), light(part).mean(axis=0), atol=2e-3)


def test_mean_and_deviation_are_equation_five():
    tile, part = pieces()
    toned, clipping = apply_tone(tile, part, Tone("mean-std", 1.0))
    assert clipping == (0, tile.size)
    x, r = light(tile), light(part)
    wanted = r.mean(axis=0) + r.std(axis=0) * (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(light(toned), wanted, atol=4e-3)
    np.testing.assert_allclose(light(toned).std(axis=0), r.std(axis=0), atol=1e-3)


def test_histogram_matching_is_the_transport_of_one_channel():
    tile, part = pieces()
    toned, _ = apply_tone(tile, part, Tone("histogram", 1.0))
    for channel in range(3):
        before = wasserstein_distance(light(tile)[:, channel], light(part)[:, channel])
        after = wasserstein_distance(light(toned)[:, channel], light(part)[:, channel])
        assert after < 0.06 * before
        order = np.argsort(light(tile)[:, channel], kind="stable")
        assert (np.diff(light(toned)[order, channel]) >= 0).all()


def test_transport_gives_mean_and_covariance_and_moves_least():
    tile, part = pieces()
    x, r = light(tile), light(part)
    matrix, offset = transport_map(x, r)
    moved = x @ matrix.T + offset
    np.testing.assert_allclose(moved.mean(axis=0), r.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.cov(moved.T, bias=True), np.cov(r.T, bias=True), atol=1e-6)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)  # a gradient of a convex function, so optimal
    assert (np.linalg.eigvalsh(matrix) > 0).all()
    toned, _ = apply_tone(tile, part, Tone("transport", 1.0))
    np.testing.assert_allclose(np.cov(light(toned).T, bias=True), np.cov(r.T, bias=True), atol=2e-3)


@pytest.mark.parametrize("method", ["mean", "mean-std", "histogram", "transport"])
def test_amounts_go_from_nothing_to_everything(method):
    tile, part = pieces()
    whole, _ = apply_tone(tile, part, Tone(method, 1.0))
    half, _ = apply_tone(tile, part, Tone(method, 0.5))
    np.testing.assert_allclose(light(half), (light(tile) + light(whole)) / 2, atol=6e-3)
    same, _ = apply_tone(tile, part, Tone.parse(f"{method}:0"))
    np.testing.assert_array_equal(same, tile)


def test_clipping_is_counted():
    tile = np.zeros((10, 10, 3), np.uint8)
    tile[5:] = 255
    part = np.full((4, 4, 3), 255, np.uint8)
    _, clipping = apply_tone(tile, part, Tone("mean", 1.0))
    assert clipping == (150, 300)
    _, clipping = apply_tone(tile, tile, Tone("mean-std", 1.0))
    assert clipping == (0, 300)
    _, clipping = apply_tone(tile, part, Tone("transport", 1.0))
    assert clipping.values == 300


@pytest.mark.parametrize("method", ["mean", "mean-std", "histogram", "transport"])
def test_flat_pictures(method):
    flat, part = np.full((6, 5, 3), 90, np.uint8), np.full((1, 1, 3), 140, np.uint8)
    toned, _ = apply_tone(flat, part, Tone(method, 1.0))
    assert np.abs(toned.astype(int) - 140).max() <= 1


def test_a_curve_of_equal_counts_changes_nothing():
    counts = np.random.default_rng(0).integers(1, 50, 256)
    linear = decode_srgb(np.arange(256) / 255)
    for method in ("mean", "mean-std", "histogram"):
        np.testing.assert_allclose(tone_curve(counts, counts, method), linear, atol=1e-6)


@pytest.mark.parametrize("text", ["men:0.5", "mean:2", "mean:x", "mean-std:-1", "mean:nan"])
def test_bad_tones(text):
    with pytest.raises(VertumnusError, match="`tone`: "):
        Tone.parse(text)


def test_tones_read_back():
    for text in ("none", "mean:0.25", "transport:1"):
        assert str(Tone.parse(text)) == text
