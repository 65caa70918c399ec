"""Integral noise: one coarse field over the whole mosaic, of which every tile's first latents are the fine view.

Generative Photomosaic, sec. 3.1, after Chang et al., *How I Warped Your Noise* (ICLR 2024). A coarse value X is the
normalised integral of N = s^2 fine values W. Given X, with Z standard normal and its block mean <Z>, eq. (1) reads

    W | X  =  X / N u  +  1 / sqrt(N) (Z - <Z> u),

whose blocks sum to X exactly, at a variance of 1 / N. Latents of a diffusion model have variance 1. Scaled by
sqrt(N),

    sqrt(N) W  =  X / sqrt(N) u  +  (Z - <Z> u),

W is standard normal, independent from value to value, and each block's sum over sqrt(N) is X: nothing is left of the
conditioning but where the values come from. The paper's eq. (2) rescales the zero-sum part alone, by
1 / sqrt(1 - 1 / N), and leaves X / N: block sums are X, the variance is 1 / N^2 + 1 (reading the residual of eq. (2)
at unit scale, which its sentence on a marginal variance of (N - 1) / N asks for). A block's mean then has a standard
deviation of 1 / N in place of 1 / sqrt(N): the tiles start with next to no low frequencies of their own. Both are
here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Scaling = Literal["exact", "printed", "independent"]
FIELD, TILE = 1, 1 << 63  # streams of random numbers: of the coarse field, and of the tiles


@dataclass(frozen=True)
class NoiseField:
    """The noise of a whole mosaic.

    seed      of the mosaic
    latent    (channels, H, W) of a tile's latents
    coarse    channels x (rows block) x (columns block), standard normal: block x block values under every tile
    block     coarse values a side of a tile, a divisor of H and W
    scaling   ``exact`` (variance 1 and independent), ``printed`` (the paper's eq. 2), or ``independent`` (noise of
              its own and nothing of the field: the ablation without sec. 3.1)
    """

    seed: int
    latent: tuple[int, int, int]
    coarse: Floats
    block: int
    scaling: Scaling = "exact"

    @classmethod
    def drawn(
        cls, seed: int, rows: int, columns: int, latent: tuple[int, int, int], scaling: Scaling = "exact"
    ) -> NoiseField:
        """The field of a mosaic of rows x columns tiles."""
        channels, height, width = latent
        block = block_side(math.gcd(height, width), max(rows, columns))
        rng = np.random.Generator(np.random.Philox(key=np.array([seed, FIELD], np.uint64)))
        coarse = rng.standard_normal((channels, rows * block, columns * block), np.float32)
        return cls(seed, latent, coarse, block, scaling)

    def under(self, row: int, column: int) -> Floats:
        """The coarse values under a tile, channels x block x block."""
        side = self.block
        return self.coarse[:, row * side : (row + 1) * side, column * side : (column + 1) * side]

    def tile(self, row: int, column: int, attempt: int = 0) -> Floats:
        """A tile's first latents, channels x H x W.

        attempt  how often it has been drawn before: another fine view of the same coarse values

        They depend on the seed, the tile's place and the attempt alone, not on the order of tiles or on batches.
        """
        key = np.array([self.seed, TILE | row << 32 | column], np.uint64)  # as a list it would become floats
        rng = np.random.Generator(np.random.Philox(counter=[0, 0, 0, attempt], key=key))
        z = rng.standard_normal(self.latent, np.float32)
        if self.scaling == "independent":
            return z
        x = self.under(row, column)
        s_y, s_x = self.latent[1] // self.block, self.latent[2] // self.block
        count = s_y * s_x  # N
        if count == 1:  # a field as fine as the latents is the latents
            return x.copy()
        residual = z - spread(block_means(z, s_y, s_x), s_y, s_x)
        if self.scaling == "printed":
            return spread(x, s_y, s_x) / np.float32(count) + residual / np.float32(np.sqrt(1 - 1 / count))
        return spread(x, s_y, s_x) / np.float32(np.sqrt(count)) + residual


def block_side(latent: int, tiles: int) -> int:
    """Coarse values a side of a tile: as many as a tile has latents in the mosaic drawn at a tile's own size.

    latent   latents a side of a tile
    tiles    along the mosaic

    The largest divisor of ``latent`` not above latent / tiles, and at least 1.

    >>> block_side(96, 8), block_side(16, 8), block_side(16, 32)
    (12, 2, 1)
    """
    most = max(1, latent // tiles)
    return max(side for side in range(1, most + 1) if latent % side == 0)


def block_means(values: Floats, s_y: int, s_x: int) -> Floats:
    """The mean of every s_y x s_x block of C x H x W values."""
    channels, height, width = values.shape
    return values.reshape(channels, height // s_y, s_y, width // s_x, s_x).mean((2, 4), dtype=np.float32)


def spread(values: Floats, s_y: int, s_x: int) -> Floats:
    """Every value as a block of s_y x s_x."""
    return values.repeat(s_y, 1).repeat(s_x, 2)
