"""One collage of those that a diffusion network judges together, and what it holds of the network's last answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.options import ComposeOptions

Canvas = NDArray[np.float32]


class Judge(Protocol):
    """What judges several canvases at once; `vertumnus.guidance.network.NetworkGuidance` is one."""

    skipped: int

    def distill(self, canvases: Canvas, progress: float) -> tuple[NDArray[np.float64], Canvas]:
        """The losses of B canvases, and the gradients."""

    def wanted(self) -> Canvas | None:
        """B x H x W, the ink that it expects of each."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""

    def close(self) -> None:
        """Gives back what it holds."""


@runtime_checkable
class ParticlePrior(Protocol):
    """A prior that can judge several canvases at once; `vertumnus.guidance.network.NetworkPrior` is one."""

    name: str
    resolution: int
    iterations: int
    render_weight: float

    def network(self, prompt: str, options: ComposeOptions, rng: np.random.Generator) -> Judge:
        """The judge of any number of canvases."""


class Particle:
    """A guidance of one canvas; see `vertumnus.guidance.prior`.

    A network is slow and a canvas changes little in a step, so one answer serves ``every`` steps. In all of them the
    canvas's own ink is drawn to the ink wanted, by ``agreement`` times half their mean squared distance.

    ``left`` is for how many steps the answer serves still. Who runs several particles of one network asks it for all
    of them, and tells each its share by `take`; one that has nothing left asks for itself alone.
    """

    def __init__(self, network: Judge, every: int = 1, agreement: float = 0.0) -> None:
        self.network, self.every, self.agreement = network, every, agreement
        self.left = 0
        self.wanted: Canvas | None = None
        self._loss = float("nan")
        self._gradient: Canvas | None = None

    @property
    def skipped(self) -> int:
        """Answers of the network that were not finite."""
        return self.network.skipped

    def take(self, loss: float, gradient: Canvas, wanted: Canvas | None) -> None:
        """Keeps an answer; one that was not finite for no longer than this step."""
        self._loss, self._gradient, self.wanted = loss, gradient, wanted
        self.left = self.every if np.isfinite(loss) else 1

    def __call__(self, picture: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss and its gradient by the picture."""
        if not self.left:
            ask([self], [picture], progress)
        self.left -= 1
        assert self._gradient is not None
        loss, grad = self._loss, self._gradient.copy()
        if self.agreement and self.wanted is not None:
            off = picture[..., 3] - self.wanted
            loss += self.agreement * 0.5 * float(np.square(off, dtype=np.float64).mean())
            grad[..., 3] += np.float32(self.agreement / off.size) * off
        return loss, grad

    def state(self) -> dict[str, Any]:
        """The network's, and the answer held."""
        held: dict[str, Any] = {"left": self.left, "loss": self._loss}
        if self._gradient is not None:
            held |= {"gradient": self._gradient}
        if self.wanted is not None:
            held |= {"wanted": self.wanted}
        return self.network.state() | {f"particle_{name}": value for name, value in held.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self.network.restore(state)
        self.left, self._loss = state["particle_left"], float(state["particle_loss"])
        self._gradient, self.wanted = state.get("particle_gradient"), state.get("particle_wanted")

    def close(self) -> None:
        """Closes the network's judge, for all particles."""
        self.network.close()


def ask(particles: Sequence[Particle], pictures: Sequence[Canvas], progress: float) -> None:
    """Has the network judge particles together, and tells each its share."""
    network = particles[0].network
    losses, gradients = network.distill(np.stack(pictures), progress)
    wanted = network.wanted()
    for n, particle in enumerate(particles):
        particle.take(float(losses[n]), gradients[n], None if wanted is None else wanted[n])
