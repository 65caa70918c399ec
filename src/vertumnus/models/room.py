"""How many pictures a model draws at once: as many as memory has room for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from vertumnus.models.diffusion import Diffusion

MOST_CPU = 4  # pictures at once: without a GPU more is no faster
MOST_GPU = 64
USED = 0.85  # of the memory that is free
MAPS = 40  # feature maps of the network's first level that one item of a batch takes, at the most


class Room:
    """How many pictures there is room for, by an estimate at first, and on a GPU by what a batch took, once one did.

    model          the diffusion model
    width, height  of the pictures, pixels
    """

    def __init__(self, model: Diffusion, width: int, height: int) -> None:
        self.device = model.device
        self.each = bytes_a_picture(model, width, height)
        self.most = MOST_CPU if self.device.type == "cpu" else MOST_GPU

    @property
    def count(self) -> int:
        """Pictures at once, at least one."""
        free = free_bytes(self.device)
        fits = self.most if free is None else int(USED * free / max(self.each, 1))
        return max(1, min(self.most, fits))

    def less(self, than: int) -> None:
        """Memory ran out with a batch of this many: half of it from now on."""
        self.most = max(1, than // 2)

    @contextmanager
    def measured(self, pictures: int) -> Iterator[None]:
        """Takes down what a batch of this many takes, where the device tells."""
        if self.device.type != "cuda":
            yield
            return
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        yield
        self.each = max(1, (torch.cuda.max_memory_allocated(self.device) - before) // pictures)


def bytes_a_picture(model: Diffusion, width: int, height: int) -> int:
    """An estimate of what one picture takes beside the weights, with guidance: the larger of network and autoencoder.

    A network's first level has the most to hold, an autoencoder's last two at the full size.
    """
    rows, columns = height / model.factor, width / model.factor
    first = _channels(model.unet)[0]
    network = 2 * MAPS * first * rows * columns * model.unet.dtype.itemsize
    if model.vae is None:
        return int(network)
    wide = _channels(model.vae)
    maps = 3 * wide[min(1, len(wide) - 1)]
    return int(max(network, maps * width * height * model.vae.dtype.itemsize))


def _channels(part: Any) -> tuple[int, ...]:
    return tuple(getattr(part.config, "block_out_channels", None) or (64,))


def free_bytes(device: torch.device) -> int | None:
    """Bytes that a device has free; None where it does not tell."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
