"""One layer of the final picture, laid over a strip of canvas: any placement, tone in linear light.

The same sampling as in `vertumnus.render.composite`, to the bit where that knows the placement and reads the same
texture, for a single texture and without gradients. Where a picture is squeezed or sheared, a pixel's distance to an
edge is measured square to it.

What is sampled is the layer's picture reduced to very nearly `SHARP` texels to a pixel, each way by itself, with a
triangle as the filter. Read bilinearly, that has the spread of a pixel's square, which is what the same picture drawn
many times as large and reduced would be averaged over: a triangle two texels wide to either side has a variance of
1/6 of a squared texel, so has bilinear reading on average, and a square of s texels has s^2 / 12: s = 2. Slightly
fewer are as near and less to read.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vertumnus.document.layer import Layer
from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, extent, floor, inverse, run
from vertumnus.render.sprites import level_at
from vertumnus.render.tone import tone_table

f4 = np.float32
Canvas = NDArray[np.float32]
# Of 100 cut-outs on 600 pixels the picture is 1.9 of 255 from one drawn eight times as large and reduced; read from
# mip levels with one to two texels to a pixel it was 3.7, and what packing sees (.7 to 1.4) is 4.7.
SHARP = 1.9
GAP = 1.25  # texels, at least, of what a texture is made from to one of its own
STEPS = 4  # sizes of a texture from one to its double: layers of like size share one
# A small piece is nearly all edge, where a spread that is right but not square shows: it is the mean of four points,
# from a finer texture. Of 100 cut-outs at half the size, some 20 pixels each, the difference falls from 2.5 to 1.9.
SMALL = 40.0  # raster pixels: the root of the area of what is drawn so
FINE = 2.8  # texels to a pixel
APART = 0.22  # pixels from the middle, across and down: with the texture's spread that is a square's
FOUR = np.array([(-APART, -APART), (APART, -APART), (-APART, APART), (APART, APART)], np.float32)
ONE = np.zeros((1, 2), np.float32)
NO_TABLE = np.zeros((3, 0), np.float32)


class Ready(NamedTuple):
    """One layer's numbers as the kernel takes them; lengths in raster pixels.

    pose     x, y, scale, rotation (radians)
    form     squeeze, tangent of the shear
    size     width and height of what is shown, in the picture's own pixels
    level    mip level that its texture is made from, at least; below 0, of its drawing
    texels   columns and rows of its texture
    gain, offset   of sRGB values
    table    3 x (steps + 1): tone in linear light, or of no length
    small    a pixel is the mean of four points
    """

    pose: tuple[float, float, float, float]
    form: tuple[float, float]
    flip: bool
    size: tuple[float, float]
    level: int
    texels: tuple[int, int]
    opacity: float
    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    table: Canvas
    small: bool

    @property
    def reach(self) -> tuple[float, float]:
        """Raster pixels from the centre beyond which nothing shows, to the sides and above and below."""
        _, _, scale, turn = self.pose
        squeeze, lean = self.form
        cos, sin = math.cos(turn), math.sin(turn)
        wide = 0.5 * self.size[0] * scale + 0.5 * math.hypot(1, lean)
        tall = 0.5 * self.size[1] * scale * squeeze + 0.5
        return abs(cos) * wide + abs(sin - lean * cos) * tall + 1, abs(sin) * wide + abs(cos + lean * sin) * tall + 1


def make_ready(layer: Layer, size: tuple[int, int], zoom: float, least: int = 0) -> Ready:
    """A layer as drawn at ``zoom`` raster pixels to a canvas pixel.

    size    of what it shows, in the picture's pixels
    least   0, or the number, below it, of the finest level there is, of what is drawn anew
    """
    linear = layer.light == "linear"
    texels = (
        FINE * layer.scale * max(1.0, layer.squeeze) * zoom
    )  # to one of the picture's pixels: there must be as many
    small = (texels <= 1 or least < 0) and math.sqrt(size[0] * size[1] * layer.squeeze) * layer.scale * zoom < SMALL
    dense = FINE if small else SHARP
    wanted = (dense * layer.scale * zoom, dense * layer.scale * layer.squeeze * zoom)
    level = min(0, level_at(max(wanted), least))
    if level == 0:
        level = max(0, -math.ceil(math.log2(GAP * _step(max(wanted)))))
    return Ready(
        # The logarithm as in `Placements`: what packing measures is what is drawn, to the bit.
        (
            layer.x * zoom,
            layer.y * zoom,
            float(np.exp(np.log(layer.scale))) * zoom,
            float(np.deg2rad(layer.rotation)),
        ),
        (layer.squeeze, math.tan(math.radians(layer.shear))),
        layer.flip,
        (float(size[0]), float(size[1])),
        level,
        (_texels(size[0], wanted[0], level), _texels(size[1], wanted[1], level)),
        layer.opacity,
        np.array((1, 1, 1) if linear else layer.gain, np.float32),
        np.array((0, 0, 0) if linear else layer.offset, np.float32),
        tone_table(layer.gain, layer.offset) if linear and layer.toned else NO_TABLE,
        small,
    )


def _step(density: float) -> float:
    """The nearest density that textures are made with."""
    return 2.0 ** (round(STEPS * math.log2(density)) / STEPS)


def _texels(side: int, density: float, level: int) -> int:
    """How long a texture is: no longer than the picture, or than what is drawn anew."""
    return max(1, round(side * min(_step(density), 2.0 ** max(0, -level))))


def draw(canvas: Canvas, top: int, left: int, ready: Ready, texture: NDArray[np.uint8]) -> None:
    """Lays a layer over rows of the canvas.

    canvas   h x width x 4 premultiplied floats, changed
    top, left   the raster row and column at which it begins
    texture  rows x columns x 4 premultiplied bytes: all that the layer shows
    """
    x, y, scale, turn = ready.pose
    _draw(
        canvas, f4(x - left), f4(y - top), f4(scale), f4(turn), f4(ready.form[0]), f4(ready.form[1]), ready.flip,
        texture, f4(ready.size[0] / texture.shape[1]), f4(ready.size[1] / texture.shape[0]), f4(ready.size[0]),
        f4(ready.size[1]), f4(ready.opacity), ready.gain, ready.offset, ready.table, FOUR if ready.small else ONE,
    )  # fmt: skip


@kernel
def _draw(  # type: ignore[no-untyped-def]
    canvas, x, y, scale, turn, squeeze, lean, flip, texture, coarse_u, coarse_v, width, tall, opacity, gain, offset,
    table, away,
):  # fmt: skip
    half, zero, one = f4(0.5), f4(0), f4(1)
    rows, columns = texture.shape[:2]
    # Pixels to a texel, along the picture's own two axes.
    texel_u = scale * coarse_u
    texel_v = scale * squeeze * coarse_v
    cos, sin = f4(math.cos(turn)), f4(math.sin(turn))
    mirror = -one if flip else one
    ux, uy = mirror * (cos + lean * sin) / texel_u, mirror * (sin - lean * cos) / texel_u
    vx, vy = -sin / texel_v, cos / texel_v
    half_w, half_h = width * half * scale, tall * half * (scale * squeeze)
    mid_u, mid_v = half_w / texel_u - half, half_h / texel_v - half
    # A sheared picture is narrower square to its slanting edges.
    narrow = one / f4(math.sqrt(one + lean * lean))
    texel_w, edge_w = texel_u * narrow, half_w * narrow
    out_u, out_v = (edge_w + half) / texel_w, (half_h + half) / texel_v
    # How far it reaches: half the box around the parallelogram that its ramps end on.
    along_u, along_v = out_u * texel_u, out_v * texel_v
    reach_y = abs(sin) * along_u + abs(cos + lean * sin) * along_v
    reach_x = abs(cos) * along_u + abs(sin - lean * cos) * along_v
    top, bottom = extent(y, reach_y, canvas.shape[0])
    left, right = extent(x, reach_x, canvas.shape[1])
    last_u, last_v = f4(columns - 1), f4(rows - 1)
    by_u, by_v = inverse(ux), inverse(vx)
    points = len(away)
    norm = opacity / f4(255) / f4(points)
    steps = f4(table.shape[1] - 1)
    toned = table.shape[1] > 0
    for py in range(top, bottom + 1):
        dy = f4(py) + half - y
        at_u, at_v = dy * uy + mid_u, dy * vy + mid_v
        low, high = run(f4(left) - x, f4(right) + one - x, by_u, at_u, mid_u - out_u, mid_u + out_u)
        low, high = run(low, high, by_v, at_v, mid_v - out_v, mid_v + out_v)
        first = max(left, ceil(low + x - half))
        count = min(right, floor(high + x - half)) - first + 1
        dx = f4(first) + half - x
        u0, v0 = at_u + dx * ux, at_v + dx * vx
        for k in range(count):
            u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
            inside_w = min(max(edge_w - abs(u - mid_u) * texel_w + half, zero), one)
            inside_h = min(max(half_h - abs(v - mid_v) * texel_v + half, zero), one)
            weight = inside_w * inside_h * norm
            alpha, red, green, blue = zero, zero, zero, zero
            for n in range(points):
                su = u + away[n, 0] * ux + away[n, 1] * uy
                sv = v + away[n, 0] * vx + away[n, 1] * vy
                su, sv = min(max(su, zero), last_u), min(max(sv, zero), last_v)
                iu, iv = np.int64(su), np.int64(sv)
                fu, fv = su - f4(iu), sv - f4(iv)
                ju = iu + 1 if iu + 1 < columns else iu
                jv = iv + 1 if iv + 1 < rows else iv
                w11 = fu * fv * weight
                w10 = fv * weight - w11
                w01 = fu * weight - w11
                w00 = weight - w01 - fv * weight
                alpha += w00 * f4(texture[iv, iu, 3]) + w01 * f4(texture[iv, ju, 3])
                alpha += w10 * f4(texture[jv, iu, 3]) + w11 * f4(texture[jv, ju, 3])
                red += w00 * f4(texture[iv, iu, 0]) + w01 * f4(texture[iv, ju, 0])
                red += w10 * f4(texture[jv, iu, 0]) + w11 * f4(texture[jv, ju, 0])
                green += w00 * f4(texture[iv, iu, 1]) + w01 * f4(texture[iv, ju, 1])
                green += w10 * f4(texture[jv, iu, 1]) + w11 * f4(texture[jv, ju, 1])
                blue += w00 * f4(texture[iv, iu, 2]) + w01 * f4(texture[iv, ju, 2])
                blue += w10 * f4(texture[jv, iu, 2]) + w11 * f4(texture[jv, ju, 2])
            rest = one - alpha
            at = canvas[py, first + k]
            for channel in range(3):
                value = red if channel == 0 else green if channel == 1 else blue
                if toned:
                    # The straight colour is what the tone is of; alpha stays.
                    if alpha > zero:
                        place = min(max(value / alpha, zero), one) * steps
                        i = min(np.int64(place), table.shape[1] - 2)
                        lower = table[channel, i]
                        value = (lower + (table[channel, i + 1] - lower) * (place - f4(i))) * alpha
                else:
                    value = value * gain[channel] + offset[channel] * alpha
                at[channel] = value + rest * at[channel]
            at[3] = alpha + rest * at[3]
