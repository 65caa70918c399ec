"""Layers through a diffusion model: SDEdit of their composite, held to the layers (Collage Diffusion, sec. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.detail import with_detail
from vertumnus.harmonizing.layers import NOBODY, Pixels, Stack, padded
from vertumnus.harmonizing.maps import Floats, free, noise_map
from vertumnus.harmonizing.options import HarmonizeOptions
from vertumnus.harmonizing.tokens import Spoken
from vertumnus.sampling.attention import Hook, attention_control
from vertumnus.sampling.decode import tiled
from vertumnus.sampling.sample import sample

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.text import TextStates
    from vertumnus.sampling.control import Control
    from vertumnus.sampling.step import Step

Tensor = torch.Tensor
AGAINST = "A collage"  # the negative prompt of the baseline SA, sec. 5.1
LARGE = 2048 * 1024  # pixels of a picture beyond which it is encoded and decoded tile by tile
HELD = 1 << 40  # added to a seed for the noise of what is held, apart from the sampler's own


@dataclass(frozen=True)
class Plan:
    """What a run is to do with a stack, all of it plain arrays.

    noise     H x W, h of eq. (3): share of the schedule from which on each pixel may change
    strength  share of the schedule that is run: the most of it
    attract, repel   of each layer, v of sec. 4.2
    control   H x W, the weight of ControlNets where each layer is seen (sec. 4.3)
    """

    noise: Floats
    strength: float
    attract: tuple[float, ...]
    repel: tuple[float, ...]
    control: Floats


def make_plan(stack: Stack, options: HarmonizeOptions, noise: Sequence[float] | None = None) -> Plan:
    """The layers' settings as maps.

    noise   of each layer, in place of its own

    Raises `VertumnusError` if every layer is kept, for then there is nothing to do.
    """
    from vertumnus.harmonizing.adjust import adjust

    adjusted = adjust(stack) if options.auto else None
    levels, attract, repel, control = [], [], [], []
    for index, layer in enumerate(stack.layers):
        one = adjusted[index] if adjusted else None
        own = layer.noise if noise is None else noise[index]
        level = one.noise if one and own else own
        if options.strength is not None and own:
            level = options.strength
        levels.append(level)
        attract.append(one.attract if one else layer.attract)
        repel.append(one.repel if one else layer.repel)
        control.append(one.control if one else layer.control)
    most = max(levels) if options.background is None else max(*levels, options.background)
    if most == 0:
        raise VertumnusError("noise: every layer is kept (noise 0); there is nothing to harmonise")
    ground = most if options.background is None else options.background
    if options.layer_noise:
        h = noise_map(stack, levels, ground, options.blur)
    else:
        h = np.full(stack.visible.shape, most, np.float32)
    return Plan(h, float(most), tuple(attract), tuple(repel), stack.map_of(control, 0.0))


class Harmonizer:
    """A stack, a prompt and a model, ready to be run for any seeds.

    model     of latents or of pixels, with cross-attention of a known kind where that is used
    text      the states of the prompt, if they are not the model's own of it (with learned tokens)
    controls  ControlNets; each gets the plan's weight map
    hooks     what steers the model's attention while the run goes on
    spoken    (index in the stack, its part of what the model reads) of the layers that speak

    The composite's last row and column are repeated up to a size the model takes; results are cut back.
    """

    def __init__(
        self,
        stack: Stack,
        prompt: str,
        model: Diffusion,
        options: HarmonizeOptions,
        plan: Plan,
        *,
        multiple: int | None = None,
        text: TextStates | None = None,
        controls: Sequence[Control] = (),
        hooks: Sequence[Hook] = (),
        spoken: Sequence[tuple[int, Spoken]] = (),
    ) -> None:
        self.stack, self.prompt, self.model, self.options, self.plan = stack, prompt, model, options, plan
        self.multiple = multiple or size_multiple(model)
        self.text, self.controls, self.hooks = text, list(controls), list(hooks)
        self.spoken = list(spoken)
        self.composite = stack.composite()
        self.image = np.asarray(padded(self.composite, self.multiple), np.uint8)
        h = np.asarray(padded(plan.noise, self.multiple), np.float32)
        self.h = to_latent_size(h, model.factor)

    def steps(self, seeds: Sequence[int]) -> Iterator[Step]:
        """The sampler's steps for a batch of seeds, with everything applied; the last one ends in the result."""
        model, options = self.model, self.options
        total = float(len(model.alphas_cumprod))
        keepers = [torch.Generator().manual_seed(seed + HELD) for seed in seeds]
        clean: Tensor | None = None
        with ExitStack() as entered:
            entered.enter_context(self._within_memory())
            if self.hooks:
                entered.enter_context(attention_control(model, *self.hooks))
            for step in sample(
                model,
                self.text if self.text is not None else self.prompt,
                negative=options.negative,
                steps=options.steps,
                guidance=options.guidance,
                scheduler=options.scheduler,
                image=self.image,
                strength=self.plan.strength,
                seed=list(seeds),
                control=self.controls,
            ):
                t = float(step.schedule.timesteps[step.index + 1]) / total if step.index + 1 < step.count else 0.0
                allowed = free(self.h, t)
                if not allowed.all():
                    # Eq. (2), at the level the latents have now; the authors' code re-noised to the level before.
                    if clean is None:
                        with torch.no_grad():
                            clean = model.to_latents(self._picture(model.device))
                    noise = torch.cat([torch.randn((1, *clean.shape[1:]), generator=maker) for maker in keepers])
                    held = step.noised_next(clean.expand_as(step.next_latents), noise.to(clean.device))
                    mask = torch.from_numpy(allowed).to(clean.device)
                    step.next_latents = torch.where(mask, step.next_latents, held)
                yield step

    def run(self, seeds: Sequence[int]) -> list[Pixels]:
        """The results of a batch of seeds, each H x W x 3.

        Raises `VertumnusError` if the model gives numbers that are none.
        """
        last = None
        for step in self.steps(seeds):
            last = step
        if last is None:
            raise VertumnusError(f"steps: strength {self.plan.strength:g} of {self.options.steps} steps leaves none")
        return self.finished(last.next_latents)

    def finished(self, latents: Tensor) -> list[Pixels]:
        """Latents as pictures of the canvas, with what is kept put back, to the bit."""
        with torch.no_grad(), self._within_memory():
            decoded = self.model.decode(latents)
        if not bool(torch.isfinite(decoded).all()):
            raise VertumnusError(
                f"{self.model.name}: gives numbers that are none (NaN); try it in full precision (float32)"
            )
        width, height = self.stack.size
        pictures = decoded.clamp(0, 1).float().cpu().movedim(1, -1).numpy()[:, :height, :width]
        as_bytes = list(np.floor(pictures * 255 + 0.5).astype(np.uint8))
        if self.options.detail:
            as_bytes = [with_detail(self.stack, picture, self.options.detail) for picture in as_bytes]
        return [keep(self.stack, self.plan.noise, picture) for picture in as_bytes]

    @contextmanager
    def _within_memory(self) -> Iterator[None]:
        """Has large pictures encoded and decoded tile by tile, each of the model's own size."""
        height, width = self.image.shape[:2]
        if self.model.vae is None or height * width <= LARGE:
            yield
            return
        with tiled(self.model, self.model.resolution // self.model.factor):
            yield

    def _picture(self, device: torch.device) -> Tensor:
        return torch.tensor(self.image, dtype=torch.float32, device=device).movedim(-1, 0)[None] / 255


class StructureRun(Harmonizer):
    """Plug-and-Play on the composite, the baseline SA (sec. 5.1): its structure kept, nothing known of layers.

    Noise, control and scheduler do not matter; seeds differ by the share of the noise that is drawn anew (``eta``).
    """

    def steps(self, seeds: Sequence[int]) -> Iterator[Step]:
        """The sampler's steps for a batch of seeds."""
        from vertumnus.sampling.injection import plug_and_play

        options = self.options
        return plug_and_play(
            self.model,
            self.image,
            self.text if self.text is not None else self.prompt,
            negative=options.negative or AGAINST,
            steps=options.steps,
            guidance=options.guidance,
            eta=options.eta,
            seed=list(seeds),
        )


def size_multiple(model: Diffusion) -> int:
    """Pixels a side that a model's pictures must be a multiple of: the autoencoder's factor, and the network's."""
    levels = len(getattr(model.unet.config, "block_out_channels", (1,)))
    return int(model.factor * 2 ** (levels - 1))


def to_latent_size(h: Floats, factor: int) -> Floats:
    """The noise map at the latents' size, the mean of each block of pixels."""
    height, width = h.shape
    blocks = h.reshape(height // factor, factor, width // factor, factor)
    means = blocks.mean((1, 3), dtype=np.float32)
    flat = blocks.min((1, 3)) == blocks.max((1, 3))  # a mean of equal numbers may differ from them in its last bit
    return np.where(flat, blocks[:, 0, :, 0], means).astype(np.float32)


def keep(stack: Stack, h: Floats, picture: Pixels) -> Pixels:
    """The result with what has noise 0 put back as it was.

    The layers are laid over each other once more, each by its own alpha: of a kept one its own picture, of another
    the result, whose colours those are. So seams are as soft as the layers' own edges, on either side, and a pixel
    that kept layers hide is the composite's, to the bit. How opaque a layer is as a whole is in the result already,
    and its alpha counts in shares of the most that it has.
    """
    kept = h == 0
    if not kept.any():
        return picture
    seen = stack.visible
    # A layer is kept if the map is 0 wherever it is seen.
    is_kept = [
        bool(kept[seen == index].all()) if (seen == index).any() else False for index in range(len(stack.alpha))
    ]
    ground_kept = kept[seen == NOBODY].all() if (seen == NOBODY).any() else False
    made_anew = np.full((*seen.shape, 1), 0.0 if ground_kept else 1.0, np.float32)  # the result's share of a pixel
    own = np.array(stack.ground, np.float32) * (1 - made_anew)  # what kept layers have of its colour
    for index, alpha in enumerate(stack.alpha[..., None]):
        share = alpha if is_kept[index] else alpha / max(float(alpha.max()), 1e-6)
        own, made_anew = own * (1 - share), made_anew * (1 - share)
        if is_kept[index]:
            own = own + stack.pictures[index, ..., :3] * share
        else:
            made_anew = made_anew + share
    composed = np.floor(own + picture * made_anew + np.float32(0.5)).astype(np.uint8)
    return np.where(made_anew == 0, stack.composite(), composed)
