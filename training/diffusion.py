"""Trains mini's diffusion model, text tower and UNet together: python training/diffusion.py OUT --vae V [--judge J]

Scenes are encoded once. The first quarter of the run sees single things on plain grounds, always in one place and
of one size: from pure noise the best answer is then the noun's own silhouette, which ties nouns to shapes. The
world's variety comes in after that. Higher noise, where it is decided what a picture shows, is drawn more often.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import judge as judges
import numpy as np
import text
import tokenizer as byte_pairs
import torch
import vae as autoencoders
from common import Run, autocast, averaged, options, save_grid, sizes, to_pictures, to_tensor
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from vertumnus.models.mini.vocabulary import COLOURS, nouns
from vertumnus.models.mini.world import SIMPLE, STEADY, World, WorldOptions, held_out

GUIDANCE = 5.0
STEADY_SHARE = 0.25  # of the run, before variety comes in


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
def encode_scenes(folder: Path, vae_folder: Path, size: dict, table: str, seed: int, device: torch.device) -> None:
    """Writes latents.npy (N x C x 16 x 16, half precision, unit deviation a channel) and scenes.json."""
    if (folder / "scenes.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    vae = averaged(vae_folder, autoencoders.build(sizes(table, "vae")), "vae").to(device)
    known = {"nouns": size["nouns"], "styles": size["styles"]}
    worlds = {
        "steady": World(seed + 9, replace(STEADY, **known)),
        "simple": World(seed + 10, replace(SIMPLE, **known)),
        "full": World(seed + 11, WorldOptions(single=0.6, centred=0.5, plain=0.6, flat=0.6, **known)),
    }
    latents, captions, kinds = [], [], []
    for kind, world in worlds.items():
        for first in range(0, size[kind], 64):
            pictures, words = world.batch(first, min(64, size[kind] - first))
            with autocast(device):
                mean = vae.encode(to_tensor(pictures, device)).latent_dist.mode()
            latents.append(mean.float().cpu().numpy())
            captions.extend(words)
        kinds.append(size[kind])
    whole = np.concatenate(latents)
    middle, spread = whole.mean((0, 2, 3)), whole.std((0, 2, 3))
    whole = (whole - middle[:, None, None]) / spread[:, None, None]
    np.save(folder / "latents.npy", whole.astype(np.float16))
    facts = {"mean": middle.tolist(), "std": spread.tolist(), "kinds": kinds, "captions": captions}
    (folder / "scenes.json").write_text(json.dumps(facts))


@torch.no_grad()
def sample(
    unet: UNet2DConditionModel,
    tower: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    prompts: list[str],
    guidance: float,
    steps: int,
    seed: int,
) -> torch.Tensor:
    """Latents of unit deviation for prompts, by DDIM with classifier-free guidance."""
    device = unet.device
    scheduler = schedule()
    scheduler.set_timesteps(steps)
    words = tower(text.ids(tokenizer, prompts + [""] * len(prompts), device)).last_hidden_state
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn((len(prompts), unet.config.in_channels, 16, 16), generator=noise).to(device)
    for t in scheduler.timesteps:
        with autocast(device):
            both = unet(torch.cat([x, x]), t, words).sample.float()
        told, untold = both.chunk(2)
        x = scheduler.step(untold + guidance * (told - untold), t, x).prev_sample
    return x


def mixture(share: float) -> np.ndarray:
    """How often steady, simple and full scenes are drawn, when a share of the run is over."""
    later = np.clip((share - STEADY_SHARE) / 0.3, 0, 1)
    return (1 - later) * np.array([1.0, 0.0, 0.0]) + later * np.array([0.1, 0.4, 0.5])


def prompts_of(count: int, wanted: str, seed: int) -> tuple[list[str], list[str], list[str]]:
    """Prompts "a COLOUR NOUN" with their colours and nouns; wanted is "held out" or "trained"."""
    pairs = [(c, n) for n in nouns(count) for c in COLOURS if held_out(n, c) == (wanted == "held out")]
    order = np.random.default_rng(seed).permutation(len(pairs))
    chosen = [pairs[n] for n in order]
    return (
        [("an " if c[0] in "aeiou" else "a ") + f"{c} {n}" for c, n in chosen],
        [c for c, _ in chosen],
        [n for _, n in chosen],
    )


def main() -> None:
    """One run."""
    chosen = options(__doc__.splitlines()[0], "vae", "judge", "clip")
    size = sizes(chosen.sizes, "diffusion")
    device = chosen.device
    tokenizer = byte_pairs.build()
    encode_scenes(chosen.out, chosen.vae, size, chosen.sizes, chosen.seed, device)
    facts = json.loads((chosen.out / "scenes.json").read_text())
    latents = torch.from_numpy(np.load(chosen.out / "latents.npy"))
    tokens = text.ids(tokenizer, [*facts["captions"], ""], device)
    ends = np.cumsum([0, *facts["kinds"]])
    vae = averaged(chosen.vae, autoencoders.build(sizes(chosen.sizes, "vae")), "vae").to(device)
    middle = torch.tensor(facts["mean"], device=device).view(1, -1, 1, 1)
    spread = torch.tensor(facts["std"], device=device).view(1, -1, 1, 1)
    unet, tower = build(size, latents.shape[1], tokenizer)
    if device.type == "cpu":
        unet.set_attn_processor(AttnProcessor())  # its backward pass is faster here than the fused one's
    tokenizer.save_pretrained(chosen.out / "tokenizer")
    run = Run(chosen, size, {"unet": unet, "text": tower})
    if run.step == 0:
        loss = text.teach_words(tower, tokenizer, size["nouns"], size["lessons"], chosen.seed)
        print(f"words taught, loss {loss:.3f}", flush=True)
    judge = None
    if chosen.judge is not None:
        judge = averaged(chosen.judge, judges.build(size["nouns"]), "judge")
    abar = schedule().alphas_cumprod.to(device)
    batch = size["batch"]
    empty = len(tokens) - 1
    total = 0.0
    for step in run:
        rng = np.random.default_rng((chosen.seed, step))
        chances = mixture(step / run.steps)
        kind = rng.choice(3, batch, p=chances)
        rows = rng.integers(ends[kind], ends[kind + 1])
        read = np.where(rng.random(batch) < size["dropout"], empty, rows)
        uniform = rng.integers(0, 1000, batch)
        noisy = rng.integers(700 if step < STEADY_SHARE * run.steps else 450, 1000, batch)
        t = torch.from_numpy(np.where(rng.random(batch) < 0.4, uniform, noisy)).to(device)
        x0 = latents[torch.from_numpy(rows)].to(device).float()
        noise = torch.from_numpy(rng.standard_normal(x0.shape, np.float32)).to(device)
        signal, level = abar[t].sqrt().view(-1, 1, 1, 1), (1 - abar[t]).sqrt().view(-1, 1, 1, 1)
        with autocast(device):
            words = tower(tokens[torch.from_numpy(read).to(device)]).last_hidden_state
            v = unet(signal * x0 + level * noise, t, words).sample
        loss = functional.mse_loss(v.float(), signal * noise - level * x0)
        run.descend(loss, batch)
        total += float(loss.detach())
        if step % 100 == 99:
            run.log(loss=total / 100)
            total = 0.0
        if step % 500 == 499:
            run.save()
            before = run.average.give(run.models)
            prompts, colours, things = prompts_of(size["nouns"], "trained", step)
            z = sample(unet, tower, tokenizer, prompts[:64], GUIDANCE, 20, step)
            with torch.no_grad():
                pictures = to_pictures(vae.decode(z * spread + middle).sample)
            save_grid(pictures, run.folder / f"samples{step + 1:06d}.png")
            if judge is not None:
                scores, found = judges.judge(judge, pictures)
                best = np.argsort(-scores, 1)[:, :5]
                at = np.array([nouns(size["nouns"]).index(noun) for noun in things[:64]])
                run.facts = {
                    "noun": float((best[:, 0] == at).mean()),
                    "top5": float((best == at[:, None]).any(1).mean()),
                    "colour": float(np.mean([a == b for a, b in zip(found, colours, strict=False)])),
                }
                print(f"step {step + 1}: {run.facts}", flush=True)
                with (run.folder / "judged.csv").open("a") as stream:
                    stream.write(
                        f"{step + 1},{run.seconds / 60:.1f}," + ",".join(map(str, run.facts.values())) + "\n"
                    )
            for name, model in run.models.items():
                model.load_state_dict(before[name])


if __name__ == "__main__":
    main()
