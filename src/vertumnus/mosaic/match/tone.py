"""Bringing a tile's tone to that of the part of the reference it stands for, in linear light.

What a tone does to one channel by itself is a table of 256 entries; optimal transport mixes channels and is a matrix.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.imaging.light import ENCODED, LINEAR, encode_srgb
from vertumnus.jit import kernel
from vertumnus.limits import MAX_GAIN

Method = Literal["none", "mean", "mean-std", "histogram", "transport"]
AFFINE = ("mean", "mean-std")  # what gain and offset can do
EVEN = 1e-4  # deviation of linear light below which a tile has no contrast to scale
_LIGHT = LINEAR.astype(np.float64)

Bytes = NDArray[np.uint8]


class Tone(NamedTuple):
    """A way to change tiles and how far to go: 0 leaves them as they are, 1 goes all the way."""

    method: Method = "none"
    amount: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Tone:
        """Reads ``METHOD`` or ``METHOD:AMOUNT``.

        Raises `VertumnusError` for anything else.

        >>> Tone.parse("mean-std:0.5")
        Tone(method='mean-std', amount=0.5)
        """
        method, _, amount = text.partition(":")
        known = get_args(Method)
        if method not in known:
            raise VertumnusError(f"`tone`: {method!r} is not one of {', '.join(known)}{did_you_mean(method, known)}")
        try:
            value = float(amount) if amount else 1.0
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise VertumnusError(f"`tone`: the amount must be a number from 0 to 1, not {amount!r}")
        return cls(cast(Method, method), value) if method != "none" and value > 0 else cls()

    def __str__(self) -> str:
        return self.method if self.method == "none" else f"{self.method}:{self.amount:g}"


class Clipping(NamedTuple):
    """Channel values that a tone drove beyond black or white, and all values toned."""

    clipped: int
    values: int


def apply_tone(tile: Bytes, part: Bytes, tone: Tone) -> tuple[Bytes, Clipping]:
    """The tile (h x w x 3) in the tone of a part of the reference (any size, N x 3 or rows x columns x 3)."""
    if tone.method == "none":
        return tile, Clipping(0, 0)
    part = part.reshape(-1, 3)
    if tone.method == "transport":
        matrix, offset = transport_map(_LIGHT[tile.reshape(-1, 3)], _LIGHT[part])
        matrix = tone.amount * matrix + (1 - tone.amount) * np.eye(3)
        toned, clipped = _mix(
            tile, LINEAR, matrix.astype(np.float32), (tone.amount * offset).astype(np.float32), ENCODED
        )
        return toned, Clipping(int(clipped), tile.size)
    tables = np.empty((3, 256), np.uint8)
    clipped = 0
    for channel in range(3):
        seen = np.bincount(tile[..., channel].ravel(), minlength=256)
        wanted = np.bincount(part[:, channel], minlength=256)
        light = tone_curve(seen, wanted, tone.method)
        light = _LIGHT + tone.amount * (light - _LIGHT)
        clipped += int(seen[(light < -1e-6) | (light > 1 + 1e-6)].sum())
        tables[channel] = encode_srgb(np.clip(light, 0, 1)) * 255 + 0.5
    return _look_up(np.ascontiguousarray(tile), tables), Clipping(clipped, tile.size)


def histograms(picture: Bytes, boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each value of each channel occurs in boxes (left, top, right, bottom) of a picture: N x 3 x 256."""
    return _count(np.ascontiguousarray(picture), np.ascontiguousarray(boxes))


