"""Coverage: how many elements cover each pixel, drawn from distance textures; forward and backward.

An element covers a pixel by ``clip(1/2 - d, 0, 1)``, d being the signed distance in pixels from the pixel's
centre to its silhouette (negative inside), read bilinearly from its distance texture. The canvas is the sum
over elements, which is what the losses of image-space collage (Wang and Lu, 2025) look at. The readable twin
is `vertumnus.render.oracle.coverage`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.elements.distance import DistanceTexture
from vertumnus.jit import kernel
from vertumnus.render.geometry import ceil, extent, floor, inverse, run
from vertumnus.render.placements import Gradients, Placements

f4 = np.float32
u8 = np.uint64
Canvas = NDArray[np.float32]


@dataclass(frozen=True)
class Textures:
    """The distance textures of M elements.

    values        M x T x T, in units of the root of each silhouette's area
    half          M x 2, half width and half height of each texture's extent in that unit
    box           M x 2, half width and half height of each picture in that unit
    unit          M, that unit in the picture's own pixels
    """

    values: NDArray[np.float32]
    half: NDArray[np.float32]
    box: NDArray[np.float32]
    unit: NDArray[np.float64]

    def reduced(self, texels: int = 16, widen: float = 1.3) -> Textures:
        """The same distances on fewer texels and a wider extent, for elements of a few pixels: they stay in a
        closer cache, and an edge's ramp does not reach beyond them.
        """
        count, fine, _ = self.values.shape
        middle = (fine - 1) / 2
        at = ((np.arange(texels) + 0.5) / texels * 2 - 1) * widen * fine / 2 + middle
        inner = np.clip(at, 0, fine - 1)
        grid = np.meshgrid(inner, inner, indexing="ij")
        beyond = np.abs(at - inner) * 2 / fine
        values = np.empty((count, texels, texels), np.float32)
        for n, texture in enumerate(self.values):
            way = np.hypot(beyond[None, :] * self.half[n, 0], beyond[:, None] * self.half[n, 1])
            values[n] = ndimage.map_coordinates(texture, grid, order=1) + way
        return Textures(values, (self.half * widen).astype(np.float32), self.box, self.unit)

    @classmethod
    def of(cls, textures: Sequence[DistanceTexture], unit: Sequence[float]) -> Textures:
        """From the textures of single elements and their units."""
        half = np.array([(t.half_width, t.half_height) for t in textures], np.float32)
        pad = np.array([t.pad for t in textures], np.float32)
        values = np.array([texture.values for texture in textures], np.float32)
        return cls(values, half, half - pad[:, None], np.asarray(unit, np.float64))


class CoverageRenderer:
    """Renders placements to a coverage canvas of one resolution, and gradients back.

    textures   of the pictures that placements show
    width, height   of the canvas, canvas pixels
    zoom       raster pixels to a canvas pixel; the raster is round(zoom * size)
    gap        canvas pixels that every silhouette is grown by on all sides
    """

    def __init__(self, textures: Textures, width: int, height: int, zoom: float = 1.0, gap: float = 0.0) -> None:
        self.textures = textures
        self.zoom = zoom
        self.shape = (max(1, round(height * zoom)), max(1, round(width * zoom)))
        self.grow = f4(gap * zoom)
        self.canvas: Canvas = np.zeros(self.shape, np.float32)
        self._row = np.empty((3, self.shape[1] + 8), np.float32)
        self._index = np.empty((2, self.shape[1] + 8), np.uint32)
        self._edge_pixel = np.empty(4096, np.int32)
        self._edge_slope = np.empty((4096, 4), np.float32)
        self._edge_start = np.zeros(1, np.int64)

    def forward(self, placements: Placements) -> Canvas:
        """Sum of the elements' coverages, H x W. The array is used again by the next call.

        Raises `VertumnusError` for a placement that cannot be drawn.
        """
        placements.drawn(pictures=len(self.textures.unit))
        if len(self._edge_start) != len(placements) + 1:
            self._edge_start = np.zeros(len(placements) + 1, np.int64)
        while True:
            edges = _forward(
                *self._on_raster(placements),
                self.textures.values,
                self.textures.half,
                self.textures.box,
                self.grow,
                self.canvas,
                self._row[0],
                self._index,
                self._edge_pixel,
                self._edge_slope,
                self._edge_start,
            )
            if edges < len(self._edge_pixel):
                return self.canvas
            self._edge_pixel = np.empty(edges + edges // 2, np.int32)
            self._edge_slope = np.empty((edges + edges // 2, 4), np.float32)

    def backward(self, grad_canvas: Canvas) -> Gradients:
        """The gradient by the placements last rendered, given the gradient by the canvas (H x W)."""
        by = _backward(
            np.ascontiguousarray(grad_canvas, np.float32),
            self._edge_pixel,
            self._edge_slope,
            self._edge_start,
        )
        by[:2] *= self.zoom
        return Gradients({"pose": by})

    def _on_raster(self, p: Placements) -> tuple[NDArray[np.generic], ...]:
        size = np.exp(p.log_scale) * self.textures.unit[p.which] * self.zoom
        return (
            (p.x * self.zoom).astype(np.float32),
            (p.y * self.zoom).astype(np.float32),
            size.astype(np.float32),
            np.cos(p.rotation).astype(np.float32),
            np.sin(p.rotation).astype(np.float32),
            p.flip,
            p.which,
        )


@kernel
def _forward(
    x, y, size, cosine, sine, flip, which, values, extents, box, grow, canvas, row, index, pixel, slope, start
):
    """Draws all elements and records, for each pixel on an edge, how its coverage moves with the placement.

    Distances are first read at the nearest texel, which is off by less than the way to it; only where that
    leaves the coverage open are they read bilinearly. Loops are kept apart and free of branches so that they
    become vector code. Returns how many edge pixels there are, also when they did not fit in the record.
    """
    height, width = canvas.shape
    texels = values.shape[1]
    last = f4(texels - 1)
    penultimate = np.int32(texels - 2)
    pitch = np.int32(texels)
    one, zero, half = f4(1), f4(0), f4(0.5)
    middle = last * f4(0.5)
    nearest, listed = index[0], index[1]
    room = pixel.shape[0] - 1
    edges = 0
    canvas[:] = zero
    texture = values.ravel()
    for i in range(x.shape[0]):
        start[i] = edges
        e = which[i]
        base = u8(e * texels * texels)
        s, cx, cy = size[i], x[i], y[i]
        texel_x = s * extents[e, 0] * f4(2) / f4(texels)  # pixels to a texel
        texel_y = s * extents[e, 1] * f4(2) / f4(texels)
        cos, sin = cosine[i], sine[i]
        mirror = -one if flip[i] else one
        ux, uy = mirror * cos / texel_x, mirror * sin / texel_x  # texels to a pixel
        vx, vy = -sin / texel_y, cos / texel_y
        # As far as an edge's ramp may reach around the picture; perhaps beyond the texture.
        wide = s * box[e, 0] + half + grow
        tall = s * box[e, 1] + half + grow
        out_u, out_v = wide / texel_x, tall / texel_y
        reaches = out_u > middle or out_v > middle
        top, bottom = extent(cy, abs(sin) * wide + abs(cos) * tall, height)
        left, right = extent(cx, abs(cos) * wide + abs(sin) * tall, width)
        band = half + f4(0.75) * max(texel_x, texel_y)
        small = wide + tall < f4(14)
        by_u, by_v = inverse(ux), inverse(vx)
        for py in range(top, bottom + 1):
            dy = f4(py) + half - cy
            at_u, at_v = dy * uy + middle, dy * vy + middle
            low, high = run(f4(left) - cx, f4(right + 1) - cx, by_u, at_u, middle - out_u, middle + out_u)
            low, high = run(low, high, by_v, at_v, middle - out_v, middle + out_v)
            first = max(left, ceil(low + cx - half))
            count = min(right, floor(high + cx - half)) - first + 1
            if count <= 0:
                continue
            dx = f4(first) + half - cx
            u0, v0 = at_u + dx * ux, at_v + dx * vx
            line = canvas[py]
            open_ = count
            if not small:  # of a small element nearly every pixel is on an edge
                for k in range(count):
                    step = f4(np.int32(k))
                    u = min(max(u0 + step * ux, zero), last) + half
                    v = min(max(v0 + step * vx, zero), last) + half
                    nearest[k] = np.uint32(np.int32(v) * pitch + np.int32(u))
                for k in range(count):
                    row[k] = texture[base + u8(nearest[k])] * s - grow
                if reaches:
                    for k in range(count):
                        u, v = u0 + f4(k) * ux, v0 + f4(k) * vx
                        beyond_u = (u - min(max(u, zero), last)) * texel_x
                        beyond_v = (v - min(max(v, zero), last)) * texel_y
                        row[k] += math.sqrt(beyond_u * beyond_u + beyond_v * beyond_v)
                for k in range(count):
                    line[first + k] += one if row[k] < -band else zero
                open_ = 0
                for k in range(count):
                    listed[open_] = np.uint32(k)
                    open_ += 1 if abs(row[k]) <= band else 0
            for q in range(open_):
                at_k = np.int32(q) if small else np.int32(listed[q])
                step = f4(at_k)
                u, v = u0 + step * ux, v0 + step * vx
                inner_u, inner_v = min(max(u, zero), last), min(max(v, zero), last)
                iu, iv = min(np.int32(inner_u), penultimate), min(np.int32(inner_v), penultimate)
                fu, fv = inner_u - f4(iu), inner_v - f4(iv)
                at = base + u8(iv * pitch + iu)
                t00, t01 = texture[at], texture[at + u8(1)]
                t10, t11 = texture[at + u8(texels)], texture[at + u8(texels + 1)]
                twist = t11 - t10 - t01 + t00
                across = (t01 - t00 + twist * fv) * s
                down = (t10 - t00 + twist * fu) * s
                d = t00 * s + across * fu + (t10 - t00) * s * fv
                if reaches:  # beyond the texture the way to it is added
                    beyond_u, beyond_v = (u - inner_u) * texel_x, (v - inner_v) * texel_y
                    beyond = math.sqrt(beyond_u * beyond_u + beyond_v * beyond_v)
                    if beyond > zero:
                        d += beyond
                        across = beyond_u / beyond * texel_x if u != inner_u else across
                        down = beyond_v / beyond * texel_y if v != inner_v else down
                line[u8(first + at_k)] += min(max(half - (d - grow), zero), one)
                by_x = across * ux + down * vx
                by_y = across * uy + down * vy
                px = dx + step
                n = u8(min(edges, room))
                pixel[n] = py * width + first + at_k
                slope[n, 0] = by_x
                slope[n, 1] = by_y
                slope[n, 2] = by_x * px + by_y * dy - d  # d is as homogeneous as a length (Euler)
                slope[n, 3] = by_y * px - by_x * dy
                edges += 1 if abs(d - grow) < half else 0
    start[x.shape[0]] = edges
    return edges


@kernel
def _backward(grad_canvas, pixel, slope, start):
    """Gathers the canvas gradient over each element's edge pixels."""
    flat = grad_canvas.ravel()
    by = np.empty((4, start.shape[0] - 1), np.float64)
    for i in range(start.shape[0] - 1):
        gx, gy, gs, gr = f4(0), f4(0), f4(0), f4(0)
        for n in range(start[i], start[i + 1]):
            g = flat[pixel[n]]
            gx += g * slope[n, 0]
            gy += g * slope[n, 1]
            gs += g * slope[n, 2]
            gr += g * slope[n, 3]
        by[0, i], by[1, i], by[2, i], by[3, i] = gx, gy, gs, gr
    return by
