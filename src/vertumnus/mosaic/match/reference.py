"""The picture to be rebuilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import decode_picture, open_image
from vertumnus.imaging.light import LINEAR
from vertumnus.mosaic.match.grid import Grid
from vertumnus.reading import read_named

SEEN, MOST, LEAST = 32, 4096, 512  # pixels of the reference: to a cell, and of a side at most and at least


def read_reference(path: Path) -> tuple[Image.Image, list[str]]:
    """A reference picture, upright, RGB, and what should be said about it.

    Raises `VertumnusError` naming the file if it cannot be read.
    """
    picture = decode_picture(read_named(path), str(path))
    notes = [f"{path}: holds several pictures; the first is used"] if picture.several else []
    return picture.image, notes


def check_pixels(path: Path, cells: int) -> None:
    """Raises `VertumnusError` if a reference has fewer pixels than cells, which its first bytes say."""
    with open_image(read_named(path), str(path)) as image:
        if cells > image.width * image.height:
            raise VertumnusError(
                f"{path}: {image.width} x {image.height} pixels is smaller than a grid of {cells:,} cells;"
                " use fewer cells or a larger picture"
            )


def shrink_reference(image: Image.Image, grid: Grid) -> Image.Image:
    """The reference no larger than it is looked at: some `SEEN` pixels to the side of its smallest cell."""
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) / [grid.width, grid.height]
    most = np.maximum(np.minimum(SEEN / sides.min(axis=0), MOST), LEAST)
    size = np.minimum(image.size, np.ceil(most)).astype(int)
    return image if tuple(size) == image.size else image.resize((int(size[0]), int(size[1])), Image.Resampling.BOX)


def linear_light(image: Image.Image) -> NDArray[np.float32]:
    """H x W x 3 linear light of an RGB picture."""
    return LINEAR[np.asarray(image)]


def check_resolution(grid: Grid, width: int, height: int, where: str) -> None:
    """Raises `VertumnusError` unless every cell sees at least one pixel of a width x height reference."""
    sides = (grid.boxes[:, 2:] - grid.boxes[:, :2]) * [width / grid.width, height / grid.height]
    if sides.min() < 1 - 1e-9:
        columns, rows = (
            round(side / across) for side, across in zip((width, height), sides.min(axis=0), strict=True)
        )
        raise VertumnusError(
            f"{where}: {width} x {height} pixels is smaller than the grid of {rows} x {columns} cells;"
            " use fewer cells or a larger picture"
        )
