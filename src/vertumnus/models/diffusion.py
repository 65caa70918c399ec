"""Diffusion models of every family behind one small object.

Families differ in where noise lives (latents or pixels), in how text is read (one CLIP, two, T5) and in what the
network says (noise, velocity, noise and its variance). Here all take prompts, all predict noise, and all turn
pictures from 0 to 1 into what they work on and back, with gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Checkpoint
from vertumnus.models.device import choose_device, quiet

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

Tensor = torch.Tensor
# From what the network will see (latents, steps, states, what is added for SDXL) to further keywords for it.
Condition = Callable[[Tensor, "Tensor | int", Tensor, "dict[str, Tensor] | None"], dict[str, Any]]


@dataclass(frozen=True)
class TextStates:
    """What the text encoder made of B prompts.

    states  B x tokens x width, what cross-attention reads
    pooled  B x width, of Stable Diffusion XL alone
    """

    states: Tensor
    pooled: Tensor | None = None

    def __len__(self) -> int:
        return len(self.states)

    def repeated(self, count: int) -> TextStates:
        """One prompt's states for a batch of ``count``."""
        pooled = None if self.pooled is None else self.pooled.expand(count, -1)
        return TextStates(self.states.expand(count, -1, -1), pooled)

    def then(self, other: TextStates) -> TextStates:
        """Both batches, one after the other."""
        pooled = None
        if self.pooled is not None and other.pooled is not None:
            pooled = torch.cat([self.pooled, other.pooled])
        return TextStates(torch.cat([self.states, other.states]), pooled)


