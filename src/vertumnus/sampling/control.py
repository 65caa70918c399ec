"""Pictures that steer a diffusion model: ControlNets, with a weight for every pixel, and T2I-Adapters.

A ControlNet (Zhang et al. 2023) reads what the network reads, and a picture, and adds a residual to each skip
connection and to the middle. A T2I-Adapter (Mou et al. 2024) reads the picture alone, once. Several add up. A weight
map is resized to each residual bilinearly and multiplies it (Collage Diffusion, section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Condition, Diffusion

Tensor = torch.Tensor


@dataclass(frozen=True)
class Control:
    """A network that steers, the picture it steers by, and how strongly.

    network     a ``ControlNetModel`` or ``T2IAdapter`` of diffusers, as ``load_model(spec, "control")`` gives it
    image       3 x H x W or B x 3 x H x W from 0 to 1, of the size of what is sampled
    weight      of all it says
    weight_map  H x W or B x H x W, of any size, multiplied onto each residual
    start, end  the share of the steps in which it speaks
    """

    network: Any
    image: Tensor
    weight: float = 1.0
    weight_map: Tensor | None = None
    start: float = 0.0
    end: float = 1.0


class Controls:
    """What several `Control` say together to a model, step by step.

    extent  rows and columns of the latents
    steps   that are run

    Raises `VertumnusError` for a network of an unknown kind, a picture of another size, or a model of pixels.
    """

    def __init__(self, model: Diffusion, controls: Sequence[Control], extent: tuple[int, int], steps: int) -> None:
        self.controls, self.steps = list(controls), steps
        self._images: list[Tensor] = []
        self._maps: list[Tensor | None] = []
        self._features: dict[int, list[Tensor]] = {}
        wanted = (extent[0] * model.factor, extent[1] * model.factor)
        for place, control in enumerate(self.controls):
            network = control.network
            image = control.image if control.image.ndim == 4 else control.image[None]
            if image.shape[-2:] != wanted:
                rows, columns = image.shape[-2:]
                raise VertumnusError(
                    f"control: its image is {columns} x {rows}, and {wanted[1]} x {wanted[0]} is wanted"
                )
            image = image.to(network.device, network.dtype)
            weights = control.weight_map
            if weights is not None:
                weights = weights if weights.ndim == 3 else weights[None]
                weights = weights[:, None].to(network.device, network.dtype)
            self._images.append(image)
            self._maps.append(weights)
            if is_adapter(network):
                with torch.no_grad():
                    self._features[place] = [_weighted(found * control.weight, weights) for found in network(image)]
            elif not is_controlnet(network):
                raise VertumnusError(f"control: a {type(network).__name__} is neither a ControlNet nor a T2I-Adapter")

    def at(self, index: int) -> Condition | None:
        """What they say in step ``index``, for `Diffusion.answer`; None where all keep silent."""
        # As diffusers' pipelines count.
        speak = [
            place
            for place, control in enumerate(self.controls)
            if not (index / self.steps < control.start or (index + 1) / self.steps > control.end)
        ]
        if not speak:
            return None

        def condition(
            latents: Tensor, t: Tensor | int, states: Tensor, added: dict[str, Tensor] | None
        ) -> dict[str, Any]:
            residuals: list[Tensor] = []
            features: list[Tensor] = []
            for place in speak:
                if place in self._features:
                    said = [_for_batch(found, len(latents)) for found in self._features[place]]
                    features = said if not features else [a + b for a, b in zip(features, said, strict=True)]
                else:
                    said = self._residuals(place, latents, t, states, added)
                    residuals = said if not residuals else [a + b for a, b in zip(residuals, said, strict=True)]
            found: dict[str, Any] = {}
            if residuals:
                found["down_block_additional_residuals"] = residuals[:-1]
                found["mid_block_additional_residual"] = residuals[-1]
            if features:
                found["down_intrablock_additional_residuals"] = [one.clone() for one in features]
            return found

        return condition

    def _residuals(
        self, place: int, latents: Tensor, t: Tensor | int, states: Tensor, added: dict[str, Tensor] | None
    ) -> list[Tensor]:
        """Those of the skip connections, then that of the middle."""
        control, weights = self.controls[place], self._maps[place]
        network = control.network
        more = {} if added is None else {"added_cond_kwargs": added}
        down, middle = network(
            latents.to(network.dtype),
            t,
            encoder_hidden_states=states.to(network.dtype),
            controlnet_cond=_for_batch(self._images[place], len(latents)),
            conditioning_scale=control.weight,
            return_dict=False,
            **more,
        )
        return [_weighted(found, weights).to(latents.dtype) for found in (*down, middle)]


def is_controlnet(network: Any) -> bool:
    """Whether it is one of diffusers' ControlNets."""
    return hasattr(network, "controlnet_cond_embedding")


def is_adapter(network: Any) -> bool:
    """Whether it is one of diffusers' T2I-Adapters."""
    return type(network).__name__ == "T2IAdapter"


def _for_batch(images: Tensor, count: int) -> Tensor:
    """One, or one each, for every item of a batch, which may hold everything twice for guidance."""
    return torch.cat([images] * (count // len(images))) if len(images) > 1 else images.expand(count, -1, -1, -1)


def _weighted(residual: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return residual
    resized = torch.nn.functional.interpolate(weights, residual.shape[-2:], mode="bilinear", align_corners=False)
    return residual * _for_batch(resized, len(residual))
