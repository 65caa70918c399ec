"""The final picture: a collage at any scale, drawn in strips from top to bottom.

Memory holds some strips and the pictures they show, whatever the size and however many layers. Strips are the same on
any number of cores, and so are the bytes.

A layer is drawn in one of two ways. As a rule it is sampled where its placement puts it, by the sampler that packing
tests and measures with (`vertumnus.render.sprites`), so what does not touch in the document does not touch in the
picture. One that snaps to whole pixels, as a mosaic's cells do (`Layer.snap`), is resampled to just those pixels
(`vertumnus.render.cell`); a strip of nothing but opaque ones is bytes from beginning to end.

A mosaic is therefore drawn as any collage is: give each cell a layer with ``snap``, its ``crop``, its tone as
``gain`` and ``offset``, on pictures that are kept (`Pictures.add`) or linked to (`Pictures.link`), with smaller
versions where there are any (`Pictures.add_preview`), and hand `render_bands` to
`vertumnus.export.banded.save_bands`.
"""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.document.outline import Polygon, parse_outline
from vertumnus.elements.drawing import draw_drawing
from vertumnus.errors import VertumnusError
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.pyramid import mip_level
from vertumnus.limits import MAX_RENDER
from vertumnus.render.added import added_bands
from vertumnus.render.cell import Cell, cell_pixels, halvings_for, hexagon_mask, snapped
from vertumnus.render.clip import outline_coverage
from vertumnus.render.draw import GAP, Ready, draw, make_ready
from vertumnus.render.held import Held
from vertumnus.render.sprites import premultiplied
from vertumnus.render.strip import Strip, straight

STRIP_PIXELS = 1 << 19  # drawn by one job
STRIP_ROWS = 16  # at least
HELD_BYTES = 256 << 20  # of pictures that may be needed again
DRAWN_PIXELS = 1 << 24  # of a picture that is drawn anew from its drawing, at most
ENOUGH = 0.98  # of the pixels needed: a smaller version is enlarged by no more than this

Pixels = NDArray[np.uint8]
Progress = Callable[[int, int], None]


def picture_size(collage: Collage, scale: float) -> tuple[int, int]:
    """Width and height of a collage's picture at a scale.

    Raises `VertumnusError` for a scale that is not above zero or makes it larger than `MAX_RENDER`.
    """
    if not np.isfinite(scale) or scale <= 0:
        raise VertumnusError(f"scale: must be a number above 0, not {scale}")
    width, height = max(1, round(collage.width * scale)), max(1, round(collage.height * scale))
    if max(width, height) > MAX_RENDER:
        raise VertumnusError(f"scale: {width} x {height} pixels is too large, at most {MAX_RENDER:,} a side")
    return width, height


def render(
    collage: Collage,
    scale: float = 1.0,
    background: str | None = None,
    progress: Progress | None = None,
) -> Image.Image:
    """The collage as an RGBA picture, straight alpha.

    scale       pixels to a canvas pixel; the layout is the same at any
    background  a CSS colour in place of the document's own; the document's None is transparent
    progress    called with (rows done, rows)

    Raises `VertumnusError` for a bad scale or colour, or a picture that cannot be read.
    """
    width, height = picture_size(collage, scale)
    whole = np.empty((height, width, 4), np.uint8)
    done = 0
    for band in render_bands(collage, scale, background):
        whole[done : done + len(band)] = band
        done += len(band)
        if progress is not None:
            progress(done, height)
    return Image.frombuffer("RGBA", (width, height), whole, "raw", "RGBA", 0, 1)


