"""A line round a shape, as a layer."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from vertumnus.elements.svg import draw_svg
from vertumnus.imaging.colour import parse_colour
from vertumnus.shapes import Shape

MOST_PIXELS = 2_000_000  # of the raster that the line is found on


def contour_line(shape: Shape, across: int, down: int, width: float, color: str) -> tuple[bytes, bytes]:
    """A line round a shape on a canvas of across x down pixels: a PNG, and the SVG that it is made of."""
    zoom = min(1.0, np.sqrt(MOST_PIXELS / (across * down)))
    wide, high = max(1, round(across * zoom)), max(1, round(down * zoom))
    covered = np.pad(shape.coverage(wide, high).astype(np.float64), 1)
    parts = []
    for line in find_contours(covered, 127.5):
        points = (approximate_polygon(line, 0.25) - 0.5)[:, ::-1] / (wide / across, high / down)
        if len(points) > 3:
            parts.append("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points[:-1]) + "Z")
    red, green, blue, alpha = parse_colour(color)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{down}"'
        f' viewBox="0 0 {across} {down}"><path fill="none" stroke="#{red:02x}{green:02x}{blue:02x}"'
        f' stroke-opacity="{alpha / 255:.4g}" stroke-width="{width:g}" stroke-linejoin="round"'
        f' d="{"".join(parts)}"/></svg>\n'
    )
    pixels = draw_svg(drawing, across, down, "contour", own=True)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", compress_level=3)
    return buffer.getvalue(), drawing.encode()
