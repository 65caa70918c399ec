"""Diffusion models of every family behind one small object.

Families differ in where noise lives (latents or pixels), in how text is read (one CLIP, two, T5) and in what the
network says (noise, velocity, noise and its variance). Here all take prompts, all predict noise, and all turn
pictures from 0 to 1 into what they work on and back, with gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Checkpoint, Dtype
from vertumnus.models.device import Threads, choose_device
from vertumnus.models.latents import LatentCodec
from vertumnus.models.memory import Memory
from vertumnus.models.opening import open_pipeline
from vertumnus.models.text import TextReader, TextStates, layers_reading

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

Tensor = torch.Tensor
TRIAL = 8  # latents a side of what a model is tried with: networks halve them up to three times
# From what the network will see (latents, steps, states, what is added for SDXL) to further keywords for it.
Condition = Callable[[Tensor, "Tensor | int", Tensor, "dict[str, Tensor] | None"], dict[str, Any]]


class Diffusion:
    """A text-to-image diffusion model.

    name, family     what it was called; ``stable-diffusion``, ``stable-diffusion-xl`` or ``deepfloyd-if``
    text, codec      its text encoders and its autoencoder, behind `encode_text`, `encode` and `decode`
    unet             the network, for those who steer its attention or add adapters
    vae              the autoencoder, or None for a model of pixels
    pipeline         the stock pipeline that all are part of
    resolution       pixels a side of its pictures
    shape            channels, rows and columns of what noise is added to
    factor           pixels a side of what noise is added to
    threads          a context in which it computes on as many threads as it is worth
    branches         2 while the network answers with guidance, the negative's items before the text's; else 1
    alphas_cumprod   abar_t of its schedule, as many as it has steps
    scheduler_config  the rest of it, for diffusers' schedulers
    """

    def __init__(
        self, name: str, family: str, pipeline: Any, device: torch.device | None = None, moving: bool = False
    ) -> None:
        self.name = name
        self.family = family
        self.pipeline = pipeline
        self.unet: UNet2DConditionModel = pipeline.unet
        self.vae: AutoencoderKL | None = getattr(pipeline, "vae", None)
        self.device: torch.device = self.unet.device if device is None else device
        self.threads = Threads(self.unet, self.device)
        # On the processor, and where the pipeline moves its parts itself, text encoders have nowhere to leave to.
        self.text = TextReader(family, pipeline, self.device, moving or self.device.type == "cpu")
        for part in (self.unet, self.vae, *self.text.encoders):
            if part is not None:
                part.requires_grad_(False).eval()
        self.codec = LatentCodec(name, self.vae)
        side = self.unet.config.sample_size
        self.channels: int = self.unet.config.in_channels
        self.factor = self.codec.factor
        self.resolution: int = side * self.factor
        self.shape = (self.channels, side, side)
        self.prediction: str = pipeline.scheduler.config.get("prediction_type", "epsilon")
        if self.prediction not in ("epsilon", "v_prediction", "sample"):
            raise VertumnusError(f"{name}: predicts {self.prediction}, which is not supported")
        self.branches = 1
        self.scheduler_config: Any = pipeline.scheduler.config
        self.alphas_cumprod = pipeline.scheduler.alphas_cumprod.to(self.device, torch.float32)

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        device: str | None = None,
        dtype: Dtype = "auto",
        memory: Memory | None = None,
        config: str | Path | None = None,
    ) -> Diffusion:
        """The diffusion model of a checkpoint; as `vertumnus.models.loader.load_model`.

        Raises `VertumnusError` if it cannot be loaded.
        """
        chosen = choose_device(device)
        pipeline = open_pipeline(checkpoint, chosen, dtype, config)
        moving = (memory or Memory()).apply(pipeline, chosen)
        return cls(checkpoint.name, checkpoint.family, pipeline, chosen, moving)

    def try_out(self) -> None:
        """Raises whatever the libraries raise if the parts do not fit each other: once reads, answers and decodes."""
        self.text.check()
        rows = min(TRIAL, self.shape[1])
        latents = torch.zeros(1, self.channels, rows, rows, device=self.device)
        with torch.no_grad():
            self.answer(latents, 0, self.encode_text("a"))
            if self.vae is not None:
                self.to_latents(self.decode(latents))

    @property
    def dtype(self) -> torch.dtype:
        """The precision of its weights."""
        return self.unet.dtype

    def encode_text(self, prompts: str | Sequence[str], gradients: bool = False) -> TextStates:
        """The text states of prompts, with gradients by learned words if asked for.

        The text encoders leave the device when they have read.
        """
        with self.threads():
            return self.text.read(prompts, gradients)

    def encode_negative(self, prompts: str | Sequence[str] = "") -> TextStates:
        """The text states that guidance steers away from.

        They are those of `encode_text`; but an empty prompt of Stable Diffusion XL is zeros, where its
        configuration says so (``force_zeros_for_empty_prompt``), as in its own pipeline.
        """
        with self.threads():
            return self.text.read_negative(prompts)

    def predict_noise(
        self,
        x_t: Tensor,
        t: Tensor | int,
        text: TextStates,
        guidance: float = 1.0,
        negative: TextStates | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """The noise in x_t, with classifier-free guidance.

        x_t       B x `shape`, sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise
        t         B steps of the schedule, or one for all
        text      of B prompts, or of one for all
        guidance  s of eps = eps_negative + s (eps_text - eps_negative), Ho and Salimans 2021; 1 for none
        negative  of the empty prompt by default
        kwargs    for the network, as ``cross_attention_kwargs``

        Returns B x `shape`.
        """
        return self.predict(x_t, t, text, guidance, negative, **kwargs)[1]

    def predict(
        self,
        x_t: Tensor,
        t: Tensor | int,
        text: TextStates,
        guidance: float = 1.0,
        negative: TextStates | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """The clean x_0 and the noise in x_t, both from the network's one answer; as `predict_noise`.

        Where abar_t is 0 and the network predicts noise, x_0 cannot be told, and is not finite.
        """
        steps = torch.as_tensor(t, device=x_t.device).expand(len(x_t))
        said = self.answer(x_t, steps, text, guidance, negative, **kwargs)
        signal, level = self._levels(steps, x_t)
        if self.prediction == "epsilon":
            return (x_t - level * said) / signal, said
        if self.prediction == "v_prediction":  # v = sqrt(abar) eps - sqrt(1 - abar) x_0, Salimans and Ho 2022
            return signal * x_t - level * said, level * x_t + signal * said
        return said, (x_t - signal * said) / level

    def answer(
        self,
        x_t: Tensor,
        t: Tensor | int,
        text: TextStates,
        guidance: float = 1.0,
        negative: TextStates | None = None,
        rescale: float = 0.0,
        condition: Condition | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """What the network itself says of x_t, noise, velocity or clean as `prediction` tells; as `predict_noise`.

        x_t      B x channels x any rows x any columns
        rescale  share of the guided answer that gets the deviation of the unguided one (Lin et al. 2024, section
                 3.4): against the overexposure of models whose last step is pure noise
        condition  called with what the network will see; further keywords for it, as a ControlNet's residuals

        With guidance the network sees the negative's B items, then the text's B, in one batch.
        """
        text = text.repeated(len(x_t)) if len(text) == 1 else text
        self.branches = 1 if guidance == 1.0 else 2
        if guidance == 1.0:
            return self._answer(x_t, t, text, condition, kwargs)
        negative = self.encode_negative() if negative is None else negative
        negative = negative.repeated(len(x_t)) if len(negative) == 1 else negative
        if isinstance(t, Tensor) and t.ndim:
            t = torch.cat([t, t])
        without, along = self._answer(torch.cat([x_t, x_t]), t, negative.then(text), condition, kwargs).chunk(2)
        said = without + guidance * (along - without)
        if rescale:
            every = tuple(range(1, said.ndim))
            even = said * (along.std(every, keepdim=True) / said.std(every, keepdim=True))
            said = rescale * even + (1 - rescale) * said
        return said

    def _answer(
        self,
        x_t: Tensor,
        steps: Tensor | int,
        text: TextStates,
        condition: Condition | None,
        kwargs: dict[str, Any],
    ) -> Tensor:
        """What the network says; of six channels the first three, the rest being its variance."""
        if text.pooled is not None:
            # Original size, crop and target size, as in Stable Diffusion XL (Podell et al. 2023, section 2.2).
            rows, columns = (side * self.factor for side in x_t.shape[-2:])
            sizes = [rows, columns, 0, 0, rows, columns]
            ids = torch.tensor([sizes], device=x_t.device, dtype=text.pooled.dtype).expand(len(x_t), -1)
            kwargs = {**kwargs, "added_cond_kwargs": {"text_embeds": text.pooled, "time_ids": ids}}
        seen, states = x_t.to(self.dtype), text.states.to(self.dtype)
        if condition is not None:
            kwargs = {**kwargs, **condition(seen, steps, states, kwargs.get("added_cond_kwargs"))}
        with self.threads(), layers_reading(self.unet, text):
            said: Tensor = self.unet(seen, steps, states, **kwargs).sample
        return said[:, : self.channels].to(x_t.dtype)

    def _levels(self, t: Tensor | int, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(abar_t) and sqrt(1 - abar_t), shaped to multiply a batch."""
        abar = self.alphas_cumprod.to(like.device)[torch.as_tensor(t, device=like.device)].to(like.dtype)
        abar = abar.expand(len(like)).view(-1, *[1] * (like.ndim - 1))
        return abar.sqrt(), (1 - abar).sqrt()

    def add_noise(self, x_0: Tensor, noise: Tensor, t: Tensor | int) -> Tensor:
        """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise."""
        signal, level = self._levels(t, x_0)
        return signal * x_0 + level * noise

    def encode(self, image: Tensor) -> Tensor:
        """What noise is added to, for pictures: B x 3 x H x W from 0 to 1 to B x `shape`, with gradients.

        Pictures of another size are resized to `resolution`, bilinearly and antialiased. Latents are the
        posterior's mean, scaled to the deviation that the network knows.
        """
        if image.shape[-2:] != (self.resolution, self.resolution):
            size = (self.resolution, self.resolution)
            image = torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True)
        return self.to_latents(image)

    def to_latents(self, image: Tensor, generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """`encode` for pictures of any size that the autoencoder takes, which keep it.

        generators  one a picture: a sample of the posterior is taken, as pipelines do, instead of its mean
        """
        with self.threads():
            return self.codec.encode(image, generators)

    def decode(self, x_0: Tensor) -> Tensor:
        """Pictures from 0 to 1, unclipped, B x 3 x H x W for latents of any size, with gradients."""
        with self.threads():
            return self.codec.decode(x_0)
