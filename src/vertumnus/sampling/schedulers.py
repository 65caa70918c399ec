"""diffusers' schedulers behind one small object that knows how much signal and how much noise latents hold.

Schedulers keep latents in two ways. DDIM, LCM and DPM++ 2M keep the variance:
z = sqrt(abar) x_0 + sqrt(1 - abar) eps. The Euler methods keep the signal: z = x_0 + sigma eps, with
sigma = sqrt((1 - abar) / abar), and divide by sqrt(1 + sigma^2) what the network sees.
Here both are z = signal x_0 + level eps.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.device import quiet

Tensor = torch.Tensor
SchedulerName = Literal["ddim", "euler", "euler_ancestral", "dpm++", "lcm"]
SCHEDULERS: tuple[str, ...] = get_args(SchedulerName)


def make_scheduler(name: SchedulerName | Any, config: Any) -> Any:
    """The scheduler of diffusers that a name means, with a model's own betas and prediction; or the one given.

    ddim             Song et al. 2021
    euler            Karras et al. 2022, algorithm 2 without churn
    euler_ancestral  k-diffusion's
    dpm++            DPM-Solver++ 2M, Lu et al. 2022
    lcm              of latent consistency models, Luo et al. 2023

    Raises `VertumnusError` for an unknown name, and where the scheduler cannot work with the model.
    """
    if not isinstance(name, str):
        return name
    if name not in SCHEDULERS:
        raise VertumnusError(f"scheduler: there is no {name!r}{did_you_mean(name, SCHEDULERS)}")
    with quiet():
        import diffusers

        kinds = {
            "ddim": diffusers.DDIMScheduler,
            "euler": diffusers.EulerDiscreteScheduler,
            "euler_ancestral": diffusers.EulerAncestralDiscreteScheduler,
            "dpm++": diffusers.DPMSolverMultistepScheduler,
            "lcm": diffusers.LCMScheduler,
        }
        try:
            return kinds[name].from_config(config)
        except (ValueError, NotImplementedError, TypeError) as error:
            raise VertumnusError(f"scheduler: {name} cannot be used with this model ({error})") from error


class Schedule:
    """A scheduler of diffusers set to a number of steps, and where among them an image-to-image run begins.

    scheduler  diffusers' own
    steps      of the whole schedule
    strength   share of it that is run, from the end: 1 is all of it, from pure noise
    eta        of DDIM alone: share of the noise that is drawn anew, Song et al. 2021, eq. (16)

    timesteps  those that are run, noisiest first, as the scheduler counts them

    Raises `VertumnusError` if the scheduler cannot take so many steps.
    """

    def __init__(
        self, scheduler: Any, steps: int, device: torch.device, strength: float = 1.0, eta: float = 0.0
    ) -> None:
        self.scheduler = scheduler
        try:
            scheduler.set_timesteps(steps, device=device)
        except (ValueError, AssertionError) as error:
            sentence = " ".join(str(error).split())
            raise VertumnusError(
                f"steps: {steps} cannot be taken by {type(scheduler).__name__} ({sentence})"
            ) from None
        # As diffusers' image-to-image pipelines cut it.
        order = getattr(scheduler, "order", 1)
        begin = max(steps - min(int(steps * strength), steps), 0) * order
        self.timesteps: Tensor = scheduler.timesteps[begin:]
        if begin and hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        self.prediction: str = scheduler.config.get("prediction_type", "epsilon")
        self._levels = [self._level(begin + index) for index in range(len(self.timesteps))]
        # What the scheduler's step takes besides: not every one draws noise, or knows eta.
        self._takes = inspect.signature(scheduler.step).parameters
        self.eta = eta

    def __len__(self) -> int:
        return len(self.timesteps)

    def _level(self, place: int) -> tuple[float, float]:
        scheduler = self.scheduler
        sigmas = getattr(scheduler, "sigmas", None)
        if sigmas is None:
            abar = float(scheduler.alphas_cumprod[int(scheduler.timesteps[place])])
            return abar**0.5, (1 - abar) ** 0.5
        sigma = float(sigmas[place])
        if hasattr(scheduler, "_sigma_to_alpha_sigma_t"):  # it has sigmas, and keeps the variance all the same
            return (1 + sigma**2) ** -0.5, sigma * (1 + sigma**2) ** -0.5
        return 1.0, sigma

    def level(self, index: int) -> tuple[float, float]:
        """Signal and noise level of the latents before step ``index``; after the last, 1 and 0."""
        return self._levels[index] if index < len(self._levels) else (1.0, 0.0)

    def sigma(self, index: int) -> float:
        """Noise over signal before step ``index``; infinite where there is no signal."""
        signal, level = self.level(index)
        return level / signal if signal else float("inf")

    def begin(self, noise: Tensor) -> Tensor:
        """Pure noise of deviation 1 as the first latents of a run from nothing."""
        return noise * self.scheduler.init_noise_sigma

    def begin_from(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Clean latents with noise as the first latents of an image-to-image run."""
        return self.scheduler.add_noise(clean, noise, self.timesteps[:1].repeat(len(clean)))

    def scaled(self, latents: Tensor, index: int) -> Tensor:
        """Latents as the network sees them."""
        return self.scheduler.scale_model_input(latents, self.timesteps[index])

    def clean(self, latents: Tensor, said: Tensor, index: int) -> Tensor:
        """x_0, from latents and what the network says of them."""
        signal, level = self.level(index)
        if self.prediction == "epsilon":
            return (latents - level * said) / signal
        if self.prediction == "v_prediction":  # v = a eps - s x_0 of z = a x_0 + s eps, with a^2 + s^2 = 1
            size = (signal**2 + level**2) ** 0.5
            return (signal / size**2) * latents - (level / size) * said
        return said

    def noise(self, latents: Tensor, clean: Tensor, index: int) -> Tensor:
        """The noise that latents hold if ``clean`` is their x_0."""
        signal, level = self.level(index)
        return (latents - signal * clean) / level

    def saying(self, latents: Tensor, clean: Tensor, index: int) -> Tensor:
        """What the network would have said if it had meant ``clean``: the inverse of `clean`."""
        if self.prediction == "sample":
            return clean
        noise = self.noise(latents, clean, index)
        if self.prediction == "epsilon":
            return noise
        signal, level = self.level(index)
        size = (signal**2 + level**2) ** 0.5
        return (signal / size) * noise - (level / size) * clean

    def step(self, said: Tensor, index: int, latents: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """The latents after step ``index``. To be called once for each, in order: schedulers remember."""
        more: dict[str, Any] = {}
        if "eta" in self._takes:
            more["eta"] = self.eta
        if "generator" in self._takes:
            more["generator"] = list(generators)
        return self.scheduler.step(said, self.timesteps[index], latents, return_dict=False, **more)[0]
