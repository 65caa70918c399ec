"""Compositing: RGBA sprites laid over each other, forward and backward.

Layers are laid from back to front, ``canvas = S + (1 - S_alpha) canvas``, where S is a layer's premultiplied
colour and alpha (see `vertumnus.render.sprites` for how it is sampled) times its opacity, its colours also
times its gain. The readable twin is `vertumnus.render.oracle.composite`.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, extent, floor, inverse, mip, run
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.sprites import Sprites

f4 = np.float32
u8 = np.uint64
Canvas = NDArray[np.float32]


class SpriteRenderer:
    """Renders placements of RGBA sprites to a canvas, and gradients back.

    sprites    of the pictures that placements show, four channels
    width, height   of the canvas, canvas pixels
    zoom       raster pixels to a canvas pixel
    rows       (first, one past last) raster row of the band to render; all by default
    """

    def __init__(
        self,
        sprites: Sprites,
        width: int,
        height: int,
        zoom: float = 1.0,
        rows: tuple[int, int] | None = None,
    ) -> None:
        self.sprites = sprites
        self.zoom = zoom
        top, bottom = rows if rows is not None else (0, max(1, round(height * zoom)))
        self.top = top
        self.shape = (bottom - top, max(1, round(width * zoom)), 4)
        self._layers: tuple[NDArray[np.generic], ...] = ()
        self._given: Collection[str] = ()

    def forward(
        self,
        placements: Placements,
        ground: Canvas | None = None,
    ) -> Canvas:
        """The layers over ``ground``, H x W x 4 premultiplied floats, 0 to 1 where gains are at most 1.

        ground    H x W x 4, transparent by default

        Raises `VertumnusError` for a placement that cannot be drawn.
        """
        drawn = placements.drawn("opacity", "gain", pictures=len(self.sprites.size))
        self._given = placements.groups.keys()
        self._layers = (
            (placements.x * self.zoom).astype(np.float32),
            (placements.y * self.zoom - self.top).astype(np.float32),
            (np.exp(placements.log_scale) * self.zoom).astype(np.float32),
            placements.rotation.astype(np.float32),
            placements.flip,
            placements.which,
            drawn["opacity"][0].astype(np.float32),
            np.ascontiguousarray(drawn["gain"].T, np.float32),
            self.sprites.texels,
            self.sprites.table,
            self.sprites.size,
        )
        canvas = np.zeros(self.shape, np.float32) if ground is None else ground.astype(np.float32)
        self._ground = canvas.copy()
        _forward(*self._layers, canvas)
        return canvas

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the layers last rendered, given the gradient by the canvas (H x W x 4)."""
        by = _backward(*self._layers, self._ground, np.ascontiguousarray(grad_canvas, np.float32)).T
        by[:2] *= self.zoom
        found = {"pose": by[:4], "opacity": by[4:5], "gain": by[5:8]}
        return Gradients({name: values for name, values in found.items() if name in self._given})


@kernel
def _frame(i, x, y, scale, rotation, flip, which, table, size):
    """What the sampling of one layer needs, worked out once.

    Returns the level's start, rows and columns; texel coordinates to a step of one pixel across and down; the
    way from the layer's centre to a texel coordinate; half width and half height in pixels.
    """
    e = which[i]
    s = scale[i]
    level = mip(s, table.shape[1])
    texel = s * f4(2.0**level)  # pixels to a texel
    cos, sin = f4(math.cos(rotation[i])), f4(math.sin(rotation[i]))
    mirror = f4(-1) if flip[i] else f4(1)
    ux, uy = mirror * cos / texel, mirror * sin / texel
    vx, vy = -sin / texel, cos / texel
    half_w, half_h = size[e, 0] * f4(0.5) * s, size[e, 1] * f4(0.5) * s
    return (
        table[e, level, 0],
        table[e, level, 1],
        table[e, level, 2],
        ux,
        uy,
        vx,
        vy,
        half_w / texel - f4(0.5),
        half_h / texel - f4(0.5),
        half_w,
        half_h,
        texel,
    )


@kernel
def _row_run(py, cx, cy, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel, left, right):
    """First pixel, number of pixels, and the texel coordinates at the first, of one layer on one row."""
    half = f4(0.5)
    dy = f4(py) + half - cy
    at_u, at_v = dy * uy + mid_u, dy * vy + mid_v
    out_u, out_v = (half_w + half) / texel, (half_h + half) / texel
    low, high = run(f4(left) + half - cx, f4(right) + half - cx, inverse(ux), at_u, mid_u - out_u, mid_u + out_u)
    low, high = run(low, high, inverse(vx), at_v, mid_v - out_v, mid_v + out_v)
    first = max(left, ceil(low + cx - half))
    count = min(right, floor(high + cx - half)) - first + 1
    dx = f4(first) + half - cx
    return first, count, at_u + dx * ux, at_v + dx * vx


