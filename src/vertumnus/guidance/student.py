"""The student of variational score distillation: a LoRA that turns the prior's own network into the scene's.

Teacher and student are one set of weights. With its adapter off the network is the teacher, to the last bit; with it
on, the noise predictor of what is being rendered, epsilon_{theta + delta theta} of SCORE (Shao et al., AAAI 2026).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vertumnus.errors import VertumnusError

if TYPE_CHECKING:
    from vertumnus.guidance.network import Network

Tensor = torch.Tensor
# Queries, keys, values and outputs of every attention; the last two are DeepFloyd IF's keys and values of the text.
TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "add_k_proj", "add_v_proj")
# And every convolution, and what leads into the attention and out of it: what it takes to know a single picture.
ALL = (*TARGETS, "conv1", "conv2", "conv_in", "conv_out", "proj_in", "proj_out")


class LoraStudent:
    """A LoRA (Hu et al., 2022) on the attention of a network, or on its convolutions, too: taught by `learn`, asked
    by `predict_noise`.

    model      the prior; its ``unet`` gets one adapter more, which is on only while the student is taught or asked
    text       the prompt's text states; several renders of one batch share them, and the LoRA
    rng        of its first weights, and of the steps and the noise that it is taught with
    rank       of each adapter
    rate       learning rate of AdamW
    guidance   classifier-free guidance of its own answers, 1 for none
    negative   text states that guidance steers away from
    layers     that are adapted, by the ends of their names

    Raises `VertumnusError` if the network has no attention that can be adapted, or carries adapters already.
    """

    def __init__(
        self,
        model: Network,
        text: Any,
        rng: np.random.Generator,
        rank: int = 4,
        rate: float = 1e-4,
        guidance: float = 1.0,
        negative: Any = None,
        layers: tuple[str, ...] = TARGETS,
    ) -> None:
        from peft import LoraConfig

        self.model, self.text, self.rng = model, text, rng
        self.guidance, self.negative = guidance, negative
        self.unet: Any = model.unet
        attention = any(name.endswith(TARGETS) for name, _ in self.unet.named_modules())
        if not (attention and hasattr(self.unet, "add_adapter")):
            raise VertumnusError(
                f"{model.name}: a {type(self.unet).__name__} has no attention layers for a student to adapt;"
                " method sds needs none"
            )
        there = list(getattr(self.unet, "peft_config", {}))
        if any(not name.startswith("student") for name in there):
            # It would be switched off with the student's, and the teacher would be another one.
            raise VertumnusError(
                f"{model.name}: carries the adapter {there[0]} already; fuse it into the weights first"
            )
        self.name = next(name for n in range(len(there) + 1) if (name := f"student{n}") not in there)
        wanted = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(layers))
        with _other_students_allowed():
            self.unet.add_adapter(wanted, adapter_name=self.name)
        self.parameters: list[torch.nn.Parameter] = []
        for name, parameter in self.unet.named_parameters():
            if f".{self.name}." in name:
                # In full precision, whatever the network's: steps of 1e-4 would be lost. The first weights come from
                # our own generator; those of lora_B are zero, so that the student begins as the teacher.
                first = np.zeros(parameter.shape, np.float32)
                if "lora_A" in name:
                    first = rng.standard_normal(parameter.shape, np.float32) / np.float32(rank)
                parameter.data = torch.tensor(first, device=model.device)
                self.parameters.append(parameter)
        self.optimiser = torch.optim.AdamW(self.parameters, lr=rate)
        # Gradients of a network in half precision are too small for it unless they are scaled up.
        self.scaler = torch.amp.GradScaler(model.device.type, enabled=self.unet.dtype == torch.float16)
        self.unet.disable_adapters()

    @contextmanager
    def _on(self) -> Iterator[None]:
        self.unet.set_adapter(self.name)
        self.unet.enable_adapters()
        try:
            yield
        finally:
            self.unet.disable_adapters()

    @torch.no_grad()
    def predict_noise(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The noise it sees in x_t, B x ``model.shape``, at B steps t."""
        with self._on():
            return self.model.predict_noise(x_t, t, self.text, self.guidance, self.negative)

    def learn(self, x_0: Tensor, t: Tensor | None = None, noise: Tensor | None = None) -> float:
        """One step of AdamW down eq. (7) on renders, by default each with a step t, any of the schedule, and noise of
        its own.

        x_0   B x ``model.shape``
        t, noise   B steps, and noise as x_0, where they are given

        Returns the loss before the step, the mean of |eps - eps_student(x_t, t)|^2 over the batch; NaN if it or
        its gradient was not finite, and then nothing is changed.
        """
        if t is None:
            t = torch.tensor(self.rng.integers(len(self.model.alphas_cumprod), size=len(x_0)), device=x_0.device)
        if noise is None:
            noise = torch.tensor(self.rng.standard_normal(x_0.shape, np.float32)).to(x_0)
        self.optimiser.zero_grad(set_to_none=True)
        with self._on():  # also on the way back: what is off gets no gradient
            said = self.model.predict_noise(self.model.add_noise(x_0.detach(), noise, t), t, self.text)
            loss = torch.nn.functional.mse_loss(said.float(), noise.float())
            if not torch.isfinite(loss):
                return math.nan
            torch.autograd.backward(self.scaler.scale(loss))
        self.scaler.unscale_(self.optimiser)
        finite = all(bool(torch.isfinite(p.grad).all()) for p in self.parameters if p.grad is not None)
        if finite or self.scaler.is_enabled():  # the scaler steps over what overflowed, and scales less next time
            self.scaler.step(self.optimiser)
            self.scaler.update()
            return float(loss.detach())
        return math.nan

    def state(self) -> dict[str, Any]:
        """Weights and AdamW's memory as flat arrays, for `vertumnus.optimise.checkpoint`."""
        memory = [self.optimiser.state.get(p) or {} for p in self.parameters]
        zero = [torch.zeros_like(p) for p in self.parameters]
        return {
            "lora": _flat(self.parameters),
            "lora_mean": _flat([m.get("exp_avg", z) for m, z in zip(memory, zero, strict=True)]),
            "lora_square": _flat([m.get("exp_avg_sq", z) for m, z in zip(memory, zero, strict=True)]),
            "lora_count": int(memory[0]["step"]) if memory[0] else 0,
            "lora_scaler": self.scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state. Raises `VertumnusError` if it is of another network or rank."""
        sizes = [p.numel() for p in self.parameters]
        if state["lora"].size != sum(sizes):
            raise VertumnusError(
                f"lora: the checkpoint's student has {state['lora'].size} weights,"
                f" the one of {self.model.name} {sum(sizes)}"
            )
        ends = np.cumsum(sizes)[:-1]
        parts = zip(*(np.split(state[key], ends) for key in ("lora", "lora_mean", "lora_square")), strict=True)
        self.optimiser.state.clear()
        for parameter, arrays in zip(self.parameters, parts, strict=True):
            value, mean, square = (torch.tensor(a).view(parameter.shape).to(parameter) for a in arrays)
            parameter.data.copy_(value)
            if state["lora_count"]:
                step = torch.tensor(float(state["lora_count"]))
                self.optimiser.state[parameter] = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
        if self.scaler.is_enabled() and state["lora_scaler"]:
            self.scaler.load_state_dict(state["lora_scaler"])

    def close(self) -> None:
        """Takes the adapter off the network."""
        if self.name in getattr(self.unet, "peft_config", {}):
            with _other_students_allowed():
                self.unet.delete_adapters(self.name)
            if getattr(self.unet, "peft_config", None):
                self.unet.disable_adapters()


@contextmanager
def _other_students_allowed() -> Iterator[None]:
    """Holds back peft's warnings that the network has other adapters, which are other students'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _flat(tensors: list[Any]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.concatenate([t.detach().cpu().numpy().ravel() for t in tensors])
