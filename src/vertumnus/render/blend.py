"""Poisson blending of a collage: where pieces lie over each other the step between them goes, and their own
gradients stay (Perez, Gangnet, Blake 2003, for any number of pieces).

Every pixel belongs to the topmost layer that covers it by half or more. Inside a layer the wanted gradient is the
layer's own (or, mixed, the stronger of its own and of what it covers, eq. 12). Across a seam it is the gradient that
either layer has there by itself, so nothing is left of the step. What comes out is the least-squares image of those
gradients: a correction that `vertumnus.imaging.poisson` solves for and that is added to the layers, which are then
laid over each other anew, so that their soft edges stay soft.

The bare ground, a bottom layer that covers it whole, and layers of strength 0 stay as they are. A piece's outline
against the bare ground is no seam between pieces; it stays too, unless ``into_ground`` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.document.collage import Collage, Layer
from vertumnus.errors import VertumnusError, about
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.poisson import divergence, solve_poisson
from vertumnus.limits import MAX_LENGTH
from vertumnus.render.layer import render_layer
from vertumnus.render.picture import picture_size
from vertumnus.render.strip import straight

MAX_BLENDED = 40_000_000  # pixels: the equation needs the whole picture in memory
COVERED = 0.5  # coverage from which on a pixel is a layer's own
LEAST_REACH = 0.01  # canvas pixels; below it nothing of a correction is left
KNOWN = 0.02  # coverage from which on a layer's colour at a pixel can be told

Floats = NDArray[np.float32]
Box = tuple[slice, slice]


@dataclass(frozen=True)
class BlendOptions:
    """How a collage is blended.

    strength      0 to 1 for every layer: how much of the step at its seams goes
    strengths     by layer name, in place of ``strength``
    mixed         where a piece is smoother than what it covers, what it covers shows through
    reach         pixels of the canvas over which a correction fades; None for plain Poisson, which never forgets
    into_ground   whether pieces melt into the bare ground as well
    """

    strength: float = 1.0
    strengths: Mapping[str, float] | None = None
    mixed: bool = False
    reach: float | None = None
    into_ground: bool = False

    def __post_init__(self) -> None:
        for name, value in {"strength": self.strength, **(self.strengths or {})}.items():
            if not 0 <= value <= 1:
                raise VertumnusError(f"strength: {name}: must be a number from 0 to 1, not {value}")
        if self.reach is not None and not LEAST_REACH <= self.reach <= MAX_LENGTH:
            raise VertumnusError(
                f"reach: must be a number of pixels above 0, from {LEAST_REACH:g} to {MAX_LENGTH:g}, not {self.reach}"
            )

    def of(self, layer: Layer) -> float:
        """The strength of one layer."""
        return (self.strengths or {}).get(layer.name, self.strength)


class Blended(NamedTuple):
    """A blended picture.

    image      RGBA, straight alpha
    residual   of the equation, relative
    steps      of its solver
    free       share of the pixels that could change
    """

    image: Image.Image
    residual: float
    steps: int
    free: float


class _Piece(NamedTuple):
    box: Box
    canvas: Floats  # premultiplied, of the layer alone, its opacity in it
    opacity: float
    strength: float


def blend(
    collage: Collage,
    options: BlendOptions | None = None,
    *,
    scale: float = 1.0,
    background: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Blended:
    """The collage as a picture without seams.

    Raises `VertumnusError` for a strength that names no layer, a bad scale or colour, a picture that cannot be read,
    or a size above `MAX_BLENDED` pixels.
    """
    options = options or BlendOptions()
    names = {layer.name for layer in collage.layers}
    for name in options.strengths or {}:
        if name not in names:
            raise VertumnusError(f"strength: no layer is called {name!r}")
    width, height = picture_size(collage, scale)
    if width * height > MAX_BLENDED:
        raise VertumnusError(f"scale: {width} x {height} pixels is too large to blend, at most {MAX_BLENDED:,}")
    colour = background if background is not None else collage.background
    with nullcontext() if background is None else about("`background`"):
        ground = np.array(parse_colour(colour) if colour else (0, 0, 0, 0), np.float32) / np.float32(255)
    ground[:3] *= ground[3]
    layers = [layer for layer in collage.layers if layer.visible and layer.opacity > 0]
    stack = _Stack(np.broadcast_to(ground, (height, width, 4)).copy(), options)
    pieces = []
    for number, layer in enumerate(layers):
        drawn = render_layer(collage, layer, scale)
        if drawn is not None:
            pieces.append(_Piece(*drawn, layer.opacity, options.of(layer)))
            stack.lay(pieces[-1], number)
        if progress is not None:
            progress(number + 1, 2 * len(layers))
    screening = 0.0 if options.reach is None else 1.0 / (options.reach * scale) ** 2
    solved = solve_poisson(divergence(stack.across, stack.down), stack.free, screening=screening)
    correction = solved.field.astype(np.float32)
    canvas = np.broadcast_to(ground, (height, width, 4)).copy()
    for number, piece in enumerate(pieces):
        _over(canvas[piece.box], _corrected(piece, correction[piece.box], stack.owner[piece.box] == number))
        if progress is not None:
            progress(len(layers) + number + 1, 2 * len(layers))
    image = Image.fromarray(straight(canvas), "RGBA")
    return Blended(image, solved.residual, solved.steps, float(stack.free.mean()))


class _Stack:
    """The layers laid so far: whose each pixel is, its colour, and by how much each difference between neighbours is
    to change.
    """

    def __init__(self, canvas: Floats, options: BlendOptions) -> None:
        height, width = canvas.shape[:2]
        self.options = options
        self.canvas = canvas  # premultiplied, soft edges
        self.colour = canvas[..., :3].astype(np.float64)  # of the owners alone, hard edges
        self.owner = np.full((height, width), -1, np.int32)
        self.free = np.zeros((height, width), np.bool_)
        self.across = np.zeros((height, width - 1, 3))
        self.down = np.zeros((height - 1, width, 3))

    def lay(self, piece: _Piece, number: int) -> None:
        # Differences to the neighbours just outside change too, so the work is on a box one pixel larger.
        box, inner = _grown(piece.box, self.owner.shape)
        alpha = np.zeros(self.owner[box].shape, np.float32)
        own = np.zeros((*alpha.shape, 3))
        coverage = piece.canvas[..., 3] / np.float32(piece.opacity)
        alpha[inner] = coverage
        own[inner] = piece.canvas[..., :3] / np.maximum(piece.canvas[..., 3:], 1e-6)
        if piece.opacity < 1:
            own = piece.opacity * own + (1 - piece.opacity) * self.colour[box]
        mine = alpha >= COVERED
        known = alpha >= KNOWN
        is_ground = number == 0 and bool(mine.all()) and mine.shape == self.owner.shape
        below = self.colour[box].copy()
        owner = self.owner[box]
        self.colour[box][mine] = own[mine]
        strength = 0.0 if is_ground else piece.strength
        for axis, field in ((1, self.across), (0, self.down)):
            rows, columns = box
            part = (
                field[rows, columns.start : columns.stop - 1] if axis else field[rows.start : rows.stop - 1, columns]
            )
            self._edges(axis, part, mine, known, own, below, owner, strength)
        self.owner[box][mine] = number
        self.free[box][mine] = strength > 0
        _over(self.canvas[piece.box], piece.canvas)

    def _edges(
        self,
        axis: int,
        change: NDArray[np.float64],
        mine: NDArray[np.bool_],
        known: NDArray[np.bool_],
        own: NDArray[np.float64],
        below: NDArray[np.float64],
        owner: NDArray[np.int32],
        strength: float,
    ) -> None:
        """Sets by how much the differences along one axis are to change where the new layer has a part in them."""

        def ends(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            return (array[:, :-1], array[:, 1:]) if axis else (array[:-1], array[1:])

        (first, second), (seen, also_seen), (above, under) = ends(mine), ends(known), ends(owner)
        gradient = np.subtract(*ends(own)[::-1])
        covered = np.subtract(*ends(below)[::-1])
        bare = (above < 0) | (under < 0)
        wanted_below = np.where(bare[..., None], covered, covered + change)  # what the stack wanted there
        inside = first & second
        seam = first ^ second
        # Across the outline: the new layer's own gradient if it is known on both sides, else that of what it covers.
        melted = np.where((seen & also_seen)[..., None], gradient, np.where(bare[..., None], 0.0, wanted_below))
        top, bottom = ends(np.where(mine[..., None], own, below))
        step = bottom - top
        beyond = np.where(first, under, above)  # the owner on the far side of a seam
        melts = seam & ((beyond >= 0) | self.options.into_ground)
        change[seam] = 0.0
        change[melts] = strength * (melted - step)[melts]
        change[inside] = 0.0
        if self.options.mixed:
            stronger = inside & ~bare & ((wanted_below**2).sum(-1) > (gradient**2).sum(-1))
            change[stronger] = strength * (wanted_below - gradient)[stronger]


def _grown(box: Box, shape: tuple[int, ...]) -> tuple[Box, Box]:
    """A box one pixel larger where the picture goes on, and where the old one lies in it."""
    large = tuple(slice(max(s.start - 1, 0), min(s.stop + 1, size)) for s, size in zip(box, shape, strict=True))
    inner = tuple(slice(s.start - g.start, s.stop - g.start) for s, g in zip(box, large, strict=True))
    return (large[0], large[1]), (inner[0], inner[1])


def _corrected(piece: _Piece, correction: Floats, owned: NDArray[np.bool_]) -> Floats:
    """The layer with its own correction, carried a little past its edge so that soft edges take part."""
    if piece.strength == 0 or not owned.any():
        return piece.canvas
    weight = owned.astype(np.float32)
    total = ndimage.uniform_filter(weight, 5, mode="constant")
    spread = ndimage.uniform_filter(correction * weight[..., None], (5, 5, 1), mode="constant")
    beyond = spread / np.maximum(total, 1e-6)[..., None]
    change = np.where(owned[..., None], correction, np.where(total[..., None] > 1e-3, beyond, 0))
    canvas = piece.canvas.copy()
    alpha = canvas[..., 3:]
    # A layer that lets what is below through hands on only its own share of the correction.
    canvas[..., :3] = np.clip(canvas[..., :3] + alpha * change, 0, alpha)
    return canvas


def _over(canvas: Floats, layer: Floats) -> None:
    canvas *= 1 - layer[..., 3:]
    canvas += layer