@kernel
def _forward(x, y, scale, rotation, flip, which, opacity, gain, texels, table, size, canvas):
    height, width = canvas.shape[:2]
    half, zero, one = f4(0.5), f4(0), f4(1)
    for i in range(x.shape[0]):
        if opacity[i] == zero:
            continue
        start, rows, columns, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel = _frame(
            i, x, y, scale, rotation, flip, which, table, size
        )
        cos, sin = abs(vy * texel), abs(vx * texel)
        top, bottom = extent(y[i], sin * (half_w + half) + cos * (half_h + half), height)
        left, right = extent(x[i], cos * (half_w + half) + sin * (half_h + half), width)
        last_u, last_v = f4(columns - 1), f4(rows - 1)
        pitch = columns * 4
        red, green, blue = gain[i, 0], gain[i, 1], gain[i, 2]
        norm = opacity[i] / f4(255)
        for py in range(top, bottom + 1):
            first, count, u0, v0 = _row_run(
                py, x[i], y[i], ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel, left, right
            )
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w = min(max(half_w - abs(u - mid_u) * texel + half, zero), one)
                inside_h = min(max(half_h - abs(v - mid_v) * texel + half, zero), one)
                u, v = min(max(u, zero), last_u), min(max(v, zero), last_v)
                iu, iv = np.int64(u), np.int64(v)
                fu, fv = u - f4(iu), v - f4(iv)
                right_ = 4 if iu + 1 < columns else 0
                below = pitch if iv + 1 < rows else 0
                a = u8(start + iv * pitch + iu * 4)
                b, c = a + u8(right_), a + u8(below)
                d = c + u8(right_)
                weight = inside_w * inside_h * norm
                w11 = fu * fv * weight
                w10 = fv * weight - w11
                w01 = fu * weight - w11
                w00 = weight - w01 - fv * weight
                alpha = w00 * f4(texels[a + u8(3)]) + w01 * f4(texels[b + u8(3)])
                alpha += w10 * f4(texels[c + u8(3)]) + w11 * f4(texels[d + u8(3)])
                rest = one - alpha
                at = canvas[py, first + k]
                for channel in range(3):
                    o = u8(channel)
                    value = w00 * f4(texels[a + o]) + w01 * f4(texels[b + o])
                    value += w10 * f4(texels[c + o]) + w11 * f4(texels[d + o])
                    value *= red if channel == 0 else (green if channel == 1 else blue)
                    at[channel] = value + rest * at[channel]
                at[3] = alpha + rest * at[3]


