"""Words that a text encoder is taught: vectors of their own for tokens of their own (textual inversion).

Files are safetensors in the layouts that are in use: one tensor by its word (diffusers), ``emb_params``
(stable-diffusion-webui), and ``clip_l`` with ``clip_g`` for the two encoders of Stable Diffusion XL.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.reading import check_regular

Tensor = torch.Tensor
READERS = (("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2"))
_OF_TWO = ("clip_l", "clip_g")


class Vocabulary(torch.nn.Module):
    """An encoder's table of tokens, and more rows behind it.

    base   the encoder's own, n x width, which is not touched
    extra  of the tokens from n on, k x width, in single precision; may require gradients
    """

    def __init__(self, base: torch.nn.Module, extra: Tensor) -> None:
        super().__init__()
        self.base, self.extra = base, torch.nn.Parameter(extra.float(), requires_grad=False)

    @property
    def weight(self) -> Any:
        """The encoder's own rows."""
        return self.base.weight

    def forward(self, ids: Tensor) -> Tensor:
        """... x width for tokens of any shape."""
        known = len(self.base.weight)  # type: ignore[arg-type]
        if not len(self.extra):
            return self.base(ids)  # type: ignore[no-any-return]
        found = self.base(ids.clamp(max=known - 1))
        own = self.extra[(ids - known).clamp(min=0)].to(found.dtype)
        return torch.where((ids >= known)[..., None], own, found)


class LearnedWords:
    """Words taught to a pipeline's text encoders, until `restore` makes them forget.

    A word of several vectors is several tokens, ``word``, ``word_1`` ..., and stands in a prompt by its first:
    that is how diffusers reads it too.
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.words: dict[str, list[Tensor]] = {}
        self._before: list[tuple[str, Any, Any, Any]] = []
        self._ends: list[tuple[Any, Any]] = []
        self._tables: list[Vocabulary] = []

    @property
    def readers(self) -> list[tuple[str, Any, Any]]:
        """Name of the tokenizer, the tokenizer and the encoder, of each reader that the pipeline has."""
        found = []
        for tokenizer, encoder in READERS:
            if getattr(self.pipeline, encoder, None) is not None:
                found.append((tokenizer, getattr(self.pipeline, tokenizer), getattr(self.pipeline, encoder)))
        return found

    @property
    def tables(self) -> list[Vocabulary]:
        """The table of each reader, once a word was added."""
        return self._tables

    def widths(self) -> list[int]:
        """Of a token's vector in each reader."""
        return [encoder.get_input_embeddings().weight.shape[-1] for _, _, encoder in self.readers]

    def vectors_of(self, text: str) -> list[Tensor]:
        """What a text's tokens are read as, tokens x width in each reader: to begin learning from."""
        found = []
        for _, tokenizer, encoder in self.readers:
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids[0]
            table = encoder.get_input_embeddings()
            found.append(table(ids.to(table.weight.device)).detach().float())
        return found

    def add(self, word: str, vectors: Sequence[Tensor]) -> list[torch.nn.Parameter]:
        """Teaches one word.

        vectors   k x width for each reader

        Returns the parameters that hold the vectors of all words taught, one of each reader; the last k rows are new.
        Raises `VertumnusError` for a word that is known, and for vectors of another width or number.
        """
        readers = self.readers
        vectors = [one if one.ndim == 2 else one[None] for one in vectors]
        widths, given = self.widths(), [int(one.shape[-1]) for one in vectors]
        if widths != given:
            raise VertumnusError(f"{word}: has vectors of width {given}, and the model's text encoders have {widths}")
        count = len(vectors[0])
        if not count or any(len(one) != count for one in vectors):
            raise VertumnusError(f"{word}: has {[len(one) for one in vectors]} vectors; as many for each encoder")
        names = [word, *(f"{word}_{number}" for number in range(1, count))]
        for _, tokenizer, _ in readers:
            known = [name for name in names if name in tokenizer.get_vocab()]
            if known:
                raise VertumnusError(f"{known[0]}: is a word that the model knows already; choose another")
        if not self._before:
            self._take_over()
        for (_, tokenizer, _), table, new in zip(self.readers, self._tables, vectors, strict=True):
            tokenizer.add_tokens(names)
            kept = table.extra.detach()
            table.extra = torch.nn.Parameter(torch.cat([kept, new.float().to(kept.device)]), requires_grad=False)
        self.words[word] = [one.detach().float() for one in vectors]
        return [table.extra for table in self._tables]

    def _take_over(self) -> None:
        """Puts copies of the tokenizers and tables with room for more in the place of the model's own."""
        for name, tokenizer, encoder in self.readers:
            base = encoder.get_input_embeddings()
            if len(tokenizer) > len(base.weight):
                raise VertumnusError(f"{type(encoder).__name__}: has fewer vectors than its tokenizer has tokens")
            self._before.append((name, tokenizer, encoder, base))
            own = copy.deepcopy(tokenizer)
            # Tables may be longer than the vocabulary: new tokens must come after the last row.
            if len(own) < len(base.weight):
                own.add_tokens([f"<unused {number}>" for number in range(len(base.weight) - len(own))])
            setattr(self.pipeline, name, own)
            table = Vocabulary(base, torch.zeros(0, base.weight.shape[1], device=base.weight.device))
            encoder.set_input_embeddings(table)
            self._tables.append(table)
            for module in encoder.modules():
                # CLIP of before 2023 finds a text's end as its highest token, which a new one would be.
                if getattr(module, "eos_token_id", None) == 2:
                    self._ends.append((module, 2))
                    module.eos_token_id = tokenizer.eos_token_id

    def restore(self) -> None:
        """Makes the encoders what they were."""
        for name, tokenizer, encoder, base in self._before:
            setattr(self.pipeline, name, tokenizer)
            encoder.set_input_embeddings(base)
        for module, end in self._ends:
            module.eos_token_id = end
        self.words, self._before, self._ends, self._tables = {}, [], [], []


