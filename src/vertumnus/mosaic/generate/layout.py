"""PhotoQuilt's first pass: the whole picture at the model's own size, whose latents fix every tile's layout.

PhotoQuilt (arXiv 2606.30968) composes the whole at low resolution, enlarges its latents, puts noise back onto them
and denoises inside fixed tiles. Here the whole is the reference, encoded at the size the model draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from vertumnus.mosaic.generate.blocks import Extent, shown_parts
from vertumnus.mosaic.match.grid import Grid

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

Tensor = torch.Tensor


@torch.no_grad()
def low_resolution_latents(reference: Image.Image, model: Diffusion, multiple: int) -> Tensor:
    """The latents of the whole picture at its own aspect and the area that the model draws, 1 x C x h x w."""
    aspect = reference.width / reference.height
    side = model.resolution
    across = max(1, round(side * math.sqrt(aspect) / multiple)) * multiple
    down = max(1, round(side / math.sqrt(aspect) / multiple)) * multiple
    small = np.asarray(reference.resize((across, down), Image.Resampling.LANCZOS), np.float32) / 255
    return model.to_latents(torch.tensor(small).movedim(-1, 0)[None].to(model.device))


def layout_of(latents: Tensor, grid: Grid, extent: Extent, cells: list[int], size: tuple[int, int]) -> Tensor:
    """What of the whole's latents lies under each tile, enlarged bicubically to ``size`` rows and columns."""
    part = shown_parts(grid, extent)[cells]
    boxes = 2 * grid.boxes[cells] / ([grid.width, grid.height] * 2)
    across = (boxes[:, 2:] - boxes[:, :2]) / (part[:, 2:] - part[:, :2])
    first = boxes[:, :2] - part[:, :2] * across
    x = (np.arange(size[1]) + 0.5) / size[1] * across[:, :1] + first[:, :1] - 1
    y = (np.arange(size[0]) + 0.5) / size[0] * across[:, 1:] + first[:, 1:] - 1
    places = np.empty((len(cells), *size, 2), np.float32)
    places[..., 0], places[..., 1] = x[:, None, :], y[:, :, None]
    return torch.nn.functional.grid_sample(
        latents.expand(len(cells), -1, -1, -1),
        torch.tensor(places).to(latents),
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )
