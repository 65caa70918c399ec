"""Photographs as they lie in a scrapbook: cut to an aspect, with a frame, rounded corners and a soft shadow."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.document.pictures import Pictures
from vertumnus.elements.element import Element, make_element
from vertumnus.imaging.colour import parse_colour
from vertumnus.imaging.faces import crop_around, find_faces

LONGEST = 1024  # pixels of a framed photograph's longer side
QUALITY = 90
DARKEST = 0.45  # alpha of the deepest shadow: below one half, so that it takes no room
SPREAD = 0.035  # of the shorter side: how soft a shadow is
DROP = 0.02  # of the shorter side: how far it falls
FINE = 4  # points to a pixel along each edge, where corners are drawn

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """What is done to a photograph. Widths are shares of its shorter side.

    width, colour   of the frame; a CSS colour
    corners   radius of rounded corners
    shadow    how dark, 0 to 1
    aspect    width over height that it is cut to, faces kept whole; None to leave it
    """

    width: float = 0.0
    colour: str = "white"
    corners: float = 0.0
    shadow: float = 0.0
    aspect: float | None = None

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return not (self.width or self.corners or self.shadow or self.aspect)


def framed(element: Element, frame: Frame) -> Element:
    """An opaque element in a frame, as a new picture; any other element, or with nothing to do, as it is.

    Raises `VertumnusError` if its picture cannot be read, or the colour is none.
    """
    if frame.plain or not element.opaque:
        return element
    pictures = Pictures()
    pictures.add_source(element.image, element.source)
    photo = pictures.decoded(element.image).convert("RGB")
    if frame.aspect is not None:
        left, top, wide, tall = crop_around(photo.size, frame.aspect, find_faces(photo))
        photo = photo.crop((left, top, left + wide, top + tall))
    if max(photo.size) > LONGEST:
        photo.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    _draw(photo, frame).save(buffer, "WEBP", quality=QUALITY, method=2, exact=False)
    made = make_element(buffer.getvalue(), None, element.name, element.name, None)
    return replace(made, weight=element.weight, label=element.label)


def _draw(photo: Image.Image, frame: Frame) -> Image.Image:
    """The photograph on its frame, with its shadow around it."""
    shorter = min(photo.size)
    rim = round(frame.width * shorter)
    wide, tall = photo.width + 2 * rim, photo.height + 2 * rim
    card = Image.new("RGB", (wide, tall), parse_colour(frame.colour)[:3])
    card.paste(photo, (rim, rim))
    alpha = _rounded(wide, tall, frame.corners * shorter)
    if not frame.shadow:
        return Image.merge("RGBA", (*card.split(), Image.fromarray(np.round(alpha * 255).astype(np.uint8))))
    soft, drop = SPREAD * shorter, round(DROP * shorter)
    pad = int(np.ceil(2.5 * soft)) + drop
    above = np.pad(alpha, pad)
    below = np.roll(_blurred(above, soft), drop, axis=0) * np.float32(DARKEST * frame.shadow)
    whole = above + below * (1 - above)
    colour = np.pad(np.asarray(card, np.float32), ((pad, pad), (pad, pad), (0, 0))) * above[..., None]
    straight = colour / np.maximum(whole, 1e-6)[..., None]
    rgba = np.concatenate([straight, 255 * whole[..., None]], axis=-1)
    return Image.fromarray(np.round(np.clip(rgba, 0, 255)).astype(np.uint8), "RGBA")


def _rounded(wide: int, tall: int, radius: float) -> Floats:
    """How much of each pixel lies in a rectangle with rounded corners."""
    if radius <= 0:
        return np.ones((tall, wide), np.float32)
    radius = min(radius, wide / 2, tall / 2)
    across, down = (_inset(side, radius) for side in (wide, tall))
    alpha = np.ones((tall, wide), np.float32)
    rows, columns = np.flatnonzero(down.max(axis=1) > 0), np.flatnonzero(across.max(axis=1) > 0)
    away = np.hypot(down[rows][:, None, :, None], across[columns][None, :, None, :])
    alpha[np.ix_(rows, columns)] = (away <= radius).mean(axis=(2, 3))
    return alpha


def _inset(side: int, radius: float) -> Floats:
    """How far each of `FINE` points of each pixel of a side lies in the part that its corners curve in."""
    points = (np.arange(side * FINE) + 0.5) / FINE
    return np.maximum(radius - np.minimum(points, side - points), 0).reshape(side, FINE).astype(np.float32)


def _blurred(alpha: Floats, radius: float) -> Floats:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(alpha, radius, truncate=2.5), np.float32)
