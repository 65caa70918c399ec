"""Between pictures and latents: a pipeline's autoencoder, in a precision that it can compute in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.device import is_out_of_memory

Tensor = torch.Tensor


class LatentCodec:
    """An autoencoder, or for a model of pixels none, which then are the latents.

    name     of the model, for errors
    vae      diffusers' autoencoder or None
    factor   pixels a side of a latent

    An autoencoder whose configuration says ``force_upcast`` overflows in half precision and computes in single. One
    that does not say so and overflows all the same is put into single precision then, and asked again.
    """

    def __init__(self, name: str, vae: Any) -> None:
        self.name, self.vae = name, vae
        self.factor: int = 1
        if vae is not None:
            self.factor = 2 ** (len(vae.config.block_out_channels) - 1)
            if vae.config.get("force_upcast") and vae.dtype != torch.float32:
                vae.to(torch.float32)

    def encode(self, image: Tensor, generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """B x 3 x H x W from 0 to 1 to latents, with gradients: the posterior's mean, or with one generator a
        picture, a sample of it. Scaled to the deviation that the network knows.
        """
        x = image * 2 - 1
        if self.vae is None:
            return x

        def encoded() -> Tensor:
            seen = x.to(self.vae.dtype)
            if generators is None:
                return self.vae.encode(seen).latent_dist.mode().to(image.dtype)
            pairs = zip(seen, generators, strict=True)
            drawn = [self.vae.encode(one[None]).latent_dist.sample(maker) for one, maker in pairs]
            return torch.cat(drawn).to(image.dtype)

        states = [maker.get_state() for maker in generators or ()]
        z = self._safely(encoded, states, generators or ())
        mean, scale = self._scaling(z)
        return (z - mean) * scale if isinstance(mean, Tensor) or mean else z * scale

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pictures from 0 to 1, unclipped, with gradients."""
        if self.vae is None:
            return (latents + 1) / 2
        mean, scale = self._scaling(latents)
        z = latents / scale + mean if isinstance(mean, Tensor) or mean else latents / scale

        def decoded() -> Tensor:
            return self.vae.decode(z.to(self.vae.dtype)).sample.to(latents.dtype)

        return (self._safely(decoded) + 1) / 2

    def _scaling(self, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """What is taken from the autoencoder's latents, and what the rest is multiplied by."""
        config = self.vae.config
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        if mean is not None and deviation is not None:
            mean, deviation = (torch.tensor(one).view(1, -1, 1, 1).to(like) for one in (mean, deviation))
            return mean, config.scaling_factor / deviation
        return config.get("shift_factor") or 0.0, config.scaling_factor

    def _safely(
        self,
        compute: Callable[[], Tensor],
        states: Sequence[Tensor] = (),
        generators: Sequence[torch.Generator] = (),
    ) -> Tensor:
        """Once more in single precision if half overflowed; once more in tiles if memory did not suffice."""

        def again() -> Tensor:
            for maker, state in zip(generators, states, strict=True):
                maker.set_state(state)
            return compute()

        try:
            found = compute()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.vae.use_tiling:
                raise VertumnusError(
                    f"{self.name}: out of memory in its autoencoder; take fewer pictures at once, or smaller ones"
                ) from None
            self.vae.enable_slicing()
            self.vae.enable_tiling()
            return again()
        if self.vae.dtype != torch.float32 and not bool(torch.isfinite(found).all()):
            self.vae.to(torch.float32)
            found = again()
        return found
