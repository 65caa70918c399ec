"""The distance between features that a classifier of photographs sees, as a term of photo guidance.

Features of EfficientNet-Lite0 at strides 4 to 32, scaled to unit length at every place, their squared differences
averaged over places and added up over depths (the form of LPIPS, Zhang et al., 2018, eq. 1, unweighted).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vertumnus.guidance.network import Computing
from vertumnus.models.classifier import Classifier

Floats = NDArray[np.float32]


class DeepTerm:
    """How unlike a reference pictures look to the network.

    reference   H x W x 3, 0 to 1
    """

    def __init__(self, reference: Floats, device: str | None = None, model: Classifier | None = None) -> None:
        self.model = model if model is not None else Classifier.load("lite0", device)
        self._computing = Computing.of(self.model.name, self.model.network, self.model.device)
        with self._computing(), torch.no_grad():
            self.wanted = self.model.features(self._tensor(reference))

    def _tensor(self, picture: Floats) -> torch.Tensor:
        return torch.tensor(picture, device=self.model.device).movedim(-1, 0)[None].float()

    def __call__(self, picture: Floats) -> tuple[float, Floats]:
        """The distance and its gradient by the picture, H x W x 3."""
        with self._computing():
            x = self._tensor(picture).requires_grad_()
            apart = self.model.distance(x, self.wanted)[0]
            (by,) = torch.autograd.grad(apart, x)
        return float(apart.detach()), by[0].movedim(0, -1).cpu().numpy()
