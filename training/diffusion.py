"""Trains mini's diffusion model, text tower and UNet together: python training/diffusion.py OUT --vae V [--judge J]

Scenes are encoded once (scenes.py). The run begins with single things in one place and of one size: from pure noise
the best answer is then the noun's own silhouette, which ties nouns to shapes; two things in two places come next, and
the world's variety after that. Higher noise, where it is decided what a picture shows, is drawn more often. Nouns'
tokens are told where to look (attention.py). With --warm it goes on from weights that ship, whose latents may be
fewer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import judge as judges
import numpy as np
import scenes
import text
import tokenizer as byte_pairs
import torch
import vae as autoencoders
from attention import inside_loss, record
from common import Run, autocast, averaged, options, save_grid, sizes, to_pictures
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from vertumnus.models.mini.vocabulary import with_article

GUIDANCE = 5.0
MASKS = 0.05  # weight of the attention's loss
_KNOTS = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)  # shares of the run, at which sizes.toml says how often each kind is drawn


def schedule() -> DDIMScheduler:
    """Stable Diffusion's, rescaled so that the last step is pure noise; the network predicts v."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
    )


def build(size: dict, latents: int, tokenizer: CLIPTokenizer) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """A UNet with cross-attention at 16 x 16 and 8 x 8, and its text tower."""
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=latents,
        out_channels=latents,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=tuple(size["widths"]),
        layers_per_block=size["layers"],
        attention_head_dim=tuple(size["heads"]),
        cross_attention_dim=size["text_width"],
        norm_num_groups=16,
    )
    config = text.config(tokenizer, size["text_width"], size["text_layers"])
    tower = CLIPTextModel._from_config(config, attn_implementation="eager")
    text.spread(tower)
    return unet, tower


