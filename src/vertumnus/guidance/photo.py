"""A photograph as guidance: pieces of any kind are to look like it, colour by colour.

The loss is a weighted sum of what is usual: mean squared and mean absolute differences of sRGB values, 1 - SSIM
(Wang et al., 2004), squared differences of the steps between neighbouring pixels, and the distance of a classifier's
features (`vertumnus.guidance.deep`). DiffBMP (arXiv 2602.22625) does the like on a GPU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.errors import VertumnusError
from vertumnus.guidance.options import PhotoOptions
from vertumnus.guidance.protocol import Canvas, Request, Things, Values
from vertumnus.imaging.decode import decode_picture
from vertumnus.reading import read_named

SIGMA, K1, K2 = 1.5, 0.01, 0.03  # of SSIM
PATIENCE = 10  # calls in a row without a finite answer, after which a run stops
SMALLEST = 16  # pixels of a side of a reference
Floats = NDArray[np.float32]


class PhotoSource:
    """A reference photograph; see `vertumnus.guidance.protocol.Source`.

    picture   for one that is open already

    Raises `VertumnusError` if it cannot be read or is too small to show anything.
    """

    iterations = 300
    render_weight = 0.001
    side_by_side = False
    layered = True

    def __init__(
        self, options: PhotoOptions, picture: Image.Image | None = None, *, device: str | None = None
    ) -> None:
        self.options = options
        self.name = f"photo:{options.reference}"
        self.resolution = options.resolution
        self._device = device
        if picture is None:
            path = Path(options.reference)
            picture = decode_picture(read_named(path), str(path)).image
        self.picture = picture.convert("RGB")
        self.digest = hashlib.sha256(repr(self.picture.size).encode() + self.picture.tobytes()).hexdigest()
        if min(self.picture.size) < SMALLEST:
            raise VertumnusError(
                f"{options.reference}: {self.picture.width} x {self.picture.height} pixels show nothing"
            )

    @property
    def ground(self) -> str:
        """Its mean colour, as CSS."""
        mean = np.asarray(self.picture.resize((16, 16), Image.Resampling.BOX)).reshape(-1, 3).mean(0)
        return "#" + "".join(f"{round(float(part)):02x}" for part in mean)

    def guidance(self, request: Request) -> PhotoGuidance:
        """The photograph's middle at the canvas's ratio, at the request's size."""
        rows, columns = request.shape
        shown = cropped(self.picture, columns / rows).resize((columns, rows), Image.Resampling.BOX)
        reference = (np.asarray(shown) / np.float32(255)).astype(np.float32)
        deep = None
        if self.options.deep:
            from vertumnus.guidance.deep import DeepTerm

            deep = DeepTerm(reference, self._device)
        return PhotoGuidance(reference, self.options, request, deep)

    def kept(self, shape: tuple[int, int]) -> Image.Image:
        """What a document keeps of it, whatever becomes of the file: all of it."""
        return self.picture

    def inputs(self) -> dict[str, str]:
        """Its pixels."""
        return {self.name: self.digest}


def cropped(picture: Image.Image, ratio: float) -> Image.Image:
    """The largest part in the middle of a picture whose width to height is ``ratio``.

    >>> cropped(Image.new("RGB", (30, 20)), 1.0).size
    (20, 20)
    """
    width, height = picture.size
    across, down = (min(width, max(1, round(height * ratio))), min(height, max(1, round(width / ratio))))
    left, top = (width - across) // 2, (height - down) // 2
    return picture.crop((left, top, left + across, top + down))


