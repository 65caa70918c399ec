"""Low-frequency guidance, eq. (6) to (10): what a tile's blurred picture says against its block's.

    l = || G(tile) - G(block) ||^2,    z <- z - w grad_z l,    w <- gamma w

The paper does not say whether the norm is a sum or a mean over pixels and channels (it calls the loss MSE), nor the
range of pictures. A sum at w = 5000 would move each latent by hundreds of its deviations; a mean over the paper's
blocks of 96 x 96 pixels moves it by hundredths, some 18 times. So w is that of a mean over 3 x 96 x 96 values, with
pictures from 0 to 1. With other tiles a mean would move each latent by more the fewer there are: here the loss is a
sum, and w is divided by the paper's number of values, so that the same w moves a latent as far whatever its tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch.nn import functional

Tensor = torch.Tensor
Kind = Literal["rgb", "luminance", "perceptual"]
PAPER_VALUES = 3 * 96 * 96  # of a block in the paper: 768 pixels in 8 x 8 tiles
LUMA = (0.299, 0.587, 0.114)  # eq. (9), ITU-R BT.601


def gaussian_blur(picture: Tensor, sigma: float) -> Tensor:
    """B x C x H x W under a Gaussian, mirrored at its edges; sigma in pixels, 0 for none."""
    if sigma <= 0:
        return picture
    radius = min(max(1, round(3 * sigma)), min(picture.shape[-2:]) - 1)
    x = torch.arange(-radius, radius + 1, dtype=picture.dtype, device=picture.device)
    weights = torch.exp(-0.5 * (x / sigma) ** 2)
    weights = weights / weights.sum()
    channels = picture.shape[1]
    rows = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    wide = functional.pad(picture, (radius, radius, radius, radius), mode="reflect")
    wide = functional.conv2d(wide, rows, groups=channels)
    return functional.conv2d(wide, rows.transpose(2, 3), groups=channels)


def to_block_size(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A decoded tile at its block's (H, W): the mean over pixels where it is a whole multiple, else antialiased."""
    height, width = picture.shape[-2:]
    if height % size[0] == 0 and width % size[1] == 0:
        return functional.avg_pool2d(picture, (height // size[0], width // size[1]))
    return functional.interpolate(picture, size, mode="bilinear", antialias=True)


def luminance(picture: Tensor) -> Tensor:
    """Y of eq. (9), B x 1 x H x W."""
    weights = torch.tensor(LUMA, dtype=picture.dtype, device=picture.device).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def structure_loss(
    tile: Tensor,
    block: Tensor,
    sigma: float,
    kind: Kind = "rgb",
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """The loss of each tile, B.

    tile        B x 3 x H x W decoded pictures from 0 to 1, with gradients
    block       B x 3 x h x w, the reference's blocks
    sigma       of the low pass, pixels of the block
    kind        ``rgb`` (eq. 7), ``luminance`` (eq. 9 and 10), or ``perceptual`` (as SyncDiffusion has it, LPIPS)
    perceptual  the distance of two batches of pictures, for the last
    """
    small = to_block_size(tile, (block.shape[-2], block.shape[-1]))
    if kind == "perceptual":
        if perceptual is None:
            raise ValueError("perceptual guidance needs a perceptual distance")
        return perceptual(small, block)
    if kind == "luminance":
        small, block = luminance(small), luminance(block)
    return (gaussian_blur(small, sigma) - gaussian_blur(block, sigma)).square().sum((1, 2, 3))


def weight_at(weight: float, decay: float, step: int) -> float:
    """W of eq. (8) at a step: w gamma^step."""
    return float(weight * decay**step)
