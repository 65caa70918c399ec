"""The decoder that guidance looks through: the model's own, a tiny one, or a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.errors import VertumnusError
from vertumnus.models import load_model
from vertumnus.sampling.decode import (
    TINY_FOLDER,
    Decoder,
    FullDecoder,
    LinearDecoder,
    TinyDecoder,
    beside_autoencoder,
)

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion


def open_decoder(name: str, model: Diffusion) -> Decoder:
    """A decoder for a model's latents.

    name  ``full``, ``linear`` (what lies beside the autoencoder, or is fitted here), ``tiny`` (what lies beside the
          autoencoder, as with mini), or the folder of an ``AutoencoderTiny``

    Raises `VertumnusError` for a folder that holds none, or one for latents of another kind.
    """
    if name == "full":
        return FullDecoder(model)
    if name == "linear":
        return LinearDecoder.of(model)
    folder = Path(name)
    if name == "tiny" and not folder.is_dir():
        folder = beside_autoencoder(model) / TINY_FOLDER
        if not folder.is_dir():
            raise VertumnusError(f"`decoder`: {model.name} has no tiny decoder of its own; name the folder of one")
    if not folder.is_dir():
        raise VertumnusError(
            f"`decoder`: {name} is neither full nor linear nor tiny, and no folder of a tiny decoder"
        )
    network = load_model(folder, "decoder", device=str(model.device))
    channels = network.config.latent_channels
    if channels != model.channels:
        raise VertumnusError(f"{name}: decodes latents of {channels} channels, and {model.name} has {model.channels}")
    return TinyDecoder(network)
