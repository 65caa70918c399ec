"""Splatting: sprites smoothed by a Gaussian kernel as they are drawn, so that gradients reach further.

The renderer of SCORE (Shao et al., AAAI 2026, fig. 3): every raster pixel is taken back into a layer's picture, the
p x p texels around that point are gathered and weighted by a Gaussian of their distance in raster pixels, and the
layers are laid over each other. From the Gaussian its tangent where the window ends is taken off, so that nothing
jumps as the window moves. Texels beyond the picture are transparent. As wide as the kernel is, a layer's edge is
soft, and a pixel that far from the edge still tells the layer where to go. The readable twin is
`vertumnus.render.oracle.splat`; `vertumnus.render.composite` is the limit of no smoothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.render.geometry import extent
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.sprites import Sprites, level_at

f4 = np.float32
Canvas = NDArray[np.float32]

REACH = 2.5  # of the kernel's width, where its weights end
CUT = math.exp(
    -0.5 * REACH * REACH
)  # the Gaussian there; its tangent is taken off, so that weights end smoothly at 0
TEXELS = 1.5  # texels to the kernel's width, about, where the picture is fine enough
LEAST = 0.6  # of a texel: the kernel's least width, so that an enlarged picture has no holes
NOTHING = 64.0  # texels to the kernel's width, of the coarsest level, from which on a layer is not drawn


def splat_level(scale: float, sigma: float) -> int:
    """The mip level that a layer drawn at ``scale`` raster pixels to its own is gathered from."""
    return level_at(scale / max(1.0, sigma / TEXELS))


class SplatRenderer:
    """Renders placements of RGBA sprites with a Gaussian kernel, and gradients back.

    sprites    of the pictures that placements show, four channels
    width, height   of the canvas, canvas pixels
    zoom       raster pixels to a canvas pixel
    kernel_sigma   standard deviation of the kernel, raster pixels
    """

    def __init__(self, sprites: Sprites, width: int, height: int, zoom: float, kernel_sigma: float) -> None:
        self.sprites, self.zoom, self.kernel_sigma = sprites, zoom, kernel_sigma
        self.shape = (max(1, round(height * zoom)), max(1, round(width * zoom)), 4)
        self._layers: tuple[NDArray[np.generic], ...] = ()
        self._given: Collection[str] = ()

    def forward(
        self,
        placements: Placements,
    ) -> Canvas:
        """The layers over a transparent ground, H x W x 4 premultiplied floats.

        Raises `VertumnusError` for a placement that cannot be drawn.
        """
        p, table = placements, self.sprites.table
        drawn = p.drawn("opacity", "gain", pictures=len(table))
        self._given = p.groups.keys()
        scale = np.exp(p.log_scale) * self.zoom
        level = np.array([min(splat_level(s, self.kernel_sigma), table.shape[1] - 1) for s in scale], np.int64)
        self._layers = (
            p.x * self.zoom,
            p.y * self.zoom,
            scale,
            p.rotation.copy(),
            p.flip,
            drawn["opacity"][0].copy(),
            np.ascontiguousarray(drawn["gain"].T),
            self.sprites.texels,
            table[p.which, level],
            self.sprites.size[p.which].astype(np.float64),
            level,
        )
        canvas = np.zeros(self.shape, np.float32)
        self._boxes, self._tape = _forward(*self._layers, self.kernel_sigma, canvas)
        return canvas

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the layers last rendered, given the gradient by the canvas (H x W x 4)."""
        by = _backward(
            *self._layers[:7], *self._layers[9:], self._boxes, self._tape, grad_canvas.astype(np.float32)
        ).T
        by[:2] *= self.zoom
        found = {"pose": by[:4], "opacity": by[4:5], "gain": by[5:8]}
        return Gradients({name: values for name, values in found.items() if name in self._given})


@kernel
def _gather(u, v, texel, sigma, texels, start, rows, columns, out):
    """The smoothed picture at texel coordinates u, v: four channels, and their slopes by u, v and log-scale.

    texel   raster pixels to a texel
    out     16 floats
    """
    # A kernel as wide as it may be at least grows with the texels, and its weights do not change.
    steady = sigma < LEAST * texel
    unit = 1.0 / (LEAST * LEAST) if steady else texel * texel / (sigma * sigma)
    reach = math.ceil(REACH / math.sqrt(unit) - 0.5)
    iu, iv = math.floor(u + 0.5), math.floor(v + 0.5)
    out[:] = f4(0)
    total, total_u, total_v, total_s = 0.0, 0.0, 0.0, 0.0
    for row in range(iv - reach, iv + reach + 1):
        dv = row - v
        for column in range(iu - reach, iu + reach + 1):
            du = column - u
            square = (du * du + dv * dv) * unit
            if square >= REACH * REACH:
                continue
            weight = math.exp(-0.5 * square) - CUT
            # How the weight changes as the point moves, and as the texels grow about it.
            by_u, by_v, by_s = weight * du * unit, weight * dv * unit, 0.0 if steady else -weight * square
            weight -= 0.5 * CUT * (REACH * REACH - square)
            total += weight
            total_u += by_u
            total_v += by_v
            total_s += by_s
            if 0 <= row < rows and 0 <= column < columns:
                at = start + (row * columns + column) * 4
                for c in range(4):
                    value = texels[at + c] / 255.0
                    out[c] += f4(weight * value)
                    out[4 + c] += f4(by_u * value)
                    out[8 + c] += f4(by_v * value)
                    out[12 + c] += f4(by_s * value)
    for c in range(4):
        mean = out[c] / total
        out[c] = f4(mean)
        out[4 + c] = f4((out[4 + c] - mean * total_u) / total)
        out[8 + c] = f4((out[8 + c] - mean * total_v) / total)
        out[12 + c] = f4((out[12 + c] - mean * total_s) / total)


