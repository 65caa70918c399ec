"""Voids: where there is most room on a raster."""

import numpy as np
import pytest

from vertumnus.strict import voids
from vertumnus.strict.voids import largest_voids


def test_voids_are_the_same_however_finely_a_raster_is_drawn(monkeypatch):
    free = np.zeros((400, 600), bool)
    free[40:160, 60:260] = True  # the widest place has radius 60
    free[240:320, 400:480] = True  # and this 40
    centres, radii = largest_voids(free, 2)
    monkeypatch.setattr(voids, "PIXELS", free.size // 16)  # looked at in blocks of 4 x 4
    coarse, about = largest_voids(free, 2)
    assert about == pytest.approx(radii, abs=4)
    assert np.all(radii >= about)
    assert coarse[1] == pytest.approx(centres[1], abs=8)
    assert coarse[0][1] + 8 >= 100
    assert 40 < coarse[0][0] < 260


def test_voids_are_where_the_distance_is_largest_and_apart():
    free = np.zeros((60, 90), bool)
    free[10:41, 5:46] = True
    free[20:31, 60:81] = True
    centres, radii = largest_voids(free, 3, least_radius=5.0)
    # Of a rectangle with an odd side the distance of its middle row to the outside is half that side, rounded up.
    assert radii[0] == 16
    assert centres[0][1] == 25.5
    assert 5 < centres[0][0] < 46
    assert radii.tolist() == sorted(radii, reverse=True)
