"""Placements and their groups of parameters: there or not, added up, refused where nothing can draw them."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob, element
from vertumnus.document.placement import Placement
from vertumnus.errors import VertumnusError
from vertumnus.render.composite import SpriteRenderer
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.parameters import GROUPS
from vertumnus.render.placements import Gradients, Placements
from vertumnus.render.splat import SplatRenderer
from vertumnus.render.sprites import Sprites, premultiplied

PIECE = element(blob(1, 20, 16))
SPRITES = Sprites.of([premultiplied(Image.fromarray(blob(1, 20, 16)))], [(20, 16)], [0])
RENDERERS = [
    CoverageRenderer(Textures.of([PIECE.texture], [PIECE.unit]), 30, 30),
    SpriteRenderer(SPRITES, 30, 30),
    SplatRenderer(SPRITES, 30, 30, 1.0, 1.0),
]
BAD = [("x", np.nan), ("y", np.inf), ("y", -1e300), ("log_scale", np.log(1e-300)), ("log_scale", -np.inf),
       ("log_scale", np.nan), ("rotation", np.nan)]  # fmt: skip


def two(**more):
    return Placements([15, 9], [12, 20], np.log([0.5, 0.8]), 0.3, [False, True], 0, **more)


def test_columns_are_views_of_their_group():
    p = two(gain=np.ones((2, 3)))
    p.x += 1
    p.green[1] = 0.5
    p.gain[0] = 2
    np.testing.assert_array_equal(p.pose[:, 0], [16, 10])
    np.testing.assert_array_equal(p.gain, [[2, 2, 2], [1, 0.5, 1]])
    assert "gain" in p
    assert "opacity" not in p
    with pytest.raises(AttributeError, match="no opacity here"):
        _ = p.opacity
    with pytest.raises(TypeError, match="there is no parameter 'colour'"):
        two(colour=1)


def test_what_is_copied_taken_and_joined_keeps_every_group():
    everything = {name: np.full((2, len(group.columns)), 0.5) for name, group in GROUPS.items() if name != "pose"}
    p = two(**everything)
    assert list(p) == list(GROUPS)
    for other in (p.copy(), p.take(np.array([0, 1])), two().join(p).take(np.array([2, 3]))):
        assert list(other) == list(GROUPS)
        assert all(np.array_equal(other[name], p[name]) for name in GROUPS)
        other.x += 1
        assert np.array_equal(other.x, p.x + 1)
        assert np.array_equal(other.flip, p.flip)
    np.testing.assert_array_equal(two().join(p).gain[:2], 1.0)


def test_the_sum_of_gradients_keeps_every_group_of_both():
    one = Gradients.by(x=[1.0, 2.0], opacity=[3.0, 4.0])
    two = Gradients.by(y=[5.0, 6.0], gain=np.ones((2, 3)))
    for total in (one.plus(two), two.plus(one)):
        np.testing.assert_array_equal(total.pose, [[1, 5, 0, 0], [2, 6, 0, 0]])
        np.testing.assert_array_equal(total.opacity, [3, 4])
        np.testing.assert_array_equal(total.gain, np.ones((2, 3)))


@pytest.mark.parametrize("renderer", RENDERERS, ids=lambda renderer: type(renderer).__name__)
@pytest.mark.parametrize(("column", "value"), BAD)
def test_no_kernel_is_asked_for_a_pose_that_cannot_be_drawn(renderer, column, value):
    p = two()
    getattr(p, column)[1] = value
    with pytest.raises(VertumnusError, match=f"^piece 1: {column}: .* cannot be drawn$"):
        renderer.forward(p)


@pytest.mark.parametrize("renderer", RENDERERS, ids=lambda renderer: type(renderer).__name__)
def test_no_kernel_is_asked_for_a_picture_that_is_not_there(renderer):
    for which in (1, -1):
        with pytest.raises(VertumnusError, match=f"^piece 1: which: there is no picture {which}$"):
            renderer.forward(two().showing([0, which]))


@pytest.mark.parametrize("renderer", RENDERERS, ids=lambda renderer: type(renderer).__name__)
def test_what_is_far_off_or_tiny_or_huge_is_drawn(renderer):
    p = two()
    p.x[:], p.log_scale[:] = [1e14, -1e14], [-26, 3]
    assert not renderer.forward(p).any()
    p.x[:], p.log_scale[:] = 15, [12, -26]
    assert renderer.forward(p)[15, 15].max() == pytest.approx(1, abs=0.01)
    assert all(np.isfinite(values).all() for values in renderer.backward(renderer.forward(p)).groups.values())


@pytest.mark.parametrize(("field", "value"), [("x", np.nan), ("y", np.inf), ("scale", 0.0), ("scale", -1.0),
                                              ("scale", np.nan), ("rotation", -np.inf)])  # fmt: skip
def test_a_placement_is_finite_and_has_a_size(field, value):
    with pytest.raises(VertumnusError, match=f"^{field}: must be "):
        Placement(**({"x": 1.0, "y": 2.0, "scale": 1.0} | {field: value}))
    p = two()
    before = p.copy()
    with pytest.raises(VertumnusError, match=f"^{field}: must be "):
        p.put(0, **{"x": 3.0, field: value})
    assert np.array_equal(p.pose, before.pose)


def test_putting_one_entry_changes_what_is_named():
    p = two()
    p.put(1, scale=2.0, rotation=90.0, flip=False)
    assert p.placement(1) == Placement(9, 20, 2.0, 90.0, False)
    assert p.placement(0) == two().placement(0)
