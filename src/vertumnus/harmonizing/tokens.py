"""Which tokens of a prompt speak of which layer.

A layer's text is a part of the prompt (Collage Diffusion, sec. 2). It is found by its characters, and its tokens by
the tokenizer's own offsets, so that repeats, sub-words, punctuation and case do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from vertumnus.errors import VertumnusError

Span = tuple[int, int]


class Spoken(NamedTuple):
    """A layer's part of the prompt.

    text    as it stands in the layer
    span    first character and the one after the last
    tokens  places in the encoder's window, counted with its start token
    """

    text: str
    span: Span
    tokens: tuple[int, ...]


def find_spans(prompt: str, texts: Sequence[str]) -> list[Span]:
    """Where each layer's text stands in the prompt, whole words of it, whatever the case.

    Layers of equal text take its occurrences in turn; when there are fewer of them, the last is shared. A text within
    another's (the "cake" of "cake stand") takes an occurrence of its own if there is one.

    Raises `VertumnusError` for a text that is not there, naming it and a prompt that has all of them.

    >>> find_spans("A red cup, a cup and a cake stand", ["cup", "Cup", "stand"])
    [(6, 9), (13, 16), (28, 33)]
    """
    taken: list[Span] = []
    spans: dict[int, Span] = {}
    # The longest first, so that a shorter one does not take their words.
    for index in sorted(range(len(texts)), key=lambda n: (-len(texts[n]), n)):
        words = texts[index].strip()
        if not words:
            raise VertumnusError(f"layer {index + 1}: its text is empty; say what it shows")
        pattern = r"\s+".join(re.escape(word) for word in words.split())
        found = [match.span() for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", prompt, re.IGNORECASE)]
        if not found:
            raise VertumnusError(
                f"prompt: layer {words!r} is not in it; write for example {prompt_of(texts)!r}, or auto"
            )
        free = [span for span in found if not any(span[0] < end and start < span[1] for start, end in taken)]
        spans[index] = free[0] if free else found[-1]
        taken.append(spans[index])
    return [spans[index] for index in range(len(texts))]


def prompt_of(texts: Sequence[str]) -> str:
    """A prompt made from the layers' texts, each once, in their order from back to front.

    >>> prompt_of(["a bento box", "rice", "sushi", "rice"])
    'a bento box, rice and sushi'
    """
    different = list(dict.fromkeys(" ".join(text.split()) for text in texts))
    *most, last = different
    return f"{', '.join(most)} and {last}" if most else last


def speak(
    tokenizers: Any | Sequence[Any], prompt: str, texts: Sequence[str], spans: Sequence[Span] | None = None
) -> list[Spoken]:
    """The tokens of every layer's text in a prompt, as the tokenizers split it.

    tokenizers  of the library transformers, one, or the two of Stable Diffusion XL: of both encoders' states for a
                token one vector is made, so that a layer's tokens are those that either says
    spans       where the texts stand, if that is known

    Raises `VertumnusError` for a text that is not in the prompt, and for a prompt longer than the encoder's window.
    """
    spans = find_spans(prompt, texts) if spans is None else spans
    found: list[set[int]] = [set() for _ in texts]
    several: Sequence[Any] = tokenizers if isinstance(tokenizers, list | tuple) else [tokenizers]
    check_window(several, prompt)
    for tokenizer in several:
        offsets = token_offsets(tokenizer, prompt)
        for tokens, (first, end) in zip(found, spans, strict=True):
            tokens |= {n + 1 for n, (a, b) in enumerate(offsets) if a < end and first < b}
    return [Spoken(text, span, tuple(sorted(tokens))) for text, span, tokens in zip(texts, spans, found, strict=True)]


def check_window(tokenizers: Sequence[Any], prompt: str, more: int = 0, name: str = "prompt") -> None:
    """Raises `VertumnusError` for a prompt longer than an encoder's window, naming where it would be cut.

    more   tokens that are still to be put into it
    name   what the prompt is called
    """
    for tokenizer in tokenizers:
        offsets = token_offsets(tokenizer, prompt)
        room = int(tokenizer.model_max_length) - 2 - more  # without the start and the end
        if len(offsets) > room:
            at = offsets[max(room, 0)][0]
            cut = prompt[at : at + 30]
            words = f" beside {more} for learned words" if more else ""
            raise VertumnusError(
                f"{name}: has {len(offsets)} tokens and the model reads {max(room, 0)}{words}; it would be cut at"
                f" {cut!r}"
            )


def with_words(prompt: str, spans: Sequence[Span], words: Sequence[str]) -> tuple[str, list[Span]]:
    """The prompt with words before each text, (a, c) of eq. (1), and where the texts stand then, words included.

    Texts that share their place have their words there one after the other, and share all of it.

    >>> with_words("a cup and a cake", [(2, 5), (12, 16)], ["<0>", "<1> <2>"])
    ('a <0> cup and a <1> <2> cake', [(2, 9), (16, 28)])
    """
    before: dict[Span, list[str]] = {}
    for span, word in zip(spans, words, strict=True):
        before.setdefault(span, []).extend([word] if word else [])
    made, last = "", 0
    placed: dict[Span, Span] = {}
    for first, end in sorted(before):
        made += prompt[last:first]
        start = len(made)
        made += "".join(f"{word} " for word in before[first, end]) + prompt[first:end]
        placed[first, end], last = (start, len(made)), end
    return made + prompt[last:], [placed[first, end] for first, end in spans]


def token_offsets(tokenizer: Any, prompt: str) -> list[Span]:
    """First and last-plus-one character of every token, without the special ones.

    Fast tokenizers tell them. Of others they are worked out from the tokens' own letters.
    """
    if getattr(tokenizer, "is_fast", False):
        found = tokenizer(
            prompt, return_offsets_mapping=True, add_special_tokens=False, truncation=False, verbose=False
        )
        return [(int(a), int(b)) for a, b in found["offset_mapping"]]
    pieces = tokenizer.tokenize(prompt)
    lowered, at, offsets = prompt.lower(), 0, []
    for piece in pieces:
        letters = piece.removesuffix("</w>").lstrip("▁Ġ").lower()
        start = lowered.find(letters, at) if letters else at
        if start < 0:  # an unknown letter stands for itself
            start = at
        end = min(start + max(len(letters), 1), len(prompt))
        offsets.append((start, end))
        at = end
    return offsets
