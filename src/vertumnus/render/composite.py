"""Compositing: RGBA sprites laid over each other, forward and backward.

Layers are laid from back to front, ``canvas = S + (1 - S_alpha) canvas``, where S is a layer's premultiplied
colour and alpha (see `vertumnus.render.sprites` for how it is sampled) times its opacity, its colours also
times its gain. What has an order is laid in that order; it has no gradient here, for swapping two layers is a jump
(`vertumnus.render.transparency` has a soft one). The readable twin is `vertumnus.render.oracle.composite`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.sampling import corners, frame, frames, pose_slopes, row_run
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
        drawn = placements.drawn("opacity", "gain")
        self._given = placements.groups.keys()
        order = stacking(placements)
        self._layers = (
            *frames(placements, self.sprites, self.shape, self.zoom, self.top),
            order,
            drawn["opacity"][0].astype(np.float32),
            np.ascontiguousarray(drawn["gain"].T, np.float32),
            self.sprites.texels,
        )
        canvas = np.zeros(self.shape, np.float32) if ground is None else ground.astype(np.float32)
        self._ground = canvas.copy()
        _forward(*self._layers, canvas)
        return canvas

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the layers last rendered, given the gradient by the canvas (H x W x 4)."""
        by = _backward(*self._layers, self._ground, np.ascontiguousarray(grad_canvas, np.float32)).T
        by[:2] *= self.zoom
        found = {"pose": by[:4], "form": by[4:6], "opacity": by[6:7], "gain": by[7:10]}
        return Gradients({name: values for name, values in found.items() if name in self._given})


def stacking(placements: Placements) -> NDArray[np.int64]:
    """The layers from back to front: by their order where they have one, equals as they come."""
    if "order" in placements:
        return np.argsort(placements.order, kind="stable")
    return np.arange(len(placements))


@kernel
def _forward(numbers, where, order, opacity, gain, texels, canvas):
    half, zero, one = f4(0.5), f4(0), f4(1)
    for i in order:
        if opacity[i] == zero:
            continue
        ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
        start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
        last_u, last_v = f4(columns - 1), f4(rows - 1)
        pitch = columns * 4
        red, green, blue = gain[i, 0], gain[i, 1], gain[i, 2]
        norm = opacity[i] / f4(255)
        for py in range(where[i, 3], where[i, 4] + 1):
            first, count, dx, dy, u0, v0 = row_run(numbers, where, i, py)
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
                inside_h = min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one)
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
def _backward(numbers, where, order, opacity, gain, texels, ground, grad_canvas):
    """Row by row: lays the row's layers again, keeping what lay beneath each, then takes them off.

    Returns N x 10: by x, y, log-scale, rotation, log-squeeze, shear, opacity and the three gains.
    """
    height, width = ground.shape[:2]
    layers = len(numbers)
    zero, one = f4(0), f4(1)
    by = np.zeros((layers, 10), np.float64)
    firsts = np.empty(layers, np.int64)
    counts = np.empty(layers, np.int64)
    places = np.empty(layers, np.int64)
    tape = np.empty((1024, 4), np.float32)  # what lay beneath each sample
    line = np.empty((width, 4), np.float32)
    g = np.empty((width, 4), np.float32)
    raw = np.empty(4, np.float32)
    along_u = np.empty(4, np.float32)
    along_v = np.empty(4, np.float32)
    for py in range(height):
        line[:] = ground[py]
        g[:] = grad_canvas[py]
        used = 0
        for i in order:
            counts[i] = 0
            if py < where[i, 3] or py > where[i, 4]:
                continue
            ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
            first, count, dx, dy, u0, v0 = row_run(numbers, where, i, py)
            if count <= 0:
                continue
            firsts[i], counts[i], places[i] = first, count, used
            if used + count > tape.shape[0]:
                longer = np.empty((2 * (used + count), 4), np.float32)
                longer[:used] = tape[:used]
                tape = longer
            for k in range(count):
                inside_w, inside_h = _sample(
                    u0 + f4(k) * ux, v0 + f4(k) * vx, where, i, mid_u, mid_v, half_w, half_h, texel_w, texel_h,
                    texels, raw, along_u, along_v,
                )  # fmt: skip
                weight = inside_w * inside_h * opacity[i]
                rest = one - raw[3] * weight
                for c in range(4):
                    tape[used, c] = line[first + k, c]
                    line[first + k, c] = raw[c] * weight * (gain[i, c] if c < 3 else one) + rest * line[first + k, c]
                used += 1
        for place in range(layers - 1, -1, -1):
            i = order[place]
            if counts[i] <= 0:
                continue
            ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
            first, count, dx, dy, u0, v0 = row_run(numbers, where, i, py)
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w, inside_h = _sample(
                    u, v, where, i, mid_u, mid_v, half_w, half_h, texel_w, texel_h, texels, raw, along_u, along_v,
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
                        by[i, 7 + c] += at[c] * raw[c] * weight * opacity[i]
                by[i, 6] += by_raw_weight * weight
                to_u *= weight * opacity[i]
                to_v *= weight * opacity[i]
                # Through the ramps across the rectangle's edges.
                ramp_u, ramp_v = zero, zero
                if zero < inside_w < one:
                    ramp_u = by_raw_weight * inside_h * opacity[i]
                if zero < inside_h < one:
                    ramp_v = by_raw_weight * inside_w * opacity[i]
                slopes = pose_slopes(
                    to_u, to_v, ramp_u, ramp_v, u, v, dx + f4(k), dy, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h,
                    texel_w, texel_h, numbers[i, 14], numbers[i, 15], numbers[i, 16],
                )  # fmt: skip
                for c in range(6):
                    by[i, c] += slopes[c]
                rest = one - raw[3] * weight * opacity[i]
                for c in range(4):
                    at[c] *= rest
    return by


@kernel
def _sample(
    u, v, where, i, mid_u, mid_v, half_w, half_h, texel_w, texel_h, texels, raw, along_u, along_v
):  # fmt: skip
    """One sample: four channels of 0 to 1 and their slopes along u and v, and the two edge ramps."""
    half, zero, one = f4(0.5), f4(0), f4(1)
    inside_w = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
    inside_h = min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one)
    a, b, c, d, fu, fv, moves_u, moves_v = corners(u, v, where[i, 0], where[i, 1], where[i, 2])
    norm = f4(1 / 255)
    for o in range(4):
        t00, t01 = f4(texels[a + u8(o)]) * norm, f4(texels[b + u8(o)]) * norm
        t10, t11 = f4(texels[c + u8(o)]) * norm, f4(texels[d + u8(o)]) * norm
        upper = t00 + (t01 - t00) * fu
        lower = t10 + (t11 - t10) * fu
        raw[o] = upper + (lower - upper) * fv
        along_u[o] = (t01 - t00) * (one - fv) + (t11 - t10) * fv if moves_u else zero
        along_v[o] = lower - upper if moves_v else zero
    return inside_w, inside_h
