"""One step of a sampler: it computes only what is asked for, so that its holder may change what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from vertumnus.errors import VertumnusError
from vertumnus.sampling.schedulers import Schedule

Tensor = torch.Tensor


class Step:
    """A step of `vertumnus.sampling.sample.sample`, from latents to a clean prediction to the next latents.

    index, count   of the steps that are run
    timestep       as the model counts, 0-dimensional
    signal, level  latents = signal x_0 + level noise
    sigma          level / signal
    latents        B x C x h x w before this step
    predicted_clean  x_0 as the network predicts it, same shape
    next_latents   latents after this step; those of the last are the result

    Each of the last three may be replaced, in this order, before the loop goes on; what depends on it and was not
    replaced then follows from it. The network is asked when `predicted_clean`, `next_latents` or the loop needs it.
    Latents that require gradients give a clean prediction that carries them.

    Raises `VertumnusError` where something is replaced after the scheduler has gone on from it, or by another shape.
    """

    def __init__(
        self,
        index: int,
        schedule: Schedule,
        latents: Tensor,
        generators: Sequence[torch.Generator],
        ask: Callable[[Tensor, int], Tensor],
    ) -> None:
        self.index, self.count = index, len(schedule)
        self.schedule = schedule
        self.generators = generators
        self.timestep: Tensor = schedule.timesteps[index]
        self.signal, self.level = schedule.level(index)
        self.sigma = schedule.sigma(index)
        self._ask = ask
        self._latents = latents
        self._said: Tensor | None = None
        self._clean: Tensor | None = None
        self._replaced = False
        self._after: Tensor | None = None

    @property
    def latents(self) -> Tensor:
        """B x C x h x w before this step. Replacing them has the network asked again."""
        return self._latents

    @latents.setter
    def latents(self, latents: Tensor) -> None:
        self._check(latents, "latents")
        self._latents, self._said, self._clean, self._replaced = latents, None, None, False

    def _answer(self) -> Tensor:
        if self._said is None:
            with torch.set_grad_enabled(self._latents.requires_grad):
                self._said = self._ask(self._latents, self.index)
        return self._said

    @property
    def predicted_clean(self) -> Tensor:
        """x_0 as the network predicts it. What replaces it is where the scheduler steps to."""
        if self._clean is None:
            self._clean = self.schedule.clean(self._latents, self._answer(), self.index)
        return self._clean

    @predicted_clean.setter
    def predicted_clean(self, clean: Tensor) -> None:
        self._check(clean, "predicted_clean")
        self._clean, self._replaced = clean, True

    @property
    def predicted_noise(self) -> Tensor:
        """The noise in the latents that goes with `predicted_clean`."""
        return self.schedule.noise(self._latents, self.predicted_clean, self.index)

    @property
    def next_latents(self) -> Tensor:
        """The latents after this step, without gradients. Asking for them takes the scheduler's step."""
        if self._after is None:
            with torch.no_grad():
                latents = self._latents.detach()
                if self._replaced:
                    said = self.schedule.saying(latents, self.predicted_clean.detach(), self.index)
                else:
                    said = self._answer().detach()
                self._after = self.schedule.step(said, self.index, latents, self.generators)
        return self._after

    @next_latents.setter
    def next_latents(self, latents: Tensor) -> None:
        _ = self.next_latents  # the scheduler must have gone on: it counts, and remembers
        assert self._after is not None
        if latents.shape != self._after.shape:
            raise VertumnusError(f"next_latents: is {tuple(latents.shape)}, and {tuple(self._after.shape)} is wanted")
        self._after = latents.detach()

    def predict(self, latents: Tensor) -> Tensor:
        """x_0 as the network would predict it from other latents here, with gradients if they require them."""
        with torch.set_grad_enabled(latents.requires_grad):
            return self.schedule.clean(latents, self._ask(latents, self.index), self.index)

    def noised(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Clean latents with noise of deviation 1, as `latents` hold them."""
        return self.signal * clean + self.level * noise

    def noised_next(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Clean latents with noise of deviation 1, as `next_latents` holds them: without any after the last step."""
        signal, level = self.schedule.level(self.index + 1)
        return signal * clean + level * noise if level else clean

    def _check(self, tensor: Tensor, name: str) -> None:
        if self._after is not None:
            raise VertumnusError(
                f"{name}: the scheduler has gone on from step {self.index}; next_latents can be replaced"
            )
        if tensor.shape != self._latents.shape:
            raise VertumnusError(f"{name}: is {tuple(tensor.shape)}, and {tuple(self._latents.shape)} is wanted")
