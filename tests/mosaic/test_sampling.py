"""Area means against plain ones."""

import numpy as np
import pytest

from vertumnus.mosaic.colour import LINEAR
from vertumnus.mosaic.reference import sample_cells
from vertumnus.mosaic.sampling import mean_cells, sample_boxes


def plain_mean(light, left, top, right, bottom):
    """The mean over a box by giving every pixel a hundred points."""
    rows, columns, _ = light.shape
    y = np.clip((top + (np.arange(400) + 0.5) / 400 * (bottom - top)).astype(int), 0, rows - 1)
    x = np.clip((left + (np.arange(400) + 0.5) / 400 * (right - left)).astype(int), 0, columns - 1)
    return light[y][:, x].mean(axis=(0, 1))


@pytest.mark.parametrize("shape", [(16, 16), (37, 53), (9, 100), (5, 3)])
def test_mean_cells(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    cells = mean_cells(pixels, 4)
    light = LINEAR[pixels]
    for y in range(4):
        for x in range(4):
            box = (x * shape[1] / 4, y * shape[0] / 4, (x + 1) * shape[1] / 4, (y + 1) * shape[0] / 4)
            np.testing.assert_allclose(cells[y, x], plain_mean(light, *box), atol=0.01)
    np.testing.assert_allclose(cells.mean(axis=(0, 1)), light.mean(axis=(0, 1)), rtol=1e-4)


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
