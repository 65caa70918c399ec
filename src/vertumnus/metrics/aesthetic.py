"""LAION's aesthetic predictors: how much people would like a picture, from 1 to 10, read off its CLIP features.

Both are what SCORE calls "a LAION-trained aesthetic predictor" (Schuhmann et al. 2022, LAION-5B):

linear  github.com/LAION-AI/aesthetic-predictor, MIT: ``sa_0_4_vit_l_14_linear.pth`` reads CLIP ViT-L/14 (768
        features), ``sa_0_4_vit_b_32_linear.pth`` ViT-B/32 (512)
MLP     github.com/christophschuhmann/improved-aesthetic-predictor, Apache-2.0: ``sac+logos+ava1-l14-linearMSE.pth``
        reads ViT-L/14; five linear layers and no activation between them, dropout in training only

They come as pickles, which are not read here; docs/measure.md says how to convert one to safetensors, once.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.metrics.clip_scores import Features, ImageTextModel, on_ground, unit
from vertumnus.reading import check_regular

MLP_WIDTHS = (1024, 128, 64, 16, 1)  # outputs of the layers
_MLP_PLACES = (0, 2, 4, 6, 7)  # of the layers in the published nn.Sequential; the others are dropout
_LINEAR_WIDTHS = (512, 768)  # features of the CLIPs that the linear head was trained for
_WHERE = "docs/measure.md says where LAION's predictors are and how to convert one"

Array = NDArray[np.float64]


class AestheticHead(NamedTuple):
    """A predictor's weights.

    name    the file they came from
    layers  (weight, bias) of each linear layer in turn, out x in and out
    """

    name: str
    layers: tuple[tuple[Array, Array], ...]

    @property
    def width(self) -> int:
        """CLIP features that it reads."""
        return self.layers[0][0].shape[1]

    def predict(self, features: Features) -> Array:
        """The rating of each row of features.

        features  n x width, of any length: the published heads read vectors of length one
        Returns n. Raises `VertumnusError` if they are of another CLIP than the head's.
        """
        x = unit(features, "image")
        if x.shape[1] != self.width:
            raise VertumnusError(
                f"{self.name}: reads CLIP features of {self.width} numbers, and this CLIP gives {x.shape[1]};"
                f" use {'openai/clip-vit-large-patch14' if self.width == 768 else 'the CLIP it was trained for'}"
            )
        for weight, bias in self.layers:
            x = x @ weight.T + bias
        return x[:, 0]


def load_aesthetic(path: str | Path) -> AestheticHead:
    """A predictor from a safetensors file; which of the two it is, its tensors say.

    Raises `VertumnusError` if the file is not there, not safetensors, or holds neither of them.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise VertumnusError(f"{path}: needs the package safetensors; pip install safetensors") from None
    check_regular(path)
    try:
        with safe_open(path, framework="numpy") as file:
            # The published MLP keeps its nn.Sequential under "layers".
            names = {re.sub(r"^layers\.", "", name): name for name in file.keys()}  # noqa: SIM118 - no mapping
            places = ("",) if "weight" in names else tuple(f"{place}." for place in _MLP_PLACES)
            if set(names) != {place + part for place in places for part in ("weight", "bias")}:
                raise VertumnusError(
                    f"{path}: is not an aesthetic predictor; it holds {_some(sorted(names.values()))}, and LAION's"
                    " hold weight and bias, or those of layers 0, 2, 4, 6 and 7"
                )
            # NumPy knows others, such as bfloat16, only once some other package has taught it.
            if any(file.get_slice(key).get_dtype() not in ("F16", "F32", "F64") for key in names.values()):
                raise TypeError
            found = {name: np.asarray(file.get_tensor(key), np.float64) for name, key in names.items()}
    except FileNotFoundError:
        raise VertumnusError(f"{path}: there is no such file; {_WHERE}") from None
    except OSError as error:
        raise VertumnusError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, KeyError, TypeError, AttributeError):
        raise VertumnusError(f"{path}: is not a safetensors file of plain numbers; {_WHERE}") from None
    layers = tuple((found[f"{place}weight"], found[f"{place}bias"]) for place in places)
    _check(str(path), layers)
    return AestheticHead(str(path), layers)


def aesthetic_score(image: Image.Image, clip: ImageTextModel, head: AestheticHead, ground: str = "white") -> float:
    """Aesthetic Score of SCORE (Table 1): the predicted rating of a picture, some 1 to 10.

    image   the collage; what is transparent is ``ground``

    Raises `VertumnusError` if the head is for another CLIP.
    """
    return float(head.predict(clip.image_features([on_ground(image, ground)]))[0])


def _check(path: str, layers: tuple[tuple[Array, Array], ...]) -> None:
    """Raises `VertumnusError` if the shapes are not a predictor's or a number is not finite."""
    shapes = [weight.shape for weight, _ in layers]
    if len(layers) == 1:
        fits = shapes[0] in [(1, width) for width in _LINEAR_WIDTHS]
        wanted = " or ".join(f"1 x {width}" for width in _LINEAR_WIDTHS)
    else:
        expected = list(zip(MLP_WIDTHS, (768, *MLP_WIDTHS), strict=False))
        fits = shapes == expected
        wanted = ", ".join(f"{out} x {into}" for out, into in expected)
    if not fits or any(bias.shape != (len(weight),) for weight, bias in layers):
        got = ", ".join(" x ".join(map(str, shape)) for shape in shapes)
        raise VertumnusError(f"{path}: is not an aesthetic predictor; its layers are {got} and not {wanted}")
    if not all(np.isfinite(weight).all() and np.isfinite(bias).all() for weight, bias in layers):
        raise VertumnusError(f"{path}: holds numbers that are not finite")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "") if names else "nothing"