class Diffusion:
    """A text-to-image diffusion model.

    name, family     what it was called; ``stable-diffusion``, ``stable-diffusion-xl`` or ``deepfloyd-if``
    unet             the network, for those who steer its attention or add adapters
    vae              the autoencoder, or None for a model of pixels
    pipeline         the stock pipeline that all are part of
    resolution       pixels a side of its pictures
    shape            channels, rows and columns of what noise is added to
    factor           pixels a side of what noise is added to
    branches         2 while the network answers with guidance, the negative's items before the text's; else 1
    alphas_cumprod   abar_t of its schedule, as many as it has steps
    scheduler_config  the rest of it, for diffusers' schedulers
    """

    def __init__(self, name: str, family: str, pipeline: Any) -> None:
        self.name = name
        self.family = family
        self.pipeline = pipeline
        self.unet: UNet2DConditionModel = pipeline.unet
        self.vae: AutoencoderKL | None = getattr(pipeline, "vae", None)
        for part in (self.unet, self.vae, pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)):
            if part is not None:
                part.requires_grad_(False).eval()
        side = self.unet.config.sample_size
        self.channels: int = self.unet.config.in_channels
        self.factor = 2 ** (len(self.vae.config.block_out_channels) - 1) if self.vae is not None else 1
        self.resolution: int = side * self.factor
        self.shape = (self.channels, side, side)
        self.prediction: str = pipeline.scheduler.config.get("prediction_type", "epsilon")
        if self.prediction not in ("epsilon", "v_prediction", "sample"):
            raise VertumnusError(f"{name}: predicts {self.prediction}, which is not supported")
        self.branches = 1
        self.scheduler_config: Any = pipeline.scheduler.config
        self.alphas_cumprod = pipeline.scheduler.alphas_cumprod.to(self.device, torch.float32)

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str | None = None, half: bool | None = None) -> Diffusion:
        """The diffusion model of a checkpoint. Raises `VertumnusError` if it cannot be loaded."""
        with quiet():  # importing is as talkative as loading
            import diffusers

            import vertumnus.models.mini.autoencoder  # noqa: F401 - a pipeline takes only classes imported before

            classes = {
                "stable-diffusion": diffusers.StableDiffusionPipeline,
                "stable-diffusion-xl": diffusers.StableDiffusionXLPipeline,
                "deepfloyd-if": diffusers.IFPipeline,
            }
        chosen = choose_device(device)
        half = chosen.type == "cuda" if half is None else half
        # What only guards or marks finished pictures is left out, with the libraries that it would need.
        without: dict[str, Any] = {}
        if checkpoint.family != "stable-diffusion-xl":
            without = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        if checkpoint.family == "deepfloyd-if":
            without["watermarker"] = None
        files = checkpoint.path.glob("unet/*.fp16.safetensors")
        with quiet():
            try:
                pipeline = classes[checkpoint.family].from_pretrained(
                    checkpoint.path,
                    torch_dtype=torch.float16 if half else torch.float32,
                    use_safetensors=True,
                    local_files_only=True,
                    variant="fp16" if any(files) else None,
                    **without,
                )
            except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError) as error:
                sentence = " ".join(str(error).split())
                raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({sentence[:300]})") from error
            pipeline.to(chosen)
        return cls(checkpoint.name, checkpoint.family, pipeline)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of its weights."""
        return self.unet.dtype

    @torch.no_grad()
    def encode_negative(self, prompts: str | Sequence[str] = "") -> TextStates:
        """The text states that guidance steers away from.

        They are those of `encode_text`; but an empty prompt of Stable Diffusion XL is zeros, where its
        configuration says so (``force_zeros_for_empty_prompt``), as in its own pipeline.
        """
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        found = self.encode_text(words)
        if found.pooled is None or not self.pipeline.config.get("force_zeros_for_empty_prompt"):
            return found
        empty = torch.tensor([not word for word in words], device=found.states.device)
        states = found.states.masked_fill(empty.view(-1, 1, 1), 0)
        return TextStates(states, found.pooled.masked_fill(empty.view(-1, 1), 0))

    @torch.no_grad()
    def encode_text(self, prompts: str | Sequence[str]) -> TextStates:
        """The text states of prompts."""
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        if self.family == "stable-diffusion-xl":
            found = self.pipeline.encode_prompt(words, device=self.device, do_classifier_free_guidance=False)
            return TextStates(found[0], found[2])
        found = self.pipeline.encode_prompt(
            words, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        return TextStates(found[0])

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
        x = image * 2 - 1
        if self.vae is None:
            return x
        x = x.to(self.vae.dtype)
        if generators is None:
            z = self.vae.encode(x).latent_dist.mode()
        else:
            pairs = zip(x, generators, strict=True)
            z = torch.cat([self.vae.encode(one[None]).latent_dist.sample(maker) for one, maker in pairs])
        shift = self.vae.config.get("shift_factor") or 0.0
        return (z.to(image.dtype) - shift) * self.vae.config.scaling_factor

    def decode(self, x_0: Tensor) -> Tensor:
        """Pictures from 0 to 1, unclipped, B x 3 x H x W for latents of any size, with gradients."""
        if self.vae is not None:
            shift = self.vae.config.get("shift_factor") or 0.0
            z = (x_0 / self.vae.config.scaling_factor + shift).to(self.vae.dtype)
            x_0 = self.vae.decode(z).sample.to(x_0.dtype)
        return (x_0 + 1) / 2

    @torch.no_grad()
    def sample(
        self,
        prompts: str | Sequence[str],
        steps: int = 30,
        guidance: float = 5.0,
        seed: int = 0,
        negative: str = "",
    ) -> Tensor:
        """Pictures for prompts by DDIM (Song et al. 2021, eq. 12 with no added noise), B x 3 x H x W from 0 to 1.

        The same seed gives the same pictures on one machine.
        """
        text, against = self.encode_text(prompts), self.encode_text(negative)
        maker = torch.Generator().manual_seed(seed)
        x = torch.randn((len(text), *self.shape), generator=maker).to(self.device)
        count = len(self.alphas_cumprod)
        times = [round(count * (1 - n / steps)) - 1 for n in range(steps)]  # from the noisiest, evenly
        for now, then in zip(times, [*times[1:], None], strict=True):
            x_0, noise = self.predict(x, now, text, guidance, against)
            x = x_0 if then is None else self.add_noise(x_0, noise, then)
        return self.decode(x).clamp(0, 1)
