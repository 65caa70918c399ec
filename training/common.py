"""What the training scripts share: options, sizes, checkpoints, running averages, curves and picture grids."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import signal
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

HERE = Path(__file__).parent
HELD_OUT_SCENES = 1 << 40  # scene numbers from here on are for testing; training never gets there


def options(what: str, *folders: str, **words: str) -> argparse.Namespace:
    """The options that every training script takes, those that name further folders, and words with a default."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("out", type=Path, help="folder of checkpoints, curves and samples; resumed if it holds any")
    parser.add_argument("--sizes", default="cpu", help="a table of sizes.toml")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long, with a checkpoint")
    parser.add_argument("--steps", type=int, help="in place of the table's")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--save-every", type=float, default=2.0, help="minutes between checkpoints")
    parser.add_argument("--frozen", action="store_true", help="of an autoencoder, train the decoder alone")
    for name in folders:
        parser.add_argument(f"--{name}", type=Path, help=f"folder of the trained {name}")
    for name, default in words.items():
        parser.add_argument(f"--{name}", default=default)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    chosen.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return chosen


def sizes(table: str, model: str) -> dict[str, Any]:
    """One model's sizes, and the number of nouns."""
    tables = tomllib.loads((HERE / "sizes.toml").read_text())
    return {"nouns": tables[table]["nouns"], **tables[table][model]}


def autocast(device: torch.device) -> torch.autocast:
    """Half precision with the range of single, faster on both kinds of machine."""
    return torch.autocast(device.type, torch.bfloat16)


class Average:
    """An exponential running average of a model's weights, warmed up as in EDM2's practice."""

    def __init__(self, models: dict[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.weights = {name: _copied(model) for name, model in models.items()}

    @torch.no_grad()
    def update(self, models: dict[str, nn.Module], step: int) -> None:
        """Moves towards the weights after so many steps."""
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, model in models.items():
            for key, value in model.state_dict().items():
                kept = self.weights[name][key]
                if kept.is_floating_point():
                    kept.lerp_(value, 1 - decay)
                else:
                    kept.copy_(value)

    def give(self, models: dict[str, nn.Module]) -> dict[str, dict[str, torch.Tensor]]:
        """Puts the average into the models; returns what was in them."""
        before = {name: _copied(model) for name, model in models.items()}
        for name, model in models.items():
            model.load_state_dict(self.weights[name])
        return before


def averaged(folder: Path, model: nn.Module, name: str) -> nn.Module:
    """The model with the averaged weights of a training folder's checkpoint."""
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(state["average"][name])
    return model.eval().requires_grad_(False)


def _copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


class Run:
    """One training run in a folder: where it stands, its checkpoint and its curve.

    models   by name; all are trained, saved and averaged
    """

    def __init__(
        self, chosen: argparse.Namespace, size: dict[str, Any], models: dict[str, nn.Module], groups: Any = None
    ) -> None:
        self.folder: Path = chosen.out
        self.folder.mkdir(parents=True, exist_ok=True)
        self.models = {name: model.to(chosen.device) for name, model in models.items()}
        self.size = size
        self.steps = chosen.steps or size["steps"]
        self.average = Average(self.models, size.get("average", 0.0))
        parameters = groups or [p for model in self.models.values() for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            parameters, lr=size["rate"], betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self.step = 0
        self.seconds = 0.0
        self.samples = 0
        self.minutes = chosen.minutes
        self.save_every = 60 * chosen.save_every
        self.facts: dict[str, Any] = {}
        self.checkpoint = self.folder / "checkpoint.pt"
        if self.checkpoint.exists():
            self._load(chosen.device)
        self._started = time.monotonic()
        self._before = self.seconds

    def _load(self, device: torch.device) -> None:
        state = torch.load(self.checkpoint, map_location=device, weights_only=True)
        for name, model in self.models.items():
            model.load_state_dict(state["models"][name])
        self.average.weights = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.samples = state["step"], state["seconds"], state["samples"]
        self.facts = state["facts"]
        torch.set_rng_state(state["rng"].cpu())
        print(f"resumed at step {self.step}", flush=True)

    def save(self) -> None:
        """Writes the checkpoint whole or not at all."""
        state = {
            "models": {name: model.state_dict() for name, model in self.models.items()},
            "average": self.average.weights,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "samples": self.samples,
            "facts": self.facts,
            "rng": torch.get_rng_state(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)
        record = {"steps": self.step, "samples": self.samples, "seconds": round(self.seconds), **self.facts}
        (self.folder / "run.json").write_text(json.dumps(record, indent=1))

    def __iter__(self) -> Iterator[int]:
        """Step numbers, until the run or the time is over or it is told to end; saves on the way, and at the end."""
        saved = time.monotonic()
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
        while self.step < self.steps and not told:
            now = time.monotonic()
            self.seconds = self._before + now - self._started
            if now - self._started > 60 * self.minutes:
                break
            if now - saved > self.save_every:
                self.save()
                saved = now
            # Held for the first half, then down a cosine, after a short rise.
            share = self.step / self.steps
            fall = 1.0 if share < 0.5 else 0.5 + 0.5 * math.cos(math.pi * (2 * share - 1))
            for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
                group["lr"] = rate * fall * min(1.0, (self.step + 1) / 100)
            yield self.step
            self.step += 1
        self.save()

    def descend(self, loss: torch.Tensor, samples: int) -> None:
        """One step of the optimiser and of the average."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        self.optimiser.step()
        self.average.update(self.models, self.step)
        self.samples += samples

    def log(self, **values: float) -> None:
        """Adds a row to the curve and prints it."""
        rate = (self.samples) / max(self.seconds, 1e-9)
        row = {"step": self.step, "minutes": round(self.seconds / 60, 2), "samples": self.samples, **values}
        file = self.folder / "curve.csv"
        new = not file.exists()
        with file.open("a", newline="") as stream:
            writer = csv.DictWriter(stream, row)
            if new:
                writer.writeheader()
            writer.writerow(
                {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()}
            )
        told = ", ".join(f"{key} {value:.4g}" for key, value in row.items())
        print(f"{told}, {rate:.0f} samples/s", flush=True)


def to_tensor(pictures: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """N x H x W x 3 bytes as N x 3 x H x W from -1 to 1."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)


def to_pictures(tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The way back, clipped."""
    scaled = (tensor.float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()


def save_grid(pictures: NDArray[np.uint8], file: Path, columns: int = 8) -> None:
    """N x H x W x 3 bytes side by side."""
    count, height, width = pictures.shape[:3]
    rows = -(-count // columns)
    grid = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        top, left = n // columns * height, n % columns * width
        grid[top : top + height, left : left + width] = picture
    Image.fromarray(grid).save(file)
