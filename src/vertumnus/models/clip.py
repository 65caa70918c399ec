"""CLIP and its kin behind one small object: pictures and texts as points on one sphere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Checkpoint, Dtype
from vertumnus.models.device import Threads, choose_device, quiet
from vertumnus.models.opening import choose_dtype
from vertumnus.models.text import check_vocabulary
from vertumnus.reading import read_json

Tensor = torch.Tensor
# OpenAI's, which most checkpoints go by where they say nothing.
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Clip:
    """A contrastive model of pictures and texts (Radford et al. 2021).

    name, family  what it was called; ``clip`` or ``siglip``
    model         the stock model
    resolution    pixels a side of the pictures that it sees
    width         of its embeddings
    """

    def __init__(
        self, name: str, family: str, model: Any, tokenizer: Any, mean: Sequence[float], std: Sequence[float]
    ):
        self.name = name
        self.family = family
        self.model = model.requires_grad_(False).eval()
        self.tokenizer = tokenizer
        self.threads = Threads(model, model.device)
        self.resolution: int = model.config.vision_config.image_size
        self.mean = torch.tensor(mean, device=self.device).view(1, 3, 1, 1)
        self.std = torch.tensor(std, device=self.device).view(1, 3, 1, 1)
        self.length: int = model.config.text_config.max_position_embeddings

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str | None = None, dtype: Dtype = "auto") -> Clip:
        """The CLIP of a checkpoint. Raises `VertumnusError` if it cannot be loaded."""
        with quiet():
            from transformers import AutoTokenizer, CLIPModel, CLIPTokenizer, SiglipModel

        chosen = choose_device(device)
        kind = CLIPModel if checkpoint.family == "clip" else SiglipModel
        words = CLIPTokenizer if checkpoint.family == "clip" else AutoTokenizer
        mean, std = (_MEAN, _STD) if checkpoint.family == "clip" else ((0.5,) * 3, (0.5,) * 3)
        # Only these numbers of the image processor are needed; its classes would ask for torchvision.
        processor = checkpoint.path / "preprocessor_config.json"
        with quiet():
            try:
                if processor.is_file():
                    said = read_json(processor)
                    mean, std = said.get("image_mean", mean), said.get("image_std", std)
                model = kind.from_pretrained(
                    checkpoint.path,
                    dtype=choose_dtype(dtype, chosen),
                    use_safetensors=True,
                    local_files_only=True,
                )
                tokenizer = words.from_pretrained(checkpoint.path, local_files_only=True)
            except (OSError, ValueError, ImportError, RuntimeError, KeyError, TypeError) as error:
                sentence = " ".join(str(error).split())
                raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({sentence[:300]})") from error
        return cls(checkpoint.name, checkpoint.family, model.to(chosen), tokenizer, mean, std)

    def try_out(self) -> None:
        """Raises whatever the libraries raise if its parts do not fit each other: reads a word, sees a picture."""
        check_vocabulary(self.tokenizer, self.model.text_model)
        with torch.no_grad():
            self.similarity(torch.zeros(1, 3, self.resolution, self.resolution, device=self.device), "a")

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.model.device

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        config = self.model.config
        return int(config.projection_dim if self.family == "clip" else config.vision_config.hidden_size)

    @torch.no_grad()
    def embed_text(self, texts: str | Sequence[str]) -> Tensor:
        """N texts as N x width unit vectors. Longer ones than the model reads are cut."""
        words = [texts] if isinstance(texts, str) else list(texts)
        # SigLIP was trained on padded texts alone; CLIP takes the state at the end, and what follows changes nothing.
        padding = "max_length" if self.family == "siglip" else True
        read = self.tokenizer(
            words, padding=padding, truncation=True, max_length=self.length, return_tensors="pt"
        ).input_ids
        with self.threads():
            return _unit(_pooled(self.model.get_text_features(input_ids=read.to(self.device))))

    def embed_image(self, image: Tensor) -> Tensor:
        """N x 3 x H x W pictures from 0 to 1 as N x width unit vectors, with gradients; resized as needed."""
        size = (self.resolution, self.resolution)
        if image.shape[-2:] != size:
            image = torch.nn.functional.interpolate(image, size, mode="bicubic", antialias=True)
        seen = ((image - self.mean) / self.std).to(self.model.dtype)
        with self.threads():
            return _unit(_pooled(self.model.get_image_features(pixel_values=seen)))

    def similarity(self, image: Tensor, texts: str | Sequence[str]) -> Tensor:
        """The cosine of every picture with every text, N x M, with gradients by the pictures."""
        return self.embed_image(image) @ self.embed_text(texts).T


def _pooled(found: Any) -> Tensor:
    """Features are a tensor in older versions of transformers and a field of a result in newer ones."""
    pooled: Tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return pooled


def _unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x.float(), dim=-1)