@kernel
def _forward(x, y, scale, rotation, flip, opacity, gain, texels, table, size, level, sigma, canvas):
    """Lays the layers. Returns each one's box (top, bottom, left, right, first entry) and the tape: for each of its
    pixels what lay beneath and what `_gather` found.
    """
    height, width = canvas.shape[:2]
    boxes = np.zeros((len(x), 5), np.int64)
    used = 0
    for i in range(len(x)):
        # Drawn over a whole canvas and more, a layer shows nothing further than the kernel reaches.
        texel = scale[i] * 2.0 ** level[i]
        radius = 0.5 * math.hypot(size[i, 0], size[i, 1]) * scale[i] + REACH * max(sigma, LEAST * texel) + 1
        top, bottom = extent(f4(y[i]), f4(radius), height)
        left, right = extent(f4(x[i]), f4(radius), width)
        if texel * NOTHING < sigma:  # less than a byte can show, and a window of any number of texels
            bottom = top - 1
        boxes[i] = (top, bottom, left, right, used)
        used += max(bottom - top + 1, 0) * max(right - left + 1, 0)
    tape = np.empty((used, 20), np.float32)
    for i in range(len(x)):
        top, bottom, left, right, at = boxes[i]
        texel = scale[i] * 2.0 ** level[i]
        cos, sin = math.cos(rotation[i]), math.sin(rotation[i])
        mirror = -1.0 if flip[i] else 1.0
        mid_u, mid_v = 0.5 * size[i, 0] / 2.0 ** level[i] - 0.5, 0.5 * size[i, 1] / 2.0 ** level[i] - 0.5
        for py in range(top, bottom + 1):
            dy = py + 0.5 - y[i]
            for px in range(left, right + 1):
                dx = px + 0.5 - x[i]
                u = mirror * (cos * dx + sin * dy) / texel + mid_u
                v = (cos * dy - sin * dx) / texel + mid_v
                entry = tape[at]
                entry[:4] = canvas[py, px]
                _gather(u, v, texel, sigma, texels, table[i, 0], table[i, 1], table[i, 2], entry[4:])
                rest = 1 - entry[7] * opacity[i]
                for c in range(4):
                    tint = gain[i, c] if c < 3 else 1.0
                    canvas[py, px, c] = f4(entry[4 + c] * opacity[i] * tint + rest * canvas[py, px, c])
                at += 1
    return boxes, tape


@kernel
def _backward(x, y, scale, rotation, flip, opacity, gain, size, level, boxes, tape, grad):
    """Takes the layers off again, last first. Returns N x 8: by x, y, log-scale, rotation, opacity, gains."""
    by = np.zeros((len(x), 8), np.float64)
    for i in range(len(x) - 1, -1, -1):
        top, bottom, left, right, at = boxes[i]
        texel = scale[i] * 2.0 ** level[i]
        cos, sin = math.cos(rotation[i]), math.sin(rotation[i])
        mirror = -1.0 if flip[i] else 1.0
        ux, uy = mirror * cos / texel, mirror * sin / texel
        vx, vy = -sin / texel, cos / texel
        for py in range(top, bottom + 1):
            dy = py + 0.5 - y[i]
            for px in range(left, right + 1):
                dx = px + 0.5 - x[i]
                entry, g = tape[at], grad[py, px]
                by_alpha = g[3] - (g[0] * entry[0] + g[1] * entry[1] + g[2] * entry[2] + g[3] * entry[3])
                to_u, to_v, to_s, to_opacity = 0.0, 0.0, 0.0, 0.0
                for c in range(4):
                    slope = by_alpha if c == 3 else g[c] * gain[i, c]
                    to_opacity += slope * entry[4 + c]
                    to_u += slope * entry[8 + c]
                    to_v += slope * entry[12 + c]
                    to_s += slope * entry[16 + c]
                    if c < 3:
                        by[i, 5 + c] += g[c] * entry[4 + c] * opacity[i]
                to_u *= opacity[i]
                to_v *= opacity[i]
                along_x, along_y = to_u * ux + to_v * vx, to_u * uy + to_v * vy
                by[i, 0] -= along_x
                by[i, 1] -= along_y
                # u - mid_u is dx ux + dy uy: a larger scale draws the sampled point nearer to the centre.
                by[i, 2] += to_s * opacity[i] - (along_x * dx + along_y * dy)
                by[i, 3] += along_x * dy - along_y * dx
                by[i, 4] += to_opacity
                rest = f4(1 - entry[7] * opacity[i])
                for c in range(4):
                    g[c] *= rest
                at += 1
    return by
