"""The binary contour map of a collage: the outline of what it shows, black on white, without colour or texture.

SCORE (AAAI 2026, "Evaluation Metrics") judges shape apart from colour on such a map and leaves open how it is drawn.
Here the pieces' silhouettes are joined where the gaps between them are narrow, as an eye does that reads the
whole, and the edge of the joined silhouette is drawn as a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vertumnus.errors import VertumnusError

SIDE = 448  # pixels of the map's longer side, twice what most CLIPs see
# In shares of the longer side.
GAP = 0.04  # gaps narrower than this are closed
SPECK = 0.03  # islands and holes of a smaller area than the square of this are left out
LINE = 0.014  # the line's width
MARGIN = 0.03  # white added on every side, so that an outline at the canvas's edge is whole

Picture = Image.Image | NDArray[np.float32]


def joined_silhouette(picture: Picture, gap: float = GAP) -> NDArray[np.bool_]:
    """Which pixels a collage as a whole takes: alpha above one half, gaps between its pieces closed.

    picture  a Pillow image with alpha, or H x W x 4 premultiplied floats from 0 to 1
    gap      what is closed, in shares of the longer side; 0 closes nothing

    Returns an array whose longer side is `SIDE` and the `MARGIN` twice. Raises `VertumnusError` if the picture has no
    alpha, is opaque everywhere or transparent everywhere: then it has no silhouette.
    """
    alpha = _alpha(picture)
    if alpha.min() > 0.5:
        raise VertumnusError("picture: it is opaque everywhere, so it has no silhouette; render without a background")
    ratio = SIDE / max(alpha.shape)
    size = max(1, round(alpha.shape[1] * ratio)), max(1, round(alpha.shape[0] * ratio))
    fitted = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BILINEAR))
    # Dilating reaches beyond the edge; the room there is cut off again at the end.
    margin, room = round(MARGIN * SIDE), round(gap * SIDE) + 2
    taken = np.pad(fitted > 0.5, margin + room)
    if not taken.any():
        raise VertumnusError("picture: it is transparent everywhere, so it has no silhouette")
    if gap > 0:
        reach = gap * SIDE / 2
        grown = _distance(~taken) <= reach
        taken = _distance(grown) > reach
        least = (SPECK * SIDE) ** 2
        taken = ~_without_specks(~_without_specks(taken, least), least)
    return taken[room:-room, room:-room]


def contour_map(picture: Picture, gap: float = GAP) -> Image.Image:
    """The contour lines of `joined_silhouette` as a picture of mode L: 0 on the lines, 255 elsewhere.

    Arguments, size and errors are those of `joined_silhouette`.
    """
    taken = joined_silhouette(picture, gap)
    # The edge runs between pixels, half a pixel from the nearest centre on either side.
    to_edge = np.where(taken, _distance(taken), _distance(~taken)) - 0.5
    lines = to_edge <= LINE * SIDE / 2
    return Image.fromarray(np.where(lines, 0, 255).astype(np.uint8))


def _alpha(picture: Picture) -> NDArray[np.float32]:
    """The alpha, H x W from 0 to 1."""
    if isinstance(picture, Image.Image):
        if not picture.has_transparency_data:
            raise VertumnusError("picture: it has no alpha, so it has no silhouette; render without a background")
        return np.asarray(picture.convert("RGBA").getchannel("A"), np.float32) / np.float32(255)
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise VertumnusError(f"picture: must be H x W x 4, not {' x '.join(map(str, picture.shape))}")
    return np.ascontiguousarray(picture[..., 3], np.float32)


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each pixel inside is from the nearest outside."""
    if inside.all():
        return np.full(inside.shape, np.inf)
    return ndimage.distance_transform_edt(inside)


def _without_specks(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """The mask without its islands of less than ``least`` pixels; the largest stays in any case."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    kept = areas >= min(least, areas.max())
    kept[0] = False
    return kept[labels]
