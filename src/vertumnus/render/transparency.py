"""The render methods of CLIP-CLOP (Mirowski et al., 2022), as its code has them: layers add up, in no order.

With c_i the colour and a_i the alpha of layer i at a pixel, o_i its order and b the ground:

transparency           y = clip(sum c_i a_i, 0, 1), out = clip(y + b, 0, 1): light adds up, black is invisible
masked-transparency    S = sum a_i + 1e-8, y = sum(c_i a_i) / S, M = clip(S, 0, 1), out = y M + b (1 - M)
masked-transparency-normed   the same with M = S / max over all pixels of S
opacity                z_i = o_i a_i / 0.1 where a_i > 1/2, else a_i - 5; w = softmax_i(z),
                       y = sum w_i a_i^2 c_i; out = y where sum a_i > 1/2, else b: a soft order that can be learned

All layers take part in the softmax at every pixel, those that do not show there with a_i = 0. An order counts from 0
to 1. The canvas is premultiplied RGBA: M, or what the last line of each method makes of sum a_i, is the alpha.

Every method is a sum over layers and then a function of the sums, so the gradient takes no tape: what each sum is
worth goes back to each layer on its own. The readable twin is `vertumnus.render.oracle.transparency`; ordinary alpha,
where order counts and has no gradient, is `vertumnus.render.composite`.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vertumnus.errors import VertumnusError
from vertumnus.jit import kernel
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.sampling import corners, frame, frames, pose_slopes, row_run
from vertumnus.render.sprites import Sprites
from vertumnus.render.tint import colour_gradients, gains

f4 = np.float32
u8 = np.uint64
Canvas = NDArray[np.float32]
Method = Literal["transparency", "masked-transparency", "masked-transparency-normed", "opacity"]

METHODS: tuple[str, ...] = get_args(Method)
TEMPERATURE, HIDDEN, THRESHOLD, LEAST = 0.1, 5.0, 0.5, 1e-8
_ADD, _CLIPPED, _NORMED, _OPACITY = range(4)
_NOTHING = math.exp(-HIDDEN)  # what a layer that does not show adds to the softmax's sum


class TransparencyRenderer:
    """Renders placements of RGBA sprites by one of the methods, and gradients back.

    sprites    of the pictures that placements show, four channels
    width, height   of the canvas, canvas pixels
    method     one of `METHODS`
    zoom       raster pixels to a canvas pixel
    rows       (first, one past last) raster row of the band to render; all by default
    ground     h x w x 4, premultiplied, of the band; transparent by default

    Raises `VertumnusError` for a method that there is not.
    """

    def __init__(
        self,
        sprites: Sprites,
        width: int,
        height: int,
        method: Method = "masked-transparency",
        zoom: float = 1.0,
        rows: tuple[int, int] | None = None,
        ground: Canvas | None = None,
    ) -> None:
        if method not in METHODS:
            raise VertumnusError(f"render: must be one of {', '.join(METHODS)}, not {method}")
        self.sprites, self.zoom = sprites, zoom
        self.method = METHODS.index(method)
        self.top, bottom = rows if rows is not None else (0, max(1, round(height * zoom)))
        self.shape = (bottom - self.top, max(1, round(width * zoom)), 4)
        self.ground = np.zeros(self.shape, np.float32) if ground is None else np.ascontiguousarray(ground, np.float32)

    def forward(self, placements: Placements, peak: float | None = None) -> Canvas:
        """H x W x 4 premultiplied floats.

        peak   the largest sum of alphas on the whole picture, for a band of it by masked-transparency-normed; by
               default the largest here

        Raises `VertumnusError` for a placement that cannot be drawn.
        """
        sums = self.sums(placements)
        self._placements = placements
        self._peak_here = peak is None
        self._peak = f4(float(sums[..., 3].max()) + LEAST if peak is None else peak + LEAST)
        canvas = np.empty(self.shape, np.float32)
        _resolve(self.method, sums, self.ground, self._peak, f4(len(placements) * _NOTHING), canvas)
        return canvas

    def sums(self, placements: Placements) -> Canvas:
        """What the method adds up over layers, H x W x 5: three of colours, of alphas, and of the softmax."""
        drawn = placements.drawn("opacity", "order", pictures=len(self.sprites.size))
        self._layers = (
            *frames(placements, self.sprites, self.shape, self.zoom, self.top),
            drawn["opacity"][0].astype(np.float32),
            gains(placements),
            np.clip(drawn["order"][0], 0, 1).astype(np.float32),
            self.sprites.texels,
        )
        self._sums = np.zeros((*self.shape[:2], 5), np.float32)
        _add_up(self.method == _OPACITY, *self._layers, self._sums)
        return self._sums

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the layers last rendered, given the gradient by the canvas (H x W x 4)."""
        p = self._placements
        grad = np.ascontiguousarray(grad_canvas, np.float32)
        worth = np.empty_like(self._sums)
        present = f4(len(p) * _NOTHING)
        by_peak = _worth(self.method, self._sums, self.ground, self._peak, present, grad, worth)
        if self.method == _NORMED and self._peak_here:
            worth[np.unravel_index(np.argmax(self._sums[..., 3]), self.shape[:2])][3] += f4(by_peak)
        coloured = "gain" in p or "tint" in p
        by = _backward(self.method == _OPACITY, coloured, *self._layers, worth).T
        by[:2] *= self.zoom
        found = {"pose": by[:4], "form": by[4:6], "opacity": by[6:7], "order": by[10:11]}
        if "order" in p:
            by[10] *= (p.order >= 0) & (p.order <= 1)
        if self.method != _OPACITY:
            del found["order"]
        found |= colour_gradients(p, by[7:10])
        return Gradients({name: values for name, values in found.items() if name in p})


