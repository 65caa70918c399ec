"""From latents to pictures: whole, tile by tile, by a tiny network, or by one matrix.

The autoencoder's decoder is the dearest part of guiding a sampler by its pictures. What is only wanted for its low
frequencies can come from less: a decoder distilled to a few layers, or a linear map from each latent's channels to a
colour, both with gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Diffusion
from vertumnus.reading import check_regular

Tensor = torch.Tensor
# Beside an autoencoder: the best linear map of its latents and a tiny decoder (training/linear.py, small_decoder.py).
LINEAR_FILE, TINY_FOLDER = "linear.safetensors", "tiny"


class Decoder(Protocol):
    """Turns latents into pictures, with gradients.

    scale  pixels of the picture a side of a latent
    """

    @property
    def scale(self) -> int:
        """Pixels of the picture a side of a latent."""

    def decode(self, latents: Tensor) -> Tensor:
        """B x C x h x w to B x 3 x (scale h) x (scale w), from 0 to 1 and unclipped."""


class FullDecoder:
    """The model's own decoder."""

    def __init__(self, model: Diffusion) -> None:
        self.model = model
        self.scale: int = model.factor

    def decode(self, latents: Tensor) -> Tensor:
        """As `Diffusion.decode`."""
        return self.model.decode(latents)


class TinyDecoder:
    """A decoder of few layers, as TAESD's.

    network  an ``AutoencoderTiny`` of diffusers, trained for the model's latents
    """

    def __init__(self, network: Any) -> None:
        self.network = network.requires_grad_(False).eval()
        self.scale: int = 2 ** (len(network.config.decoder_block_out_channels) - 1)

    def decode(self, latents: Tensor) -> Tensor:
        """As `Decoder.decode`."""
        z = latents.to(self.network.dtype) / self.network.config.scaling_factor
        return (self.network.decode(z).sample.to(latents.dtype) + 1) / 2


def beside_autoencoder(model: Diffusion) -> Path:
    """The folder that a model's autoencoder was read from; one that is not there if it has none."""
    config: Any = model.vae.config if model.vae is not None else {}
    return Path(config.get("_name_or_path") or "nowhere")


class LinearDecoder:
    """One matrix from a latent's channels, and its neighbours', to the mean colour of the pixels that it stands for.

    weight  3 x C x kernel x kernel
    bias    3
    """

    scale = 1

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias

    @classmethod
    @torch.no_grad()
    def fit(cls, model: Diffusion, pictures: Tensor | None = None, kernel: int = 1) -> LinearDecoder:
        """The matrix that says best, by least squares, what pictures look like at the size of their latents.

        pictures  B x 3 x H x W from 0 to 1; soft fields of colour by default
        kernel    latents of a side that a colour is read from, an odd number

        Raises `VertumnusError` for a model of pixels.
        """
        if model.vae is None:
            raise VertumnusError(f"{model.name}: works on pixels, and needs no decoder")
        pictures = soft_fields(model.resolution) if pictures is None else pictures
        latents = torch.cat([model.to_latents(one[None].to(model.device)) for one in pictures])
        wanted = torch.nn.functional.adaptive_avg_pool2d(pictures.to(latents), (latents.shape[-2], latents.shape[-1]))
        patches = _unfolded(latents, kernel)
        known = torch.cat([patches, torch.ones_like(patches[:, :1])], 1)
        # On the processor, in double precision: the smallest fit there is.
        columns = known.movedim(1, -1).flatten(0, -2).double().cpu()
        rows = wanted.movedim(1, -1).flatten(0, -2).double().cpu()
        solved = torch.linalg.lstsq(columns, rows, driver="gelsd").solution.T.float().to(latents.device)
        return cls(solved[:, :-1].reshape(3, latents.shape[1], kernel, kernel), solved[:, -1])

    @classmethod
    def of(cls, model: Diffusion) -> LinearDecoder:
        """The matrix that lies beside a model's autoencoder; fitted to soft fields of colour if none does.

        The one that ships with mini reads 5 x 5 latents, and was fitted to pictures of all kinds
        (training/linear.py). Against unseen pictures made as small it reaches 26.1 dB on mini's own world and 25.7,
        26.0 and 27.1 dB on icons in any colours, emoji and photographs; soft fields alone give 22 to 24 dB.

        Raises `VertumnusError` for a model of pixels, and as `read`.
        """
        file = beside_autoencoder(model) / LINEAR_FILE
        return cls.read(file, model) if file.is_file() else cls.fit(model)

    @classmethod
    def read(cls, file: Path, model: Diffusion) -> LinearDecoder:
        """The matrix of a safetensors file. Raises `VertumnusError` if it is none for the model's latents."""
        check_regular(file)
        try:
            found = load_file(file, device=str(model.device))
        except (OSError, SafetensorError) as error:
            raise VertumnusError(f"{file}: cannot be read ({error})") from error
        if set(found) != {"weight", "bias"} or found["weight"].shape[:2] != (3, model.channels):
            raise VertumnusError(f"{file}: is no map from latents of {model.channels} channels to colours")
        return cls(found["weight"], found["bias"])

    def decode(self, latents: Tensor) -> Tensor:
        """As `Decoder.decode`, one pixel a latent."""
        half = self.weight.shape[-1] // 2
        padded = torch.nn.functional.pad(latents, (half,) * 4, mode="replicate") if half else latents
        return torch.nn.functional.conv2d(padded, self.weight.to(latents), self.bias.to(latents))


def _unfolded(latents: Tensor, kernel: int) -> Tensor:
    """Each latent's neighbourhood in its channels, B x (C kernel kernel) x h x w."""
    half = kernel // 2
    padded = torch.nn.functional.pad(latents, (half,) * 4, mode="replicate") if half else latents
    return torch.nn.functional.unfold(padded, kernel).unflatten(2, latents.shape[-2:])  # type: ignore[no-untyped-call]


def soft_fields(side: int, count: int = 32, seed: int = 0) -> Tensor:
    """Pictures of smooth colours, from two by two to sixteen by sixteen of them, count x 3 x side x side."""
    maker = torch.Generator().manual_seed(seed)
    fields = []
    for number in range(count):
        cells = (2, 4, 8, 16)[number % 4]
        coarse = torch.rand(1, 3, cells, cells, generator=maker)
        fields.append(torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1))
    return torch.cat(fields)


@contextmanager
def tiled(model: Diffusion, tile: int, overlap: float = 0.25) -> Iterator[None]:
    """Has a model decode and encode tile by tile, blended where they overlap, in memory that does not grow.

    tile     latents a side of a tile
    overlap  share of it that neighbours have in common

    A decoder normalises over all it sees, so tiles are not quite what the whole would be; overlaps hide where they
    meet. Pictures no larger than a tile are not changed.

    Raises `VertumnusError` for a model of pixels, and for a tile that leaves no room for an overlap.
    """
    vae: Any = model.vae
    if vae is None:
        raise VertumnusError(f"{model.name}: works on pixels, which need no decoding")
    if not 0 <= overlap < 1 or int(tile * (1 - overlap)) < 1:
        raise VertumnusError(f"tile: {tile} latents with an overlap of {overlap} cannot cover a picture")
    names = ("use_tiling", "tile_latent_min_size", "tile_sample_min_size", "tile_overlap_factor")
    before = {name: getattr(vae, name) for name in names}
    try:
        vae.use_tiling, vae.tile_overlap_factor = True, overlap
        vae.tile_latent_min_size, vae.tile_sample_min_size = tile, tile * model.factor
        yield
    finally:
        for name, value in before.items():
            setattr(vae, name, value)
