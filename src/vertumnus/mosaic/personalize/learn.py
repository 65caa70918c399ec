"""Learning a name: two tokens with an embedding for each layer, and a LoRA on all attention (ED-LoRA).

Mix-of-Show (Gu et al. 2023, sec. 4.1): the first token begins near nothing and becomes what is the concept's own, the
second begins as its class; LoRA of a low rank on every linear layer of attention in network and text encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.models.device import quiet
from vertumnus.models.learned import LearnedWords
from vertumnus.mosaic.personalize.concept import PARTS, Concept
from vertumnus.mosaic.personalize.layered import LayeredNames
from vertumnus.mosaic.personalize.options import PersonalizeOptions
from vertumnus.reading import check_regular
from vertumnus.writing import atomic_write

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor
A_PHOTOGRAPH = 125  # steps for each, Mix-of-Show's 500 repeats in batches of four
NEAR_NOTHING = 0.013  # deviation of the first token's beginning, its published configuration
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a close-up of {}")
NETWORK = ["to_q", "to_k", "to_v", "to_out.0"]
READER = ["q_proj", "k_proj", "v_proj", "out_proj"]
ADAPTER = "learning"


class Learner:
    """Learns a name from photographs; iterate it, each turn is one step of training.

    step, steps  done and all
    loss         of the last step

    The model is given back as it was by `close`. The same input, options and seed give the same concept on one
    machine. Raises `VertumnusError` for photographs of no use, a name that is known, or a class that is not one word
    or more.
    """

    def __init__(
        self,
        model: Diffusion,
        photographs: Sequence[Image.Image],
        name: str,
        noun: str,
        *,
        options: PersonalizeOptions | None = None,
        seed: int = 0,
    ) -> None:
        if not photographs:
            raise VertumnusError("photographs: there are none to learn from")
        if not noun.strip():
            raise VertumnusError("noun: say what the name is one of, as `cat`")
        self.model, self.name, self.noun, self.seed = model, name, noun, seed
        self.options = options or PersonalizeOptions()
        self.steps = self.options.steps or A_PHOTOGRAPH * len(photographs)
        self.step, self.loss = 0, float("nan")
        self.words = LearnedWords(model.pipeline)
        self.names = LayeredNames(model, self.words)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        self.latents = self._encode(photographs)

    def _prepare(self) -> None:
        from peft import LoraConfig

        options, maker = self.options, torch.Generator().manual_seed(self.seed)
        vectors = []
        for beginning in self.words.vectors_of(self.noun):
            own = torch.randn(beginning.shape[-1], generator=maker).to(beginning) * NEAR_NOTHING
            vectors.append(torch.stack([own, beginning.mean(0)]).repeat(self.names.layers, 1, 1))
        self.tables = self.names.add(self.name, vectors)
        self.rows = PARTS * self.names.layers
        groups: list[dict[str, Any]] = [{"params": self.tables, "lr": options.word_rate}]
        state = torch.random.get_rng_state()  # peft draws from the global generator
        try:
            torch.manual_seed(self.seed)
            for part, targets, rate in self._places():
                config = LoraConfig(
                    r=options.rank, lora_alpha=options.rank, init_lora_weights="gaussian", target_modules=targets
                )
                with quiet():
                    part.add_adapter(config, adapter_name=ADAPTER)
                added = [p for key, p in part.named_parameters() if f".{ADAPTER}." in key]
                groups.append({"params": added, "lr": rate})
        finally:
            torch.random.set_rng_state(state)
        for table in self.tables:  # peft has frozen them with all else
            table.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), weight_decay=options.decay)

    def _places(self) -> list[tuple[Any, list[str], float]]:
        readers = [(encoder, READER, self.options.text_rate) for encoder in self.model.text.encoders]
        return [(self.model.unet, NETWORK, self.options.network_rate), *readers]

    @torch.no_grad()
    def _encode(self, photographs: Sequence[Image.Image]) -> Tensor:
        """Latents of the middle squares, and of their mirror images: 2 x N x C x h x w."""
        side = self.model.resolution
        squares = []
        for picture in photographs:
            least = min(picture.size)
            left, top = (picture.width - least) // 2, (picture.height - least) // 2
            box = (left, top, left + least, top + least)
            small = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS, box)
            squares.append(torch.tensor(np.asarray(small, np.float32) / 255).movedim(-1, 0))
        pictures = torch.stack(squares).to(self.model.device)
        both = [
            torch.cat([self.model.to_latents(one[None]) for one in some]) for some in (pictures, pictures.flip(-1))
        ]
        return torch.stack(both)

    def __iter__(self) -> Iterator[Learner]:
        while self.step < self.steps:
            self._descend()
            self.step += 1
            yield self

    def _descend(self) -> None:
        """One step; all that is drawn follows from the seed and the step's number."""
        model, options = self.model, self.options
        rng = np.random.default_rng([self.seed, self.step])
        maker = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        which = rng.integers(self.latents.shape[1], size=options.batch)
        mirrored = (rng.random(options.batch) < 0.5) & options.flip
        clean = self.latents[mirrored.astype(int), which]
        noise = torch.randn(clean.shape, generator=maker)
        noise = (noise + options.noise_offset * torch.randn((*clean.shape[:2], 1, 1), generator=maker)).to(clean)
        times = torch.tensor(rng.integers(len(model.alphas_cumprod), size=options.batch), device=clean.device)
        prompts = [TEMPLATES[n].format(self.name) for n in rng.integers(len(TEMPLATES), size=options.batch)]
        with model.threads(), torch.enable_grad():
            text = self.names.encode(prompts, gradients=True)
            said = model.answer(model.add_noise(clean, noise, times), times, text)
            loss = (said - target_of(model, clean, noise, times)).square().mean()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        left = 1 - self.step / self.steps  # linear to nothing
        for group in self.optimizer.param_groups:
            group.setdefault("whole", group["lr"])
            group["lr"] = group["whole"] * left
        self.optimizer.step()
        self.loss = float(loss.detach())
        if not np.isfinite(self.loss):
            raise VertumnusError(
                f"{self.name}: the loss is no number any more in step {self.step}; try smaller rates"
            )

    def concept(self) -> Concept:
        """What has been learned so far."""
        from peft.utils import get_peft_model_state_dict

        lora = {}
        for prefix, (part, *_) in zip(_prefixes(), self._places(), strict=False):
            for key, value in get_peft_model_state_dict(part, adapter_name=ADAPTER).items():
                lora[f"{prefix}.{key}"] = value.detach().clone()
        vectors = [
            table.detach()[-self.rows :].reshape(self.names.layers, PARTS, -1).clone() for table in self.tables
        ]
        return Concept(self.name, self.noun, self.model.name, vectors, lora)

    def save(self, path: Path) -> None:
        """Writes a checkpoint, from which `restore` goes on to the same concept."""
        from safetensors.torch import save

        held: dict[str, Tensor] = {}
        for n, parameter in enumerate(self._parameters()):
            held[f"{n}.value"] = parameter.detach().cpu().contiguous()
            for key, value in self.optimizer.state.get(parameter, {}).items():
                held[f"{n}.{key}"] = torch.as_tensor(value).cpu().contiguous()
        with atomic_write(path) as stream:
            stream.write(save(held, {"step": str(self.step), "identity": self.identity()}))

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint. Raises `VertumnusError` for one that cannot be read or is of another run."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file, safe_open  # type: ignore[attr-defined]

        check_regular(path)
        try:
            held = load_file(path)
            with safe_open(path, "pt") as opened:
                header = opened.metadata() or {}
            if header.get("identity") != self.identity():
                raise VertumnusError(f"{path}: is of other photographs or options; remove it to begin anew")
            for n, parameter in enumerate(self._parameters()):
                with torch.no_grad():
                    parameter.copy_(held[f"{n}.value"])
                rest = {key.partition(".")[2]: value for key, value in held.items() if key.startswith(f"{n}.")}
                del rest["value"]
                if rest:
                    on_device = {k: v.to(parameter.device) if v.ndim else v for k, v in rest.items()}
                    self.optimizer.state[parameter] = on_device
            self.step = int(header["step"])
        except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
            if isinstance(error, VertumnusError):
                raise
            raise VertumnusError(f"{path}: cannot be read as a checkpoint ({error})") from None

    def identity(self) -> str:
        """Tells this run from others."""
        import hashlib
        import json

        told = [self.name, self.noun, self.model.name, self.options.model_dump(mode="json"), self.seed, self.steps]
        digest = hashlib.sha256(json.dumps(told).encode())
        digest.update(self.latents.cpu().numpy().tobytes())
        return digest.hexdigest()

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def close(self) -> None:
        """Takes everything off the model again."""
        from diffusers.utils import delete_adapter_layers, recurse_remove_peft_layers

        for part, *_ in self._places():
            if ADAPTER in (getattr(part, "peft_config", None) or {}):
                delete_adapter_layers(part, ADAPTER)
                (getattr(part, "peft_config", None) or {}).pop(ADAPTER, None)
                if not getattr(part, "peft_config", None):
                    recurse_remove_peft_layers(part)
                    for left in ("peft_config", "_hf_peft_config_loaded"):
                        if left in vars(part):
                            delattr(part, left)
        self.words.restore()


def target_of(model: Diffusion, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """What the network should say: noise, velocity or the clean latents, as it was trained to."""
    if model.prediction == "epsilon":
        return noise
    if model.prediction == "sample":
        return clean
    abar = model.alphas_cumprod[times].view(-1, 1, 1, 1)
    return abar.sqrt() * noise - (1 - abar).sqrt() * clean


def _prefixes() -> tuple[str, ...]:
    return ("unet", "text_encoder", "text_encoder_2")
