"""Names whose embedding is another one for each cross-attention layer (Mix-of-Show, sec. 4.1, after P+)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.text import TextStates, cross_attentions

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.learned import LearnedWords

Tensor = torch.Tensor


class LayeredNames:
    """Names in a model's vocabulary, each a word of its own for every cross-attention layer.

    words  of the model, to which names are added; restoring them takes the names away
    """

    def __init__(self, model: Diffusion, words: LearnedWords) -> None:
        self.model, self.words = model, words
        self.layers = len(cross_attentions(model.unet))
        self.names: list[str] = []

    def add(self, name: str, vectors: Sequence[Tensor]) -> list[torch.nn.Parameter]:
        """Teaches a name.

        vectors  of each text encoder, layers x parts x width

        Returns the tables of all learned words, one of each encoder; the name's rows are the last, layer by layer.
        Raises `VertumnusError` for a name that is known or no name.
        """
        if not (name.startswith("<") and name.endswith(">") and len(name) > 2 and not name[1:-1].count(" ")):
            raise VertumnusError(f"name: {name!r} is no name; write it in angle brackets, as <ada>")
        tables: list[torch.nn.Parameter] = []
        for layer in range(self.layers):
            tables = self.words.add(_of_layer(name, layer), [one[layer] for one in vectors])
        self.names.append(name)
        return tables

    def named_in(self, prompt: str) -> list[str]:
        """The names that a prompt holds."""
        return [name for name in self.names if name in prompt]

    def encode(self, prompts: str | Sequence[str], gradients: bool = False) -> TextStates:
        """The text states of prompts; where one holds a name, each layer's own."""
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        if not any(self.named_in(prompt) for prompt in words):
            return self.model.encode_text(words, gradients=gradients)
        asked = [self._for_layer(prompt, layer) for prompt in words for layer in range(self.layers)]
        found = self.model.encode_text(asked, gradients=gradients)
        layered = found.states.reshape(len(words), self.layers, *found.states.shape[1:])
        pooled = None if found.pooled is None else found.pooled[:: self.layers]
        return TextStates(layered[:, 0], pooled, layered)

    def _for_layer(self, prompt: str, layer: int) -> str:
        for name in self.names:
            prompt = prompt.replace(name, _of_layer(name, layer))
        return prompt


def _of_layer(name: str, layer: int) -> str:
    return f"{name[:-1]}@{layer}>"
