"""Integral noise against its closed forms."""

import numpy as np
import pytest

from vertumnus.mosaic.generate.noise import NoiseField, block_means, spread

LATENT = (4, 16, 16)


def tiles(scaling, seeds=range(40), rows=2, columns=2):
    fields = [NoiseField.drawn(seed, rows, columns, LATENT, scaling) for seed in seeds]
    return fields, np.array([[[f.tile(r, c) for c in range(columns)] for r in range(rows)] for f in fields])


def test_block_integrals_are_the_fields():
    field = NoiseField.drawn(3, 2, 3, LATENT)  # blocks of 4 x 4 values, each of 4 x 4 latents: N = 16
    assert field.block == 4
    for row in range(2):
        for column in range(3):
            sums = block_means(field.tile(row, column), 4, 4) * 16
            assert np.allclose(sums / np.sqrt(16), field.under(row, column), atol=1e-4)


def test_printed_blocks_sum_to_the_field():
    field = NoiseField.drawn(3, 2, 2, LATENT, "printed")
    count = (16 // field.block) ** 2
    sums = block_means(field.tile(1, 0), 16 // field.block, 16 // field.block) * count
    assert np.allclose(sums, field.under(1, 0), atol=1e-3)


@pytest.mark.parametrize(("scaling", "variance"), [("exact", 1.0), ("independent", 1.0), ("printed", None)])
def test_mean_and_variance(scaling, variance):
    fields, noise = tiles(scaling)
    count = (16 // fields[0].block) ** 2
    expected = variance if variance is not None else 1 + 1 / count**2
    size = noise.size
    assert abs(noise.mean()) < 4 / np.sqrt(size)
    assert abs(noise.var() - expected) < 4 * np.sqrt(2 / size)


def test_covariance_is_the_identity():
    """Also between neighbours within a block, and across the borders of blocks and tiles."""
    _, noise = tiles("exact", range(60))
    whole = noise.transpose(0, 3, 1, 4, 2, 5).reshape(60, 4, 32, 32)
    for shifted, kept in ((whole[..., 1:], whole[..., :-1]), (whole[..., 1:, :], whole[..., :-1, :])):
        products = shifted * kept
        assert abs(products.mean()) < 4 / np.sqrt(products.size)
    across = whole[..., 16] * whole[..., 15]
    assert abs(across.mean()) < 4 / np.sqrt(across.size)
    channels = whole[:, 0] * whole[:, 1]
    assert abs(channels.mean()) < 4 / np.sqrt(channels.size)


def test_covariance_in_closed_form():
    """exact: A A^T = I for the linear map (x, z) -> W; printed: its diagonal is 1 + 1 / N^2."""
    side, n = 4, 16
    mean = np.full((n, n), 1 / n)
    exact = np.concatenate([np.full((n, 1), 1 / np.sqrt(n)), np.eye(n) - mean], axis=1)
    assert np.allclose(exact @ exact.T, np.eye(n))
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((1, 1, 1)).astype(np.float32), rng.standard_normal((1, side, side)).astype(np.float32)
    by_matrix = exact @ np.concatenate([x.ravel(), z.ravel()])
    by_code = spread(x, side, side) / np.float32(np.sqrt(n)) + z - spread(block_means(z, side, side), side, side)
    assert np.allclose(by_matrix, by_code.ravel(), atol=1e-6)
    printed = np.concatenate([np.full((n, 1), 1 / n), (np.eye(n) - mean) / np.sqrt(1 - 1 / n)], axis=1)
    assert np.allclose(np.diag(printed @ printed.T), 1 + 1 / n**2)
    # The paper's scale loses the low frequencies: a block's mean varies N times less.
    assert np.isclose((printed.mean(0) ** 2).sum() * n, 1 / n)
    assert np.isclose((exact.mean(0) ** 2).sum() * n, 1)


def test_a_tile_is_its_seeds_and_its_places_own():
    one, two = NoiseField.drawn(7, 2, 2, LATENT), NoiseField.drawn(7, 2, 2, LATENT)
    first = [one.tile(r, c) for r, c in ((0, 0), (0, 1), (1, 0), (1, 1))]
    again = [two.tile(r, c) for r, c in ((1, 1), (1, 0), (0, 1), (0, 0))][::-1]
    for a, b in zip(first, again, strict=True):
        assert (a == b).all()
    for n, a in enumerate(first):
        for b in first[n + 1 :]:
            assert not (a == b).any()
    assert not (NoiseField.drawn(8, 2, 2, LATENT).tile(0, 0) == first[0]).any()


@pytest.mark.parametrize("seed", [0, 3, 2**63 - 1])
def test_tiles_are_independent_of_one_another(seed):
    """Along rows, columns and attempts: correlations as of independent values, everywhere in a mosaic."""
    field = NoiseField.drawn(seed, 6, 6, (4, 16, 16), "independent")
    flat = np.stack([field.tile(r, c, a).ravel() for r in range(6) for c in range(6) for a in (0, 1, 1 << 32)])
    together = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(together).max() < 5.5 / flat.shape[1] ** 0.5


def test_one_tile_is_the_field_itself():
    field = NoiseField.drawn(1, 1, 1, LATENT)
    assert (field.tile(0, 0) == field.coarse).all()
