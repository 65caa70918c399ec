"""Trains a tiny decoder for mini's latents: python training/small_decoder.py OUT --weights PIPELINE [--icons FOLDER]

Stock `AutoencoderTiny` (TAESD's class), some sixty thousand weights: guiding a sampler by its pictures needs a
decoder at every step, and mostly its low frequencies alone. The encoder, which the class has too, learns the
latents of the whole autoencoder, so that the checkpoint is good for both ways. It is judged on pictures that nothing
was trained on, beside the whole decoder and the linear map.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from common import Run, autocast, options, save_grid, sizes, to_pictures, to_tensor
from diffusers import AutoencoderTiny
from linear import to_tensor as from_bytes
from numpy.typing import NDArray
from pictures import kept_pictures
from vae import edges, varied

from vertumnus.models import load
from vertumnus.models.diffusion import Diffusion
from vertumnus.sampling.decode import Decoder, FullDecoder, LinearDecoder, TinyDecoder

NOISE = 0.05  # standard deviation of what is added to latents, which a sampler's are never quite


def build(size: dict, channels: int) -> AutoencoderTiny:
    """The network; its blocks are where pictures are small."""
    width, down, up = size["width"], size["down"], size["up"]
    return AutoencoderTiny(
        latent_channels=channels,
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=tuple(down),
        num_decoder_blocks=tuple(up),
    )


@torch.no_grad()
def reached(model: Diffusion, decoder: Decoder, tested: dict[str, NDArray[np.uint8]], small: bool = False) -> dict:
    """The mean peak signal-to-noise ratio in dB by kind of picture.

    small  pictures and what is decoded are made as small as the latents: what low frequencies need
    """
    found = {}
    for name, pictures in tested.items():
        values = []
        for part in np.array_split(pictures, max(1, len(pictures) // 16)):
            wanted = from_bytes(part).to(model.device)
            latents = model.to_latents(wanted)
            made = decoder.decode(latents).clamp(0, 1)
            if small:
                extent = latents.shape[-2:]
                made, wanted = (torch.nn.functional.adaptive_avg_pool2d(one, extent) for one in (made, wanted))
            values.append(-10 * ((made - wanted) ** 2).mean((1, 2, 3)).clamp(min=1e-9).log10())
        found[name] = round(float(torch.cat(values).mean()), 2)
    return found


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "weights", "icons")
    size = sizes(chosen.sizes, "tiny")
    model = load(chosen.weights, "diffusion", device=str(chosen.device))
    network = build(size, model.channels)
    seen, tested = kept_pictures(chosen, size)
    run = Run(chosen, size, {"tiny": network})
    batch = size["batch"]
    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        rows = np.sort(rng.integers(len(seen), size=batch))
        x = to_tensor(varied(seen[rows], rng), chosen.device)
        with torch.no_grad():
            latents = model.to_latents((x + 1) / 2)
        noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32)).to(latents)
        with autocast(chosen.device):
            y = network.decode(latents + NOISE * noise).sample.float()
            said = network.encode(x).latents.float()
        loss = (x - y).abs().mean() + ((x - y) ** 2).mean() + 0.5 * edges(x, y)
        loss = loss + 0.1 * torch.nn.functional.mse_loss(said, latents)
        run.descend(loss, batch)
        if (step + 1) % size["judged"] == 0 or step + 1 == run.steps:
            before = run.average.give(run.models)
            run.facts = {"tiny": reached(model, TinyDecoder(network), tested)}
            if step + 1 == run.steps:
                run.facts["tiny, low"] = reached(model, TinyDecoder(network), tested, small=True)
                run.facts["full"] = reached(model, FullDecoder(model), tested)
                run.facts["linear, low"] = reached(model, LinearDecoder.of(model), tested, small=True)
            run.log(loss=float(loss.detach()), **run.facts["tiny"])
            shown = from_bytes(np.concatenate([pictures[:6] for pictures in tested.values()])).to(chosen.device)
            with torch.no_grad():
                made = network.decode(model.to_latents(shown)).sample.float()
            save_grid(
                to_pictures(torch.stack([2 * shown - 1, made], 1).flatten(0, 1)), run.folder / "samples.png", 12
            )
            save(network, run.folder / "network", run.facts)
            network.float().load_state_dict(before["tiny"])
            network.requires_grad_(True).train()


def save(network: AutoencoderTiny, folder: Path, facts: dict) -> None:
    """The network in half precision, as stock diffusers reads it, and what it reaches beside it."""
    network.half().save_pretrained(folder)
    (folder / "psnr.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
