"""Trains what steers mini by pictures: python training/adapters.py OUT --kind colour|silhouette --weights PIPELINE

``colour`` is a T2I-Adapter (Mou et al. 2024) that is shown the mean colours of 4 x 4 parts of a picture, as generated
mosaics show them to it; ``silhouette`` a ControlNet (Zhang et al. 2023) that is shown what is covered, white on
black, or the edges, as harmonising draws them. Both are diffusers' own classes, are trained with the network frozen,
as it trains itself, and are judged by what they are for: a tile's mean colour, and the overlap of the silhouette
drawn with the one asked for.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from captions import TELLING
from common import HELD_OUT_SCENES, Run, autocast, options, save_grid, sizes, to_pictures
from diffusers import ControlNetModel, T2IAdapter, UNet2DConditionModel
from numpy.typing import NDArray
from silhouettes import find_object, overlap
from torch import nn
from torch.nn import functional
from world import World, WorldOptions

from vertumnus.harmonizing.control import edges as draw_edges
from vertumnus.harmonizing.layers import Stack
from vertumnus.models import load
from vertumnus.models.diffusion import Diffusion, TextStates
from vertumnus.mosaic.generate.methods import colours_alone
from vertumnus.sampling.control import Control
from vertumnus.sampling.sample import draw_pictures, sample

GRID = 4  # parts a side whose colours are told
GUIDANCE, STEPS = 5.0, 12  # of the samples that are judged
DROPPED = 0.1  # share of captions that are left away
# What captions tell: for colours seldom theirs, so that the adapter has something to say.
TOLD = {"colour": (0.3, 1.0, 0.95, 0.2), "silhouette": TELLING}
FILLED = 0.5  # share of silhouettes that are shown filled, and not as edges


def build(kind: str, unet: UNet2DConditionModel, size: dict) -> nn.Module:
    """The network that steers: an adapter of the UNet's widths, or a ControlNet that begins as its copy."""
    widths = list(unet.config.block_out_channels)
    if kind == "colour":
        adapter = T2IAdapter(
            in_channels=3, channels=widths, num_res_blocks=1, downscale_factor=8, adapter_type="full_adapter"
        )
        adapter.register_to_config(colour_grid=GRID)  # what is to be shown to it
        return adapter
    return ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=tuple(size["embedding"]))


