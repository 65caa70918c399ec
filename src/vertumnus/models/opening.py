"""Opening a diffusion checkpoint, a folder or one file, as a stock pipeline of diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import CONFIGURATIONS, Checkpoint, Dtype, find_configuration
from vertumnus.models.device import choose_device, quiet


def choose_dtype(wanted: Dtype, device: torch.device) -> torch.dtype:
    """The precision of a name; ``auto`` is half on a GPU and single on a processor.

    Raises `VertumnusError` for another name.
    """
    if wanted not in get_args(Dtype):
        raise VertumnusError(f"dtype: {wanted!r} is none of {', '.join(get_args(Dtype))}")
    if wanted == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[wanted]


def open_pipeline(
    checkpoint: Checkpoint, device: torch.device, dtype: Dtype = "auto", config: str | Path | None = None
) -> Any:
    """The stock pipeline of a checkpoint, in the processor's memory, without what only guards or marks pictures.

    config  for one file: a folder or a hub id with the configuration and the tokenizers that belong to it

    Raises `VertumnusError` if it cannot be loaded.
    """
    with quiet():  # importing is as talkative as loading
        import diffusers

        import vertumnus.models.mini.autoencoder  # noqa: F401 - a pipeline takes only classes imported before

        classes = {
            "stable-diffusion": diffusers.StableDiffusionPipeline,
            "stable-diffusion-xl": diffusers.StableDiffusionXLPipeline,
            "deepfloyd-if": diffusers.IFPipeline,
        }
    without: dict[str, Any] = {"torch_dtype": choose_dtype(dtype, device), "local_files_only": True}
    if checkpoint.family != "stable-diffusion-xl":
        without |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    if checkpoint.family == "deepfloyd-if":
        without["watermarker"] = None
    kind = classes[checkpoint.family]
    with quiet():
        try:
            if checkpoint.path.is_file():
                folder = find_configuration(checkpoint, config or CONFIGURATIONS[checkpoint.family])
                return kind.from_single_file(str(checkpoint.path), config=str(folder), **without)
            half = any(checkpoint.path.glob("unet/*.fp16.safetensors"))
            return kind.from_pretrained(
                checkpoint.path, use_safetensors=True, variant="fp16" if half else None, **without
            )
        except VertumnusError:
            raise
        except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            sentence = " ".join(str(error).split())
            raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({sentence[:300]})") from error


def open_network(checkpoint: Checkpoint, device: str | None = None, dtype: Dtype = "auto") -> Any:
    """A ControlNet, a T2I-Adapter or a tiny decoder of diffusers, frozen.

    Raises `VertumnusError` if it cannot be loaded.
    """
    chosen = choose_device(device)
    with quiet():
        import diffusers

        kinds = {
            "controlnet": diffusers.ControlNetModel,
            "t2i-adapter": diffusers.T2IAdapter,
            "autoencoder-tiny": diffusers.AutoencoderTiny,
        }
        half = any(checkpoint.path.glob("*.fp16.safetensors"))
        try:
            network = kinds[checkpoint.family].from_pretrained(
                checkpoint.path,
                torch_dtype=choose_dtype(dtype, chosen),
                use_safetensors=True,
                local_files_only=True,
                variant="fp16" if half else None,
            )
        except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError) as error:
            sentence = " ".join(str(error).split())
            raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({sentence[:300]})") from error
    return network.to(chosen).requires_grad_(False).eval()
