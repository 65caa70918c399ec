"""Objects found in a picture by their colours alone, for judges that share nothing with the models they judge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.models.mini.vocabulary import COLOURS

SIDE = 32  # of a cut-out
_CLEAR = 0.25  # of the largest difference, below which a pixel is ground
_LEAST = 0.004  # of the picture, the area of a thing that counts as drawn
Floats = NDArray[np.float32]


class Found(NamedTuple):
    """An object.

    cover   H x W, from 0 to 1
    rgb     its colour, from 0 to 1
    middle  of its area, x and y in shares of the picture
    """

    cover: Floats
    rgb: NDArray[np.float64]
    middle: tuple[float, float]

    @property
    def there(self) -> bool:
        """Whether anything was found."""
        return float((self.cover > 0.5).mean()) > _LEAST


def find_object(picture: NDArray[np.uint8]) -> Found:
    """What differs from a plane of colour fitted to the border of a picture, H x W x 3."""
    rgb = picture.astype(np.float64) / 255
    ground = _plane(rgb, _border(rgb.shape[:2]))
    apart = np.linalg.norm(rgb - ground, axis=-1)
    apart /= max(apart.max(), 0.1)
    shown = apart > _CLEAR
    if not shown.any():
        return Found(np.zeros(rgb.shape[:2], np.float32), rgb.mean((0, 1)), (0.5, 0.5))
    strong = apart > 0.6
    return Found(apart.astype(np.float32) * shown, np.median(rgb[strong], axis=0), _middle(shown))


def find_coloured(picture: NDArray[np.uint8], colours: list[str]) -> list[Found]:
    """What has each of these colours, which must differ: what is nearer to it than to the ground or others.

    The ground is a plane of colour, fitted to what of the border is near none of them. Specks are left out.
    """
    rgb = picture.astype(np.float64) / 255
    far = np.stack([np.linalg.norm(rgb - np.array(COLOURS[name]) / 255, axis=-1) for name in colours])
    border = _border(rgb.shape[:2])
    clear = border & (far.min(0) > 0.25)
    ground = np.linalg.norm(rgb - _plane(rgb, clear if clear.sum() > 40 else border), axis=-1)
    found = []
    for n, own in enumerate(far):
        rest = np.minimum(ground, np.delete(far, n, axis=0).min(0, initial=9.0))
        share = np.clip((rest / np.maximum(rest + own, 1e-6) - 0.35) / 0.3, 0, 1)
        parts, count = ndimage.label(ndimage.binary_dilation(share > 0.5, iterations=2))
        cover = np.zeros_like(share)
        if count:
            areas = ndimage.sum_labels(share, parts, range(1, count + 1))
            kept = 1 + np.nonzero(areas > 0.25 * areas.max())[0]
            cover = share * np.isin(parts, kept)
        solid = cover > 0.5
        shade = np.median(rgb[solid], axis=0) if solid.any() else rgb.mean((0, 1))
        found.append(Found(cover.astype(np.float32), shade, _middle(solid)))
    return found


def cut(cover: Floats) -> Floats:
    """A cover's square around what it covers, as SIDE x SIDE."""
    shown = cover > _CLEAR
    if not shown.any():
        return np.zeros((SIDE, SIDE), np.float32)
    rows, columns = np.nonzero(shown.any(1))[0], np.nonzero(shown.any(0))[0]
    half = 0.5 * max(rows[-1] - rows[0], columns[-1] - columns[0]) + 2
    down, across = 0.5 * (rows[0] + rows[-1] + 1), 0.5 * (columns[0] + columns[-1] + 1)
    room = int(half) + 2
    padded = Image.fromarray(np.pad(cover.astype(np.float32), room))
    box = (across - half + room, down - half + room, across + half + room, down + half + room)
    return np.asarray(padded.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))


def name_colour(rgb: NDArray[np.float64]) -> str:
    """The nearest of the world's colours."""
    names = list(COLOURS)
    table = np.array([COLOURS[name] for name in names]) / 255
    return names[int(np.argmin(np.linalg.norm(table - rgb, axis=1)))]


def overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two covers of one size."""
    return float(np.minimum(one, other).sum() / max(float(np.maximum(one, other).sum()), 1e-9))


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    border = np.ones(shape, bool)
    border[3:-3, 3:-3] = False
    return border


def _plane(rgb: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Colours that change evenly over the picture, fitted where asked."""
    height, width = rgb.shape[:2]
    down, across = np.mgrid[0:height, 0:width] / height - 0.5
    plane = np.stack([np.ones_like(down), down, across], -1)
    return plane @ np.linalg.lstsq(plane[where], rgb[where], rcond=None)[0]


def _middle(shown: NDArray[np.bool_]) -> tuple[float, float]:
    if not shown.any():
        return 0.5, 0.5
    height, width = shown.shape
    down, across = np.nonzero(shown)
    return float(across.mean() + 0.5) / width, float(down.mean() + 0.5) / height
