"""Colour alignment, eq. (3) to (5): a tile gets its block's mean and deviation, channel by channel.

The paper writes I for what is aligned, at every denoising step, and leaves open whether I is the latent or the
decoded picture. Aligned pictures would have to be encoded anew at each step, so its cost (sec. B.3) speaks for
latents; both are here, and docs/generated-mosaics.md has what each gives.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor
LEAST = 1e-5  # below it a deviation is none: a flat tile is moved, not divided by


def statistics(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over space of B x C x H x W, each B x C x 1 x 1: eq. (3) and (4)."""
    return values.mean((-2, -1), keepdim=True), values.std((-2, -1), keepdim=True, correction=0)


def align(tile: Tensor, block: Tensor, amount: float = 1.0) -> Tensor:
    """The tile with the block's statistics, eq. (5); both B x C x H x W, of any sizes.

    amount   share of the way there
    """
    mean, deviation = statistics(tile)
    wanted_mean, wanted_deviation = statistics(block)
    aligned = wanted_mean + wanted_deviation * (tile - mean) / deviation.clamp(min=LEAST)
    return aligned if amount == 1.0 else tile + amount * (aligned - tile)
