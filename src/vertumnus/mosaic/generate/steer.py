"""What each method does to a sampler's step: one class each, which is all that tells the methods apart.

A batch of tiles holds what they may ask for; a change looks at a step and replaces its latents or its clean
prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch

from vertumnus.mosaic.generate.colour import align
from vertumnus.mosaic.generate.structure import (
    PAPER_VALUES,
    Kind,
    gaussian_blur,
    structure_loss,
    weight_at,
)

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion
    from vertumnus.models.text import TextStates
    from vertumnus.sampling.decode import Decoder
    from vertumnus.sampling.step import Step

Tensor = torch.Tensor


@dataclass
class Tiles:
    """A batch of B tiles that are being drawn.

    pictures  B x 3 x H x W, their blocks enlarged to a tile's size, from 0 to 1
    blocks    B x 3 x h x w, their blocks at the size that is compared: one pixel for each latent
    noise     B x C x h x w, their first latents
    seeds     of what the sampler draws for each
    text      what the model reads for each
    latents   B x C x h x w, the blocks' own; encoded when they are first asked for
    layout    B x C x h x w, what of a low-resolution picture's latents lies under each, enlarged: PhotoQuilt's
    branch    of a step's number, what of the clean latents that the network predicted for the whole picture from its
              own prompt lies under each, enlarged, B x C x h x w; None for a picture that it did not draw
    """

    model: Diffusion
    pictures: Tensor
    blocks: Tensor
    noise: Tensor
    seeds: Sequence[int]
    text: TextStates
    layout: Tensor | None = None
    branch: Callable[[int], Tensor] | None = None
    _latents: Tensor | None = field(default=None, repr=False)

    @property
    def latents(self) -> Tensor:
        """The clean latents of the blocks."""
        if self._latents is None:
            with torch.no_grad():
                self._latents = self.model.to_latents(self.pictures)
        return self._latents


class Change(Protocol):
    """What is done to a step before the sampler goes on."""

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """Replaces the step's latents or its clean prediction."""


@dataclass(frozen=True)
class AlignLatents:
    """Sec. 3.2 on latents: the clean prediction gets the mean and deviation of the block's latents."""

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """See `Change`."""
        with torch.no_grad():
            step.predicted_clean = align(step.predicted_clean, tiles.latents)


@dataclass(frozen=True)
class AlignPixels:
    """Sec. 3.2 on pixels: the clean prediction is decoded, gets the block's mean and deviation, and is encoded."""

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """See `Change`."""
        with torch.no_grad():
            picture = align(tiles.model.decode(step.predicted_clean), tiles.pictures)
            step.predicted_clean = tiles.model.to_latents(picture.clamp(0, 1))


@dataclass(frozen=True)
class Guide:
    """Sec. 3.3: the latents go down the gradient of what the decoded, blurred prediction says against the block.

    decoder     shows the prediction; only its low frequencies count
    weight      w of eq. (8) for a mean over the paper's 3 x 96 x 96 values
    decay       gamma
    sigma       of the low pass, pixels of the block
    kind        of loss
    through     ``network``: z_t moves, and the network is asked again (as SyncDiffusion does). ``clean``: the clean
                prediction moves and the network's derivative is not asked for (as in manifold-preserving guided
                diffusion, He et al. 2024)
    perceptual  the distance for the kind of that name
    """

    decoder: Decoder
    weight: float
    decay: float
    sigma: float
    kind: Kind = "rgb"
    through: str = "network"
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """See `Change`."""
        size = weight_at(self.weight, self.decay, step.index) / PAPER_VALUES
        if size == 0:
            return
        with torch.enable_grad():
            if self.through == "clean":
                moved = step.predicted_clean.detach().requires_grad_()
                clean = moved
            else:
                moved = step.latents.detach().requires_grad_()
                clean = step.predict(moved)
            seen = self.decoder.decode(clean)
            loss = structure_loss(seen, tiles.blocks, self.sigma, self.kind, self.perceptual)
            (gradient,) = torch.autograd.grad(loss.sum(), moved)
        found = moved.detach() - size * gradient
        if self.through == "clean":
            step.predicted_clean = found
        else:
            step.latents = found


@dataclass(frozen=True)
class Blend:
    """NoiseBlend: the clean prediction is mixed with the global branch's in a fixed ratio.

    The global branch is what the network predicts for the whole at the same step, from the prompt that the reference
    was drawn for; of any other reference, the block's own latents.
    """

    share: float

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """See `Change`."""
        with torch.no_grad():
            other = tiles.latents if tiles.branch is None else tiles.branch(step.index)
            step.predicted_clean = torch.lerp(step.predicted_clean, other, self.share)


@dataclass(frozen=True)
class Factor:
    """Factorized Diffusion (Geng et al. 2024), its inverse form: low frequencies are the noised block's, always.

    sigma  of the low pass, latents
    """

    sigma: float

    def __call__(self, step: Step, tiles: Tiles) -> None:
        """See `Change`."""
        with torch.no_grad():
            held = step.noised(tiles.latents, tiles.noise)
            step.latents = step.latents + gaussian_blur(held - step.latents, self.sigma)
