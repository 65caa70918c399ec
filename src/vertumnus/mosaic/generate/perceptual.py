"""A perceptual distance without weights of its own: the features of the model's encoder, compared as LPIPS does.

SyncDiffusion compares by LPIPS (Zhang et al. 2018), whose networks are not shipped. Features of the autoencoder's
first convolutions, of unit length over channels, are compared in its place: differences of edges count, of flat
light less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from vertumnus.errors import VertumnusError

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor
SCALE = 27648.0  # a mean over places is brought to the size of a sum over a block's values


def encoder_distance(model: Diffusion) -> Callable[[Tensor, Tensor], Tensor]:
    """The distance of two batches of pictures, B x 3 x H x W from 0 to 1 to B.

    Raises `VertumnusError` for a model without an autoencoder.
    """
    if model.vae is None:
        raise VertumnusError(f"{model.name}: has no autoencoder whose features a perceptual guidance could compare")
    encoder: Any = model.vae.encoder
    factor = 8

    def features(pictures: Tensor) -> list[Tensor]:
        large = torch.nn.functional.interpolate(pictures, scale_factor=factor, mode="bilinear")
        x = encoder.conv_in((large * 2 - 1).to(model.vae.dtype))  # type: ignore[union-attr]
        found = []
        for block in encoder.down_blocks:
            x = block(x)
            found.append(torch.nn.functional.normalize(x.float(), dim=1))
        return found

    def distance(pictures: Tensor, others: Tensor) -> Tensor:
        pairs = zip(features(pictures), features(others), strict=True)
        total = [(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]
        return SCALE * torch.stack(total).sum(0)

    return distance
