"""The decoder that guidance looks through: the model's own, a tiny one, or a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.errors import VertumnusError
from vertumnus.models.device import quiet
from vertumnus.sampling.decode import Decoder, FullDecoder, LinearDecoder, TinyDecoder

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion


def open_decoder(name: str, model: Diffusion) -> Decoder:
    """A decoder for a model's latents.

    name  ``full``, ``linear`` (what lies beside the autoencoder, or is fitted here), or the folder of an
          ``AutoencoderTiny``

    Raises `VertumnusError` for a folder that holds none, or one for latents of another kind.
    """
    if name == "full":
        return FullDecoder(model)
    if name == "linear":
        return LinearDecoder.of(model)
    folder = Path(name)
    if not (folder / "config.json").is_file():
        raise VertumnusError(f"`decoder`: {name} is neither full nor linear, and no folder of a tiny decoder")
    with quiet():
        from diffusers import AutoencoderTiny

        try:
            network = AutoencoderTiny.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            sentence = " ".join(str(error).split())
            raise VertumnusError(f"{name}: cannot be loaded as a tiny decoder ({sentence[:200]})") from error
    if network.config.latent_channels != model.channels:
        raise VertumnusError(
            f"{name}: decodes latents of {network.config.latent_channels} channels, and {model.name} has"
            f" {model.channels}"
        )
    return TinyDecoder(network.to(model.device, model.dtype))