@torch.no_grad()
def warm(unet: UNet2DConditionModel, tower: CLIPTextModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Puts the weights of a pipeline in, which may have fewer latents: those that it lacks start from nothing.

    Words are found again by what they are spelt, so its vocabulary may differ.
    """
    old = UNet2DConditionModel.from_pretrained(folder / "unet").state_dict()
    mine = unet.state_dict()
    for name, value in mine.items():
        if old[name].shape == value.shape:
            value.copy_(old[name])
        else:
            value.mul_(0.3) if name.startswith("conv_in") else value.zero_()
            value[tuple(slice(length) for length in old[name].shape)] = old[name]
    read = CLIPTextModel.from_pretrained(folder / "text_encoder").state_dict()
    before = CLIPTokenizer.from_pretrained(folder / "tokenizer").get_vocab()
    now = tokenizer.get_vocab()
    for name, value in tower.state_dict().items():
        if name.endswith("token_embedding.weight"):
            for word, at in now.items():
                if word in before:
                    value[at] = read[name][before[word]]
        else:
            value.copy_(read[name])


@torch.no_grad()
def sample(
    unet: UNet2DConditionModel,
    tower: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    prompts: list[str],
    guidance: float,
    steps: int,
    seed: int,
    size: tuple[int, int] = (16, 16),
) -> torch.Tensor:
    """Latents of unit deviation for prompts, by DDIM with classifier-free guidance."""
    device = unet.device
    scheduler = schedule()
    scheduler.set_timesteps(steps)
    words = tower(text.ids(tokenizer, prompts + [""] * len(prompts), device)).last_hidden_state
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn((len(prompts), unet.config.in_channels, *size), generator=noise).to(device)
    for t in scheduler.timesteps:
        with autocast(device):
            both = unet(torch.cat([x, x]), t, words).sample.float()
        told, untold = both.chunk(2)
        x = scheduler.step(untold + guidance * (told - untold), t, x).prev_sample
    return x


def mixture(share: float, kinds: dict[str, list[float]]) -> np.ndarray:
    """How often each kind of scene is drawn, when a share of the run is over.

    kinds  how often at the knots, by kind
    """
    found = np.array([np.interp(share, _KNOTS, kinds[name]) for name in scenes.KINDS])
    return found / found.sum()


def prompt(things: list[tuple[str, str]], relation: str = "left of") -> str:
    """What a picture of (colour, noun) things is asked for by."""
    return f" {relation} ".join(with_article(f"{colour} {noun}") for colour, noun in things)


def judged(make: Any, judge: torch.nn.Module, known: int, seed: int, folder: Path) -> dict[str, float]:
    """How well 32 single things and 32 pairs were drawn, by a judge that choices are made by. Saves a grid of them.

    make  prompts and a seed to pictures
    """
    single = scenes.asked(known, 32, "trained", seed)
    pictures = make([prompt(things) for things in single], seed)
    pairs = scenes.asked(known, 32, "trained", seed, several=True)
    ways = [("left of", "above", "right of", "below")[n % 4] for n in range(32)]
    both = make([prompt(things, way) for things, way in zip(pairs, ways, strict=True)], seed + 1)
    save_grid(np.concatenate([pictures, both]), folder / f"samples{seed:06d}.png")
    one = [judges.judge_single(judge, picture, *things[0]) for picture, things in zip(pictures, single, strict=True)]
    two = [judges.judge_pair(judge, *row) for row in zip(both, pairs, ways, strict=True)]
    return {
        **{name: float(np.mean([getattr(found, name) for found in one])) for name in ("noun", "five", "colour")},
        "both": float(np.mean([found.nouns for found in two])),
        **{name: float(np.mean([getattr(found, name) for found in two])) for name in ("side", "bound")},
    }


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "vae", "judge", "warm")
    size = sizes(chosen.sizes, "diffusion")
    device = chosen.device
    tokenizer = byte_pairs.build()
    scenes.encode(chosen.out, chosen.vae, size, chosen.sizes, chosen.seed, device)
    facts = json.loads((chosen.out / "scenes.json").read_text())
    found = {kind: scenes.read(chosen.out, kind, tokenizer) for kind in scenes.KINDS}
    tokens = {kind: text.ids(tokenizer, part.captions, device) for kind, part in found.items()}
    empty = text.ids(tokenizer, [""], device)
    vae = autoencoders.trained(chosen.vae, sizes(chosen.sizes, "vae")).to(device)
    middle = torch.tensor(facts["mean"], device=device).view(1, -1, 1, 1)
    spread = torch.tensor(facts["std"], device=device).view(1, -1, 1, 1)
    unet, tower = build(size, len(facts["mean"]), tokenizer)
    if chosen.warm is not None:
        warm(unet, tower, tokenizer, chosen.warm)
    recorder = record(unet)
    tokenizer.save_pretrained(chosen.out / "tokenizer")
    run = Run(chosen, size, {"unet": unet, "text": tower})
    if run.step == 0 and chosen.warm is None:
        loss = text.teach_words(tower, tokenizer, size["nouns"], size["lessons"], chosen.seed)
        print(f"words taught, loss {loss:.3f}", flush=True)
    judge = None
    if chosen.judge is not None:
        judge = averaged(chosen.judge, judges.build(len(judges.known())), "judge")
    abar = schedule().alphas_cumprod.to(device)
    batch = size["batch"]
    total, looked = 0.0, 0.0

    def make(prompts: list[str], seed: int) -> np.ndarray:
        z = sample(unet, tower, tokenizer, prompts, GUIDANCE, 16, seed)
        with torch.no_grad():
            return to_pictures(vae.decode(z * spread + middle).sample)

    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        share = step / run.steps
        # Square kinds are mixed in a batch; the others, which are of other shapes, have it to themselves.
        kinds = rng.choice(scenes.KINDS, batch, p=mixture(share, size["kinds"])).tolist()
        kinds = [kind if kinds[0] in scenes.SQUARE else kinds[0] for kind in kinds]
        kinds = [kind if kind in (*scenes.SQUARE, kinds[0]) else "full" for kind in kinds]
        rows = [int(rng.integers(len(found[kind].latents))) for kind in kinds]
        pick = list(zip(kinds, rows, strict=True))
        x0 = torch.from_numpy(np.stack([found[kind].latents[row] for kind, row in pick])).to(device).float()
        masks = torch.from_numpy(np.stack([found[kind].masks[row] for kind, row in pick])).to(device).float() / 255
        places = torch.from_numpy(np.stack([found[kind].nouns[row] for kind, row in pick]).astype(np.int64)).to(
            device
        )
        dropped = torch.from_numpy(rng.random(batch) < size["dropout"]).to(device)
        read = torch.stack([tokens[kind][row] for kind, row in pick])
        read = torch.where(dropped[:, None], empty, read)
        places = torch.where(dropped[:, None], -1, places)
        uniform, noisy = rng.integers(0, 1000, batch), rng.integers(700 if share < 0.2 else 450, 1000, batch)
        t = torch.from_numpy(np.where(rng.random(batch) < 0.4, uniform, noisy)).to(device)
        noise = torch.from_numpy(rng.standard_normal(x0.shape, np.float32)).to(device)
        signal, level = abar[t].sqrt().view(-1, 1, 1, 1), (1 - abar[t]).sqrt().view(-1, 1, 1, 1)
        recorder.maps.clear()
        with autocast(device):
            v = unet(signal * x0 + level * noise, t, tower(read).last_hidden_state).sample
        loss = functional.mse_loss(v.float(), signal * noise - level * x0)
        looks = inside_loss(recorder.maps, places, masks)
        run.descend(loss + MASKS * looks, batch)
        total, looked = total + float(loss.detach()), looked + float(looks.detach())
        if step % 100 == 99:
            run.log(loss=total / 100, looks=looked / 100)
            total = looked = 0.0
        if judge is not None and (step + 1) % size["judged"] == 0:
            run.save()
            before = run.average.give(run.models)
            values = judged(make, judge, size["nouns"], step + 1, run.folder)
            run.facts = values
            print(f"step {step + 1}: {values}", flush=True)
            with (run.folder / "judged.csv").open("a") as stream:
                stream.write(f"{step + 1},{run.seconds / 60:.1f}," + ",".join(map(str, values.values())) + "\n")
            for name, model in run.models.items():
                model.load_state_dict(before[name])


if __name__ == "__main__":
    main()
