"""A picture's structure put into another: Plug-and-Play diffusion features (Tumanyan et al., CVPR 2023).

The picture is inverted by DDIM. While another is drawn from the same noise, the network sees both, and in the early
steps what it draws gets the queries and keys of the picture's self-attention, and the features of one residual block,
both of the decoder: places that belong together in the one then belong together in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.text import TextStates
from vertumnus.sampling.attention import Call, Hook, attention_control
from vertumnus.sampling.inversion import invert
from vertumnus.sampling.sample import sample
from vertumnus.sampling.step import Step

Tensor = torch.Tensor
ATTENTION, FEATURES = 0.5, 0.8  # shares of the steps in which each is put in (section 4 and its published code)


class Injection(Hook):
    """Features of one run of a network, put into the next.

    Self-attention counts from the second one of the second block of the decoder on, features are those of that
    block's second residual layer: layers 4 to 11, and layer 4, of Stable Diffusion's twelve.
    """

    def __init__(self, model: Diffusion) -> None:
        blocks = list(model.unet.up_blocks)
        if len(blocks) < 2:
            raise VertumnusError(f"{model.name}: its decoder has too few blocks for features to be put into")
        layers = blocks[1].resnets
        self._residual: Any = layers[min(1, len(layers) - 1)]
        if not hasattr(self._residual, "conv2"):
            raise VertumnusError(f"{model.name}: its residual layers are of a kind that features cannot be put into")
        own = [
            name for name, module in model.unet.named_modules() if name.endswith(".attn1") and "up_blocks." in name
        ]
        self.places = {name for name in own if not name.startswith(("up_blocks.0.", "up_blocks.1.attentions.0."))}
        self._recording = False
        self.attention, self.features = False, False
        self._pairs: dict[str, tuple[Tensor, Tensor]] = {}
        self._seen: Tensor | None = None

    def record(self, on: bool) -> None:
        """Whether what the network does next is taken down; else what was is put in where that is switched on."""
        self._recording = on

    def acts(self, call: Call) -> bool:
        """In the decoder's self-attention."""
        return call.layer.name in self.places and (self._recording or self.attention)

    def queries_and_keys(self, call: Call, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Takes them down, or gives those taken down for every item of the batch."""
        if self._recording:
            self._pairs[call.layer.name] = (queries, keys)
            return queries, keys
        queries_before, keys_before = self._pairs[call.layer.name]
        return queries_before.expand_as(queries), keys_before.expand_as(keys)

    def watch(self) -> Any:
        """Hangs it onto the residual layer; what is returned takes it off by ``remove()``."""

        def after(_: Any, __: Any, out: Tensor) -> Tensor | None:
            if self._recording:
                self._seen = out
                return None
            return self._seen.expand_as(out) if self.features and self._seen is not None else None

        return self._residual.conv2.register_forward_hook(after)


def plug_and_play(
    model: Diffusion,
    image: Tensor | NDArray[Any],
    prompt: str | TextStates,
    *,
    negative: str | TextStates = "",
    steps: int = 50,
    guidance: float = 7.5,
    attention: float = ATTENTION,
    features: float = FEATURES,
    batch: int = 1,
    eta: float = 0.0,
    seed: int | Sequence[int] = 0,
) -> Iterator[Step]:
    """The steps of a picture that shows the prompt in the structure of another; each is taken when it is yielded.

    image      3 x H x W from 0 to 1 or H x W x 3 bytes, of a size that the model takes
    attention  share of the steps in which self-attention is put in
    features   share of the steps in which features are
    batch      pictures, where not as many seeds as these are given
    eta        share of DDIM's noise that is drawn anew, by the seeds; with 0, as published, all pictures are one

    With both shares 0, this is DDIM from the picture's inverted noise.
    Raises `VertumnusError` for a model whose attention or decoder is of another kind.
    """
    several = batch if isinstance(seed, int) else len(seed)
    source = model.encode_text("")
    found = invert(model, image, source, steps=steps)
    injection = Injection(model)
    watching = injection.watch()
    try:
        for step in sample(
            model,
            prompt,
            negative=negative,
            steps=steps,
            guidance=guidance,
            scheduler="ddim",
            eta=eta,
            latents=found[0].expand(several, -1, -1, -1),
            seed=seed,
        ):
            injection.attention = step.index < attention * step.count
            injection.features = step.index < features * step.count
            with attention_control(model, injection):
                if injection.attention or injection.features:
                    injection.record(True)
                    with torch.no_grad():
                        model.predict_noise(found[step.index], step.timestep, source)
                    injection.record(False)
                _ = step.next_latents
            yield step
    finally:
        watching.remove()
