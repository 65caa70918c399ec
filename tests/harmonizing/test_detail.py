"""Fine detail put back where a layer stayed."""

import numpy as np
from scipy import ndimage

from harmonizing.scenes import rough
from vertumnus.harmonizing.detail import band, stayed, with_detail
from vertumnus.harmonizing.layers import stack_of


def striped():
    """A collage whose table has stripes, and a result that has lost them."""
    collage = rough(64)
    stack = stack_of(collage, (64, 64))
    stack.pictures[0, ::4, :, :3] = 255
    lost = ndimage.gaussian_filter(stack.composite().astype(np.float32), (3, 3, 0), mode="nearest")
    return stack, lost.astype(np.uint8)


def test_the_band_of_the_composite_takes_the_place_of_the_results():
    stack, lost = striped()
    whole = with_detail(stack, lost, 1.0)
    composite = stack.composite().astype(np.float32)
    deep = ndimage.distance_transform_edt(stack.seen(0)) >= 8
    wanted = lost + band(composite) - band(lost.astype(np.float32))
    assert np.abs(whole[deep] - np.clip(wanted[deep], 0, 255)).max() <= 1
    half = with_detail(stack, lost, 0.5)
    assert np.abs(half[deep] - (whole[deep] / 2 + lost[deep] / 2)).mean() < 2
    assert (with_detail(stack, lost, 0.0) == lost).all()

    def lines(picture):
        return np.abs(np.diff(picture.astype(float), axis=0))[:20].mean()

    assert lines(whole) > 3 * lines(lost)


def test_a_layer_that_is_not_where_it_was_gives_none():
    stack, lost = striped()
    composite = stack.composite().astype(np.float32)
    ball = stack.seen(1)
    assert stayed(composite, lost.astype(np.float32), ball)
    assert not stayed(composite, 255 - composite, ball)
    assert not stayed(composite, np.full_like(composite, 9), ball)
    moved = lost.copy()
    moved[ball] = (30, 160, 60)
    y, x = np.nonzero(ball)
    moved[:] = (30, 160, 60)
    assert (with_detail(stack, moved, 1.0)[y, x] == moved[y, x]).all()
