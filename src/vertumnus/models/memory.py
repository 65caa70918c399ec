"""How a model is to live with little memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from vertumnus.errors import VertumnusError

SPARE = 1.3  # times its weights that a model needs, computing


@dataclass(frozen=True)
class Memory:
    """What is traded for memory, as far as the device has need of it.

    offload        ``none``; ``model``: only the part that computes is on the GPU; ``layers``: only the layer, which
                   is slow; ``auto``: the first of these that the GPU's free memory suffices for
    slicing        attention and autoencoder compute one picture after the other
    tiling         the autoencoder computes tile by tile
    checkpointing  gradients through the network keep little and compute it twice
    """

    offload: Literal["auto", "none", "model", "layers"] = "auto"
    slicing: bool = False
    tiling: bool = False
    checkpointing: bool = False

    def apply(self, pipeline: Any, device: torch.device) -> bool:
        """Puts a pipeline of diffusers where it is to compute; whether it moves its parts by itself from now on.

        Its text encoders stay in the processor's memory. Raises `VertumnusError` where nothing can be offloaded.
        """
        if self.offload in ("model", "layers") and device.type == "cpu":
            raise VertumnusError("offload: there is no GPU whose memory it would save")
        if self.slicing:
            # Slices of attention go by processors, which must then be sliced themselves; PyTorch's own needs none.
            if not hasattr(torch.nn.functional, "scaled_dot_product_attention"):
                pipeline.enable_attention_slicing()
            if getattr(pipeline, "vae", None) is not None:
                pipeline.vae.enable_slicing()
        if self.tiling and getattr(pipeline, "vae", None) is not None:
            pipeline.vae.enable_tiling()
        if self.checkpointing:
            pipeline.unet.enable_gradient_checkpointing()
        offload = choose_offload(pipeline, device) if self.offload == "auto" else self.offload
        if offload == "model":
            pipeline.enable_model_cpu_offload(device=device)
        elif offload == "layers":
            pipeline.enable_sequential_cpu_offload(device=device)
        else:
            pipeline.unet.to(device)
            if getattr(pipeline, "vae", None) is not None:
                pipeline.vae.to(device)
        return offload != "none"


def choose_offload(pipeline: Any, device: torch.device, free: int | None = None) -> str:
    """``none``, ``model`` or ``layers``, by the free memory of a GPU in bytes."""
    if device.type != "cuda" and free is None:
        return "none"
    if free is None:
        free, _ = torch.cuda.mem_get_info(device)
    sizes = [size(part) for part in (pipeline.unet, getattr(pipeline, "vae", None)) if part is not None]
    readers = [getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
    largest = max(*sizes, *(size(reader) for reader in readers if reader is not None), 0)
    if SPARE * max(sum(sizes), largest) <= free:
        return "none"
    return "model" if SPARE * largest <= free else "layers"


def size(module: Any) -> int:
    """Bytes of a network's weights."""
    return sum(weights.numel() * weights.element_size() for weights in module.parameters())
