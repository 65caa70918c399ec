"""What is added to a model for a while: LoRAs and learned words, each by name, with a weight, and taken off again.

with Adapters(model) as adapters:
    adapters.add_lora("watercolour.safetensors", weight=0.8)
    adapters.add_word("koala.safetensors", "<koala>")
    picture = model.decode(finish(sample(model, "a <koala> in a tree")))
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.carried import Carried
from vertumnus.models.device import quiet
from vertumnus.models.diffusion import Diffusion
from vertumnus.models.learned import LearnedWords, read_words
from vertumnus.reading import check_regular

Tensor = torch.Tensor


class Adapters:
    """The LoRAs and learned words of one model. Closing it leaves the model as it was, to the bit.

    LoRAs that the model carried before stay at work beside those that are added.

    model  LoRAs go onto its network and text encoders, words into its text encoders and tokenizers
    words  the learned words, see `vertumnus.models.learned.LearnedWords`
    """

    def __init__(self, model: Diffusion) -> None:
        self.model, self.words = model, LearnedWords(model.pipeline)
        self._weights: dict[str, float] = {}
        self._carried: Carried | None = None  # once there is a LoRA of its own

    def __enter__(self) -> Adapters:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def loras(self) -> Mapping[str, float]:
        """The LoRAs by name, and their weights."""
        return dict(self._weights)

    def add_lora(
        self, source: str | Path | Mapping[str, Tensor], weight: float = 1.0, name: str | None = None
    ) -> str:
        """Adds a LoRA (Hu et al. 2022) to those that are there.

        source  a safetensors file of diffusers, peft or kohya's scripts, the folder that holds one, or its tensors
        weight  that it is multiplied by; 0 is none of it
        name    by which it is known; the file's by default

        Returns its name. Raises `VertumnusError` if it cannot be read, or does not go with the model.
        """
        pipeline = self.model.pipeline
        if not hasattr(pipeline, "load_lora_weights"):
            raise VertumnusError(f"{self.model.name}: a {type(pipeline).__name__} takes no LoRA")
        tensors, called = (source, "lora") if isinstance(source, Mapping) else _tensors(Path(source))
        taken = {known: 0.0 for part in self._parts() for known in _adapters_of(part)}
        name = _free_name(name or called, taken | self._weights)
        self._carried = self._carried or Carried(self._parts())
        with quiet(), _silent():
            try:
                pipeline.load_lora_weights(dict(tensors), adapter_name=name)
            except (ValueError, RuntimeError, KeyError, TypeError, AttributeError, IndexError) as error:
                self._forget(name)
                self._apply()
                sentence = " ".join(str(error).split())[:200]
                raise VertumnusError(
                    f"{name}: is no LoRA of {self.model.name}, or of another architecture ({sentence})"
                ) from None
        if not any(name in _adapters_of(part) for part in self._parts()):
            raise VertumnusError(f"{name}: is no LoRA of {self.model.name}; none of its weights has a place there")
        for part in self._parts():
            for parameter in _parameters_of(part, name):
                parameter.requires_grad_(False)
        self._weights[name] = weight
        self._apply()
        return name

    def set_weight(self, name: str, weight: float) -> None:
        """Weighs a LoRA anew. Raises `VertumnusError` for a name that none has."""
        if name not in self._weights:
            raise VertumnusError(f"adapter: there is no {name!r}{did_you_mean(name, self._weights)}")
        self._weights[name] = weight
        self._apply()

    def remove(self, name: str) -> None:
        """Takes one LoRA off. Raises `VertumnusError` for a name that none has."""
        if name not in self._weights:
            raise VertumnusError(f"adapter: there is no {name!r}{did_you_mean(name, self._weights)}")
        del self._weights[name]
        self._forget(name)
        self._apply()

    def add_word(self, source: str | Path | Sequence[Tensor], word: str | None = None) -> str:
        """Teaches the text encoders a word, which prompts may then hold.

        source  a safetensors file of textual inversion, or its vectors, k x width for each text encoder
        word    in place of the file's own

        Returns the word. Raises `VertumnusError` if it cannot be read or taught.
        """
        said, vectors = read_words(Path(source)) if isinstance(source, str | Path) else (None, list(source))
        word = word or said
        if not word:
            raise VertumnusError(f"{source}: does not say which word it is; name one")
        self.words.add(word, vectors)
        return word

    def close(self) -> None:
        """Takes everything off."""
        for name in list(self._weights):
            self._forget(name)
        self._weights = {}
        if self._carried is not None:
            self._carried.restore()
            self._carried = None
        self.words.restore()

    def _parts(self) -> list[Any]:
        return [self.model.unet, *self.model.text.encoders]

    def _apply(self) -> None:
        """Makes the LoRAs of a weight active, and only these."""
        from diffusers.utils import set_adapter_layers

        active = {name: weight for name, weight in self._weights.items() if weight}
        for part in self._parts():
            here = [name for name in active if name in _adapters_of(part)]
            if here:
                _weigh(part, here, [active[name] for name in here])
            elif _adapters_of(part):
                set_adapter_layers(part, enabled=False)
        if self._carried is not None:
            self._carried.beside(list(active), list(active.values()))

    def _forget(self, name: str) -> None:
        from diffusers.utils import delete_adapter_layers

        with _silent():
            for part in self._parts():
                # Also where loading ended half-way.
                delete_adapter_layers(part, name)
                (getattr(part, "peft_config", None) or {}).pop(name, None)
                if not _adapters_of(part):
                    _strip(part)


def _weigh(part: Any, names: list[str], weights: list[float]) -> None:
    from diffusers.utils import set_adapter_layers, set_weights_and_activate_adapters

    set_adapter_layers(part, enabled=True)
    set_weights_and_activate_adapters(part, names, weights)


def _strip(part: Any) -> None:
    """Takes all that peft has put around a network's layers away again."""
    from diffusers.utils import recurse_remove_peft_layers

    recurse_remove_peft_layers(part)
    for left in ("peft_config", "_hf_peft_config_loaded"):
        if left in vars(part):
            delattr(part, left)


def _adapters_of(part: Any) -> list[str]:
    return list(getattr(part, "peft_config", None) or {})


def _parameters_of(part: Any, name: str) -> Iterator[torch.nn.Parameter]:
    return (parameter for key, parameter in part.named_parameters() if f".{name}." in key)


def _tensors(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file or of the only one in a folder, and what it is called."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = path.expanduser()
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise VertumnusError(f"{path}: holds {len(files)} safetensors; name one of them")
        path = files[0]
    if path.suffix != ".safetensors":
        raise VertumnusError(f"{path}: is no safetensors file; pickled weights are never loaded")
    check_regular(path)
    try:
        return load_file(path), path.stem
    except (OSError, SafetensorError, ValueError) as error:
        raise VertumnusError(f"{path}: cannot be read as safetensors ({error})") from None


def _free_name(wanted: str, taken: Mapping[str, float]) -> str:
    # Peft makes the name a part of module paths, where a dot would begin another.
    plain = "".join(letter if letter.isalnum() else "_" for letter in wanted) or "lora"
    return next(name for n in range(len(taken) + 1) if (name := plain if not n else f"{plain}_{n}") not in taken)


@contextmanager
def _silent() -> Iterator[None]:
    """Holds back what diffusers and peft say beside their errors."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
