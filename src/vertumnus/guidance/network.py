"""What score distillation asks of a diffusion network, and of the student that learns the renders.

`vertumnus.models.diffusion.Diffusion` is such a network, `vertumnus.guidance.student.LoraStudent` such a student.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self

import torch

from vertumnus.errors import VertumnusError
from vertumnus.models.device import Threads, is_out_of_memory

Tensor = torch.Tensor


class Network(Protocol):
    """A diffusion model.

    name             what it was called
    shape            channels, rows and columns of what noise is added to
    alphas_cumprod   abar_t, T of them
    unet             the network itself, which the student's adapters go onto
    """

    name: str
    shape: tuple[int, int, int]
    alphas_cumprod: Tensor
    unet: Any

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode_text(self, prompts: str | Sequence[str]) -> Any:
        """Text states of prompts."""

    def encode_negative(self, prompts: str | Sequence[str] = "") -> Any:
        """Text states that guidance steers away from."""

    def encode(self, image: Tensor) -> Tensor:
        """Pictures, B x 3 x H x W from 0 to 1, as what noise is added to, B x ``shape``, with gradients."""

    def decode(self, x_0: Tensor) -> Tensor:
        """Pictures, from 0 to 1, of what noise is added to."""

    def add_noise(self, x_0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise, eq. (1)."""

    def predict_noise(self, x_t: Tensor, t: Tensor, text: Any, guidance: float = 1.0, negative: Any = None) -> Tensor:
        """The noise in x_t with classifier-free guidance: eps_negative + s (eps_text - eps_negative)."""


class Student(Protocol):
    """The noise predictor of what is being rendered."""

    def predict_noise(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The noise it sees in x_t."""

    def learn(self, x_0: Tensor, t: Tensor | None = None, noise: Tensor | None = None) -> float:
        """Takes in the current renders, at steps and with noise of its own unless told; its loss."""

    def state(self) -> dict[str, Any]:
        """Arrays and plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""

    def close(self) -> None:
        """Gives back what it holds."""


class Computing:
    """Where a network computes: on one thread if it is small, and saying in one sentence what goes wrong.

    ``answered`` is set by the caller once an answer came: what fails after that is no fault of the weights.
    """

    def __init__(self, model: Network) -> None:
        self._use(model.name, model.unet, model.device)

    @classmethod
    def of(cls, name: str, network: torch.nn.Module, device: torch.device) -> Self:
        """Of a network that is no diffusion model."""
        made = cls.__new__(cls)
        made._use(name, network, device)
        return made

    def _use(self, name: str, network: Any, device: torch.device) -> None:
        self.name = name
        self._threads = Threads(network, device)
        self.answered = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Raises `VertumnusError` if memory runs out, or if the network's parts do not fit together."""
        try:
            with self._threads():
                yield
        except VertumnusError:
            raise
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            if is_out_of_memory(error):
                raise VertumnusError(
                    f"{self.name}: out of memory; let it judge fewer collages at once (particles), choose the"
                    " method sds, which trains no student, or take a smaller model"
                ) from None
            if self.answered:
                raise
            line = next(iter(str(error).splitlines()), type(error).__name__)
            raise VertumnusError(
                f"{self.name}: its parts do not fit together, as with weights for another architecture ({line})"
            ) from error