@kernel
def _add_up(softly, numbers, where, opacity, gain, order, texels, sums):
    half, zero, one = f4(0.5), f4(0), f4(1)
    nothing = f4(_NOTHING)
    for i in range(len(numbers)):
        if opacity[i] == zero:
            continue
        ux, _uy, vx, _vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
        start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
        norm = opacity[i] / f4(255)
        red, green, blue, near = gain[i, 0], gain[i, 1], gain[i, 2], order[i] / f4(TEMPERATURE)
        for py in range(where[i, 3], where[i, 4] + 1):
            first, count, _dx, _dy, u0, v0 = row_run(numbers, where, i, py)
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                weight = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
                weight *= min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one) * norm
                a, b, c, d, fu, fv, _, _ = corners(u, v, start, rows, columns)
                o = u8(3)
                if softly and texels[a + o] | texels[b + o] | texels[c + o] | texels[d + o] == 0:
                    continue  # nothing of it is here
                w11 = fu * fv * weight
                w10, w01 = fv * weight - w11, fu * weight - w11
                w00 = weight - w01 - fv * weight
                r = w00 * f4(texels[a]) + w01 * f4(texels[b]) + w10 * f4(texels[c]) + w11 * f4(texels[d])
                o = u8(1)
                g = w00 * f4(texels[a + o]) + w01 * f4(texels[b + o])
                g += w10 * f4(texels[c + o]) + w11 * f4(texels[d + o])
                o = u8(2)
                bl = w00 * f4(texels[a + o]) + w01 * f4(texels[b + o])
                bl += w10 * f4(texels[c + o]) + w11 * f4(texels[d + o])
                o = u8(3)
                alpha = w00 * f4(texels[a + o]) + w01 * f4(texels[b + o])
                alpha += w10 * f4(texels[c + o]) + w11 * f4(texels[d + o])
                at = sums[py, first + k]
                share = one
                if softly:
                    grown = f4(math.exp(near * alpha if alpha > half else alpha - f4(HIDDEN)))
                    share = grown * alpha
                    at[4] += grown - nothing
                at[0] += r * red * share
                at[1] += g * green * share
                at[2] += bl * blue * share
                at[3] += alpha


@kernel
def _resolve(method, sums, ground, peak, present, canvas):
    """From sums to the canvas. ``present`` is what N hidden layers add to the softmax's sum."""
    zero, one = f4(0), f4(1)
    for row in range(sums.shape[0]):
        for column in range(sums.shape[1]):
            s, b, out = sums[row, column], ground[row, column], canvas[row, column]
            if method == _ADD:
                for c in range(4):
                    out[c] = min(max(min(max(s[c], zero), one) + b[c], zero), one)
                continue
            if method == _OPACITY:
                shown = s[3] > f4(THRESHOLD)
                for c in range(3):
                    out[c] = s[c] / (s[4] + present) if shown else b[c]
                out[3] = one if shown else b[3]
                continue
            total = s[3] + f4(LEAST)
            mask = min(max(total, zero), one) if method == _CLIPPED else total / peak
            for c in range(3):
                out[c] = s[c] / total * mask + b[c] * (one - mask)
            out[3] = mask + b[3] * (one - mask)


