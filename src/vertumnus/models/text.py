"""What a diffusion model reads: prompts as text states, from text encoders that leave the device afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class TextStates:
    """What the text encoder made of B prompts.

    states   B x tokens x width, what cross-attention reads
    pooled   B x width, of Stable Diffusion XL alone
    layered  B x layers x tokens x width: what each cross-attention layer reads instead, in the order in which they
             compute, where they do not all read the same (as with ED-LoRA, Gu et al. 2023)
    """

    states: Tensor
    pooled: Tensor | None = None
    layered: Tensor | None = None

    def __len__(self) -> int:
        return len(self.states)

    def repeated(self, count: int) -> TextStates:
        """One prompt's states for a batch of ``count``."""
        pooled = None if self.pooled is None else self.pooled.expand(count, -1)
        layered = None if self.layered is None else self.layered.expand(count, -1, -1, -1)
        return TextStates(self.states.expand(count, -1, -1), pooled, layered)

    def taken(self, places: Sequence[int]) -> TextStates:
        """Those at some places, each as often as it is named."""
        of = torch.tensor(places, device=self.states.device)
        pooled = None if self.pooled is None else self.pooled[of]
        return TextStates(self.states[of], pooled, None if self.layered is None else self.layered[of])

    def then(self, other: TextStates) -> TextStates:
        """Both batches, one after the other."""
        pooled = layered = None
        if self.pooled is not None and other.pooled is not None:
            pooled = torch.cat([self.pooled, other.pooled])
        if self.layered is not None or other.layered is not None:
            layers = next(one.layered.shape[1] for one in (self, other) if one.layered is not None)
            layered = torch.cat([one.in_layers(layers) for one in (self, other)])
        return TextStates(torch.cat([self.states, other.states]), pooled, layered)

    def in_layers(self, layers: int) -> Tensor:
        """`layered`, or the same states for each layer."""
        return self.states[:, None].expand(-1, layers, -1, -1) if self.layered is None else self.layered


@contextmanager
def layers_reading(unet: Any, text: TextStates) -> Iterator[None]:
    """Has each cross-attention layer of a network read its own of ``text.layered`` while the context lasts."""
    if text.layered is None:
        yield
        return
    layered = text.layered.unbind(1)

    def read(states: Tensor) -> Any:
        def before(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return args, {**kwargs, "encoder_hidden_states": states.to(kwargs["encoder_hidden_states"])}

        return before

    places = cross_attentions(unet)
    if len(places) != len(layered):
        raise ValueError(f"text states for {len(layered)} layers, and the network has {len(places)}")
    hooks = [
        module.register_forward_pre_hook(read(states), with_kwargs=True)
        for (_, module), states in zip(places, layered, strict=True)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def cross_attentions(unet: Any) -> list[tuple[str, Any]]:
    """A network's cross-attention layers and their names, in the order in which they compute."""
    return [
        (name, module)
        for part in ("down_blocks", "mid_block", "up_blocks")
        for name, module in unet.named_modules()
        if name.startswith(part) and name.endswith("attn2")
    ]


def check_vocabulary(tokenizer: Any, encoder: Any) -> None:
    """Raises `ValueError` if a tokenizer has tokens that its text encoder has no vectors for."""
    last, vectors = max(tokenizer.get_vocab().values(), default=0), len(encoder.get_input_embeddings().weight)
    if last >= vectors:
        raise ValueError(f"the tokenizer has token {last}, and {type(encoder).__name__} {vectors} vectors")


class TextReader:
    """The text encoders of a pipeline.

    resident  whether they stay on the device; else they come to read, and go back to the processor's memory
    """

    def __init__(self, family: str, pipeline: Any, device: torch.device, resident: bool) -> None:
        self.family, self.pipeline, self.device, self.resident = family, pipeline, device, resident

    @property
    def encoders(self) -> list[Any]:
        """One, or SDXL's two."""
        named = (getattr(self.pipeline, name, None) for name in ("text_encoder", "text_encoder_2"))
        return [encoder for encoder in named if encoder is not None]

    @contextmanager
    def _here(self) -> Iterator[None]:
        if self.resident:
            yield
            return
        try:
            for encoder in self.encoders:
                encoder.to(self.device)
            yield
        finally:
            for encoder in self.encoders:
                encoder.to("cpu")

    @property
    def tokenizers(self) -> list[Any]:
        """One, or SDXL's two; as they are now, for learned words change them."""
        named = (getattr(self.pipeline, name, None) for name in ("tokenizer", "tokenizer_2"))
        return [tokenizer for tokenizer in named if tokenizer is not None]

    def check(self) -> None:
        """Raises `ValueError` if a tokenizer has tokens that its text encoder has no vectors for."""
        for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
            check_vocabulary(tokenizer, encoder)

    def read(self, prompts: str | Sequence[str], gradients: bool = False) -> TextStates:
        """The text states of prompts, as the pipeline makes them; with gradients by learned words if asked for."""
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        with self._here(), torch.set_grad_enabled(gradients):
            if self.family == "stable-diffusion-xl":
                found = self.pipeline.encode_prompt(words, device=self.device, do_classifier_free_guidance=False)
                return TextStates(found[0], found[2])
            found = self.pipeline.encode_prompt(
                words, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
            return TextStates(found[0])

    def read_negative(self, prompts: str | Sequence[str]) -> TextStates:
        """What guidance steers away from: of an empty prompt of SDXL zeros, where its configuration says so."""
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        found = self.read(words)
        if found.pooled is None or not self.pipeline.config.get("force_zeros_for_empty_prompt"):
            return found
        empty = torch.tensor([not word for word in words], device=found.states.device)
        states = found.states.masked_fill(empty.view(-1, 1, 1), 0)
        return TextStates(states, found.pooled.masked_fill(empty.view(-1, 1), 0))

    def spans(self, prompt: str) -> tuple[list[tuple[int, int]], int]:
        """Where in a prompt each token comes from, as characters from and to, and how many are cut.

        The list is as long as what the network reads: what no characters stand for, as the beginning and the
        padding, is (0, 0). The number is of tokens that the window had no room for.
        """
        words = self.pipeline.tokenizer
        most = words.model_max_length
        whole = words(prompt, return_offsets_mapping=True)["offset_mapping"]
        cut = max(len(whole) - most, 0)
        # The last token is the end's, also of a prompt that is cut.
        kept = [tuple(span) for span in (whole[: most - 1] + whole[-1:] if cut else whole)]
        return kept + [(0, 0)] * (most - len(kept)), cut
