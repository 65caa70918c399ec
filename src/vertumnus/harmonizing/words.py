"""The words that layers' appearances were learned as: kept by the content of what they were learned from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vertumnus.cachedir import user_folder
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import Stack, padded

if TYPE_CHECKING:
    from vertumnus.harmonizing.appearance import Subject, Watcher
    from vertumnus.harmonizing.options import HarmonizeOptions
    from vertumnus.models.diffusion import Diffusion

SCHEME = "2"  # of learning: another one is another word
SOME = 64  # numbers of each of a model's arrays that tell it from others


def learned_words(
    stack: Stack,
    spoken: Sequence[int],
    texts: Sequence[str],
    model: Diffusion,
    options: HarmonizeOptions,
    watch: Watcher | None = None,
) -> list[list[Any]]:
    """The vectors of each layer that speaks, vectors x width for each text encoder; learned if they are not kept.

    spoken  indices in the stack
    texts   theirs
    """
    from vertumnus.harmonizing.appearance import learn
    from vertumnus.models.learned import read_words, save_words

    subjects = [subject(stack, index, text, model) for index, text in zip(spoken, texts, strict=True)]
    known = fingerprint(model)
    places = [kept_at(one, known, options) for one in subjects]
    found: dict[int, list[Any]] = {}
    for number, place in enumerate(places):
        if place.is_file():
            try:
                found[number] = read_words(place)[1]
            except VertumnusError:
                continue  # damaged: learned anew
    missing = [number for number in range(len(subjects)) if number not in found]
    if missing:

        def told(which: int, step: int, loss: float) -> None:
            if watch is not None:
                watch(missing[which], step, loss)

        learned = learn(model, [subjects[n] for n in missing], options.vectors, options.learning, watch=told)
        for number, one in zip(missing, learned, strict=True):
            save_words(places[number], "layer", one.vectors)
            found[number] = one.vectors
    return [found[number] for number in range(len(subjects))]


def subject(stack: Stack, index: int, text: str, model: Diffusion) -> Subject:
    """What a layer's word is learned from: the composite up to it, and its alpha."""
    import torch

    from vertumnus.harmonizing.appearance import Subject
    from vertumnus.harmonizing.diffuse import size_multiple

    multiple = size_multiple(model)
    image = np.asarray(padded(stack.composite(index + 1), multiple), np.float32) / np.float32(255)
    alpha = np.asarray(padded(stack.alpha[index], multiple), np.float32)
    return Subject(text, torch.tensor(image).movedim(-1, 0), torch.tensor(alpha))


def word_names(number: int, vectors: int) -> list[str]:
    """The words that stand before a layer's text in a prompt, one for each vector."""
    return [f"<{number}.{place}>" for place in range(vectors)]


def kept_at(one: Subject, model: str, options: HarmonizeOptions) -> Path:
    """The file of a word, by the content of its layer, its text, its model and how it is learned."""
    digest = hashlib.sha256()
    for part in (one.image, one.alpha):
        digest.update(str(tuple(part.shape)).encode())
        digest.update(part.numpy().tobytes())
    key = "\n".join([SCHEME, model, one.text, str(options.vectors), str(options.learning), digest.hexdigest()])
    return user_folder("appearance", key) / "word.safetensors"


def fingerprint(model: Diffusion) -> str:
    """A hash of some numbers of each of a model's arrays, its network's and its text encoders', and LoRAs' scales."""
    from vertumnus.models.carried import adapted_layers

    digest = hashlib.sha256(str(model.dtype).encode())
    for part in (model.unet, *model.text.encoders):
        for name, weights in part.named_parameters():
            digest.update(f"{name} {tuple(weights.shape)}".encode())
            digest.update(weights.detach().flatten()[:SOME].float().cpu().numpy().tobytes())
        for layer in adapted_layers(part):
            at_work = [] if layer.disable_adapters else list(layer.active_adapters)
            digest.update(str([(name, layer.scaling.get(name)) for name in at_work]).encode())
    return digest.hexdigest()
