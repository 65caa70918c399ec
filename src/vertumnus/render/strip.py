"""Some rows of a picture while layers are laid over them: bytes, then floats, then bytes again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel

Pixels = NDArray[np.uint8]
f4 = np.float32


class Strip:
    """Some rows of the picture: bytes as long as only opaque cells lie in them, then premultiplied floats."""

    def __init__(self, ground: tuple[int, int, int, int], top: int, rows: int, width: int, left: int = 0) -> None:
        self.top, self.left, self.ground, self.shape = top, left, ground, (rows, width, 4)
        self._bytes: Pixels | None = None
        self._floats: NDArray[np.float32] | None = None

    def bytes(self) -> Pixels | None:
        """The rows as h x width x 4 bytes, or None if there are floats."""
        if self._bytes is None and self._floats is None:
            self._bytes = np.empty(self.shape, np.uint8)
            self._bytes[:] = self.ground
        return self._bytes

    def floats(self) -> NDArray[np.float32]:
        """The rows as h x width x 4 premultiplied floats."""
        if self._floats is None:
            if self._bytes is None and not any(self.ground):
                self._floats = np.zeros(self.shape, np.float32)  # where nothing is laid, no memory is touched
                return self._floats
            done = self.bytes()
            assert done is not None
            self._floats = done.astype(np.float32) / np.float32(255)
            self._floats[..., :3] *= self._floats[..., 3:]
            self._bytes = None
        return self._floats

    def lay(
        self, pixels: Pixels, box: tuple[int, int, int, int], mask: NDArray[np.bool_] | None, opacity: float
    ) -> None:
        """Lays a cell's pixels over the rows."""
        rows, width = self.shape[:2]
        left, top, right, bottom = box
        x0, x1 = max(left, self.left), min(right, self.left + width)
        y0, y1 = max(top, self.top), min(bottom, self.top + rows)
        if x0 >= x1 or y0 >= y1:
            return
        source = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
        place = (slice(y0 - self.top, y1 - self.top), slice(x0 - self.left, x1 - self.left))
        own = None if mask is None else mask[y0 - top : y1 - top, x0 - left : x1 - left]
        if source.shape[2] == 3 and opacity == 1 and (bytes_ := self.bytes()) is not None:
            target = bytes_[place]
            if own is None:
                target[..., :3] = source
                target[..., 3] = 255
            else:
                target[own, :3] = source[own]
                target[own, 3] = 255
            return
        alpha = np.full((*source.shape[:2], 1), opacity, np.float32)
        if source.shape[2] == 4:
            alpha *= source[..., 3:] / np.float32(255)
        if own is not None:
            alpha *= own[..., None]
        colour = np.concatenate([source[..., :3] / np.float32(255) * alpha, alpha], axis=-1)
        below = self.floats()[place]
        below *= 1 - alpha
        below += colour

    def finished(self, channels: int) -> Pixels:
        """The rows as bytes, straight alpha."""
        done = self.bytes()
        if done is None:
            return straight(self.floats(), channels)
        return done if channels == 4 else np.ascontiguousarray(done[..., :3])


def straight(canvas: NDArray[np.float32], channels: int = 4) -> Pixels:
    """Premultiplied floats as straight bytes, or as their colours alone; what is too bright is clipped."""
    done = np.empty((*canvas.shape[:2], channels), np.uint8)
    _straighten(canvas, done)
    return done


@kernel
def _straighten(canvas, done):  # type: ignore[no-untyped-def]
    zero, one, most, half = f4(0), f4(1), f4(255), f4(0.5)
    for row in range(done.shape[0]):
        for column in range(done.shape[1]):
            here, out = canvas[row, column], done[row, column]
            if here[3] == zero and here[0] == zero and here[1] == zero and here[2] == zero:
                out[:] = 0
                continue
            least = max(here[3], f4(1e-6))
            for k in range(3):
                out[k] = np.uint8(min(max(here[k] / least, zero), one) * most + half)
            if done.shape[2] == 4:
                out[3] = np.uint8(min(max(here[3], zero), one) * most + half)