class PhotoGuidance:
    """How unlike a reference canvases are.

    reference   H x W x 3, 0 to 1
    deep        the distance of features, where that counts
    """

    target_alpha: Canvas | None = None
    target_colour: Canvas | None = None
    target_things: Things = ()

    def __init__(self, reference: Floats, options: PhotoOptions, request: Request, deep: Any = None) -> None:
        self.reference = np.ascontiguousarray(reference, np.float32)
        self.options, self.deep = options, deep
        self.ground = np.array(request.background, np.float32)
        self.skipped = self._in_a_row = 0
        self._structure = Structure(self.reference) if options.ssim else None

    def __call__(self, canvases: Canvas, progress: float) -> tuple[Values, Canvas]:
        """Values and gradients; see `vertumnus.guidance.protocol.Guidance`."""
        values, gradients = np.empty(len(canvases)), np.zeros_like(canvases)
        for n, canvas in enumerate(canvases):
            picture = canvas[..., :3] + (1 - canvas[..., 3:4]) * self.ground
            value, by = self.judge(picture)
            if not (np.isfinite(value) and np.isfinite(by).all()):
                values[n] = np.nan
                continue
            values[n] = value
            gradients[n, ..., :3] = by
            gradients[n, ..., 3] = -(by @ self.ground)
        well = bool(np.isfinite(values).all())
        self._in_a_row = 0 if well else self._in_a_row + 1
        self.skipped += not well
        if self._in_a_row >= PATIENCE:
            raise VertumnusError(f"photo: its answer was not finite {self._in_a_row} times in a row")
        return values, gradients

    def judge(self, picture: Floats) -> tuple[float, Floats]:
        """The loss of a picture, H x W x 3, and its gradient by it."""
        o, off = self.options, picture - self.reference
        value, by = 0.0, np.zeros_like(off)
        size = off.size
        if o.mse:
            value += o.mse * float(np.square(off, dtype=np.float64).mean())
            by += np.float32(2 * o.mse / size) * off
        if o.l1:
            value += o.l1 * float(np.abs(off).mean(dtype=np.float64))
            by += np.float32(o.l1 / size) * np.sign(off)
        if o.edges:
            for axis in (0, 1):
                step = np.diff(off, axis=axis)
                value += o.edges * float(np.square(step, dtype=np.float64).sum()) / size
                slope = np.float32(2 * o.edges / size) * step
                last = [(0, 0)] * 3
                first = list(last)
                first[axis], last[axis] = (1, 0), (0, 1)
                by += np.pad(slope, first) - np.pad(slope, last)
        if self._structure is not None:
            like, slope = self._structure(picture)
            value += o.ssim * (1 - like)
            by -= np.float32(o.ssim) * slope
        if self.deep is not None:
            apart, slope = self.deep(picture)
            value += o.deep * apart
            by += np.float32(o.deep) * slope
        return value, by

    def state(self) -> dict[str, Any]:
        """It remembers nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """It remembers nothing."""

    def close(self) -> None:
        """It holds nothing."""


class Structure:
    """Mean SSIM with a reference, by a Gaussian window of 1.5 pixels, and its gradient.

    Beyond the edges there is nothing: a window's weights are those of the pixels that are there.
    """

    def __init__(self, reference: Floats) -> None:
        self.y = reference
        self.weights = _window(np.ones((*reference.shape[:2], 1), np.float32))
        self.mean = self._local(reference)
        self.square = self._local(reference * reference)

    def _local(self, image: Floats) -> Floats:
        return _window(image) / self.weights

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """The mean over pixels and channels, and its gradient by the picture."""
        c1, c2 = np.float32(K1**2), np.float32(K2**2)
        mu, m2, mxy = self._local(x), self._local(x * x), self._local(x * self.y)
        nu = self.mean
        a1, a2 = 2 * mu * nu + c1, 2 * (mxy - mu * nu) + c2
        b1, b2 = mu * mu + nu * nu + c1, (m2 - mu * mu) + (self.square - nu * nu) + c2
        s = a1 * a2 / (b1 * b2)
        by_mu = 2 * nu * (a2 - a1) / (b1 * b2) - 2 * mu * s * (1 / b1 - 1 / b2)
        # Of sums under the window: the window is its own transpose.
        parts = (by_mu, -s / b2, 2 * a1 / (b1 * b2))
        back = [_window(np.asarray(part / self.weights, np.float32)) for part in parts]
        gradient = (back[0] + 2 * x * back[1] + self.y * back[2]) / np.float32(x.size)
        return float(s.mean(dtype=np.float64)), gradient


def _window(image: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(image, (SIGMA, SIGMA, 0), mode="constant", truncate=3.5), np.float32)


def open_photo(
    options: PhotoOptions, *, device: str | None = None, picture: Image.Image | None = None
) -> PhotoSource:
    """The source of a photograph."""
    return PhotoSource(options, picture, device=device)
