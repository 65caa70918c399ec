"""Edges from the layers, and where they count."""

from pathlib import Path

import numpy as np
import pytest

from harmonizing.scenes import rough
from vertumnus.errors import VertumnusError
from vertumnus.harmonizing.layers import stack_of

pytest.importorskip("torch")
from vertumnus.harmonizing.control import ControlSpec, edges


def test_edges_are_the_layers_outlines_whatever_their_colour():
    collage = rough(64)
    red = collage.layers[1].image
    table = collage.pictures.add_pixels(np.full((8, 8, 4), [220, 30, 30, 255], np.uint8))
    collage.layers[0].image = table  # a red ball on a red table
    assert collage.layers[1].image == red
    stack = stack_of(collage, (64, 64))
    drawn = edges(stack)[..., 0] > 0
    seen = stack.seen(1)
    inner = seen & ~(np.roll(seen, 1, 0) & np.roll(seen, -1, 0) & np.roll(seen, 1, 1) & np.roll(seen, -1, 1))
    assert drawn[inner].all()
    assert not drawn[:10].any()
    assert drawn.mean() < 0.12


def test_specs():
    assert ControlSpec.parse("mini") == ControlSpec("mini")
    assert ControlSpec.parse("folder/depth=d.png") == ControlSpec("folder/depth", Path("d.png"))
    with pytest.raises(VertumnusError, match="names no model"):
        ControlSpec.parse("=d.png")
