"""Sowing: everything placed, in proportion, nothing on anything else."""

import numpy as np
import pytest

from vertumnus.strict.sow import Field, Seeds, one_round, sow


class Box:
    """A rectangle that covers every pixel it touches."""

    def __init__(self, width, height):
        self.size = np.array([width, height])

    def draw(self, scale, degrees):
        width, height = self.size * scale if degrees == 0 else self.size[::-1] * scale
        x, y = np.ceil(width / 2), np.ceil(height / 2)
        return np.ones((int(2 * y), int(2 * x)), bool), x, y


def boxes(count, seed=0, turned=True):
    rng = np.random.default_rng(seed)
    pieces = [Box(rng.uniform(1, 6), rng.uniform(0.5, 2)) for _ in range(count)]
    share = np.sort(rng.pareto(1.5, count) + 0.3)[::-1]
    share = np.sqrt(share / share.sum())
    size = np.array([np.sqrt(piece.size.prod()) for piece in pieces])
    return Seeds(pieces, size, share, share, [[0.0, -90.0] if turned else [0.0]] * count)


def draw(seeds, ground, layout):
    taken = np.zeros(ground.inside.shape, int)
    for piece, place in zip(seeds.pieces, layout, strict=True):
        mask, x, y = piece.draw(place.scale, place.degrees)
        top, left = round(place.y - y), round(place.x - x)
        assert top >= 0
        assert left >= 0
        view = taken[top : top + mask.shape[0], left : left + mask.shape[1]]
        assert view.shape == mask.shape
        view += mask
    return taken


def test_all_are_placed_in_proportion_and_apart():
    seeds = boxes(40)
    rows, columns = np.mgrid[:120, :180]
    ground = Field((rows - 60) ** 2 / 60**2 + (columns - 90) ** 2 / 90**2 <= 1)
    *_, last = sow(seeds, ground, 0, rounds=2)
    assert last.final
    assert last.placed == 40
    taken = draw(seeds, ground, last.layout)
    assert taken.max() == 1
    assert not taken[~ground.inside].any()
    areas = np.array([place.scale * size for place, size in zip(last.layout, seeds.size, strict=True)])
    np.testing.assert_allclose(areas / seeds.share, areas[0] / seeds.share[0])
    assert areas @ areas == pytest.approx(last.density * ground.area)
    assert last.density > 0.5


def test_the_same_seed_is_the_same_layout():
    seeds, inside = boxes(12), np.ones((60, 90), bool)
    first, again = ([*sow(seeds, Field(inside), 3, rounds=1)][-1].layout for _ in range(2))
    assert first == again
    assert first != [*sow(seeds, Field(inside), 4, rounds=1)][-1].layout


def test_a_gap_is_kept():
    seeds, ground = boxes(15), Field(np.ones((90, 120), bool), 2.0)
    *_, last = sow(seeds, ground, 0, rounds=1)
    owner = np.zeros(ground.inside.shape, int)
    for number, (piece, place) in enumerate(zip(seeds.pieces, last.layout, strict=True), 1):
        mask, x, y = piece.draw(place.scale, place.degrees)
        top, left = round(place.y - y), round(place.x - x)
        owner[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = number
    points = [np.argwhere(owner == number) for number in range(1, 16)]
    for i in range(15):
        for j in range(i):
            apart = points[i][:, None] - points[j][None]
            assert np.hypot(apart[..., 0], apart[..., 1]).min() > 2.0


def test_one_far_too_wide_makes_all_smaller_and_is_named():
    seeds = boxes(10, turned=False)
    seeds.pieces[7] = wide = Box(60.0, 0.5)
    seeds.size[7] = np.sqrt(wide.size.prod())
    ground = Field(np.ones((60, 60), bool))
    *_, last = sow(seeds, ground, 0, rounds=2)
    assert last.placed == 10
    assert 7 in last.limits
    assert last.layout[7].scale * 60 <= 60


def test_a_round_names_what_found_no_place():
    seeds, ground = boxes(10), Field(np.ones((40, 40), bool))
    layout = one_round(seeds, ground, np.arange(10), 1.0, 0)
    assert None in layout
    placed = [(piece, place) for piece, place in zip(seeds.pieces, layout, strict=True) if place is not None]
    assert placed


def test_what_can_never_be_placed_ends():
    inside = np.zeros((30, 30), bool)
    inside[3, 4:7] = True
    *_, last = sow(boxes(10), Field(inside), 0, rounds=1)
    assert last.final
    assert None in last.layout
