"""What the measurements of mini share: samples, pictures as tensors, grids, and shares with their intervals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vertumnus.models.diffusion import Diffusion
from vertumnus.sampling.sample import draw_pictures, sample

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))

HELD_OUT = 1 << 41  # scene numbers from here on; training stays far below
STEPS = 30
Pixels = NDArray[np.uint8]


class Share(NamedTuple):
    """How many of so many, and the 95 % interval of Wilson (1927)."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.0%} ({self.low:.0%}-{self.high:.0%})"


def share(found: list[bool] | list[float] | NDArray[np.bool_]) -> Share:
    """The share of what is true.

    >>> str(share([True] * 8 + [False] * 8))
    '50% (28%-72%)'
    """
    count, value, z = len(found), float(np.mean(found)), 1.96
    middle = (value + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(value * (1 - value) / count + z * z / (4 * count * count))
    return Share(value, float(middle - half), float(middle + half), count)


def to_tensor(pictures: Pixels) -> torch.Tensor:
    """Pictures from 0 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255


def to_pictures(images: torch.Tensor) -> Pixels:
    """The way back."""
    return (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> NDArray[np.float64]:
    """The peak signal-to-noise ratio of each picture from 0 to 1, in dB."""
    error = (made.clamp(0, 1) - wanted.clamp(0, 1)).double().square().mean((1, 2, 3))
    return (-10 * error.clamp(min=1e-9).log10()).numpy()


def draw(model: Diffusion, prompts: str | list[str], steps: int, guidance: float, seed: int) -> torch.Tensor:
    """Pictures by DDIM."""
    return draw_pictures(model, sample(model, prompts, steps=steps, guidance=guidance, scheduler="ddim", seed=seed))


def make(model: Diffusion, prompts: list[str], guidance: float, seed: int) -> Pixels:
    """Samples for prompts."""
    made = [
        to_pictures(draw(model, prompts[n : n + 32], STEPS, guidance, seed + n)) for n in range(0, len(prompts), 32)
    ]
    return np.concatenate(made)


@torch.no_grad()
def rebuilt(model: Diffusion, pictures: Pixels) -> Pixels:
    """Pictures passed through the autoencoder."""
    parts = np.array_split(pictures, max(1, len(pictures) // 32))
    return np.concatenate([to_pictures(model.decode(model.to_latents(to_tensor(part)))) for part in parts])


def save_grid(pictures: Pixels, file: Path, columns: int = 8) -> None:
    """Pictures side by side, in few enough colours to be a small file."""
    count, side = pictures.shape[:2]
    grid = np.full((-(-count // columns) * side, columns * side, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        top, left = n // columns * side, n % columns * side
        grid[top : top + side, left : left + side] = picture
    small = Image.fromarray(grid).resize((columns * 96, -(-count // columns) * 96), Image.Resampling.LANCZOS)
    small.quantize(128).save(file, optimize=True)
