"""Cutting by a matting network in an ONNX file, through onnxruntime: the families of U2-Net, IS-Net and BiRefNet.

Such a network takes one picture, 1 x 3 x side x side, and gives how much each pixel is object. How its pictures are
normalised goes by the file's name: IS-Net's as (x - 1/2), the others' by ImageNet's mean and deviation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.reading import check_regular

Floats = NDArray[np.floating[Any]]
_MEAN, _DEVIATION = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
SIDE = 320  # pixels of a side where the network leaves it open


class Matting:
    """A matting network.

    Raises `VertumnusError` if the file is none, is damaged, or onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise VertumnusError(f"{path}: needs onnxruntime; pip install 'vertumnus[cutout]'") from None
        if not path.is_file():
            raise VertumnusError(f"{path}: there is no such file")
        check_regular(path)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions have no common base
            line = " ".join(str(error).split())
            raise VertumnusError(f"{path}: cannot be read as an ONNX model ({line[:200]})") from None
        self.path = path
        given = self.session.get_inputs()
        if len(given) != 1 or len(given[0].shape) != 4:
            raise VertumnusError(f"{path}: is no matting model: it does not take one picture")
        self.input = given[0].name
        rows, columns = (side if isinstance(side, int) and side > 0 else SIDE for side in given[0].shape[2:])
        self.shape = rows, columns
        self.half = "isnet" in path.name.lower()

    def __call__(self, picture: Floats) -> Floats:
        """How much each pixel is object, h x w from 0 to 1. Raises `VertumnusError` for an answer that is none.

        picture   h x w x 3, 0 to 1
        """
        rows, columns = self.shape
        image = Image.fromarray(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))
        seen = np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR), np.float32) / 255
        seen = seen - np.float32(0.5) if self.half else (seen - _MEAN) / _DEVIATION
        try:
            answer = np.asarray(self.session.run(None, {self.input: seen.transpose(2, 0, 1)[None]})[0], np.float32)
        except Exception as error:  # as above
            raise VertumnusError(f"{self.path}: cannot be run ({' '.join(str(error).split())[:200]})") from None
        mask: Floats = np.squeeze(answer)
        if mask.ndim != 2 or not np.isfinite(mask).all():
            raise VertumnusError(f"{self.path}: is no matting model: it does not answer with one mask")
        if mask.min() < 0 or mask.max() > 1:  # logits
            mask = 1 / (1 + np.exp(-mask))
        small = Image.fromarray(np.ascontiguousarray(mask, np.float32))
        found = small.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BILINEAR)
        return np.clip(np.asarray(found), 0, 1)
