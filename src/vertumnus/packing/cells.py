"""What `vertumnus.packing.arrange` makes of a run: pictures cropped to their cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vertumnus.document.pictures import Pictures
from vertumnus.document.placement import Placement
from vertumnus.elements.element import Element
from vertumnus.errors import VertumnusError
from vertumnus.imaging.faces import Face, crop_around, find_faces
from vertumnus.metrics.packing import PackingMeasure
from vertumnus.packing.arrange import Cells, justified, treemap
from vertumnus.packing.chords import justified_within
from vertumnus.packing.options import PackOptions
from vertumnus.strict.problem import RASTER

LOOKED_FOR = 0.03  # share of a picture cut away, from which faces are looked for in it
MOST_WITHIN = 5_000  # pictures in rows in a shape
WHOLE = 20.0  # canvas pixels of the smallest cell, from which cells end on whole ones

Crop = tuple[int, int, int, int]


@dataclass(frozen=True)
class Arranged:
    """N pictures in their cells.

    places   where each one's crop lies
    crops    left, top, width, height of each in its own pixels; None for all of it
    """

    places: list[Placement]
    crops: list[Crop | None]
    cells: Cells

    def measure(self, mask: NDArray[np.bool_]) -> PackingMeasure:
        """What is covered, counted on the container's raster: a pixel is a cell's where its centre is."""
        taken = np.zeros(mask.shape, np.uint16)
        edges = [np.ceil(np.asarray(edge) * RASTER - 0.5 - 1e-9).astype(np.intp) for edge in self.cells]
        for left, top, right, bottom in zip(*edges, strict=True):
            taken[max(top, 0) : bottom, max(left, 0) : right] += 1
        summed = max(int(taken.sum(dtype=np.int64)), 1)
        area = (self.cells.right - self.cells.left) * (self.cells.bottom - self.cells.top)
        return PackingMeasure(
            coverage=int(np.count_nonzero((taken > 0) & mask)) / max(int(np.count_nonzero(mask)), 1),
            overlap=int(np.count_nonzero(taken > 1)) / summed,
            spill=int(taken[~mask].sum(dtype=np.int64)) / summed,
            area_cv=float(area.std() / area.mean()),
        )


def is_rectangle(mask: NDArray[np.bool_]) -> bool:
    """Whether a container is one."""
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    return int(np.count_nonzero(mask)) == int(rows.sum()) * int(columns.sum())


def rectangle_of(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a container that is a rectangle, canvas pixels.

    Raises `VertumnusError` for any other.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if not is_rectangle(mask):
        raise VertumnusError("`arrange`: treemaps fill rectangles, and this shape is none; justified rows fill any")
    return left / RASTER, top / RASTER, right / RASTER, bottom / RASTER


def arrange(elements: Sequence[Element], mask: NDArray[np.bool_], options: PackOptions, seed: int) -> Arranged:
    """Puts one picture into each cell of a rectangle, or of rows that go from edge to edge of another shape.

    elements   one for each piece
    mask       the container at `RASTER` times the canvas size

    Where more is cut away than `LOOKED_FOR`, what is cut keeps faces whole. Raises `VertumnusError` for a container
    that is no rectangle, a picture that is none, and a border that leaves nothing.
    """
    for element in elements:
        if not element.opaque:
            raise VertumnusError(f"`arrange`: {element.name} is no rectangle; cut-outs are packed with arrange free")
    aspects = np.array([element.width / element.height for element in elements])
    if options.arrange == "justified" and not is_rectangle(mask):
        cells = _rows_within(aspects, mask, options)
    else:
        cells = _of_rectangle(elements, aspects, mask, options, seed)
    known: dict[str, list[Face]] = {}
    placed = [_cropped(element, cell, known) for element, cell in zip(elements, np.column_stack(cells), strict=True)]
    return Arranged([place for place, _ in placed], [crop for _, crop in placed], cells)


def _rows_within(aspects: NDArray[np.float64], mask: NDArray[np.bool_], options: PackOptions) -> Cells:
    count = len(aspects)
    if count > MOST_WITHIN:
        raise VertumnusError(f"`count`: {count:,} is more than rows in a shape are made of, {MOST_WITHIN:,}")
    inside = mask
    if options.border > 0:
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        inside = depth - 0.5 >= options.border * RASTER
        if not inside.any():
            raise VertumnusError("`border`: leaves nothing of the shape")
    cells = justified_within(aspects, inside, int(RASTER), options.gap, options.crop)
    if cells is None:
        raise VertumnusError(f"`size`: too small for {count:,} pictures in rows with a gap of {options.gap:g} pixels")
    return cells


def _of_rectangle(
    elements: Sequence[Element],
    aspects: NDArray[np.float64],
    mask: NDArray[np.bool_],
    options: PackOptions,
    seed: int,
) -> Cells:
    left, top, right, bottom = rectangle_of(mask)
    border = options.border
    box = left + border, top + border, right - border, bottom - border
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        raise VertumnusError("`border`: leaves nothing of the shape")
    if options.arrange == "justified":
        cells = justified(aspects, box, options.gap, options.crop)
    else:
        weights = np.array([element.weight for element in elements])
        cells = treemap(aspects, weights, box, options.gap, options.crop, np.random.default_rng(seed))
    least = min((cells.right - cells.left).min(), (cells.bottom - cells.top).min())
    if least * RASTER < 1:
        raise VertumnusError(f"`size`: too small for {len(elements):,} pictures with a gap of {options.gap:g} pixels")
    step = 1.0 if least >= WHOLE else 1.0 / RASTER
    return _rounded(cells, step, options.gap) if least >= 2 else cells


def _rounded(cells: Cells, step: float, gap: float) -> Cells:
    """Cells that begin on multiples of a step; what lay a gap apart still does."""
    left, top = (np.rint(np.asarray(edge) / step) * step for edge in (cells.left, cells.top))
    right, bottom = (np.rint((np.asarray(edge) + gap) / step) * step - gap for edge in (cells.right, cells.bottom))
    return Cells(left, top, right, bottom)


def _cropped(
    element: Element, cell: NDArray[np.float64], known: dict[str, list[Face]]
) -> tuple[Placement, Crop | None]:
    left, top, right, bottom = cell.tolist()
    wide, tall = right - left, bottom - top
    size = element.width, element.height
    left_over = size[0] / size[1] * tall / wide
    faces: list[Face] = []
    if min(left_over, 1 / left_over) < 1 - LOOKED_FOR:
        if element.image not in known:
            pictures = Pictures()
            pictures.add_source(element.image, element.source)
            known[element.image] = find_faces(pictures.image(element.image))
        faces = known[element.image]
    crop = crop_around(size, wide / tall, faces)
    scale = wide / crop[2]
    place = Placement((left + right) / 2, (top + bottom) / 2, scale, squeeze=tall / (crop[3] * scale))
    return place, None if crop == (0, 0, *size) else crop
