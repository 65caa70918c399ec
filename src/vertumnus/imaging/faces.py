"""Where faces are in a photograph, so that a crop does not cut them.

The detector is the frontal-face cascade of local binary patterns that OpenCV made (Liao and others, "Learning
multi-scale block local binary patterns for face recognition", 2007), which scikit-image ships and runs. A face counts
where windows find it in the picture and in its mirror image: of what the cascade takes for a face by mistake hardly
anything is symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEEN = 320  # pixels of the longer side that faces are looked for in
WINDOW = 24  # pixels of the smallest face found, of those
STEP = 1.15  # from one size of window to the next
ENOUGH = 3  # windows that find a face, in the picture and in its mirror image
SAME = 0.4  # of their union, that two windows share where they find the same face
MARGIN = 0.35  # of a face's height: hair above it, and chin below

Box = tuple[float, float, float, float]


class Face(NamedTuple):
    """A face, in pixels of the picture: from the brows to the chin, from cheek to cheek."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def with_hair(self) -> Face:
        """The face with what belongs to it: half as much again in height, a little to the sides."""
        wide, tall = (self.right - self.left) * MARGIN / 2, (self.bottom - self.top) * MARGIN
        return Face(self.left - wide, self.top - tall, self.right + wide, self.bottom + tall / 2)


def find_faces(picture: Image.Image, seen: int = SEEN) -> list[Face]:
    """The faces in an upright picture, largest first; none that is smaller than a thirteenth of its longer side.

    seen   pixels of the longer side that they are looked for in: of half as many it takes a quarter of the time, and
           finds faces twice as large

    The same faces on any number of threads.
    """
    factor = seen / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    if min(size) < WINDOW:
        return []
    filtering = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    grey = np.asarray(_grey(picture).resize(size, filtering).convert("RGB"))
    windows = _windows(grey)
    if len(windows) < ENOUGH:
        return []
    mirrored = _windows(grey[:, ::-1])
    mirrored[:, [0, 2]] = size[0] - mirrored[:, [2, 0]]
    by_x, by_y = picture.width / size[0], picture.height / size[1]
    found = []
    for box in _grouped(windows):
        if np.count_nonzero(_shared(box, mirrored) > SAME) >= ENOUGH:
            left, top, right, bottom = (box * [by_x, by_y, by_x, by_y]).tolist()
            found.append(Face(left, top, right, bottom))
    return sorted(found, key=lambda face: (-face.area, *face))


def crop_around(size: tuple[int, int], aspect: float, faces: Sequence[Face] = ()) -> tuple[int, int, int, int]:
    """The largest crop of an aspect, as left, top, width and height in whole pixels.

    size     width and height of the picture
    aspect   width over height of the crop

    It lies in the middle, or else where it holds the faces: each whole if that can be, the larger ones first, and
    never one half where it could be whole. Without faces it is the middle.

    >>> crop_around((400, 100), 1.0)
    (150, 0, 100, 100)
    >>> crop_around((400, 100), 1.0, [Face(20, 30, 60, 70)])
    (13, 0, 100, 100)
    """
    width, height = size
    wide = min(width, max(1, round(height * aspect)))
    tall = min(height, max(1, round(width / aspect)))
    whole = [face.with_hair() for face in sorted(faces, key=lambda face: -face.area)]
    left = _place(width, wide, [(face.left, face.right) for face in whole])
    top = _place(height, tall, [(face.top, face.bottom) for face in whole])
    return left, top, wide, tall


def _place(length: int, shown: int, spans: list[tuple[float, float]]) -> int:
    """Where a part that is shown of a length begins: the nearest to its middle that holds the spans."""
    low, high = 0.0, float(length - shown)
    for first, last in spans:
        first, last = max(first, 0.0), min(last, float(length))
        if last - first > shown:  # a face larger than what is shown: its middle
            first = last = (first + last) / 2
            least = most = first - shown / 2
        else:
            least, most = last - shown, first
        if min(high, most) >= max(low, least):
            low, high = max(low, least), min(high, most)
    return int(min(max(round((length - shown) / 2), np.ceil(low)), max(np.floor(high), 0)))


def _grey(picture: Image.Image) -> Image.Image:
    """Grey, what is transparent on grey: no edge there looks like a face."""
    if "A" not in picture.getbands():
        return picture.convert("L")
    ground = Image.new("RGB", picture.size, (128, 128, 128))
    whole = picture.convert("RGBA")
    ground.paste(whole, mask=whole.getchannel("A"))
    return ground.convert("L")


@lru_cache(maxsize=1)
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


def _windows(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Every window that the cascade takes for a face: N x 4 (left, top, right, bottom), in a stable order."""
    found = _cascade().detect_multi_scale(
        img=np.ascontiguousarray(grey),
        scale_factor=STEP,
        step_ratio=1,
        min_size=(WINDOW, WINDOW),
        max_size=grey.shape[:2],
        min_neighbor_number=0,  # grouped here: what the library groups depends on the order of its threads
        intersection_score_threshold=2.0,
    )
    boxes = sorted((one["c"], one["r"], one["c"] + one["width"], one["r"] + one["height"]) for one in found)
    return np.array(boxes, np.float64).reshape(-1, 4)


def _grouped(windows: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The mean of each group of `ENOUGH` windows and more that share much with the one that shares most."""
    left, groups = windows, []
    while len(left) >= ENOUGH:
        near = np.array([_shared(one, left) > SAME for one in left])
        best = int(near.sum(axis=1).argmax())
        if near[best].sum() < ENOUGH:
            break
        box = left[near[best]].mean(axis=0)
        groups.append(box)
        left = left[_shared(box, left) <= SAME / 2]
    return groups


def _shared(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a box shares with others, of the union of both."""
    wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    tall = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    both = np.maximum(wide, 0) * np.maximum(tall, 0)
    area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return both / ((box[2] - box[0]) * (box[3] - box[1]) + area - both)