def edges(picture: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What harmonising would draw of a picture, H x W x 3, whose layers cover masks, N x H x W."""
    covers = np.concatenate([np.ones((1, *picture.shape[:2]), bool), masks])
    layers = np.concatenate([np.broadcast_to(picture, (*covers.shape, 3)), 255 * covers[..., None]], -1)
    found: NDArray[np.bool_] = draw_edges(Stack((), layers.astype(np.uint8), (0, 0, 0)))[..., 0] > 0
    return found


def scenes_of(kind: str, count: int, size: dict, seed: int, first: int = 0) -> tuple[list, list, list, list]:
    """Pictures N x H x W x 3, silhouettes and edges N x H x W, and captions: one or two things, anywhere."""
    known = {"nouns": size["nouns"], "drawings": size["drawings"], "told": TOLD[kind]}
    world = World(
        seed, WorldOptions(**known, counts=(0.6, 0.4, 0.0), centred=0.6, plain=0.8, flat=0.9, emoji=0.0, turn=6.0)
    )
    made = [world.scene(first + n) for n in range(count)]
    drawn = [world.draw_with_masks(scene) for scene in made]
    shapes = [np.any(masks > 127, axis=0) for _, masks in drawn]
    lines = [edges(picture, masks > 127) for picture, masks in drawn]
    return [picture for picture, _ in drawn], shapes, lines, [scene.caption for scene in made]


@torch.no_grad()
def encode(kind: str, folder: Path, model: Diffusion, size: dict, seed: int) -> None:
    """Writes scenes.npz, if it is not there: latents, silhouettes and edges as bits, colours, captions."""
    file = folder / "scenes.npz"
    if file.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    pictures, shapes, lines, captions = scenes_of(kind, size["scenes"], size, seed)
    latents, means = [], []
    for n in range(0, len(pictures), 32):
        part = torch.from_numpy(np.stack(pictures[n : n + 32])).permute(0, 3, 1, 2).float().to(model.device) / 255
        latents.append(model.to_latents(part).half().cpu().numpy())
        means.append((functional.adaptive_avg_pool2d(part, GRID) * 255).round().byte().cpu().numpy())
    np.savez(
        file,
        latents=np.concatenate(latents),
        colours=np.concatenate(means),
        shapes=np.packbits(np.stack(shapes), axis=-1),
        edges=np.packbits(np.stack(lines), axis=-1),
        captions=np.array(captions),
    )


def shown(kind: str, stored: dict, rows: NDArray[np.int64], side: int, rng: np.random.Generator) -> torch.Tensor:
    """What the network is shown of those scenes: N x 3 x side x side from 0 to 1."""
    if kind == "colour":
        grid = torch.from_numpy(stored["colours"][rows]).float() / 255
        return functional.interpolate(grid, (side, side), mode="nearest")
    picked = np.where(rng.random((len(rows), 1, 1)) < FILLED, stored["shapes"][rows], stored["edges"][rows])
    return torch.from_numpy(np.unpackbits(picked, axis=-1)).float()[:, None].expand(-1, 3, -1, -1).contiguous()


@torch.no_grad()
def judged(kind: str, model: Diffusion, network: nn.Module, size: dict, folder: Path) -> dict[str, float]:
    """What it reaches on scenes that nothing was trained on, with and without it. Saves a grid of pictures.

    ``colour``: the mean difference of a tile's mean colour, of 255. ``silhouette``: intersection over union.
    """
    pictures, shapes, lines, captions = scenes_of(kind, size["tested"], size, 91, HELD_OUT_SCENES)
    true = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    shown_as = {kind: colours_alone(true, GRID)} if kind == "colour" else {kind: three(shapes), "edges": three(lines)}
    found, grids = {}, [true, *shown_as.values()]
    controls = {"without": (), **{name: [Control(network, asked)] for name, asked in shown_as.items()}}
    for name, control in controls.items():
        steps = sample(model, captions, steps=STEPS, guidance=GUIDANCE, scheduler="ddim", seed=5, control=control)
        made = draw_pictures(model, steps).clamp(0, 1).cpu()
        grids.append(made)
        if kind == "colour":
            found[name] = float(255 * (made.mean((2, 3)) - true.mean((2, 3))).abs().mean())
        else:
            drawn = [find_object(picture).cover > 0.5 for picture in to_pictures(2 * made - 1)]
            found[name] = float(np.mean([overlap(one, two) for one, two in zip(drawn, shapes, strict=True)]))
    rows = torch.stack(grids, 1).flatten(0, 1)[: 12 * len(grids)]
    save_grid(to_pictures(2 * rows - 1), folder / "samples.png", columns=2 * len(grids))
    return found


def three(shapes: list[NDArray[np.bool_]]) -> torch.Tensor:
    """Masks as white on black, N x 3 x H x W from 0 to 1."""
    return torch.from_numpy(np.stack(shapes)).float()[:, None].expand(-1, 3, -1, -1).contiguous()


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "weights", kind="colour")
    size = sizes(chosen.sizes, "adapters")
    model = load(chosen.weights, "diffusion", device=str(chosen.device))
    encode(chosen.kind, chosen.out, model, size, chosen.seed + 31)
    stored = dict(np.load(chosen.out / "scenes.npz"))
    captions = stored["captions"].tolist()
    states = torch.cat([model.encode_text(captions[n : n + 64]).states for n in range(0, len(captions), 64)])
    nothing = model.encode_text("").states
    network = build(chosen.kind, model.unet, size).train()
    run = Run(chosen, size, {chosen.kind: network})
    batch, total = size["batch"], 0.0
    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        rows = rng.integers(len(captions), size=batch)
        x0 = torch.from_numpy(stored["latents"][rows]).to(model.device).float()
        image = shown(chosen.kind, stored, rows, model.resolution, rng).to(model.device)
        dropped = torch.from_numpy(rng.random(batch) < DROPPED).to(model.device)
        text = TextStates(torch.where(dropped[:, None, None], nothing, states[rows]))
        # Where a picture's colours are decided is where the noise is high.
        t = torch.from_numpy(
            np.where(rng.random(batch) < 0.4, rng.integers(0, 1000, batch), rng.integers(500, 1000, batch))
        )
        t = t.to(model.device)
        noise = torch.from_numpy(rng.standard_normal(x0.shape, np.float32)).to(model.device)
        abar = model.alphas_cumprod[t].view(-1, 1, 1, 1)
        noisy = model.add_noise(x0, noise, t)
        with autocast(chosen.device):
            if chosen.kind == "colour":
                more = {"down_intrablock_additional_residuals": network(image)}
            else:
                down, middle = network(noisy, t, text.states, image, return_dict=False)
                more = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            v = model.unet(noisy, t, text.states, **more).sample
        loss = functional.mse_loss(v.float(), abar.sqrt() * noise - (1 - abar).sqrt() * x0)
        run.descend(loss, batch)
        total += float(loss.detach())
        if step % 100 == 99:
            run.log(loss=total / 100)
            total = 0.0
        if (step + 1) % size["judged"] == 0 or step + 1 == run.steps:
            before = run.average.give(run.models)
            run.facts = judged(chosen.kind, model, network.eval(), size, run.folder)
            print(f"step {step + 1}: {json.dumps(run.facts)}", flush=True)
            network.half().save_pretrained(run.folder / "network")
            network.float().load_state_dict(before[chosen.kind])
            network.train()


if __name__ == "__main__":
    main()
