"""Trains mini's autoencoder: python training/vae.py OUT

Loss: absolute and squared error, half the absolute error of differences between neighbours (edges), and 1e-4
of the mean divergence from a normal distribution.
"""

from __future__ import annotations

import numpy as np
import torch
from common import HELD_OUT_SCENES, Run, autocast, options, save_grid, sizes, to_pictures, to_tensor

from vertumnus.models.mini.autoencoder import UnshuffleAutoencoderKL
from vertumnus.models.mini.world import World, WorldOptions


def build(size: dict) -> UnshuffleAutoencoderKL:
    """An autoencoder of that size. Its posterior starts narrow, so that the decoder sees clean latents."""
    model = UnshuffleAutoencoderKL(
        block_out_channels=(12, 48, *size["widths"]),
        latent_channels=size["latents"],
        norm_num_groups=min(32, size["widths"][0]),
    )
    with torch.no_grad():
        model.quant_conv.bias[size["latents"] :] = -5.0
    return model


def edges(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean absolute error of differences between neighbouring pixels."""
    gap = x - y
    return (gap[..., 1:] - gap[..., :-1]).abs().mean() + (gap[..., 1:, :] - gap[..., :-1, :]).abs().mean()


@torch.no_grad()
def psnr(model: UnshuffleAutoencoderKL, pictures: np.ndarray, device: torch.device) -> tuple[float, np.ndarray]:
    """The mean over pictures of the peak signal-to-noise ratio in dB, and the reconstructions."""
    made = []
    for chunk in np.array_split(pictures, max(1, len(pictures) // 32)):
        x = to_tensor(chunk, device)
        made.append(to_pictures(model.decode(model.encode(x).latent_dist.mode()).sample))
    made = np.concatenate(made)
    error = ((made.astype(np.float64) - pictures) ** 2).mean(axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-9)))), made


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0])
    size = sizes(chosen.sizes, "vae")
    # All nouns and all combinations: what the encoder sees does not teach it which words belong together.
    world = World(chosen.seed, WorldOptions(nouns=size["nouns"], combinations="all"))
    model = build(size)
    run = Run(chosen, size, {"vae": model})
    tested, _ = world.batch(HELD_OUT_SCENES, 200)
    batch = size["batch"]
    for step in run:
        pictures, _ = world.batch(step * batch, batch)
        x = to_tensor(pictures, chosen.device)
        with autocast(chosen.device):
            posterior = model.encode(x).latent_dist
            z = posterior.sample()
            y = model.decode(z).sample
        y = y.float()
        kl = posterior.kl().mean() / z[0].numel()
        loss = (x - y).abs().mean() + ((x - y) ** 2).mean() + 0.5 * edges(x, y) + 1e-4 * kl
        run.descend(loss, batch)
        if step % 250 == 249:
            before = run.average.give(run.models)
            decibels, made = psnr(model, tested, chosen.device)
            latents = torch.cat(
                [
                    model.encode(to_tensor(part, chosen.device)).latent_dist.mode()
                    for part in np.split(tested[:128], 4)
                ]
            )
            run.facts = {"psnr": decibels, "scaling_factor": float(1 / latents.std())}
            run.log(loss=float(loss), psnr=decibels)
            pairs = np.stack([tested[:32], made[:32]], 1).reshape(-1, *tested.shape[1:])
            save_grid(pairs, run.folder / "samples.png")
            model.load_state_dict(before["vae"])


if __name__ == "__main__":
    main()
