"""What one step of composing with a large network costs, and the renderer's and the losses' share of it.

    python benchmarks/distillation_cost.py [--precision float32] [--device cpu] [--steps 2] [--json FILE] [--renderer]

The prior has the size of Stable Diffusion 2.1: its UNet and autoencoder are built from the published configuration,
with random weights, so nothing is downloaded. It takes 9 GB of memory in float32. A step is one canvas of
256 x 256 pixels, as composing renders for a network of 512: rendering, the render loss, distillation through the
encoder with guidance (the teacher is asked twice), the student's answer and its own step, and the way back to the
placements. ``--renderer`` leaves the network out.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from vertumnus.composing.compose import live_compose
from vertumnus.composing.composition import Composition
from vertumnus.elements.icons import icon_element
from vertumnus.guidance.distillation import FINEST
from vertumnus.guidance.options import PictogramOptions
from vertumnus.guidance.score import ScoreDistillation

SIZE = 512
ELEMENTS = 32
GOAL = 0.05  # of a step, renderer and losses
ICONS = """
anchor apple bell bird bone book bug butterfly camera carrot cat chair cloud crown dog dragon drum egg feather fish
flask flower frog gem ghost gift guitar hammer heart horse house key
"""


class Prior:
    """A network of Stable Diffusion 2.1's size, random, behind the interface of a prior."""

    name = "random weights of the size of Stable Diffusion 2.1"
    shape = (4, SIZE // 8, SIZE // 8)

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        from diffusers import AutoencoderKL, UNet2DConditionModel

        self.device = device
        self.alphas_cumprod = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
        self.unet = UNet2DConditionModel(
            sample_size=SIZE // 8,
            block_out_channels=(320, 640, 1280, 1280),
            attention_head_dim=(5, 10, 20, 20),
            cross_attention_dim=1024,
            use_linear_projection=True,
        )
        self.vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
        )
        for part in (self.unet, self.vae):
            part.requires_grad_(False).eval().to(device, dtype)
        self.dtype = dtype

    def encode_text(self, prompts: str) -> torch.Tensor:
        """Random text states, which cost what real ones do."""
        return torch.randn(1, 77, 1024, generator=torch.Generator().manual_seed(len(prompts))).to(self.device)

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Latents of pictures from 0 to 1."""
        image = torch.nn.functional.interpolate(image, (SIZE, SIZE), mode="bilinear", antialias=True)
        return self.vae.encode((2 * image - 1).to(self.dtype)).latent_dist.mode().float() * 0.18215

    def decode(self, x_0: torch.Tensor) -> torch.Tensor:
        """Pictures from 0 to 1 of latents."""
        return (self.vae.decode((x_0 / 0.18215).to(self.dtype)).sample.float() + 1) / 2

    def add_noise(self, x_0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Eq. (1)."""
        abar = self.alphas_cumprod[t.cpu()].to(x_0).view(-1, 1, 1, 1)
        return abar.sqrt() * x_0 + (1 - abar).sqrt() * noise

    def predict_noise(
        self,
        x_t: torch.Tensor,
        t: torch.Tensor,
        text: torch.Tensor,
        guidance: float = 1.0,
        negative: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The noise in x_t, with classifier-free guidance in one batch."""
        states = text.expand(len(x_t), -1, -1)
        if guidance == 1.0 or negative is None:
            return self.unet(x_t.to(self.dtype), t, states.to(self.dtype)).sample.float()
        both = torch.cat([negative.expand_as(states), states]).to(self.dtype)
        without, along = self.unet(torch.cat([x_t, x_t]).to(self.dtype), torch.cat([t, t]), both).sample.chunk(2)
        return (without + guidance * (along - without)).float()


class Given:
    """A source, and its guidance, that costs nothing and wants the same all the time."""

    name = "given"
    options = PictogramOptions()
    iterations = 40
    render_weight = 1.0
    side_by_side = False
    skipped = 0
    target_colour = None
    target_things = ()
    target_alpha = None

    def __init__(self, resolution: int) -> None:
        self.resolution = resolution
        drawn = np.random.default_rng(0).standard_normal((1, resolution, resolution, 5))
        self.gradients = drawn.astype(np.float32) / np.float32(resolution**2)

    def guidance(self, *_: object) -> Given:
        """Itself."""
        return self

    def inputs(self) -> dict[str, str]:
        """None."""
        return {}

    def __call__(self, canvases: np.ndarray, progress: float) -> tuple[np.ndarray, np.ndarray]:
        """What it was given."""
        return np.zeros(1), self.gradients


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--renderer", action="store_true", help="the renderer alone, without a network")
    parser.add_argument("--json", type=Path, default=Path("build/benchmark-distillation-cost.json"))
    arguments = parser.parse_args()
    console = Console(width=118)
    device = torch.device(arguments.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    console.print(f"{platform.processor() or platform.machine()}, {where}, {arguments.precision}")

    found: dict[str, object] = {"where": where, "precision": arguments.precision}
    renders = {
        f"{count} at {side} px": render_cost(count, side) for side in (64, FINEST, SIZE) for count in (20, 32, 200)
    }
    found["renderer_ms"] = renders
    table = Table("renderer and losses", "wall ms", "CPU ms")
    for name, row in renders.items():
        table.add_row(name, f"{row['wall']:.1f}", f"{row['cpu']:.1f}")
    console.print(table)
    if not arguments.renderer:
        parts = network_cost(device, getattr(torch, arguments.precision), arguments.steps)
        found["network_ms"] = parts
        table = Table("network, one canvas", "wall ms", "CPU ms")
        for name, row in parts.items():
            table.add_row(name, f"{row['wall']:.0f}", f"{row['cpu']:.0f}")
        console.print(table)
        ours, theirs = renders[f"{ELEMENTS} at {FINEST} px"], parts["vsd"]
        shares = {key: ours[key] / (ours[key] + theirs[key]) for key in ("wall", "cpu")}
        few, many = (renders[f"{count} at {FINEST} px"]["wall"] + theirs["wall"] for count in (20, 200))
        growth = many / few
        found |= {"share": shares, "growth_20_to_200": growth}
        console.print(
            f"renderer and losses: {shares['wall']:.2%} of a step of {ELEMENTS} elements (goal {GOAL:.0%});"
            f" a step of 200 elements takes {growth:.3f} times one of 20 (goal 2)"
        )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    console.print(str(arguments.json))


def timed(work: Callable[[], object], times: int) -> dict[str, float]:
    """Median milliseconds, of the clock and of the processor."""
    rows = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        rows.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {"wall": 1e3 * statistics.median(r[0] for r in rows), "cpu": 1e3 * statistics.median(r[1] for r in rows)}


def composition(count: int, side: int) -> Composition:
    """Icons at the start of a run on a canvas of so many guidance pixels a side."""
    colours = np.random.default_rng(0).integers(0, 256, (len(ICONS.split()), 3))
    elements = [icon_element(n, "#" + bytes(c.tolist()).hex()) for n, c in zip(ICONS.split(), colours, strict=True)]
    return live_compose(elements, "a butterfly", guidance=Given(side), size=SIZE, count=count, strict=False)


def render_cost(count: int, side: int) -> dict[str, float]:
    """Of one step without a prior: rendering, the losses, the way back, the optimiser."""
    steps = iter(composition(count, side))
    next(steps)
    return timed(lambda: next(steps), 30)


def network_cost(device: torch.device, dtype: torch.dtype, steps: int) -> dict[str, dict[str, float]]:
    """Of one canvas: by SDS, and by VSD with the student's step."""
    prior = Prior(device, dtype)
    start = composition(ELEMENTS, FINEST)
    next(iter(start))
    canvas = start.optimiser.canvas
    assert canvas is not None
    found = {}
    for method in ("sds", "vsd"):
        guidance = ScoreDistillation(prior, "a butterfly", np.random.default_rng(0), method=method)
        guidance(canvas[None], 0.0)
        found[method] = timed(lambda guidance=guidance: guidance(canvas[None], 0.5), steps)
        if guidance.skipped:
            raise SystemExit(f"{method}: the network's answer was not finite")
        guidance.close()
    return found


if __name__ == "__main__":
    main()
