"""Justified rows in shapes: every picture whole within, none on another, in order, and little left free."""

import numpy as np
import pytest

from vertumnus.packing.chords import justified_within

SIDE = 240  # raster pixels, two to a canvas pixel


def disc():
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    return np.hypot(x, y) < SIDE / 2 - 1


def ring():
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    return disc() & (np.hypot(x, y) > SIDE / 5)


def rectangle():
    inside = np.zeros((SIDE, SIDE), bool)
    inside[20:200, 10:230] = True
    return inside


@pytest.mark.parametrize(("shape", "least"), [(disc, 0.8), (ring, 0.65), (rectangle, 0.95)])
@pytest.mark.parametrize(("count", "gap"), [(60, 0.0), (60, 1.5), (7, 0.0)])
def test_rows_lie_in_the_shape_and_apart(shape, least, count, gap):
    aspects = np.random.default_rng(count).choice([4 / 3, 3 / 4, 1.5, 1.0], count)
    inside = shape()
    found = justified_within(aspects, inside, 2, gap, 0.2)
    left, top, right, bottom = (2 * np.asarray(side) for side in found)
    taken = np.zeros(inside.shape, int)
    for box in np.column_stack([left, top, right, bottom]):
        x, y, beyond, below = np.ceil(box - 0.5).astype(int)
        taken[y:below, x:beyond] += 1
    assert taken.max() == 1
    assert not taken[~inside].any()
    for i in range(count):
        for j in range(i):
            across = max(left[i], left[j]) - min(right[i], right[j])
            down = max(top[i], top[j]) - min(bottom[i], bottom[j])
            assert max(across, down) >= 2 * gap - 1e-6
    factor = (right - left) / (bottom - top) / aspects
    # Each end is rounded by half a canvas pixel.
    slack = 2.5 / (right - left).min()
    assert 0.8 - slack <= factor.min()
    assert factor.max() <= 1.25 + slack
    order = sorted(range(count), key=lambda i: (top[i], left[i]))
    assert order == list(range(count))
    covered = taken.sum() / inside.sum()
    if count == 60:
        assert covered > least - 0.1 * gap
    assert len(set((bottom - top).round(6))) == 1


def test_what_cannot_be_cropped_lies_in_the_middle():
    found = justified_within(np.ones(1), rectangle(), 2, 0.0, 0.0)
    assert (found.left[0] + found.right[0]) / 2 == pytest.approx(60, abs=1)
    assert found.right[0] - found.left[0] == pytest.approx(found.bottom[0] - found.top[0], abs=1)


def test_rows_below_a_pixel_are_none():
    assert justified_within(np.ones(4000), np.ones((30, 30), bool), 2, 0.0, 0.1) is None
