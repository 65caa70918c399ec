"""Compositing: RGBA sprites laid over each other, forward and backward.

Layers are laid from back to front, ``canvas = S + (1 - S_alpha) canvas``, where S is a layer's premultiplied
colour and alpha (see `vertumnus.render.sprites` for how it is sampled) times its opacity, its colours also
times its gain. What has an order is laid in that order; it has no gradient here, for swapping two layers is a jump
(`vertumnus.render.transparency` has a soft one). The readable twin is `vertumnus.render.oracle.composite`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vertumnus.jit import kernel
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.sampling import corners, frame, frames, pose_slopes, row_run
from vertumnus.render.sprites import Sprites
from vertumnus.render.tint import colour_gradients, gains

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

    def forward(
        self,
        placements: Placements,
        ground: Canvas | None = None,
    ) -> Canvas:
        """The layers over ``ground``, H x W x 4 premultiplied floats, 0 to 1 where gains are at most 1.

        ground    H x W x 4, transparent by default

        Raises `VertumnusError` for a placement that cannot be drawn.
        """
        self._placements = placements
        order = stacking(placements)
        self._layers = (
            *frames(placements, self.sprites, self.shape, self.zoom, self.top),
            order,
            placements.given("opacity")[0].astype(np.float32),
            gains(placements),
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
        found = {"pose": by[:4], "form": by[4:6], "opacity": by[6:7]} | colour_gradients(self._placements, by[7:10])
        return Gradients({name: values for name, values in found.items() if name in self._placements})


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
        ux, _uy, vx, _vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
        start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
        last_u, last_v = f4(columns - 1), f4(rows - 1)
        pitch = columns * 4
        red, green, blue = gain[i, 0], gain[i, 1], gain[i, 2]
        norm = opacity[i] / f4(255)
        for py in range(where[i, 3], where[i, 4] + 1):
            first, count, _dx, _dy, u0, v0 = row_run(numbers, where, i, py)
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
    half, zero, one, norm = f4(0.5), f4(0), f4(1), f4(1 / 255)
    o1, o2, o3 = u8(1), u8(2), u8(3)
    by = np.zeros((layers, 10), np.float64)
    counts = np.empty(layers, np.int64)
    places = np.empty(layers, np.int64)
    tape = np.empty((1024, 8), np.float32)  # what lay beneath each sample, and the sample before its gain
    line = np.empty((width, 4), np.float32)
    g = np.empty((width, 4), np.float32)
    for py in range(height):
        line[:] = ground[py]
        g[:] = grad_canvas[py]
        used = 0
        for i in order:
            counts[i] = 0
            if py < where[i, 3] or py > where[i, 4]:
                continue
            ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
            first, count, _, _, u0, v0 = row_run(numbers, where, i, py)
            if count <= 0:
                continue
            counts[i], places[i] = count, used
            if used + count > tape.shape[0]:
                longer = np.empty((2 * (used + count), 8), np.float32)
                longer[:used] = tape[:used]
                tape = longer
            start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
            red, green, blue, strong = gain[i, 0], gain[i, 1], gain[i, 2], opacity[i] * norm
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                weight = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
                weight *= min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one) * strong
                a, b, c, d, fu, fv, _, _ = corners(u, v, start, rows, columns)
                w11 = fu * fv * weight
                w10, w01 = fv * weight - w11, fu * weight - w11
                w00 = weight - w01 - fv * weight
                sr = w00 * f4(texels[a]) + w01 * f4(texels[b]) + w10 * f4(texels[c]) + w11 * f4(texels[d])
                sg = w00 * f4(texels[a + o1]) + w01 * f4(texels[b + o1])
                sg += w10 * f4(texels[c + o1]) + w11 * f4(texels[d + o1])
                sb = w00 * f4(texels[a + o2]) + w01 * f4(texels[b + o2])
                sb += w10 * f4(texels[c + o2]) + w11 * f4(texels[d + o2])
                sa = w00 * f4(texels[a + o3]) + w01 * f4(texels[b + o3])
                sa += w10 * f4(texels[c + o3]) + w11 * f4(texels[d + o3])
                kept, at = tape[used], line[first + k]
                kept[0], kept[1], kept[2], kept[3] = at[0], at[1], at[2], at[3]
                kept[4], kept[5], kept[6], kept[7] = sr, sg, sb, sa
                rest = one - sa
                at[0] = sr * red + rest * at[0]
                at[1] = sg * green + rest * at[1]
                at[2] = sb * blue + rest * at[2]
                at[3] = sa + rest * at[3]
                used += 1
        for place in range(layers - 1, -1, -1):
            i = order[place]
            if counts[i] <= 0:
                continue
            ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
            lean, squeeze, mirror = numbers[i, 14], numbers[i, 15], numbers[i, 16]
            first, count, dx, dy, u0, v0 = row_run(numbers, where, i, py)
            start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
            red, green, blue, strong = gain[i, 0] * norm, gain[i, 1] * norm, gain[i, 2] * norm, opacity[i]
            g0, g1, g2, g3, g4, g5, g6, g7, g8, g9 = zero, zero, zero, zero, zero, zero, zero, zero, zero, zero
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
                inside_h = min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one)
                a, b, c, d, fu, fv, moves_u, moves_v = corners(u, v, start, rows, columns)
                kept, at = tape[places[i] + k], g[first + k]
                # How the loss moves with the layer's alpha, and with its colours before the gain.
                to_a = at[3] - at[0] * kept[0] - at[1] * kept[1] - at[2] * kept[2] - at[3] * kept[3]
                g7 += at[0] * kept[4]
                g8 += at[1] * kept[5]
                g9 += at[2] * kept[6]
                to_r, to_g, to_b, to_a = at[0] * red, at[1] * green, at[2] * blue, to_a * norm
                # What each of the four texels is worth, all channels together.
                t00 = to_r * f4(texels[a]) + to_g * f4(texels[a + o1])
                t00 += to_b * f4(texels[a + o2]) + to_a * f4(texels[a + o3])
                t01 = to_r * f4(texels[b]) + to_g * f4(texels[b + o1])
                t01 += to_b * f4(texels[b + o2]) + to_a * f4(texels[b + o3])
                t10 = to_r * f4(texels[c]) + to_g * f4(texels[c + o1])
                t10 += to_b * f4(texels[c + o2]) + to_a * f4(texels[c + o3])
                t11 = to_r * f4(texels[d]) + to_g * f4(texels[d + o1])
                t11 += to_b * f4(texels[d + o2]) + to_a * f4(texels[d + o3])
                upper, lower = t00 + (t01 - t00) * fu, t10 + (t11 - t10) * fu
                value = upper + (lower - upper) * fv
                inside = inside_w * inside_h
                weight = inside * strong
                g6 += value * inside
                to_u = ((t01 - t00) * (one - fv) + (t11 - t10) * fv) * weight if moves_u else zero
                to_v = (lower - upper) * weight if moves_v else zero
                ramp_u = value * inside_h * strong if zero < inside_w < one else zero
                ramp_v = value * inside_w * strong if zero < inside_h < one else zero
                s0, s1, s2, s3, s4, s5 = pose_slopes(
                    to_u, to_v, ramp_u, ramp_v, u, v, dx + f4(k), dy, ux, uy, vx, vy, mid_u, mid_v, half_w, half_h,
                    texel_w, texel_h, lean, squeeze, mirror,
                )  # fmt: skip
                g0 += s0
                g1 += s1
                g2 += s2
                g3 += s3
                g4 += s4
                g5 += s5
                rest = one - kept[7]
                at[0] *= rest
                at[1] *= rest
                at[2] *= rest
                at[3] *= rest
            row = by[i]
            row[0] += g0
            row[1] += g1
            row[2] += g2
            row[3] += g3
            row[4] += g4
            row[5] += g5
            row[6] += g6
            row[7] += g7
            row[8] += g8
            row[9] += g9
    return by
