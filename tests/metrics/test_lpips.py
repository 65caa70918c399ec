"""LPIPS in NumPy against the same network in torch, with weights drawn at random."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from vertumnus.errors import VertumnusError
from vertumnus.metrics.lpips import CONVOLUTIONS, SCALE, SHIFT, lpips, read_weights

SHAPES = [(64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (256, 256, 3, 3)]


def write_safetensors(path, tensors):
    head, data = {}, b""
    for name, value in tensors.items():
        packed = value.astype(np.float32).tobytes()
        head[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(packed)],
        }
        data += packed
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def random_weights():
    rng = np.random.default_rng(0)
    found = {}
    for n, ((name, *_), shape) in enumerate(zip(CONVOLUTIONS, SHAPES, strict=True)):
        found[f"{name}.weight"] = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
        found[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
        found[f"lin{n}.model.1.weight"] = rng.random((1, shape[0], 1, 1)).astype(np.float32)
    return found


def in_torch(a, b, weights):
    total = 0.0
    features = []
    for picture in (a, b):
        x = torch.tensor(((2 * picture - 1 - SHIFT) / SCALE).transpose(2, 0, 1)[None].astype(np.float32))
        layers = []
        for name, stride, padding, pooled in CONVOLUTIONS:
            x = functional.max_pool2d(x, 3, 2) if pooled else x
            weight, bias = (torch.tensor(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
            x = functional.relu(functional.conv2d(x, weight, bias, stride, padding))
            layers.append(functional.normalize(x, dim=1))
        features.append(layers)
    for n, (x, y) in enumerate(zip(*features, strict=True)):
        total += float(functional.conv2d((x - y) ** 2, torch.tensor(weights[f"lin{n}.model.1.weight"])).mean())
    return total


def test_against_torch_and_through_a_file(tmp_path):
    write_safetensors(tmp_path / "w.safetensors", random_weights())
    weights = read_weights(tmp_path / "w.safetensors")
    rng = np.random.default_rng(1)
    a, b = rng.random((64, 48, 3)), rng.random((64, 48, 3))
    assert lpips(a, b, weights) == pytest.approx(in_torch(a, b, weights), rel=1e-4)
    assert lpips(a, a, weights) == 0
    assert lpips(a[:16, :16], b[:16, :16], weights) > 0  # small pictures are repeated


def test_bad_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    for data in (b"", b"\x80\x04 a pickle, say", (9).to_bytes(8, "little") + b'{"a": 1} '):
        path.write_bytes(data)
        with pytest.raises(VertumnusError, match=r"w\.safetensors: "):
            read_weights(path)
    some = random_weights()
    del some["lin2.model.1.weight"]
    write_safetensors(path, some)
    with pytest.raises(VertumnusError, match=r"lin2\.model\.1\.weight: missing.*alexnet-owt"):
        read_weights(path)