def moments(counts: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of linear light of what was counted, by channel: N x 3 each."""
    share = counts / counts.sum(axis=-1, keepdims=True)
    mean = share @ _LIGHT
    return mean, np.sqrt(np.maximum(share @ _LIGHT**2 - mean**2, 0))


def affine(
    mean_tile: NDArray[np.float64],
    std_tile: NDArray[np.float64],
    mean_part: NDArray[np.float64],
    std_part: NDArray[np.float64],
    tone: Tone,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain and offset in linear light that do what `mean` or `mean-std` asks, N x 3 each; see `tone_curve`."""
    ratio = np.ones_like(mean_tile)
    if tone.method == "mean-std":
        np.divide(std_part, std_tile, out=ratio, where=std_tile > EVEN)
    ratio = np.minimum(ratio, MAX_GAIN)
    return 1 + tone.amount * (ratio - 1), tone.amount * (mean_part - ratio * mean_tile)


def clipped_values(counts: NDArray[np.integer], gain: NDArray[np.float64], offset: NDArray[np.float64]) -> int:
    """How many of the values counted (N x 3 x 256) a gain and an offset drive beyond black or white."""
    light = gain[..., None] * _LIGHT + offset[..., None]
    return int(counts[(light < -1e-6) | (light > 1 + 1e-6)].sum())


def tone_curve(seen: NDArray[np.integer], wanted: NDArray[np.integer], method: Method) -> NDArray[np.float64]:
    """What each of the 256 values of one channel becomes, in linear light, not clipped.

    seen, wanted   how often each value occurs in the tile and in the part of the reference

    mean: the tile's light plus the difference of the means. mean-std: adaptive instance normalisation, eq. (5) of
    Generative Photomosaic, mu_r + sigma_r (I - mu_t) / sigma_t. histogram: each value becomes the one at the same
    place in the sorted values of the part, which is the optimal transport of one channel.
    """
    if method == "histogram":
        return _match_histogram(seen, wanted)
    mean_tile, std_tile = _moments(seen)
    mean_part, std_part = _moments(wanted)
    if method == "mean":
        return _LIGHT + (mean_part - mean_tile)
    return mean_part + (_LIGHT - mean_tile) * (std_part / std_tile if std_tile > EVEN else 1.0)


def _moments(counts: NDArray[np.integer]) -> tuple[float, float]:
    share = counts / counts.sum()
    mean = float(share @ _LIGHT)
    return mean, float(np.sqrt(share @ (_LIGHT - mean) ** 2))


def _match_histogram(seen: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.float64]:
    """Values at equal ranks, taken at the middle of the ranks a value fills."""
    below = np.cumsum(seen) - seen / 2
    there = np.flatnonzero(wanted)
    ranks = (np.cumsum(wanted) - wanted / 2)[there] / wanted.sum()
    return np.interp(below / seen.sum(), ranks, _LIGHT[there])


def transport_map(
    tile: NDArray[np.float64], part: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The optimal transport between colours taken as Gaussian: x becomes matrix @ x + offset.

    tile, part   N x 3 linear light

    The Monge-Kantorovich map A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 of covariances A and B (Pitie and Kokaram, "The linear
    Monge-Kantorovitch linear colour mapping for example-based colour transfer", 2007). It gives the tile the mean
    and the covariance of the part.
    """
    first, second = tile.mean(axis=0), part.mean(axis=0)
    spread = np.cov(tile.T, bias=True) + EVEN**2 * np.eye(3)
    wanted = np.cov(part.T, bias=True) if len(part) > 1 else np.zeros((3, 3))
    root = _power(spread, 0.5)
    back = _power(spread, -0.5)
    matrix = back @ _power(root @ wanted @ root, 0.5) @ back
    return matrix, second - matrix @ first


def _power(symmetric: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * np.maximum(values, 0) ** exponent) @ vectors.T


@kernel
def _count(picture, boxes):
    out = np.zeros((len(boxes), 3, 256), np.int64)
    for n in range(len(boxes)):
        left, top, right, bottom = boxes[n]
        for y in range(top, bottom):
            for x in range(left, right):
                for k in range(3):
                    out[n, k, picture[y, x, k]] += 1
    return out


@kernel
def _look_up(tile, tables):
    out = np.empty_like(tile)
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            out[y, x, 0] = tables[0, tile[y, x, 0]]
            out[y, x, 1] = tables[1, tile[y, x, 1]]
            out[y, x, 2] = tables[2, tile[y, x, 2]]
    return out


@kernel
def _mix(tile, linear, matrix, offset, encoded):
    out = np.empty_like(tile)
    clipped = 0
    steps = np.float32(len(encoded) - 1)
    for y in range(tile.shape[0]):
        for x in range(tile.shape[1]):
            r, g, b = linear[tile[y, x, 0]], linear[tile[y, x, 1]], linear[tile[y, x, 2]]
            for k in range(3):
                value = matrix[k, 0] * r + matrix[k, 1] * g + matrix[k, 2] * b + offset[k]
                if value < np.float32(-1e-6) or value > np.float32(1 + 1e-6):
                    clipped += 1
                value = min(max(value, np.float32(0)), np.float32(1))
                out[y, x, k] = encoded[int(value * steps + np.float32(0.5))]
    return out, clipped