@kernel
def _backward(x, y, scale, rotation, flip, which, opacity, gain, texels, table, size, ground, grad_canvas):
    """Row by row: lays the row's layers again, keeping what lay beneath each, then takes them off.

    Returns N x 8: by x, y, log-scale, rotation, opacity and the three gains.
    """
    height, width = ground.shape[:2]
    layers = x.shape[0]
    half, zero, one = f4(0.5), f4(0), f4(1)
    by = np.zeros((layers, 8), np.float64)
    tops = np.empty(layers, np.int64)
    bottoms = np.empty(layers, np.int64)
    lefts = np.empty(layers, np.int64)
    rights = np.empty(layers, np.int64)
    for i in range(layers):
        start, rows, columns, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel = _frame(
            i, x, y, scale, rotation, flip, which, table, size
        )
        cos, sin = abs(vy * texel), abs(vx * texel)
        tops[i], bottoms[i] = extent(y[i], sin * (half_w + half) + cos * (half_h + half), height)
        lefts[i], rights[i] = extent(x[i], cos * (half_w + half) + sin * (half_h + half), width)
    firsts = np.empty(layers, np.int64)
    counts = np.empty(layers, np.int64)
    places = np.empty(layers, np.int64)
    tape = np.empty((1024, 12), np.float32)  # beneath, raw sample, slope along u, slope along v: see below
    line = np.empty((width, 4), np.float32)
    g = np.empty((width, 4), np.float32)
    raw = np.empty(4, np.float32)
    along_u = np.empty(4, np.float32)
    along_v = np.empty(4, np.float32)
    for py in range(height):
        line[:] = ground[py]
        g[:] = grad_canvas[py]
        used = 0
        for i in range(layers):
            counts[i] = 0
            if py < tops[i] or py > bottoms[i]:
                continue
            start, rows, columns, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel = _frame(
                i, x, y, scale, rotation, flip, which, table, size
            )
            first, count, u0, v0 = _row_run(
                py, x[i], y[i], ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel, lefts[i], rights[i]
            )
            if count <= 0:
                continue
            firsts[i], counts[i], places[i] = first, count, used
            if used + count > tape.shape[0]:
                longer = np.empty((2 * (used + count), 12), np.float32)
                longer[:used] = tape[:used]
                tape = longer
            for k in range(count):
                inside_w, inside_h = _sample(
                    u0 + f4(k) * ux, v0 + f4(k) * vx, start, rows, columns, mid_u, mid_v, half_w, half_h, texel,
                    texels, raw, along_u, along_v,
                )  # fmt: skip
                weight = inside_w * inside_h * opacity[i]
                rest = one - raw[3] * weight
                for c in range(4):
                    tape[used, c] = line[first + k, c]
                    line[first + k, c] = raw[c] * weight * (gain[i, c] if c < 3 else one) + rest * line[first + k, c]
                used += 1
        for i in range(layers - 1, -1, -1):
            if counts[i] <= 0:
                continue
            start, rows, columns, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel = _frame(
                i, x, y, scale, rotation, flip, which, table, size
            )
            first = firsts[i]
            dy = f4(py) + half - y[i]
            dx = f4(first) + half - x[i]
            u0 = dx * ux + dy * uy + mid_u
            v0 = dx * vx + dy * vy + mid_v
            for k in range(counts[i]):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w, inside_h = _sample(
                    u, v, start, rows, columns, mid_u, mid_v, half_w, half_h, texel,
                    texels, raw, along_u, along_v,
                )  # fmt: skip
                beneath = tape[places[i] + k]
                at = g[first + k]
                # How the loss moves with the layer's colours and alpha, and then with the raw sample.
                by_alpha = at[3]
                for c in range(4):
                    by_alpha -= at[c] * beneath[c]
                weight = inside_w * inside_h
                by_raw_weight = zero  # sum of (gradient by a raw channel) x (the channel), per unit of weight
                to_u, to_v = zero, zero
                for c in range(4):
                    slope = by_alpha if c == 3 else at[c] * gain[i, c]
                    by_raw_weight += slope * raw[c]
                    to_u += slope * along_u[c]
                    to_v += slope * along_v[c]
                    if c < 3:
                        by[i, 5 + c] += at[c] * raw[c] * weight * opacity[i]
                by[i, 4] += by_raw_weight * weight
                to_u *= weight * opacity[i]
                to_v *= weight * opacity[i]
                # Through the ramps across the rectangle's edges.
                ramp_u, ramp_v = zero, zero
                if zero < inside_w < one:
                    ramp_u = by_raw_weight * inside_h * opacity[i]
                if zero < inside_h < one:
                    ramp_v = by_raw_weight * inside_w * opacity[i]
                edge_u = ramp_u * texel * (one if u < mid_u else -one)
                edge_v = ramp_v * texel * (one if v < mid_v else -one)
                px = dx + f4(k)
                along_x = (to_u + edge_u) * ux + (to_v + edge_v) * vx  # as the sampled point moves
                along_y = (to_u + edge_u) * uy + (to_v + edge_v) * vy
                by[i, 0] -= along_x
                by[i, 1] -= along_y
                by[i, 3] += along_x * dy - along_y * px
                by[i, 2] -= to_u * (u - mid_u) + to_v * (v - mid_v)
                by[i, 2] += ramp_u * half_w + ramp_v * half_h
                rest = one - raw[3] * weight * opacity[i]
                for c in range(4):
                    at[c] *= rest
    return by


@kernel
def _sample(
    u, v, start, rows, columns, mid_u, mid_v, half_w, half_h, texel, texels, raw, along_u, along_v
):  # fmt: skip
    """One sample: four channels of 0 to 1 and their slopes along u and v, and the two edge ramps."""
    half, zero, one = f4(0.5), f4(0), f4(1)
    inside_w = min(max(half_w - abs(u - mid_u) * texel + half, zero), one)
    inside_h = min(max(half_h - abs(v - mid_v) * texel + half, zero), one)
    in_u, in_v = min(max(u, zero), f4(columns - 1)), min(max(v, zero), f4(rows - 1))
    iu, iv = np.int64(in_u), np.int64(in_v)
    fu, fv = in_u - f4(iu), in_v - f4(iv)
    right = 4 if iu + 1 < columns else 0
    below = columns * 4 if iv + 1 < rows else 0
    at = start + iv * columns * 4 + iu * 4
    norm = f4(1 / 255)
    for c in range(4):
        t00 = f4(texels[u8(at + c)]) * norm
        t01 = f4(texels[u8(at + right + c)]) * norm
        t10 = f4(texels[u8(at + below + c)]) * norm
        t11 = f4(texels[u8(at + below + right + c)]) * norm
        upper = t00 + (t01 - t00) * fu
        lower = t10 + (t11 - t10) * fu
        raw[c] = upper + (lower - upper) * fv
        along_u[c] = (t01 - t00) * (one - fv) + (t11 - t10) * fv if u == in_u else zero
        along_v[c] = lower - upper if v == in_v else zero
    return inside_w, inside_h
