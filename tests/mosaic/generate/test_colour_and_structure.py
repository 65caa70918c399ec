"""Colour alignment and low-frequency guidance against plain computations."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from vertumnus.mosaic.generate.colour import align, statistics
from vertumnus.mosaic.generate.structure import (
    gaussian_blur,
    luminance,
    structure_loss,
    to_block_size,
    weight_at,
)


def pictures(seed, side=24, count=2):
    return torch.rand((count, 3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_aligned_tiles_have_the_blocks_statistics():
    tile, block = pictures(1), pictures(2, 12) * 0.3 + 0.1
    aligned = align(tile, block)
    for got, wanted in zip(statistics(aligned), statistics(block), strict=True):
        assert torch.allclose(got, wanted)
    by_hand = (tile[0, 1] - tile[0, 1].mean()) / tile[0, 1].numpy().std() * block[0, 1].numpy().std()
    assert torch.allclose(aligned[0, 1], by_hand + block[0, 1].mean())


def test_half_an_alignment_is_half_way_and_a_flat_tile_is_moved():
    tile, block = pictures(1), pictures(2) * 0.5
    assert torch.allclose(align(tile, block, 0.5), (tile + align(tile, block)) / 2)
    flat = torch.full_like(tile, 0.25)
    aligned = align(flat, block)
    assert torch.isfinite(aligned).all()
    assert torch.allclose(aligned.mean((2, 3)), block.mean((2, 3)))


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_the_blur_is_scipys(sigma):
    picture = pictures(3, 32, 1)
    radius = round(3 * sigma)
    wanted = ndimage.gaussian_filter(picture[0, 0].numpy(), sigma, mode="mirror", radius=radius)
    assert np.allclose(gaussian_blur(picture, sigma)[0, 0].numpy(), wanted)


def test_block_size_is_the_mean_of_pixels():
    picture = pictures(4, 24, 1)
    small = to_block_size(picture, (6, 6))
    assert torch.allclose(small[0, 0, 2, 3], picture[0, 0, 8:12, 12:16].mean())
    assert to_block_size(picture, (5, 7)).shape == (1, 3, 5, 7)


def test_loss_is_the_sum_of_squares_of_what_is_blurred():
    tile, block = pictures(5), pictures(6, 12)
    wanted = []
    for one, other in zip(tile.numpy(), block.numpy(), strict=True):
        total = 0.0
        for a, b in zip(one, other, strict=True):
            small = a.reshape(12, 2, 12, 2).mean((1, 3))
            difference = small - b
            total += (ndimage.gaussian_filter(difference, 1.0, mode="mirror", radius=3) ** 2).sum()
        wanted.append(total)
    assert np.allclose(structure_loss(tile, block, 1.0).numpy(), wanted)


def test_luminance_ignores_colour_of_equal_brightness():
    red = torch.tensor([0.587, 0.0, 0.0], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 12, 12)
    green = torch.tensor([0.0, 0.299, 0.0], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 12, 12)
    assert torch.allclose(luminance(red), luminance(green))
    assert structure_loss(red, green, 1.0, "luminance").abs().max() < 1e-20
    assert structure_loss(red, green, 1.0).min() > 10
    with pytest.raises(ValueError, match="perceptual distance"):
        structure_loss(red, green, 1.0, "perceptual")


def test_gradients_are_finite_differences():
    tile, block = pictures(7, 16, 1).requires_grad_(), pictures(8, 8, 1)
    (grad,) = torch.autograd.grad(structure_loss(tile, block, 1.0).sum(), tile)
    for place in ((0, 0, 3, 4), (0, 2, 15, 15)):
        moved = tile.detach().clone()
        moved[place] += 1e-5
        up = structure_loss(moved, block, 1.0)
        moved[place] -= 2e-5
        assert torch.isclose((up - structure_loss(moved, block, 1.0)) / 2e-5, grad[place], rtol=1e-5)


def test_the_weight_decays():
    assert [weight_at(5000, 0.5, n) for n in range(3)] == [5000, 2500, 1250]
