"""BLIP: how likely it is that a text says what a picture shows; and ImageReward, which reads a preference off it.

BLIP (Li et al. 2022) as transformers has it, `BlipForImageTextRetrieval`. ImageReward (Xu et al. 2023) is a BLIP with
five linear layers on the state of its first token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Checkpoint, Dtype
from vertumnus.models.device import Threads, choose_device, quiet
from vertumnus.models.opening import choose_dtype
from vertumnus.reading import check_regular

Tensor = torch.Tensor
LONGEST = 35  # tokens of a text that are read, as both were trained
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of colours, OpenAI's CLIP
REWARD_FILE = "reward.safetensors"  # beside a BLIP: ImageReward's layers
REWARD_LAYERS = ("layers.0", "layers.2", "layers.4", "layers.6", "layers.7")  # the others are dropout
REWARD_MEAN, REWARD_STD = 0.16717362830052426, 1.0333394966054072  # what brings rewards to mean 0 and deviation 1


class Matcher:
    """Says how well texts fit pictures; see `vertumnus.models.load_model` with kind ``matching``.

    head  ImageReward's layers, each a weight and a bias, where they lie beside the model
    """

    def __init__(self, name: str, network: Any, tokenizer: Any, head: list[tuple[Tensor, Tensor]] | None) -> None:
        self.name, self.tokenizer, self.head = name, tokenizer, head
        self.network = network.requires_grad_(False).eval()
        self.threads = Threads(network, network.device)
        self.resolution = int(network.config.vision_config.image_size)

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str | None = None, dtype: Dtype = "auto") -> Matcher:
        """Opens a checkpoint. Raises `VertumnusError` if it cannot be loaded."""
        chosen = choose_device(device)
        with quiet():
            from transformers import BertTokenizerFast, BlipForImageTextRetrieval

            try:
                network = BlipForImageTextRetrieval.from_pretrained(
                    checkpoint.path, dtype=choose_dtype(dtype, chosen), use_safetensors=True, local_files_only=True
                )
                tokenizer = BertTokenizerFast.from_pretrained(checkpoint.path, local_files_only=True)
            except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError) as error:
                sentence = " ".join(str(error).split())
                raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({sentence[:300]})") from error
        file = checkpoint.path / REWARD_FILE
        head = _read_head(file, network.config.text_config.hidden_size) if file.is_file() else None
        return cls(checkpoint.name, network.to(chosen), tokenizer, head)

    @torch.no_grad()
    def match(self, images: Tensor | NDArray[np.float32], texts: Sequence[str]) -> Tensor:
        """The probability that each text belongs to its picture, by BLIP's matching head, N.

        images  N x 3 x H x W from 0 to 1
        """
        ids, mask = self._read(texts)
        with self.threads():
            scores = self.network(
                input_ids=ids, attention_mask=mask, pixel_values=self._seen(images), use_itm_head=True
            ).itm_score
        found: Tensor = scores.float().softmax(-1)[:, 1]
        return found

    @torch.no_grad()
    def reward(self, images: Tensor | NDArray[np.float32], texts: Sequence[str]) -> Tensor:
        """ImageReward: how much people would like each picture for its text, N; 0 is the mean of what was rated.

        Raises `VertumnusError` where its layers do not lie beside the model.
        """
        if self.head is None:
            raise VertumnusError(f"{self.name}: has no {REWARD_FILE} beside it, so it is no ImageReward")
        ids, mask = self._read(texts, whole=True)
        with self.threads():
            states = self.network.vision_model(pixel_values=self._seen(images))[0]
            there = torch.ones(states.shape[:-1], dtype=torch.long, device=states.device)
            read = self.network.text_encoder(
                input_ids=ids, attention_mask=mask, encoder_hidden_states=states, encoder_attention_mask=there
            )
        x = read[0][:, 0].float()
        for weight, bias in self.head:
            x = torch.nn.functional.linear(x, weight.to(x), bias.to(x))
        return (x[:, 0] - REWARD_MEAN) / REWARD_STD

    def _seen(self, images: Tensor | NDArray[np.float32]) -> Tensor:
        images = torch.as_tensor(images)
        size = (self.resolution, self.resolution)
        if images.shape[-2:] != size:
            images = torch.nn.functional.interpolate(images, size, mode="bicubic", antialias=True).clamp(0, 1)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        return ((images - mean) / std).to(self.network.device, self.network.dtype)

    def _read(self, texts: Sequence[str], whole: bool = False) -> tuple[Tensor, Tensor]:
        read = self.tokenizer(
            list(texts), padding="max_length" if whole else True, truncation=True, max_length=LONGEST,
            return_tensors="pt",
        )  # fmt: skip
        return read.input_ids.to(self.network.device), read.attention_mask.to(self.network.device)


def _read_head(file: Path, width: int) -> list[tuple[Tensor, Tensor]]:
    """ImageReward's layers. Raises `VertumnusError` if a file does not hold them."""
    check_regular(file)
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        raise VertumnusError(f"{file}: cannot be read ({error})") from error
    layers = []
    for name in REWARD_LAYERS:
        weight, bias = found.get(f"{name}.weight"), found.get(f"{name}.bias")
        if weight is None or bias is None or weight.ndim != 2 or weight.shape != (len(bias), width):
            raise VertumnusError(f"{file}: {name}: is missing or does not fit, so these are not ImageReward's layers")
        layers.append((weight, bias))
        width = len(bias)
    if width != 1:
        raise VertumnusError(f"{file}: gives {width} numbers and not one")
    return layers