def save_words(path: Path, word: str, vectors: Sequence[Tensor]) -> None:
    """Writes one word's vectors in the layout that diffusers reads. Raises `VertumnusError` if it cannot be."""
    from safetensors.torch import save

    from vertumnus.writing import atomic_write, cannot_write

    names = [word] if len(vectors) == 1 else _OF_TWO
    held = {name: one.detach().float().cpu().contiguous() for name, one in zip(names, vectors, strict=True)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(save(held, {"word": word}))
    except OSError as error:
        raise cannot_write(path, error) from error


def read_words(path: Path) -> tuple[str | None, list[Tensor]]:
    """A file's word, if it says one, and its vectors, k x width for each encoder.

    Raises `VertumnusError` if it is no such file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, safe_open  # type: ignore[attr-defined]

    if path.suffix in (".pt", ".bin", ".ckpt"):
        raise VertumnusError(f"{path}: is pickled, and never loaded; safetensors are needed")
    check_regular(path)
    try:
        held = load_file(path)
        with safe_open(path, "pt") as file:
            said = (file.metadata() or {}).get("word")
    except (OSError, SafetensorError, ValueError) as error:
        raise VertumnusError(f"{path}: cannot be read as safetensors ({error})") from None
    word: str | None = said
    if set(_OF_TWO) <= set(held):
        vectors = [held[name] for name in _OF_TWO]
    elif "emb_params" in held:
        vectors = [held["emb_params"]]
    elif len(held) == 1:
        ((word, only),) = held.items()
        vectors = [only]
    else:
        raise VertumnusError(f"{path}: holds no learned word: one tensor, emb_params, or clip_l and clip_g")
    vectors = [one if one.ndim == 2 else one[None] for one in vectors]
    if any(one.ndim != 2 or not bool(torch.isfinite(one).all()) for one in vectors):
        raise VertumnusError(f"{path}: holds vectors that are none")
    return word, vectors
