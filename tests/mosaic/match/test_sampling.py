"""Area means against plain ones."""

import numpy as np
import pytest
from PIL import Image

from vertumnus.mosaic.library.summary import mean_cells
from vertumnus.mosaic.match.sampling import sample_boxes, sample_cells


def plain_mean(light, left, top, right, bottom):
    """The mean over a box by giving every pixel a hundred points."""
    rows, columns, _ = light.shape
    y = np.clip((top + (np.arange(400) + 0.5) / 400 * (bottom - top)).astype(int), 0, rows - 1)
    x = np.clip((left + (np.arange(400) + 0.5) / 400 * (right - left)).astype(int), 0, columns - 1)
    return light[y][:, x].mean(axis=(0, 1))


@pytest.mark.parametrize("shape", [(16, 16), (96, 128), (150, 217), (700, 240)])
def test_mean_cells(shape):
    """Within the share of a cell that lies between pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([np.sin(y / 11) * 90 + 128, np.cos(x / 9) * 90 + 128, (x + y) % 256], axis=-1).astype(np.uint8)
    cells = mean_cells(Image.fromarray(pixels)).astype(float)
    for row, column in ((0, 0), (3, 7), (9, 15), (15, 2)):
        box = (column * shape[1] / 16, row * shape[0] / 16, (column + 1) * shape[1] / 16, (row + 1) * shape[0] / 16)
        np.testing.assert_allclose(cells[row, column], plain_mean(pixels, *box), atol=4)
    np.testing.assert_allclose(cells.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), atol=1)


def test_boxes_within_many_pictures():
    pictures = np.random.default_rng(2).random((3, 16, 16, 3)).astype(np.float32)
    boxes = np.array([[0, 0, 16, 16], [1.3, 2.7, 11.1, 9.2], [8, 0, 16, 4]], np.float32)
    found = sample_boxes(pictures, boxes, 2)
    for n, (left, top, right, bottom) in enumerate(boxes):
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        np.testing.assert_allclose(found[n, 0, 0], plain_mean(pictures[n], left, top, middle_x, middle_y), atol=0.01)
        np.testing.assert_allclose(
            found[n, 1, 1], plain_mean(pictures[n], middle_x, middle_y, right, bottom), atol=0.01
        )


def test_cells_of_a_reference_and_beyond_its_border():
    light = np.random.default_rng(3).random((20, 30, 3)).astype(np.float32)
    boxes = np.array([[3.5, 2.25, 13.5, 12.25], [-5, 0, 5, 20]])
    found = sample_cells(light, boxes, 2)
    np.testing.assert_allclose(found[0, 0, 0], plain_mean(light, 3.5, 2.25, 8.5, 7.25), atol=0.01)
    np.testing.assert_allclose(found[1, 0, 0], light[:10, 0].mean(axis=0), atol=1e-5)  # the border repeats
    np.testing.assert_allclose(found[1, 1, 1], light[10:, :5].mean(axis=(0, 1)), atol=1e-5)
