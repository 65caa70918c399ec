"""What guidances by networks that look at pictures share: the canvas over its ground, gradients, what is skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from vertumnus.errors import VertumnusError
from vertumnus.guidance.network import Computing
from vertumnus.guidance.protocol import Canvas, Request, Things, Values

Tensor = torch.Tensor
PATIENCE = 10  # calls in a row without a finite answer, after which a run stops


class Looking:
    """A guidance by a network that looks at the canvas as a picture; its `losses` say what it thinks.

    name     what the network was called
    network  with its weights, which stay as they are
    """

    reference: Canvas | None = None
    target_colour: Canvas | None = None
    target_things: Things = ()
    target_alpha: Canvas | None = None

    def __init__(self, name: str, network: torch.nn.Module, device: torch.device, request: Request) -> None:
        self.name, self.device = name, device
        self.ground = torch.tensor(request.background, device=device)
        # Drawn on the processor, so that it looks the same way on any device.
        self.generator = torch.Generator().manual_seed(int(request.rng.integers(2**63)))
        self.skipped = 0
        self._in_a_row = 0
        self._computing = Computing.of(name, network, device)

    def losses(self, pictures: Tensor, progress: float) -> Tensor:
        """B pictures, B x 3 x H x W from 0 to 1, as B losses, with gradients."""
        raise NotImplementedError

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """Values and gradients; see `vertumnus.guidance.protocol.Guidance`."""
        with self._computing():
            layers = torch.tensor(canvases[..., :4], device=self.device).movedim(-1, 1).requires_grad_()
            losses = self.losses(layers[:, :3] + (1 - layers[:, 3:]) * self.ground.view(1, 3, 1, 1), progress)
            by = torch.autograd.grad(losses.sum(), layers)[0]
            self._computing.answered = True
            finite = torch.isfinite(losses) & torch.isfinite(by).flatten(1).all(1)
            losses = torch.where(finite, losses.detach(), torch.nan)
            by = torch.where(finite.view(-1, 1, 1, 1), by, 0.0)
        self._count(bool(finite.all()))
        gradients = np.zeros_like(canvases)
        gradients[..., :4] = by.movedim(1, -1).cpu().numpy()
        return losses.cpu().numpy().astype(np.float64), gradients

    def _count(self, well: bool) -> None:
        self._in_a_row = 0 if well else self._in_a_row + 1
        self.skipped += not well
        if self._in_a_row >= PATIENCE:
            raise VertumnusError(f"{self.name}: its answer was not finite {self._in_a_row} times in a row")

    def state(self) -> dict[str, Any]:
        """Where its random looks go on, and what was skipped."""
        counted = np.array([self.skipped, self._in_a_row])
        return {"looks": self.generator.get_state().numpy().copy(), "looks_skipped": counted}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        try:
            self.generator.set_state(torch.from_numpy(np.array(state["looks"], np.uint8)))
            self.skipped, self._in_a_row = (int(count) for count in state["looks_skipped"])
        except (KeyError, RuntimeError, ValueError, TypeError):
            raise VertumnusError(f"{self.name}: looks: the state is of another guidance") from None

    def close(self) -> None:
        """It holds nothing but the network."""
