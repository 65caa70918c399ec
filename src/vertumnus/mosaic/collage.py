"""A mosaic as a collage: one layer a cell, in the order of the cells."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage, Layer, MadeBy
from vertumnus.mosaic.bands import JOB_PIXELS
from vertumnus.mosaic.paint import Painter, paint_cells
from vertumnus.mosaic.plan import Plan
from vertumnus.mosaic.workers import Threads, Workers
from vertumnus.version import __version__

QUALITY = 92


def to_collage(plan: Plan, painter: Painter, workers: Workers | None = None) -> Collage:
    """The mosaic at the painter's size, one layer for each cell.

    A layer's picture is the part of the tile shown, toned, as the cell shows it, upright: a layer knows no crop and
    no tone but a gain. Tiles that look the same are stored once. Rectangles are JPEG, hexagons PNG with alpha.
    """
    collage = Collage(width=painter.width, height=painter.height, seed=plan.seed)
    boxes = painter.boxes
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    step = max(1, int(JOB_PIXELS // max(float(area.mean()), 1.0)))
    jobs = (list(range(n, min(n + step, len(boxes)))) for n in range(0, len(boxes), step))
    cell = 0
    for results in (workers or Threads()).map(paint_cells, jobs, painter):
        for pixels, mask, _ in results:
            left, top, right, bottom = boxes[cell]
            if mask is None:
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
                name = collage.pictures.add(buffer.getvalue())
            else:
                alpha = (mask * np.uint8(255))[..., None]
                name = collage.pictures.add_pixels(np.concatenate([pixels, alpha], axis=-1))
            collage.layers.append(
                Layer(
                    name=plan.sources[plan.tile[cell]].path.stem,
                    image=name,
                    x=(int(left) + int(right)) / 2,
                    y=(int(top) + int(bottom)) / 2,
                    scale=1.0,
                )
            )
            cell += 1
    collage.made_by = MadeBy(
        tool="mosaic", versions={"vertumnus": __version__}, options=plan.options, report=plan.report
    )
    return collage
