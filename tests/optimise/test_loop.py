"""The loop: it finds what is known to be best, can be watched, bounded, stopped and resumed."""

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.errors import VertumnusError
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import load_checkpoint, save_checkpoint
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.placements import Placements

PIECE = element(blob(1, 60, 50))
TEXTURES = Textures.of([PIECE.texture], [PIECE.unit])
SIZE = 80


def place(x, y, size, turn):
    one = np.ones(1)
    return Placements(
        x * one, y * one, np.log(size / PIECE.unit) * one, turn * one, np.zeros(1, bool), np.zeros(1, np.int32)
    )


def free(count=1, **changes):
    bounds = {
        "movable": np.ones(count, bool),
        "log_scale_low": np.full(count, -9.0),
        "log_scale_high": np.full(count, 9.0),
        "rotation_low": np.full(count, -np.inf),
        "rotation_high": np.full(count, np.inf),
        "one_scale": False,
        "width": SIZE,
        "height": SIZE,
    }
    return Bounds(**(bounds | changes))


class Likeness:
    """Half the summed squared difference from a picture."""

    def __init__(self, target):
        self.target = target

    def __call__(self, canvas, progress):
        assert 0 <= progress <= 1
        difference = canvas - self.target
        return 0.5 * float((difference**2).sum()), difference


def run(start, freedom, seed=0, iterations=150, noise=0.0):
    goal = CoverageRenderer(TEXTURES, SIZE, SIZE).forward(place(45, 38, 30, 0.4)).copy()
    stage = Stage(CoverageRenderer(TEXTURES, SIZE, SIZE), Likeness(goal), iterations, (1.0, 0.05))
    return Optimiser(start, np.array([PIECE.unit]), [stage], freedom, np.random.default_rng(seed), noise=noise)


def test_it_finds_the_placement_a_picture_was_made_with():
    start = place(38, 44, 24, 0.0)
    losses = [step.loss for step in run(start, free())]
    assert losses[-1] < 0.01 * losses[0]
    assert start.x[0] == pytest.approx(45, abs=0.3)
    assert start.y[0] == pytest.approx(38, abs=0.3)
    assert np.exp(start.log_scale[0]) * PIECE.unit == pytest.approx(30, abs=0.3)
    assert start.rotation[0] == pytest.approx(0.4, abs=0.02)


def test_bounds_hold_at_every_step():
    start = place(38, 44, 24, 0.0)
    low, high = np.log(22 / PIECE.unit), np.log(26 / PIECE.unit)
    bounds = free(
        log_scale_low=np.array([low]),
        log_scale_high=np.array([high]),
        rotation_low=-np.ones(1) / 9,
        rotation_high=np.ones(1) / 9,
    )
    for step in run(start, bounds, noise=0.2):
        assert low - 1e-12 <= step.placements.log_scale[0] <= high + 1e-12
        assert abs(step.placements.rotation[0]) <= 1 / 9


def test_what_is_locked_stays_and_may_be_locked_on_the_way():
    start = place(38, 44, 24, 0.0)
    optimiser = run(start, free(), noise=0.1)
    for step in optimiser:
        if step.iteration == 10:
            step.freedom.movable[:] = False
            pinned = step.placements.copy()
    assert (start.x, start.y, start.log_scale, start.rotation) == (
        pinned.x,
        pinned.y,
        pinned.log_scale,
        pinned.rotation,
    )


def test_one_scale_keeps_ratios():
    p = Placements(
        *(np.array([a, b], float) for a, b in [(1, 2), (3, 4), (0.1, 0.7), (0, 0)]),
        np.zeros(2, bool),
        np.zeros(2, np.int32),
    )
    bounds = free(2, one_scale=True, log_scale_high=np.array([0.0, 0.5]), log_scale_low=np.array([-1.0, -0.4]))
    bounds.clip(p)
    np.testing.assert_allclose(p.log_scale, [-0.1, 0.5])


def test_the_caller_may_move_an_element_and_stop():
    start = place(38, 44, 24, 0.0)
    for step in run(start, free()):
        if step.iteration == 5:
            step.placements.x[0] = 60.0
        if step.iteration == 6:
            assert abs(start.x[0] - 60) < 3
            break
    assert step.iteration == 6


def test_same_seed_same_run():
    one, two, other = place(38, 44, 24, 0.0), place(38, 44, 24, 0.0), place(38, 44, 24, 0.0)
    for start, seed in ((one, 1), (two, 1), (other, 2)):
        for _ in run(start, free(), seed, noise=0.1, iterations=60):
            pass
    assert one.x[0] == two.x[0]
    assert one.x[0] != other.x[0]


def test_a_resumed_run_ends_where_the_whole_one_does(tmp_path):
    whole, half, resumed = (place(38, 44, 24, 0.0) for _ in range(3))
    for _ in run(whole, free(), noise=0.1):
        pass
    optimiser = run(half, free(), noise=0.1)
    for step in optimiser:
        if step.iteration == 70:
            save_checkpoint(tmp_path / "c.npz", {"seed": 0}, step.state())
            break
    optimiser = run(resumed, free(), seed=99, noise=0.1)
    optimiser.restore(load_checkpoint(tmp_path / "c.npz", {"seed": 0}))
    for _ in optimiser:
        pass
    assert resumed.x[0] == whole.x[0]
    assert resumed.log_scale[0] == whole.log_scale[0]


def test_bad_checkpoints(tmp_path):
    path = tmp_path / "c.npz"
    with pytest.raises(VertumnusError, match="no such checkpoint"):
        load_checkpoint(path, {})
    path.write_bytes(b"junk")
    with pytest.raises(VertumnusError, match="not a readable checkpoint"):
        load_checkpoint(path, {})
    save_checkpoint(path, {"seed": 1}, {"a": np.ones(2), "b": 3})
    state = load_checkpoint(path, {"seed": 1})
    assert state["b"] == 3
    with pytest.raises(VertumnusError, match="seed: the checkpoint is of another run"):
        load_checkpoint(path, {"seed": 2})
    np.savez(path, head=np.array([{}], object))
    with pytest.raises(VertumnusError, match="not a readable checkpoint"):
        load_checkpoint(path, {"seed": 1})
