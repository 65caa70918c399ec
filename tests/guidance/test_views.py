"""Random looks at a picture: the maps, by hand and by slow loops."""

import numpy as np
import pytest
import torch

from vertumnus.guidance.views import CORNERS, fitted, homography, looks, random_maps, warp


def test_a_homography_takes_corners_to_corners():
    rng = np.random.default_rng(0)
    source = torch.tensor(CORNERS).double().expand(5, 4, 2)
    target = source + torch.from_numpy(rng.uniform(-0.4, 0.4, (5, 4, 2)))
    h = homography(source, target)
    found = torch.cat([source, torch.ones(5, 4, 1)], -1) @ h.transpose(1, 2)
    torch.testing.assert_close(found[..., :2] / found[..., 2:], target)


def test_a_warp_is_a_slow_bilinear_look_up():
    rng = np.random.default_rng(1)
    image = torch.from_numpy(rng.random((1, 1, 7, 9)))
    h = torch.tensor([[[0.7, 0.1, 0.1], [-0.1, 0.8, 0.05], [0.1, 0.05, 1.0]]]).double()
    found = warp(image, h, 5)[0, 0]
    for row in range(5):
        for column in range(5):
            p = h[0] @ torch.tensor([(column + 0.5) / 5 * 2 - 1, (row + 0.5) / 5 * 2 - 1, 1.0]).double()
            x, y = ((p[0] / p[2] + 1) * 9 - 1) / 2, ((p[1] / p[2] + 1) * 7 - 1) / 2
            total = 0.0
            for i in range(7):
                for j in range(9):
                    total += float(image[0, 0, i, j]) * max(0, 1 - abs(float(y) - i)) * max(0, 1 - abs(float(x) - j))
            assert float(found[row, column]) == pytest.approx(total, abs=1e-6)


def test_looks_are_crops_of_a_share_and_see_the_ground_beyond():
    generator = torch.Generator().manual_seed(3)
    maps = random_maps(200, generator, 0.0, (0.5, 0.6)).double()
    assert maps[:, 2].allclose(torch.tensor([0.0, 0.0, 1.0]).double(), atol=1e-6)
    area = maps[:, 0, 0] * maps[:, 1, 1]
    assert float(area.min()) > 0.4
    assert float(area.max()) <= 0.6 + 1e-6
    assert bool(((maps[:, :2, 2].abs() + torch.stack([maps[:, 0, 0], maps[:, 1, 1]], 1)) <= 1 + 1e-5).all())
    far = random_maps(50, generator, 0.8, (1.0, 1.0))
    ground = torch.tensor([0.2, 0.4, 0.6])
    seen = looks(torch.ones(2, 3, 16, 16), far, 16, ground)
    assert seen.shape == (2, 50, 3, 16, 16)
    assert float(seen[:, :, 0].min()) == pytest.approx(0.2, abs=1e-5)
    torch.testing.assert_close(seen[0], seen[1])


def test_a_picture_is_fitted_into_a_square_without_being_stretched():
    ground = torch.zeros(3)
    square = fitted(torch.ones(1, 3, 4, 8), 8, ground)
    assert square[0, 0].sum() == 32
    assert float(square[0, 0, :2].sum()) == 0