@kernel
def _worth(method, sums, ground, peak, present, grad, worth):
    """How the loss moves with each sum; returns how it moves with the peak."""
    zero, one = f4(0), f4(1)
    by_peak = 0.0
    for row in range(sums.shape[0]):
        for column in range(sums.shape[1]):
            s, b, g, to = sums[row, column], ground[row, column], grad[row, column], worth[row, column]
            to[4] = zero
            if method == _ADD:
                for c in range(4):
                    y = min(max(s[c], zero), one)
                    to[c] = g[c] if zero <= s[c] <= one and zero <= y + b[c] <= one else zero
                continue
            if method == _OPACITY:
                to[3] = zero
                shown = s[3] > f4(THRESHOLD)
                by = one / (s[4] + present) if shown else zero
                for c in range(3):
                    to[c] = g[c] * by
                    to[4] -= to[c] * s[c] * by
                continue
            total = s[3] + f4(LEAST)
            mask = min(max(total, zero), one) if method == _CLIPPED else total / peak
            by_mask = g[3] * (one - b[3])
            by_total = zero
            for c in range(3):
                y = s[c] / total
                to[c] = g[c] * mask / total
                by_mask += g[c] * (y - b[c])
                by_total -= to[c] * y
            if method == _CLIPPED:
                to[3] = by_total + (by_mask if zero <= total <= one else zero)
            else:
                to[3] = by_total + by_mask / peak
                by_peak -= by_mask * total / (peak * peak)
    return by_peak


@kernel
def _backward(softly, coloured, numbers, where, opacity, gain, order, texels, worth):
    """Each layer again, and from what the sums are worth to its parameters.

    Returns N x 11: by x, y, log-scale, rotation, log-squeeze, shear, opacity, the three gains and the order.
    """
    half, zero, one = f4(0.5), f4(0), f4(1)
    norm = f4(1 / 255)
    by = np.zeros((len(numbers), 11), np.float64)
    for i in range(len(numbers)):
        ux, uy, vx, vy, mid_u, mid_v, half_w, half_h, texel_w, texel_h = frame(numbers, i)
        lean, squeeze, mirror = numbers[i, 14], numbers[i, 15], numbers[i, 16]
        start, rows, columns = where[i, 0], where[i, 1], where[i, 2]
        strong, near = opacity[i], order[i] / f4(TEMPERATURE)
        red, green, blue = gain[i, 0], gain[i, 1], gain[i, 2]
        for py in range(where[i, 3], where[i, 4] + 1):
            first, count, dx, dy, u0, v0 = row_run(numbers, where, i, py)
            g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, g10 = (
                zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero
            )  # fmt: skip
            for k in range(count):
                u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                inside_w = min(max(half_w - abs(u - mid_u) * texel_w + half, zero), one)
                inside_h = min(max(half_h - abs(v - mid_v) * texel_h + half, zero), one)
                inside = inside_w * inside_h
                weight = inside * strong
                a, b, c, d, fu, fv, moves_u, moves_v = corners(u, v, start, rows, columns)
                o1, o2, o3 = u8(1), u8(2), u8(3)
                if softly and texels[a + o3] | texels[b + o3] | texels[c + o3] | texels[d + o3] == 0:
                    continue
                w11 = fu * fv
                w10, w01 = fv - w11, fu - w11
                w00 = one - w01 - fv
                to = worth[py, first + k]
                to_r, to_g, to_b, to_a = to[0], to[1], to[2], to[3]
                if softly or coloured:
                    r = w00 * f4(texels[a]) + w01 * f4(texels[b]) + w10 * f4(texels[c]) + w11 * f4(texels[d])
                    g = w00 * f4(texels[a + o1]) + w01 * f4(texels[b + o1])
                    g += w10 * f4(texels[c + o1]) + w11 * f4(texels[d + o1])
                    bl = w00 * f4(texels[a + o2]) + w01 * f4(texels[b + o2])
                    bl += w10 * f4(texels[c + o2]) + w11 * f4(texels[d + o2])
                    full = weight * norm
                    r, g, bl = r * full, g * full, bl * full
                    if softly:
                        alpha = w00 * f4(texels[a + o3]) + w01 * f4(texels[b + o3])
                        alpha = (alpha + w10 * f4(texels[c + o3]) + w11 * f4(texels[d + o3])) * full
                        front = alpha > half
                        grown = f4(math.exp(near * alpha if front else alpha - f4(HIDDEN)))
                        shown = to_r * r * red + to_g * g * green + to_b * bl * blue
                        by_z = grown * (alpha * shown + to[4])
                        to_a = grown * shown + by_z * (near if front else one)
                        if front:
                            g10 += by_z * alpha
                        share = grown * alpha
                        to_r, to_g, to_b = to_r * share, to_g * share, to_b * share
                    g7 += to_r * r
                    g8 += to_g * g
                    g9 += to_b * bl
                # What each of the four texels is worth, all channels together.
                to_r, to_g, to_b, to_a = to_r * red * norm, to_g * green * norm, to_b * blue * norm, to_a * norm
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
            row[10] += g10 / f4(TEMPERATURE)
    return by
