"""DDIM inversion: the noise from which a model would draw a given picture (Song et al. 2021, section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.text import TextStates
from vertumnus.sampling.sample import as_pictures
from vertumnus.sampling.schedulers import Schedule, make_scheduler

Tensor = torch.Tensor


@torch.no_grad()
def invert(
    model: Diffusion,
    image: Tensor | NDArray[Any] | None = None,
    prompt: str | Sequence[str] | TextStates = "",
    *,
    latents: Tensor | None = None,
    negative: str | Sequence[str] | TextStates = "",
    steps: int = 50,
    guidance: float = 1.0,
    refine: int = 0,
) -> list[Tensor]:
    """The latents that a DDIM run of as many steps would pass through on its way to a picture, noisiest first.

    image     as `vertumnus.sampling.sample.sample` takes it; or else ``latents``, clean, B x C x h x w
    prompt    what the picture shows, one or one for each
    guidance  of the network's answers; 1, none, inverts best
    refine    times that each step is solved again from its own outcome. A step of DDIM ends where it ends because of
              what the network says at its beginning, which inversion does not know yet and asks for at its end. With
              0 that is taken for good, as usual; with a few more the inversion is exact where this converges

    Returns steps + 1 tensors: item i is what step i of ``sample(..., scheduler="ddim")`` begins with, and the last is
    the clean latents. Begin with ``latents=found[0]`` to get the picture back.

    Raises `VertumnusError` unless exactly one of image and latents is given.
    """
    if (image is None) == (latents is None):
        raise VertumnusError("invert: give either an image or latents")
    if latents is None:
        assert image is not None
        latents = model.to_latents(as_pictures(image).to(model.device))
    text = prompt if isinstance(prompt, TextStates) else model.encode_text(prompt)
    against = None
    if guidance != 1.0:
        against = negative if isinstance(negative, TextStates) else model.encode_negative(negative)
    schedule = Schedule(make_scheduler("ddim", model.scheduler_config), steps, model.device)
    scheduler = schedule.scheduler
    stride = scheduler.config.num_train_timesteps // steps
    z, found = latents, [latents]
    for t in reversed(schedule.timesteps.tolist()):
        after = t - stride  # where diffusers' DDIM steps to from here
        abar = float(scheduler.alphas_cumprod[after] if after >= 0 else scheduler.final_alpha_cumprod)
        signal_after, level_after = abar**0.5, (1 - abar) ** 0.5
        abar = float(scheduler.alphas_cumprod[t])
        signal, level = abar**0.5, (1 - abar) ** 0.5
        guess = z
        for _ in range(1 + refine):
            noise = model.predict_noise(guess, t, text, guidance, against)
            # x_0 = (z_after - s_after eps) / a_after, then z = a x_0 + s eps: the DDIM step, solved for its start.
            guess = signal / signal_after * (z - level_after * noise) + level * noise
        z = guess
        found.append(z)
    return found[::-1]
