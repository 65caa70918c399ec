"""Where a moving picture's parts come from: dense optical flow by OpenCV, added up over frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError

LONGEST = 512  # pixels of the side at which frames are compared
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def looked_at(frame: Image.Image) -> Bytes:
    """A frame as flow sees it: grey, H x W, its longer side no more than `LONGEST`."""
    scale = min(1.0, LONGEST / max(frame.size))
    size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    return np.asarray(frame.convert("L").resize(size, Image.Resampling.BOX))


def flow_back(now: Bytes, before: Bytes) -> Floats:
    """For each pixel of a frame, how far from it what it shows lay in the frame before, H x W x (x, y).

    Dense inverse search (Kroeger et al. 2016). Raises `VertumnusError` where OpenCV is missing.
    """
    cv2 = _library()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # how its work is shared out would be seen in the result
    try:
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        found: Floats = search.calc(now, before, None)
    finally:
        cv2.setNumThreads(threads)
    return found


def follow_back(flow: Floats, carried: Floats) -> Floats:
    """Two ways back as one: along ``flow`` to the frame before, and from there on as ``carried`` says.

    M(p) = flow(p) + carried(p + flow(p)), read bilinearly, at the edge what is next to it.
    """
    cv2 = _library()
    rows, columns = flow.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    there = cv2.remap(carried, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    total: Floats = flow + there
    return total


def _library() -> Any:
    try:
        import cv2
    except ImportError:
        raise VertumnusError(
            "`generate`: tiles follow a moving picture by OpenCV; run pip install 'vertumnus[video]'"
        ) from None
    return cv2
