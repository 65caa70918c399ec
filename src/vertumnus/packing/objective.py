"""The packing loss: what a good coverage canvas looks like. One function a term.

All terms look at the canvas alone, the sum C of the elements' coverages (the image-space losses of Wang and
Lu, 2025), and at the target M, the share of each raster pixel that is in the shape. Gap, overlap and containment
are pointwise and are summed in one pass over the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.jit import kernel
from vertumnus.packing.options import LossWeights
from vertumnus.strict.options import DIRECTIONS

f4 = np.float32
Canvas = NDArray[np.float32]


@kernel
def gap(c, m):
    """Uncovered shape: m * max(1 - c, 0). Returns the value and its slope by c."""
    return m * max(f4(1) - c, f4(0)), -m if c < f4(1) else f4(0)


@kernel
def overlap(c):
    """What is covered more than once, squared: max(c - 1, 0)**2. Returns the value and its slope."""
    over = max(c - f4(1), f4(0))
    return over * over, f4(2) * over


@kernel
def containment(c, m):
    """Coverage outside the shape: (1 - m) * c. Returns the value and its slope."""
    return (f4(1) - m) * c, f4(1) - m


@kernel
def pointwise(canvas, target, room, w_gap, w_overlap, w_containment, grad):
    """The weighted sum of gap, overlap and containment over all pixels; writes its gradient.

    target   what is to be covered; room: what pieces stay in, the same or more
    """
    total: float = 0.0
    for row in range(canvas.shape[0]):
        line = f4(0)
        for column in range(canvas.shape[1]):
            c, m = canvas[row, column], target[row, column]
            a, slope_a = gap(c, m)
            b, slope_b = overlap(c)
            o, slope_o = containment(c, room[row, column])
            line += w_gap * a + w_overlap * b + w_containment * o
            grad[row, column] = w_gap * slope_a + w_overlap * slope_b + w_containment * slope_o
        total += float(line)
    return total


def uniformity(canvas: Canvas, target: Canvas, radii: tuple[float, ...]) -> tuple[float, Canvas]:
    """Wide gaps weigh more than narrow ones: half the summed square of the uncovered shape, blurred.

    Blurring with a Gaussian of each radius (raster pixels) spreads a narrow gap thin and leaves a wide one,
    which is what the paper's dilation by growing discs finds, but smooth. Returns the mean over the radii
    and its gradient.
    """
    bare = target * np.maximum(1 - canvas, 0)
    total, spread = 0.0, np.zeros_like(bare)
    for radius in radii:
        # Blurred on blocks of pixels where the radius is many pixels; a block's mean has an equal share as its
        # gradient, so the result is exact for what is computed.
        block = max(1, int(radius / 2))
        blurred = _blur(_blocks(bare, block), radius / block)
        total += 0.5 * block**2 * float((blurred.astype(np.float64) ** 2).sum())
        spread += _unblocks(_blur(blurred, radius / block), block, bare.shape)  # blurring is its own adjoint
    grad = -target * (canvas < 1) * spread / len(radii)
    return total / len(radii), grad.astype(np.float32)


def _blur(image: Canvas, radius: float) -> Canvas:
    return ndimage.gaussian_filter(image, radius, mode="constant", truncate=3.0)


def _blocks(image: Canvas, block: int) -> Canvas:
    """Means over block x block pixels; what is missing at the edges counts as zero."""
    high, wide = -image.shape[0] % block, -image.shape[1] % block
    padded = np.pad(image, ((0, high), (0, wide)))
    rows, columns = padded.shape[0] // block, padded.shape[1] // block
    return padded.reshape(rows, block, columns, block).mean((1, 3))


def _unblocks(image: Canvas, block: int, shape: tuple[int, ...]) -> Canvas:
    return image.repeat(block, 0).repeat(block, 1)[: shape[0], : shape[1]]


def gravity(canvas: Canvas, height: Canvas) -> tuple[float, Canvas]:
    """Potential energy: each pixel's coverage times its height over where gravity pulls, 0 to 1."""
    return float((canvas * height).sum(dtype=np.float64)), height


def height_map(pull: str | tuple[float, float], shape: tuple[int, int], zoom: float) -> Canvas:
    """How high each raster pixel lies: 0 where gravity pulls, 1 at the far end of the canvas.

    pull   a direction, or a point in canvas pixels that everything falls towards
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    if isinstance(pull, str):
        dx, dy = DIRECTIONS[pull]
        along = columns * dx + rows * dy
        depth = along.max() - along
    else:
        depth = np.hypot(columns - pull[0] * zoom, rows - pull[1] * zoom)
    return (depth / max(float(depth.max()), 1e-9)).astype(np.float32)


@dataclass
class PackingGuidance:
    """Contract 2 for packing: the loss of a coverage canvas and its gradient.

    target   H x W, share of each raster pixel in the shape
    weights  of the terms
    radii    of uniformity, raster pixels
    height   H x W, for gravity; None where there is none
    room     H x W, share of each raster pixel that pieces stay in, where that is more than the shape
    """

    target: Canvas
    weights: LossWeights
    radii: tuple[float, ...] = (1.0,)
    height: Canvas | None = None
    room: Canvas | None = None
    _grad: Canvas = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._grad = np.empty_like(self.target)

    def __call__(self, canvas: Canvas, progress: float) -> tuple[float, Canvas]:
        """The loss, a pixel's worth a pixel, and its gradient; the array is used again by the next call."""
        w = self.weights
        first, last = w.overlap
        strict = first * (last / first) ** progress
        room = self.target if self.room is None else self.room
        total = float(pointwise(canvas, self.target, room, f4(w.gap), f4(strict), f4(w.containment), self._grad))
        if w.uniformity:
            value, slope = uniformity(canvas, self.target, self.radii)
            total += w.uniformity * value
            self._grad += f4(w.uniformity) * slope
        if self.height is not None and w.gravity:
            value, slope = gravity(canvas, self.height)
            total += w.gravity * value
            self._grad += f4(w.gravity) * slope
        return total, self._grad
