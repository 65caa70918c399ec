"""LPIPS (Zhang et al. 2018) on AlexNet, from a file of weights, in plain NumPy.

The file is a safetensors of 32-bit floats with the names of the reference code: net.slice1.0.weight and bias to
net.slice5.10, and lin0.model.1.weight to lin4.model.1.weight. docs/measure.md says how
to make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.reading import parse_json, read_named

# Name, stride, padding and whether a 3 x 3 maximum with stride 2 comes first, of the five convolutions.
CONVOLUTIONS = (
    ("net.slice1.0", 4, 2, False), ("net.slice2.3", 1, 2, True), ("net.slice3.6", 1, 1, True),
    ("net.slice4.8", 1, 1, False), ("net.slice5.10", 1, 1, False),
)  # fmt: skip
SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)  # of values from -1 to 1
SCALE = np.array([0.458, 0.448, 0.450], np.float32)
HOW = "it is made of AlexNet's alexnet-owt-7be5be79.pth and lpips' alex.pth as docs/measure.md says"
LEAST = 31  # pixels of a side, below which nothing is left for the last convolutions

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]


def read_weights(path: Path) -> dict[str, Floats]:
    """The numbers of a safetensors file; pickles are not read.

    Raises `VertumnusError` if it is none or lacks a weight.
    """
    data = read_named(path)
    try:
        size = int.from_bytes(data[:8], "little")
        head = parse_json(data[8 : 8 + size], path)
        found = {}
        for name, facts in head.items():
            if name != "__metadata__" and facts["dtype"] == "F32":
                first, last = facts["data_offsets"]
                values = np.frombuffer(data[8 + size + first : 8 + size + last], np.float32)
                found[name] = values.reshape(facts["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VertumnusError(f"{path}: not a safetensors file of LPIPS weights ({error}); {HOW}") from None
    needed = [f"{name}.{part}" for name, *_ in CONVOLUTIONS for part in ("weight", "bias")]
    needed += [f"lin{n}.model.1.weight" for n in range(len(CONVOLUTIONS))]
    missing = [name for name in needed if name not in found]
    if missing:
        raise VertumnusError(f"{path}: {missing[0]}: missing, so these are not LPIPS weights on AlexNet; {HOW}")
    return found


def lpips(a: NDArray[np.floating], b: NDArray[np.floating], weights: Weights) -> float:
    """The distance of two pictures (H x W x 3, values 0 to 1): 0 for equal ones.

    Features are scaled to unit length over channels; their squared differences, weighted by channel, are averaged
    over the picture and summed over the five layers (section 3, eq. 1). Pictures under `LEAST` pixels are repeated
    to that size.
    """
    total = 0.0
    for n, (x, y) in enumerate(zip(_features(a, weights), _features(b, weights), strict=True)):
        total += float(np.einsum("c,chw->hw", weights[f"lin{n}.model.1.weight"].ravel(), (x - y) ** 2).mean())
    return total


def _features(picture: NDArray[np.floating], weights: Weights) -> list[Floats]:
    times = -(-LEAST // min(picture.shape[:2]))
    if times > 1:
        picture = picture.repeat(times, axis=0).repeat(times, axis=1)
    x = ((2 * picture.astype(np.float32) - 1 - SHIFT) / SCALE).transpose(2, 0, 1)
    found = []
    for name, stride, padding, pooled in CONVOLUTIONS:
        if pooled:
            x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))
        x = np.maximum(_convolve(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding), 0)
        found.append(x / (np.sqrt((x**2).sum(axis=0, keepdims=True)) + np.float32(1e-10)))
    return found


def _convolve(x: Floats, weight: Floats, bias: Floats, stride: int, padding: int) -> Floats:
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]
