"""The raster of bits, against every place tried one by one."""

import numpy as np
import pytest
from scipy import ndimage

from vertumnus.strict.bits import blocks_of, find_free, fits, grown, levels_of, make_stencil, most_touching, stamp

HEIGHT, WIDTH = 40, 150


def scene(seed, gap=0.0):
    rng = np.random.default_rng(seed)
    taken = ndimage.binary_dilation(rng.random((HEIGHT, WIDTH)) < 0.004, iterations=3)
    mask = ndimage.binary_dilation(rng.random((7, 70)) < 0.02, iterations=1)
    mask[3, 2:68] = True  # a run longer than a word of 64 pixels
    return taken, mask, make_stencil(mask, gap, 2, 50, rng)


def free_places(taken, stencil, reach=10**4, looks=10**6, every=1):
    levels = levels_of(taken)
    free = np.zeros((HEIGHT - stencil.height + 1, (WIDTH - stencil.width) // 64 + 1), np.uint64)
    find_free(levels, blocks_of(levels), reach, stencil.height, stencil.width, stencil.probes, looks, every, free)
    return levels, free, np.unpackbits(free.view(np.uint8), axis=1, bitorder="little").astype(bool)


@pytest.mark.parametrize("gap", [0.0, 1.5])
def test_free_places_are_those_where_no_pixel_is_taken_twice(gap):
    taken, mask, stencil = scene(3, gap)
    levels, _, found = free_places(taken, stencil)
    margin = (stencil.width - mask.shape[1]) // 2
    wide = ndimage.distance_transform_edt(~np.pad(mask, margin)) <= gap if gap else mask
    assert 0 < found.sum() < found.size
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            at = slice(y, y + stencil.height), slice(x, x + stencil.width)
            fit = x + stencil.width <= WIDTH and not (taken[at] & wide).any()
            assert found[y, x] == fit
            if x + stencil.width <= WIDTH:
                assert fits(levels, x, y, stencil.probes) == fit


def test_looking_at_less_finds_no_less():
    taken, _, stencil = scene(4)
    _, _, all_of_it = free_places(taken, stencil)
    _, _, some = free_places(taken, stencil, looks=5)
    assert (some | ~all_of_it).all()
    assert some.sum() > all_of_it.sum()
    _, _, rows = free_places(taken, stencil, every=3)
    assert (rows[::3] == all_of_it[::3]).all()
    assert not rows[1::3].any()


def test_stamping_takes_the_silhouette_and_nothing_else():
    taken, mask, stencil = scene(5)
    levels, free, _ = free_places(taken, stencil)
    blocks = blocks_of(levels)
    x, y, _ = most_touching(
        levels, free, WIDTH - stencil.width, stencil.probes, stencil.around, 50, 0.0, np.zeros(2),
        np.random.default_rng(0).random(64), 2,
    )  # fmt: skip
    stamp(levels, blocks, x, y, stencil.runs)
    after = taken.copy()
    assert not after[y : y + stencil.height, x : x + stencil.width][mask].any()
    after[y : y + stencil.height, x : x + stencil.width] |= mask
    np.testing.assert_array_equal(levels, levels_of(after))
    np.testing.assert_array_equal(blocks, blocks_of(levels))


def test_of_all_places_the_one_that_touches_most_is_taken():
    taken = np.zeros((HEIGHT, WIDTH), bool)
    taken[:, :20] = taken[20:, :] = True  # a corner
    stencil = make_stencil(np.ones((5, 9), bool), 0.0, 1, 1000, np.random.default_rng(0))
    levels, free, _ = free_places(taken, stencil, reach=2)
    x, y, _ = most_touching(
        levels, free, WIDTH - 9, stencil.probes, stencil.around, 10**6, 0.0, np.zeros(2), np.zeros(8), 2
    )
    assert (x, y) in [(20, 15), (20, 0), (WIDTH - 9, 15), (WIDTH - 9, 0)]


def test_grown_is_all_within_the_radius():
    mask = np.random.default_rng(1).random((20, 30)) < 0.02
    for radius in (1.0, 2.5, 4.0):
        np.testing.assert_array_equal(grown(mask, radius), ndimage.distance_transform_edt(~mask) <= radius)
