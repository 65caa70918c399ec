"""Learned names in use: on a model while a mosaic is drawn, each tile with those that its prompt holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vertumnus.errors import VertumnusError
from vertumnus.models.adapters import Adapters
from vertumnus.mosaic.personalize.concept import Concept
from vertumnus.mosaic.personalize.layered import LayeredNames

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.text import TextStates


def parse_concept(text: str) -> tuple[Path, float]:
    """The file and weight of ``FILE`` or ``FILE:WEIGHT``.

    Raises `VertumnusError` for a weight that is no number from 0 to 2.

    >>> parse_concept("ada.safetensors:0.7")
    (PosixPath('ada.safetensors'), 0.7)
    """
    name, colon, weight = text.rpartition(":")
    if not colon or weight.endswith(".safetensors"):
        return Path(text), 1.0
    try:
        value = float(weight)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise VertumnusError(f"`concept`: {text!r} has no weight from 0 to 2 after its colon")
    return Path(name), value


class LearnedNames:
    """Concepts on a model; `close` takes them off.

    files  of concepts and their weights

    Raises `VertumnusError` for a file that is none, of another architecture, or whose name is there twice.
    """

    def __init__(self, model: Diffusion, files: Sequence[tuple[Path, float]]) -> None:
        self.model = model
        self.adapters = Adapters(model)
        self.layered = LayeredNames(model, self.adapters.words)
        self.loras: dict[str, tuple[str, float]] = {}
        self.told: list[list[str | float]] = []  # the files' hashes and weights
        try:
            for path, weight in files:
                concept = Concept.load(path)
                concept.check(model, path)
                self.told.append([hashlib.sha256(path.read_bytes()).hexdigest(), weight])
                if concept.name in self.loras:
                    raise VertumnusError(f"{path}: {concept.name} is the name of another concept too")
                self.layered.add(concept.name, concept.vectors)
                self.loras[concept.name] = self.adapters.add_lora(concept.lora, weight, path.stem), weight
        except BaseException:
            self.close()
            raise

    def key(self, prompt: str) -> tuple[str, ...]:
        """The names that a prompt holds: tiles of one key are drawn together."""
        return tuple(self.layered.named_in(prompt))

    def activate(self, names: Sequence[str]) -> None:
        """Has the LoRAs of these names alone take part."""
        for name, (lora, weight) in self.loras.items():
            self.adapters.set_weight(lora, weight if name in names else 0.0)

    def encode(self, prompts: Sequence[str]) -> TextStates:
        """The text states of prompts that may hold names."""
        return self.layered.encode(prompts)

    def close(self) -> None:
        """Gives the model back as it was."""
        self.adapters.close()