def render_bands(
    collage: Collage, scale: float = 1.0, background: str | None = None, channels: int = 4
) -> Iterator[Pixels]:
    """The picture from top to bottom, some rows at a time: h x width x channels.

    channels   4 for straight alpha; 3 for opaque colours, on black where the ground is transparent

    A picture is decoded when the first strip needs it, no larger than it is drawn where its format allows, shared by
    all layers that show it, and forgotten after the last or when `HELD_BYTES` are not enough for all.

    Raises `VertumnusError` for a bad scale or colour and, before anything is drawn, for a picture that is gone.
    """
    width, height = picture_size(collage, scale)
    colour = background if background is not None else collage.background
    ground = parse_colour(colour) if colour else (0, 0, 0, 0)
    if collage.rendering != "alpha":
        whole = ground if channels == 4 or colour else (0, 0, 0, 255)
        clip, top = clip_of(collage), 0
        for band in added_bands(collage, scale, whole):
            if clip is not None:
                cut(band, outline_coverage(clip, scale, top, len(band), width), whole)
            top += len(band)
            yield straight(band, channels)
        return
    scene = StripRenderer(collage, scale, ground if channels == 4 or colour else (0, 0, 0, 255), channels)
    rows = max(STRIP_ROWS, STRIP_PIXELS // width)
    strips = [(top, min(top + rows, height)) for top in range(0, height, rows)]
    scene.plan(strips)
    workers = os.cpu_count() or 1
    waiting: deque[Future[Pixels]] = deque()
    drawn = 0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for number in range(len(strips)):
                waiting.append(pool.submit(scene.draw, number))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
                    scene.forget(drawn)
                    drawn += 1
            while waiting:
                yield waiting.popleft().result()
                scene.forget(drawn)
                drawn += 1
        finally:
            for future in waiting:
                future.cancel()


def clip_of(collage: Collage) -> list[Polygon] | None:
    """The outline that layers show in, where there is one."""
    return None if collage.clip is None else parse_outline(collage.clip)


def cut(canvas: NDArray[np.float32], within: NDArray[np.float32], ground: tuple[int, int, int, int]) -> None:
    """Cuts rows of premultiplied floats, in place, to what lies within an outline; around it is the ground."""
    behind = np.array(ground, np.float32) / np.float32(255)
    behind[:3] *= behind[3]
    canvas *= within[..., None]
    canvas += (1 - within)[..., None] * behind


class _Shown(NamedTuple):
    """A visible layer, and how it is drawn."""

    layer: Layer
    box: tuple[int, int, int, int]  # of the picture's pixels that are shown: left, top, right, bottom
    cell: Cell | None
    ready: Ready | None
    rows: tuple[int, int]  # first row it may show in, and one past the last

    @property
    def key(self) -> Hashable:
        """What is shown, whatever its size."""
        drawn = self.ready is not None and self.ready.level < 0
        return (self.layer.image, self.layer.crop, self.layer.outline, drawn)


class StripRenderer:
    """A collage at one scale, ready to be drawn strip by strip from several threads."""

    def __init__(
        self,
        collage: Collage,
        scale: float,
        ground: tuple[int, int, int, int] = (0, 0, 0, 0),
        channels: int = 4,
        layers: list[Layer] | None = None,
    ) -> None:
        self.pictures = collage.pictures
        self.ground, self.channels = ground, channels
        self.clip, self.scale = clip_of(collage), scale
        self.width = picture_size(collage, scale)[0]
        self.strips: list[tuple[int, int]] = []
        self.inside: list[list[int]] = []  # of each strip, the layers in it, back to front
        layers = [layer for layer in collage.layers if layer.visible] if layers is None else layers
        self.shown = [self._prepare(layer, scale) for layer in layers if layer.opacity > 0]
        self.finest: dict[Hashable, int] = {}
        for one in self.shown:
            if one.ready is not None:
                self.finest[one.key] = min(self.finest.get(one.key, one.ready.level), one.ready.level)
        self.showing = Counter(one.key for one in self.shown if one.ready is not None)
        self.sharing = Counter(one.layer.image for one in {s.key: s for s in self.shown if s.ready}.values())
        self.textures: Held[Pixels] = Held(HELD_BYTES, lambda array: array.nbytes)
        self.decoded: Held[Image.Image] = Held(HELD_BYTES, lambda image: image.width * image.height * 4)
        self._last: list[list[tuple[Held[Pixels] | Held[Image.Image], Hashable]]] = []

    def _prepare(self, layer: Layer, scale: float) -> _Shown:
        self.pictures.check(layer.image)
        if layer.crop is not None:
            left, top, width, height = layer.crop
        else:
            left = top = 0
            width, height = self.pictures.size(layer.image)
        box = (left, top, left + width, top + height)
        cell = snapped(layer, (width, height), scale)
        if cell is not None:
            return _Shown(layer, box, cell, None, (cell.box[1], cell.box[3]))
        ready = make_ready(layer, (width, height), scale, self._least(layer.image))
        y, reach = ready.pose[1], ready.reach[1]
        return _Shown(layer, box, None, ready, (math.floor(y - reach), math.ceil(y + reach) + 1))

    def _least(self, name: str) -> int:
        """The finest level of a picture: below 0 where it was made of a drawing."""
        if self.pictures.drawing_name(name) is None:
            return 0
        width, height = self.pictures.size(name)
        return -max(0, math.floor(math.log2(DRAWN_PIXELS / (width * height)) / 2))

    def plan(self, strips: list[tuple[int, int]]) -> None:
        """Says which rows the strips are."""
        self.strips = strips
        self.inside = [[] for _ in strips]
        self._last = [[] for _ in strips]
        tops = np.array([top for top, _ in strips])
        last: dict[tuple[int, Hashable], int] = {}
        for n, one in enumerate(self.shown):
            first = max(0, int(np.searchsorted(tops, one.rows[0], "right")) - 1)
            end = int(np.searchsorted(tops, one.rows[1]))
            for strip in range(first, end):
                if one.rows[1] > strips[strip][0] and one.rows[0] < strips[strip][1]:
                    self.inside[strip].append(n)
            if end > first:
                for where, key in self._keys(n, one):
                    last[where, key] = max(last.get((where, key), 0), end - 1)
        for (where, key), strip in last.items():
            self._last[strip].append(((self.textures, self.decoded)[where], key))

    def _keys(self, n: int, one: _Shown) -> list[tuple[int, Hashable]]:
        """What a layer asks to be held: (0 for a texture or 1 for a picture, key)."""
        if one.cell is not None:
            return [(0, n), (1, (one.layer.image, self._halvings(one)))]
        assert one.ready is not None
        levels = {self.finest[one.key], self._source(one)}
        return [(0, (one.key, one.ready.texels)), *((0, (one.key, at)) for at in levels), (1, (one.layer.image, 0))]

    def forget(self, strip: int) -> None:
        """Lets go of what no strip after this one needs."""
        for held, key in self._last[strip]:
            held.drop(key)

    def draw(self, number: int) -> Pixels:
        """One strip, h x width x channels bytes."""
        top, bottom = self.strips[number]
        strip = Strip(self.ground, top, bottom - top, self.width)
        for n in self.inside[number]:
            self.lay(n, strip)
        if self.clip is not None:
            cut(strip.floats(), outline_coverage(self.clip, self.scale, top, bottom - top, self.width), self.ground)
        return strip.finished(self.channels)

    def lay(self, n: int, strip: Strip) -> None:
        """Lays one layer over some rows."""
        one = self.shown[n]
        if one.cell is not None:
            pixels = self.textures.get(n, self._cell, one)
            mask = hexagon_mask(one.cell) if one.layer.outline == "hexagon" else None
            strip.lay(pixels, one.cell.box, mask, one.layer.opacity)
        else:
            assert one.ready is not None
            texture = self.textures.get((one.key, one.ready.texels), self._texture, one)
            draw(strip.floats(), strip.top, strip.left, one.ready, texture)

    def _halvings(self, one: _Shown) -> int:
        assert one.cell is not None
        left, top, right, bottom = one.box
        return halvings_for(one.cell, (right - left, bottom - top))

    def _cell(self, one: _Shown) -> Pixels:
        """A snapped layer's pixels."""
        assert one.cell is not None
        left, top, right, bottom = one.box
        preview = self.pictures.preview(one.layer.image)
        across, down = one.cell.size
        width, height = self.pictures.size(one.layer.image)
        self._check_box(one, width, height)
        if preview is not None:
            by_x, by_y = preview.width / width, preview.height / height
            if (right - left) * by_x >= ENOUGH * across and (bottom - top) * by_y >= ENOUGH * down:
                box = (left * by_x, top * by_y, right * by_x, bottom * by_y)
                return cell_pixels(one.layer, one.cell, preview.open(), box)
        halvings = self._halvings(one)
        picture = self.decoded.get((one.layer.image, halvings), self.pictures.decoded, one.layer.image, halvings)
        # A JPEG decoded smaller says by its size how much smaller.
        by_x, by_y = picture.width / width, picture.height / height
        return cell_pixels(one.layer, one.cell, picture, (left * by_x, top * by_y, right * by_x, bottom * by_y))

    def _check_box(self, one: _Shown, width: int, height: int) -> None:
        if one.box[2] > width or one.box[3] > height:
            raise VertumnusError(
                f"{one.layer.image}: the crop of layer {one.layer.name!r} reaches beyond"
                f" its {width} x {height} pixels"
            )

    def _source(self, one: _Shown) -> int:
        """The mip level that a layer's texture is made from: finer by `GAP` at least, where there is one."""
        assert one.ready is not None
        finest = self.finest[one.key]
        if one.ready.level >= 0:
            return max(finest, one.ready.level)
        longer = [side / texels for side, texels in zip(one.ready.size, one.ready.texels, strict=True)]
        return max(finest, math.floor(math.log2(min(longer) / GAP)))

    def _texture(self, one: _Shown) -> Pixels:
        """What a layer shows, premultiplied, as large as it is sampled from (`vertumnus.render.draw`)."""
        assert one.ready is not None
        level = self._source(one)
        if self.showing[one.key] == 1:
            source = self._level(one, level)
        else:
            source = self.textures.get((one.key, level), self._level, one, level)
        columns, rows = one.ready.texels
        if source.shape[1] > columns or source.shape[0] > rows:
            width, height = one.ready.size
            image = Image.frombuffer("RGBa", source.shape[1::-1], source, "raw", "RGBa", 0, 1)
            box = (0.0, 0.0, width / 2**level, height / 2**level)
            source = np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR, box))
        source.flags.writeable = False  # all are, so that one kernel draws them
        return source

    def _level(self, one: _Shown, level: int) -> Pixels:
        """A mip level of what a layer shows, premultiplied: made from the finest that any layer needs."""
        finest = self.finest[one.key]
        if level > finest:
            fine = self.textures.get((one.key, finest), self._level, one, finest)
            return mip_level(fine, level - finest)
        if level < 0:
            return self._drawn(one, level)
        name = one.layer.image
        alone = self.sharing[name] == 1  # what is made of it is all that is needed
        picture = self.pictures.decoded(name) if alone else self.decoded.get((name, 0), self.pictures.decoded, name)
        self._check_box(one, *picture.size)
        part = picture if one.layer.crop is None else picture.crop(one.box)
        return mip_level(_outlined(premultiplied(part), one.layer), level)

    def _drawn(self, one: _Shown, level: int) -> Pixels:
        """What a layer shows, drawn anew from its drawing at a level finer than its picture, premultiplied."""
        name = one.layer.image
        width, height = self.pictures.size(name)
        self._check_box(one, width, height)
        times = 2**-level
        drawing = self.pictures.drawing(name)
        assert drawing is not None
        image = Image.fromarray(
            draw_drawing(drawing, (width, height), times, self.pictures.drawing_name(name) or name)
        )
        return _outlined(premultiplied(image.crop(tuple(times * side for side in one.box))), one.layer)


def _outlined(pixels: Pixels, layer: Layer) -> Pixels:
    if layer.outline != "hexagon":
        return pixels
    height, width = pixels.shape[:2]
    return (pixels * _soft_hexagon(width, height)[..., None] + np.float32(0.5)).astype(np.uint8)


def _soft_hexagon(width: int, height: int) -> NDArray[np.float32]:
    """How much of each pixel lies in the hexagon that fills the picture: the mean of 4 x 4 points."""
    fine = hexagon_mask(Cell((0, 0, 4 * width, 4 * height), (0.0, 0.0, 4.0 * width, 4.0 * height), 0))
    return fine.reshape(height, 4, width, 4).mean(axis=(1, 3), dtype=np.float32)
