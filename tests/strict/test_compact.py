"""Compaction: distances and contacts against plain geometry, steps against what is known of discs and squares."""

import numpy as np
import pytest

from drawn import element
from vertumnus.render.sprites import Sprites
from vertumnus.strict.nesting.compact import Compaction, compact, telling
from vertumnus.strict.nesting.contours import Contours
from vertumnus.strict.nesting.layout import Ground, Pieces
from vertumnus.strict.nesting.outlines import Outlines


def disc(side=96):
    y, x = np.mgrid[:side, :side] + 0.5
    alpha = np.clip(side * 0.45 - np.hypot(x - side / 2, y - side / 2) + 0.5, 0, 1)
    return np.stack([np.full((side, side), 99), *[np.zeros((side, side))] * 2, 255 * alpha], -1).astype(np.uint8)


DISC = element(disc(), "disc")
SQUARE = element(np.full((60, 60, 4), 255, np.uint8), "square")


def task(one, count, gap=0.0, turn=np.inf, size=(200, 200), locked=None):
    outlines = Outlines.of([one], 1.0)
    sprites = Sprites.of([one.alpha], [(one.width, one.height)], [one.level])
    unit = np.array([one.unit])
    pieces = Pieces(
        outlines=outlines, which=np.zeros(count, np.int32), turns=np.tile([-turn, turn], (count, 1)),
        angles=np.empty(0), flip=False, gap=gap, sprites=(), fine=tuple,
    )  # fmt: skip
    stay = np.empty((0, 3)) if locked is None else np.array([locked])
    fixed = (np.zeros(len(stay), np.int32), stay, np.ones(len(stay)), np.full(len(stay), 30.0))
    ground = Ground(np.ones((size[1], size[0]), bool), 2.0, fixed)
    return Compaction(Contours.of(outlines, sprites, unit), pieces, ground, np.full(count, 20.0))


def test_distances_to_a_disc_are_those_of_a_circle():
    contours = task(DISC, 1).contours
    radius = 1 / np.sqrt(np.pi)
    at = (np.arange(128) + 0.5) / 128 * 2 - 1
    x, y = np.meshgrid(at * contours.half[0, 0], at * contours.half[0, 1])
    true = np.hypot(x, y) - radius
    near = np.abs(true) < 0.1
    assert np.abs(contours.values[0] - true)[near].max() < 0.008
    assert np.abs(np.hypot(*contours.points[0, : contours.number[0]].T) - radius).max() < 0.006


@pytest.mark.parametrize("gap", [0.0, 3.0])
def test_a_contact_is_as_far_as_two_circles_are_apart(gap):
    one = task(DISC, 2, gap)
    pose = np.array([[40.0, 50.0, 0.3], [64.0, 57.0, -1.0]])
    _, normal, body = one.contacts(pose, np.ones(2), 1.0, 8.0)
    apart = np.hypot(24, 7) - 2 * 20 / np.sqrt(np.pi) - gap
    for mine, other in ((0, 1), (1, 0)):
        here = (body[:, 1] == mine) & (body[:, 2] == other)
        nearest = np.argmin(np.where(here, body[:, 0], np.inf))
        assert body[nearest, 0] == pytest.approx(apart, abs=0.15)
        way = (pose[mine] - pose[other])[:2] / 25
        assert normal[nearest] @ way > 0.98


def test_a_disc_alone_becomes_as_large_as_its_container():
    one = task(DISC, 1, size=(120, 160))
    found = compact(one, np.array([[25.0, 30.0, 0.0]]), np.ones(1), 1.0, np.inf, 60)
    assert found.factor * 20 / np.sqrt(np.pi) == pytest.approx(30, rel=0.01)
    assert found.pose[0, 0] == pytest.approx(30, abs=0.5)


def test_squares_that_may_not_turn_fill_a_square_and_no_factor_is_above_the_most():
    pose = np.array([[25.0, 26.0, 0.0], [76.0, 24.0, 0.0], [24.0, 75.0, 0.0], [73.0, 77.0, 0.0]])
    one = task(SQUARE, 4, turn=0.0)
    found = compact(one, pose, np.ones(4), 2.0, np.inf, 40)
    assert found.factor * 20 == pytest.approx(50, rel=0.006)
    assert (found.pose[:, 2] == 0).all()
    assert compact(one, pose, np.ones(4), 2.0, 2.2, 40).factor == pytest.approx(2.2)


def test_what_overlaps_is_parted_and_what_is_locked_stays():
    one = task(DISC, 2, locked=(50.0, 50.0, 0.0))
    pose = np.array([[50.0, 26.0, 0.0], [52.0, 74.0, 0.0]])
    found = compact(one, pose, np.ones(2), 1.0, np.inf, 40)
    assert found.overlap < 0.1
    radius = 20 * found.factor / np.sqrt(np.pi)
    for x, y, _ in found.pose:
        assert np.hypot(x - 50, y - 50) > radius + 30 / np.sqrt(np.pi) - 0.4
        assert min(x, y, 100 - x, 100 - y) > radius - 0.4
    # The largest two discs beside one in the middle of a square lie in opposite corners.
    assert radius > 15


def test_a_pair_that_is_to_be_clear_of_each_other_is():
    one = task(SQUARE, 2, turn=0.0, size=(200, 100))
    pose = np.array([[25.0, 25.0, 0.0], [75.0, 25.0, 0.0]])
    one.clear[(0, 1)] = 2.0
    found = compact(one, pose, np.ones(2), 2.4, np.inf, 40)
    assert found.pose[1, 0] - found.pose[0, 0] - 20 * found.factor == pytest.approx(2.0, abs=0.25)


def test_of_contacts_along_a_straight_edge_the_ends_say_all():
    t = np.linspace(0, 1, 11)
    level, upright = np.column_stack([t, 0 * t]), np.column_stack([0 * t, t])
    place = np.concatenate([level, upright])
    normal = np.repeat([[0.0, -1.0], [-1.0, 0.0]], 11, axis=0)
    out = np.concatenate([0.5 + 0.1 * t, np.ones(11)])
    body = np.column_stack([out, np.zeros(22), np.ones(22)])
    mixed = np.random.default_rng(0).permutation(22)

    def kept():
        return sorted(mixed[telling(place[mixed], normal[mixed], body[mixed])].tolist())

    assert kept() == [0, 10, 11, 21]
    body[5, 0] -= 0.2  # a bump
    assert kept() == [0, 5, 10, 11, 21]
    body[3, 2] = 2  # of another piece
    assert kept() == [0, 3, 5, 10, 11, 21]
    assert len(telling(place[:0], normal[:0], body[:0])) == 0
    # Whatever a piece does, the contacts that are kept are the ones it meets first.
    body[:, 2] = 1
    rng = np.random.default_rng(1)
    few = telling(place, normal, body)
    for _ in range(20):
        shift, turn = rng.normal(0, 0.1, 2), rng.normal(0, 0.1)
        moved = body[:, 0] + (normal * (shift + turn * np.column_stack([-place[:, 1], place[:, 0]]))).sum(1)
        assert moved[few].min() == pytest.approx(moved.min())
