"""A learned name as a file: a LoRA that other programs read, with the name's embeddings in its header."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.text import cross_attentions
from vertumnus.reading import check_regular, parse_json
from vertumnus.writing import atomic_write

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor
FORMAT = "vertumnus/concept"
PARTS = 2  # tokens that a name stands for: what is its own, and what class it is of


@dataclass(frozen=True)
class Concept:
    """A name that a model was taught.

    name       as prompts say it, ``<ada>``
    noun       the class it is of
    model      what the model was called
    vectors    of each text encoder, layers x PARTS x width: what the name is for each cross-attention layer
    lora       the tensors of its LoRA, in diffusers' layout
    """

    name: str
    noun: str
    model: str
    vectors: Sequence[Tensor]
    lora: dict[str, Tensor]

    def save(self, path: Path) -> None:
        """Writes it as safetensors. Raises `VertumnusError` if it cannot be written."""
        from safetensors.torch import save

        header: dict[str, Any] = {
            "name": self.name,
            "noun": self.noun,
            "model": self.model,
            "vectors": [_to_text(one) for one in self.vectors],
        }
        # One entry: of several, the library writes the order anew each time.
        whole = {FORMAT: json.dumps(header)}
        held = {key: value.detach().float().cpu().contiguous() for key, value in self.lora.items()}
        with atomic_write(path) as stream:
            stream.write(save(held, whole))

    @classmethod
    def load(cls, path: Path) -> Concept:
        """Reads one. Raises `VertumnusError` if the file is none."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file, safe_open  # type: ignore[attr-defined]

        check_regular(path)
        try:
            lora = load_file(path)
            with safe_open(path, "pt") as opened:
                said = (opened.metadata() or {}).get(FORMAT)
        except (OSError, SafetensorError, ValueError) as error:
            raise VertumnusError(f"{path}: cannot be read as safetensors ({error})") from None
        if said is None:
            raise VertumnusError(f"{path}: holds no learned name; vertumnus personalize makes such files")
        try:
            header = parse_json(said, path)
            vectors = [_from_text(one) for one in header["vectors"]]
            return cls(header["name"], header["noun"], header["model"], vectors, lora)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise VertumnusError(f"{path}: is damaged ({type(error).__name__}: {error})") from None

    def check(self, model: Diffusion, where: str | Path) -> None:
        """Raises `VertumnusError` unless the model is of the architecture that the name was learned on."""
        layers = len(cross_attentions(model.unet))
        widths = [int(encoder.get_input_embeddings().weight.shape[-1]) for encoder in model.text.encoders]
        own = [tuple(one.shape) for one in self.vectors]
        if own != [(layers, PARTS, width) for width in widths]:
            raise VertumnusError(
                f"{where}: {self.name} was learned on {self.model}, of another architecture than {model.name}"
            )


def _to_text(values: Tensor) -> dict[str, Any]:
    array = values.detach().float().cpu().numpy()
    return {"shape": list(array.shape), "float32": base64.b64encode(array.astype("<f4").tobytes()).decode()}


def _from_text(said: dict[str, Any]) -> Tensor:
    array = np.frombuffer(base64.b64decode(said["float32"], validate=True), "<f4").reshape(said["shape"])
    if not np.isfinite(array).all():
        raise ValueError("embeddings that are no numbers")
    return torch.from_numpy(array.astype(np.float32))
