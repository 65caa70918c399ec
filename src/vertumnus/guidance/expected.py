"""The pictures that a diffusion network expects, and the ink in them: where they differ from their own ground.

Each answer of a network says, with the noise, which clean picture it expects behind the noisy one, x0-hat. One
answer is vague; the running mean of some is the picture that the canvas is on its way to. With it pieces can be sent
where they are missing, and a collage told how near it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vertumnus.guidance.network import Computing, Network

RIM = 0.05  # of a picture's side, all around: its ground
FAINT, FULL = 0.3, 0.6  # of the greatest distance from the ground's colour: up to which there is no ink, and all ink
CONTRAST = 0.3  # distance of colours, in RGB from 0 to 1, that is taken for the greatest where there is none greater

Floats = NDArray[np.float32]
Tensor = torch.Tensor


def ink_of(pictures: Floats) -> Floats:
    """Where each picture has something else than its ground, B x H x W from 0 to 1.

    pictures   B x 3 x H x W, 0 to 1; the median of each one's rim is its ground

    >>> picture = np.ones((1, 3, 40, 40), np.float32)
    >>> picture[:, :, 10:20, 10:20] = 0
    >>> float(ink_of(picture).sum())
    100.0
    """
    rim = max(1, round(RIM * pictures.shape[-1]))
    around = np.ones(pictures.shape[-2:], bool)
    around[rim:-rim, rim:-rim] = False
    ground = np.median(pictures[..., around], axis=-1)
    distance = np.sqrt(((pictures - ground[..., None, None]) ** 2).sum(axis=1))
    greatest = np.maximum(np.quantile(distance, 0.98, axis=(1, 2), keepdims=True), CONTRAST)
    return np.clip((distance / greatest - FAINT) / (FULL - FAINT), 0, 1).astype(np.float32)


class ExpectedPictures:
    """The running mean of x0-hat = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t), of each canvas.

    computing   where the network computes
    memory      how much of the mean is kept at an answer

    ``failures`` counts decoded pictures that were not finite: the ink last known stands in for theirs, or there is
    none at all.
    """

    def __init__(self, model: Network, computing: Computing, memory: float) -> None:
        self.model, self._computing, self.memory = model, computing, memory
        self.mean: Tensor | None = None  # B x ``model.shape``
        self.shape = (0, 0)
        self._ink: Floats | None = None
        self._kept: Floats | None = None  # the ink last known
        self._decoded_mean: Tensor | None = None
        self.failures = 0

    def take(self, x_t: Tensor, noise: Tensor, t: Tensor, shape: tuple[int, int]) -> None:
        """Takes in an answer, where it is finite.

        shape   (H, W) of the canvases that were looked at
        """
        self.shape, self._ink = shape, None
        abar = self.model.alphas_cumprod.to(x_t)[t].view(-1, 1, 1, 1)
        x_0 = (x_t - (1 - abar).sqrt() * noise) / abar.sqrt()
        before = self.mean if self.mean is not None and len(self.mean) == len(x_0) else x_0
        found = self.memory * before + (1 - self.memory) * x_0
        found = torch.where(torch.isfinite(found), found, torch.nan_to_num(before, 0.0, 0.0, 0.0))
        self.mean = found.contiguous()  # in one order always, as from a checkpoint: rounding depends on it

    @property
    def target_alpha(self) -> Floats | None:
        """The ink expected of the canvases last looked at, B x H x W from 0 to 1; None before."""
        if self._ink is None and self.mean is not None and self.mean is not self._decoded_mean and min(self.shape):
            self._decoded_mean = self.mean
            self._ink = self._decoded(self.mean)
            self._kept = self._ink
        return self._ink

    @torch.no_grad()
    def _decoded(self, mean: Tensor) -> Floats | None:
        with self._computing():
            pictures = self.model.decode(mean).float()
            rows, columns = self.shape
            side = max(rows, columns)
            pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
        top, left = (side - rows) // 2, (side - columns) // 2
        finite = torch.isfinite(pictures).flatten(1).all(1).cpu().numpy()
        ink = ink_of(torch.nan_to_num(pictures).clamp(0, 1).cpu().numpy())[:, top : top + rows, left : left + columns]
        if not finite.all():
            self.failures += int((~finite).sum())
            if self._kept is None or self._kept.shape != ink.shape:
                return None
            ink = np.where(finite[:, None, None], ink, self._kept)
        return ink

    def state(self) -> dict[str, Any]:
        """The mean."""
        return {} if self.mean is None else {"network_expected": self.mean.cpu().numpy(), "network_shape": self.shape}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        self.mean, self._ink = None, None
        if "network_expected" in state:
            self.mean = torch.tensor(state["network_expected"], device=self.model.device)
            rows, columns = state["network_shape"]
            self.shape = int(rows), int(columns)
