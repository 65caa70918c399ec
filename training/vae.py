"""Trains mini's autoencoder: python training/vae.py OUT [--icons FOLDER] [--warm WEIGHTS]

Loss: absolute and squared error, half the absolute error of differences between neighbours (edges), and 1e-4
of the mean divergence from a normal distribution. With --warm it starts from an autoencoder that had fewer latents:
the new ones are added, and the old ones are held where they were, so that a diffusion model can go on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from common import Run, autocast, averaged, options, save_grid, sizes, to_pictures, to_tensor
from pictures import SHARES, kept_pictures
from torch import nn

from vertumnus.models.mini.autoencoder import UnshuffleAutoencoderKL

HOLD = 0.3  # weight of the old latents' squared change


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


def trained(folder: Path, size: dict) -> UnshuffleAutoencoderKL:
    """The autoencoder of a training folder, or of a folder of weights."""
    if (folder / "config.json").exists():
        model = UnshuffleAutoencoderKL.from_pretrained(folder).float()
        return model.eval().requires_grad_(False)
    return averaged(folder, build(size), "vae")


@torch.no_grad()
def warm(model: UnshuffleAutoencoderKL, folder: Path) -> UnshuffleAutoencoderKL:
    """Puts the weights of an autoencoder with fewer latents into the model; returns that autoencoder."""
    old = UnshuffleAutoencoderKL.from_pretrained(folder).float().eval().requires_grad_(False)
    before, after = old.config.latent_channels, model.config.latent_channels
    mine, theirs = model.state_dict(), old.state_dict()
    # Channels of the encoder's end are means, then log-variances; they are found again among more.
    ends = [*range(before), *range(after, after + before)]
    for name, value in theirs.items():
        if value.shape == mine[name].shape:
            mine[name].copy_(value)
        elif name.startswith("encoder.conv_out"):
            mine[name][ends] = value
        elif name == "quant_conv.weight":
            rows = torch.tensor(ends)
            mine[name][rows] = 0
            mine[name][rows[:, None], rows[None]] = value
        elif name == "quant_conv.bias":
            mine[name][ends] = value
        elif name == "post_quant_conv.weight":
            mine[name].zero_()
            mine[name].diagonal().fill_(1.0)
            mine[name][:before, :before] = value
        elif name == "post_quant_conv.bias":
            mine[name].zero_()
            mine[name][:before] = value
        elif name == "decoder.conv_in.weight":
            mine[name].mul_(0.1)
            mine[name][:, :before] = value
        else:
            raise ValueError(f"{name}: cannot be taken over")
    return old


def edges(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean absolute error of differences between neighbouring pixels."""
    gap = x - y
    return (gap[..., 1:] - gap[..., :-1]).abs().mean() + (gap[..., 1:, :] - gap[..., :-1, :]).abs().mean()


@torch.no_grad()
def psnr(model: nn.Module, pictures: np.ndarray, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """The peak signal-to-noise ratio of every picture in dB, and the reconstructions."""
    parts = []
    for chunk in np.array_split(pictures, max(1, len(pictures) // 32)):
        x = to_tensor(chunk, device)
        parts.append(to_pictures(model.decode(model.encode(x).latent_dist.mode()).sample))
    made = np.concatenate(parts)
    error = ((made.astype(np.float64) - pictures) ** 2).mean(axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-9)), made


def varied(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures turned, mirrored and with their colour channels exchanged, half of the time."""
    found = []
    for picture in pictures:
        if rng.random() < 0.5:
            picture = np.rot90(picture, rng.integers(4))[:, :: rng.choice([-1, 1]), rng.permutation(3)]
        found.append(picture)
    return np.stack(found)


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "icons", "warm")
    size = sizes(chosen.sizes, "vae")
    model = build(size)
    old = warm(model, chosen.warm).to(chosen.device) if chosen.warm is not None else None
    if chosen.frozen:  # where a diffusion model has already been trained on the latents
        for part in (model.encoder, model.quant_conv):
            part.requires_grad_(False)
    seen, tested = kept_pictures(chosen, size)
    run = Run(chosen, size, {"vae": model})
    batch = size["batch"]
    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        rows = np.sort(rng.integers(len(seen), size=batch))
        x = to_tensor(varied(seen[rows], rng), chosen.device)
        with autocast(chosen.device):
            posterior = model.encode(x).latent_dist
            y = model.decode(posterior.sample()).sample
        y = y.float()
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        loss = (x - y).abs().mean() + ((x - y) ** 2).mean() + 0.5 * edges(x, y) + 1e-4 * kl
        if old is not None and not chosen.frozen:
            with torch.no_grad(), autocast(chosen.device):
                held = old.encode(x).latent_dist.mode().float()
            # The world's pictures, which are the first, are all that a diffusion model was trained on.
            own = torch.from_numpy(rows < SHARES["world"] * len(seen)).to(chosen.device).view(-1, 1, 1, 1)
            change = (posterior.mean[:, : held.shape[1]].float() - held) ** 2
            loss = loss + HOLD * (own * change).mean()
        run.descend(loss, batch)
        if step % 500 == 499 or step + 1 == run.steps:
            before = run.average.give(run.models)
            model.eval()
            found = {name: psnr(model, pictures, chosen.device) for name, pictures in tested.items()}
            run.facts = {name: round(float(values.mean()), 2) for name, (values, _) in found.items()}
            run.log(loss=float(loss.detach()), **run.facts)
            shown = [np.stack([tested[name][:8], made[:8]], 1) for name, (_, made) in found.items()]
            save_grid(np.concatenate(shown).reshape(-1, *seen.shape[1:]), run.folder / "samples.png")
            model.load_state_dict(before["vae"])
            model.train()


if __name__ == "__main__":
    main()
