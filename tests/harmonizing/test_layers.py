"""The layers of a collage on the working canvas: what is seen where, and composites."""

import numpy as np
import pytest

from harmonizing.scenes import rough
from vertumnus.document.collage import Layer
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.adjust import Adjusted, adjust
from vertumnus.harmonizing.layers import NOBODY, padded, stack_of, working_size
from vertumnus.harmonizing.maps import free, noise_map


def test_the_visible_layer_is_the_topmost_with_alpha():
    collage = rough()
    stack = stack_of(collage, (64, 64))
    expected = np.full((64, 64), NOBODY)
    for y in range(64):
        for x in range(64):
            for index in range(3):  # eq. in sec. 4.2, pixel by pixel
                if stack.pictures[index, y, x, 3] > 0:
                    expected[y, x] = index
    assert (stack.visible == expected).all()
    assert set(np.unique(expected)) == {0, 1, 2}
    assert stack.visible[32, 19] == 1
    assert stack.visible[32, 45] == 2


def test_composites_are_the_renderers(monkeypatch):
    collage = rough()
    stack = stack_of(collage, (64, 64))
    whole = np.asarray(collage.render())[..., :3].astype(int)
    assert np.abs(stack.composite().astype(int) - whole).max() <= 1
    first = stack.composite(1)
    assert (first[32, 19] == [30, 160, 60]).all()  # the ball is not there yet


def test_what_cannot_be_seen_is_named():
    collage = rough()
    collage.layers[1].visible = False
    collage.layers[2].x = -500
    stack = stack_of(collage, (64, 64))
    assert stack.hidden == ("ball",)
    assert stack.outside == ("cup",)
    collage.layers[0].visible = False
    with pytest.raises(VertumnusError, match="none can be seen"):
        stack_of(collage, (64, 64))


def test_a_map_holds_the_value_of_the_visible_layer():
    stack = stack_of(rough(), (64, 64))
    values = stack.map_of([0.1, 0.2, 0.3], 0.9)
    for index, value in enumerate((0.1, 0.2, 0.3)):
        assert np.allclose(values[stack.seen(index)], value)


def test_the_ground_counts_where_nobody_is():
    collage = rough()
    del collage.layers[0]
    stack = stack_of(collage, (64, 64))
    assert stack.map_of([0.1, 0.2], 0.9)[0, 0] == np.float32(0.9)
    assert (stack.composite()[0, 0] == 150).all()
    collage.background = "#102030"
    assert (stack_of(collage, (64, 64)).composite()[0, 0] == [16, 32, 48]).all()


def test_a_kept_layer_is_kept_under_the_blur():
    stack = stack_of(rough(), (64, 64))
    h = noise_map(stack, [0.0, 0.8, 0.4], 0.8, blur=0.05)
    assert (h[stack.seen(0)] == 0).all()
    assert h.max() <= np.float32(0.8)
    assert 0 < h[stack.seen(1)].min() < 0.8  # its border is blurred


def test_a_map_of_one_value_frees_all_at_once():
    stack = stack_of(rough(), (64, 64))
    h = noise_map(stack, [0.6] * 3, 0.6)
    assert (h == np.float32(0.6)).all()
    assert free(h, 0.59).all()
    assert not free(h, 0.61).any()


def test_noise_frees_in_order():
    stack = stack_of(rough(), (64, 64))
    h = noise_map(stack, [0.0, 0.3, 0.7], 0.0, blur=0)
    for t in (0.9, 0.5, 0.1, 0.0):
        allowed = free(h, t)
        assert not allowed[stack.seen(0)].any()
        assert allowed[stack.seen(1)].all() == (t <= 0.3)
        assert allowed[stack.seen(2)].all() == (t <= 0.7)


def test_the_rule_follows_size():
    stack = stack_of(rough(), (64, 64))
    table, ball, cup = adjust(stack)
    assert table == Adjusted(0.2, 0.4, 0.7, 0.3)  # it fills the canvas
    assert ball.attract > table.attract
    assert ball.repel > table.repel
    assert cup.noise == 0.4  # the topmost


def test_sizes():
    assert working_size(600, 600, 128) == (128, 128)
    width, height = working_size(800, 400, 512)
    assert width == 2 * height
    assert abs(width * height - 512**2) < 512
    assert working_size(800, 400, 512, longest=256) == (256, 128)
    picture = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    wide = padded(picture, 8)
    assert wide.shape == (8, 8, 3)
    assert (wide[:2, :3] == picture).all()
    assert (wide[7, 7] == picture[1, 2]).all()


def test_layers_of_every_kind_are_drawn_with_their_settings():
    collage = rough()
    collage.layers[1] = Layer(**{**collage.layers[1].model_dump(), "opacity": 0.5})
    stack = stack_of(collage, (64, 64))
    assert stack.pictures[1, 32, 19, 3] == 128
    middle = stack.composite()[32, 19].astype(int)
    assert np.abs(middle - np.array([250, 190, 90]) / 2).max() <= 1.5
