"""Fits the best linear map from latents to colours: python training/linear.py [WEIGHTS] [--icons FOLDER]

Least squares in closed form, on the autoencoder's training pictures: each latent, with the 24 around it, to the
mean colour of the pixels that it stands for. Steering a sampler by low frequencies needs no more, and decodes a
thousand times cheaper. WEIGHTS is a pipeline's folder; the map goes beside its autoencoder, as linear.safetensors,
with what it reaches on pictures that nothing was trained on: decibels against the pictures made as small.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pictures import bank
from safetensors.torch import save_file

from vertumnus.models import load
from vertumnus.models.checkpoint import mini_folder
from vertumnus.models.diffusion import Diffusion
from vertumnus.sampling.decode import LINEAR_FILE, LinearDecoder

KERNEL = 5


def to_tensor(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """N x H x W x 3 bytes as N x 3 x H x W from 0 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255


@torch.no_grad()
def psnr(decoder: LinearDecoder, model: Diffusion, pictures: torch.Tensor) -> float:
    """The mean peak signal-to-noise ratio in dB of colours read from latents, against pictures made as small."""
    found = []
    for part in pictures.split(32):
        latents = model.to_latents(part)
        wanted = torch.nn.functional.adaptive_avg_pool2d(part, (latents.shape[-2], latents.shape[-1]))
        error = ((decoder.decode(latents).clamp(0, 1) - wanted) ** 2).mean((1, 2, 3))
        found.append(-10 * error.clamp(min=1e-9).log10())
    return float(torch.cat(found).mean())


def fit(folder: Path, count: int, icons: Path | None, seed: int = 0) -> dict[str, float]:
    """Writes the map of a pipeline's folder; returns its PSNR by kind of picture."""
    model = load(folder, "diffusion")
    seen = to_tensor(np.concatenate(list(bank(count, seed, icons).values())))
    decoder = LinearDecoder.fit(model, seen, KERNEL)
    tested = bank(max(4, count // 4), seed + 1, icons, test=True)
    reached = {name: round(psnr(decoder, model, to_tensor(pictures)), 2) for name, pictures in tested.items()}
    parts = {"weight": decoder.weight.contiguous(), "bias": decoder.bias.contiguous()}
    save_file(parts, folder / "vae" / LINEAR_FILE, {"psnr": json.dumps(reached), "pictures": str(len(seen))})
    return reached


def main() -> None:
    """Fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="?", default=mini_folder("diffusion"))
    parser.add_argument("--icons", type=Path, help="folder of whole sets and photographs (fetch.py)")
    parser.add_argument("--count", type=int, default=1200)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(fit(chosen.weights, chosen.count, chosen.icons))


if __name__ == "__main__":
    main()
