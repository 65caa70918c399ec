"""Nesting: stamps, conflicts and layouts against plain loops."""

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.elements.distance import distance_texture
from vertumnus.render.sprites import Sprites
from vertumnus.strict.nesting.layout import Ground, Layout, Pieces, spans_for
from vertumnus.strict.nesting.outlines import Outlines, fine_points
from vertumnus.strict.nesting.search import part
from vertumnus.strict.nesting.stamps import DEPTH, RIM, add_stamp, render_stamp

PIECES = [element(blob(seed, 40 + 5 * seed, 60 - 4 * seed), f"{seed}") for seed in range(4)]
NONE = (np.empty(0, np.int32), np.empty((0, 3)), np.empty(0), np.empty(0))


def pieces(count, **more):
    outlines = Outlines.of(PIECES)
    sprites = Sprites.of([e.alpha for e in PIECES], [(e.width, e.height) for e in PIECES], [e.level for e in PIECES])
    unit = np.array([e.unit for e in PIECES])
    given = {
        "outlines": outlines,
        "which": np.arange(count, dtype=np.int32) % 4,
        "turns": np.tile([-np.inf, np.inf], (count, 1)),
        "angles": np.empty(0),
        "flip": False,
        "gap": 0.0,
        "sprites": (sprites.texels, sprites.table, sprites.size, unit),
        "fine": lambda: fine_points(sprites, outlines.centre, unit),
    }
    return Pieces(**{**given, **more})


def depth_of(which, x, y, turn, mirror, size, gap, shape):
    """A stamp by its definition: distance read from the texture, one pixel after the other."""
    e = PIECES[which]
    texture = distance_texture(e.alpha, e.level, e.width, e.height, e.area)
    centre = Outlines.of(PIECES).centre[which]
    found = np.zeros(shape, int)
    for row in range(shape[0]):
        for column in range(shape[1]):
            dx, dy = column + 0.5 - x, row + 0.5 - y
            p = (np.cos(turn) * dx + np.sin(turn) * dy) * mirror / size + centre[0]
            q = (np.cos(turn) * dy - np.sin(turn) * dx) / size + centre[1]
            if abs(p) > e.width / e.unit / 2 + gap / size or abs(q) > e.height / e.unit / 2 + gap / size:
                continue
            u = np.clip((p / texture.half_width + 1) * 32 - 0.5, 0, 62.999)
            v = np.clip((q / texture.half_height + 1) * 32 - 0.5, 0, 62.999)
            i, j = int(v), int(u)
            a, b = v - i, u - j
            t = texture.values
            d = (1 - a) * ((1 - b) * t[i, j] + b * t[i, j + 1]) + a * ((1 - b) * t[i + 1, j] + b * t[i + 1, j + 1])
            depth = gap - d * size
            if depth > 0:
                found[row, column] = int((depth + RIM) * DEPTH)
    return found


@pytest.mark.parametrize(("turn", "mirror", "gap"), [(0.0, 1.0, 0.0), (0.7, -1.0, 0.0), (-2.0, 1.0, 1.0)])
def test_a_stamp_is_the_depth_in_the_piece(turn, mirror, gap):
    p, size = pieces(1), np.array([17.0])
    spans = spans_for(p.outlines, p.which, size, gap)
    total = np.zeros((40, 44), np.int32)
    o = p.outlines
    arrays = (o.values, o.half, o.box, o.centre)
    render_stamp(0, 21.3, 18.8, turn, gap, np.array([mirror]), size, p.which, arrays, spans, total.shape)
    add_stamp(0, 8, total, spans)
    plain = depth_of(0, 21.3, 18.8, turn, mirror, 17.0, gap, total.shape)
    assert np.count_nonzero((plain > 0) != (total > 0)) <= 2  # rounding at the very edge
    both = (plain > 0) & (total > 0)
    assert np.abs(plain - total)[both].max() <= 2
    add_stamp(0, 5, total, spans)
    add_stamp(0, -5, total, spans)
    add_stamp(0, -8, total, spans)
    assert not total.any()


def layout(count=8, zoom=1.0, size=20.0, exact=False, **more):
    rng = np.random.default_rng(3)
    ground = Ground(np.ones((80, 90), bool), zoom, NONE)
    pose = np.column_stack([rng.uniform(20, 70, count), rng.uniform(20, 60, count), rng.uniform(-3, 3, count)])
    return Layout(pieces(count, **more), ground, pose, np.ones(count), np.full(count, size), exact)


@pytest.mark.parametrize("exact", [False, True])
def test_conflicts_are_counted_and_moving_apart_ends_them(exact):
    lay = layout(exact=exact)
    stamps = []
    for i in range(8):
        one = np.zeros_like(lay.total)
        add_stamp(i, 8, one, lay.spans)
        stamps.append(one)
    np.testing.assert_array_equal(np.sum(stamps, axis=0), lay.total)
    cover = sum((one > 0).astype(int) for one in stamps)
    outside = (cover * (lay.wall > 0)).sum()
    assert lay.pixels == cover.sum()
    assert lay.bad == np.maximum(cover - 1, 0).sum() + outside > 0
    assert part(lay, np.random.default_rng(0), 0.0, 60, np.inf)
    again = np.zeros_like(lay.total)
    for i in range(8):
        add_stamp(i, 8, again, lay.spans)
    np.testing.assert_array_equal(again, lay.total)
    assert lay.bad == 0


def test_turns_keep_to_their_bounds_and_to_the_angles_there_are():
    lay = layout(turns=np.tile([-0.2, 0.2], (8, 1)), size=18.0)
    lay.pose[:, 2] = 0.0
    lay.stamp()
    assert part(lay, np.random.default_rng(0), 0.0, 60, np.inf)
    assert np.abs(lay.pose[:, 2]).max() <= 0.2
    assert np.abs(lay.pose[:, 2]).max() > 0
    lay = layout(angles=np.array([0.0, np.pi / 2]), size=18.0)
    lay.pose[:, 2] = 0.0
    lay.stamp()
    assert part(lay, np.random.default_rng(0), 0.0, 60, np.inf)
    assert set(lay.pose[:, 2]) == {0.0, np.pi / 2}
