"""The initial random search: the best of several layouts begins the run, and nothing else changes."""

import numpy as np
import pytest
from PIL import Image

from drawn import blob
from vertumnus.composing.compose import live_compose
from vertumnus.composing.initial import best_start
from vertumnus.composing.start import random_layout


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    for n in range(4):
        Image.fromarray(blob(n, 40, 50)).save(folder / f"{n}.png")
    Image.fromarray(blob(9, 64, 64)).convert("RGB").save(folder.parent / "reference.png")
    return folder


def started(pieces, **more):
    fields = {"size": 48, "count": 6, "iterations": 12, "resolution": 48, "initial": "random"}
    return live_compose(str(pieces), like=pieces.parent / "reference.png", **(fields | more))


@pytest.mark.parametrize("steps", [0, 3])
def test_the_best_of_several_begins(pieces, steps):
    live = started(pieces)
    live.joint.guidance = live.guidance
    o, rng = live.optimiser, np.random.default_rng(1)
    others = [random_layout(live.scene.which, live.scene.longer, live.scene.size, rng) for _ in range(4)]
    for one in others:
        one.groups["gain"] = o.placements["gain"].copy()
    losses = best_start(o, others, steps, live.joint, np.random.default_rng(5))
    assert len(losses) == 5
    assert len(set(losses)) == 5
    assert o.iteration == 0
    chosen = live.joint(live.look(), 0.0)[0]
    assert chosen == pytest.approx(min(losses), rel=1e-6)
    if not steps:
        layouts = [one["pose"] for one in others]
        assert losses[0] == min(losses) or any(np.array_equal(o.placements["pose"], pose) for pose in layouts)


def test_a_run_begins_with_it_and_is_the_same_again(pieces):
    one, two = (started(pieces, initial_search=6, initial_search_steps=1) for _ in range(2))
    plain = started(pieces)
    first = [next(iter(live)).loss for live in (one, two, plain)]
    assert first[0] == first[1] < first[2]
    for live in (one, two):
        live.run()
    np.testing.assert_array_equal(one.placements()["pose"], two.placements()["pose"])


def test_resumed_it_goes_on_the_same_way(pieces):
    whole, part = (started(pieces, initial_search=3, population=2, evolution_interval=4) for _ in range(2))
    for live in part:
        if live.done == 5:
            break
    after = started(pieces, initial_search=3, population=2, evolution_interval=4)
    after.restore(part.state())
    np.testing.assert_array_equal(whole.run().placements()["pose"], after.run().placements()["pose"])
