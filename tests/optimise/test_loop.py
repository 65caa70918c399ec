"""The loop: it finds what is known to be best, can be watched, bounded, stopped and resumed."""

import re

import numpy as np
import pytest

from drawn import blob, element
from vertumnus.errors import VertumnusError
from vertumnus.optimise.bounds import Bounds
from vertumnus.optimise.checkpoint import load_checkpoint, require_writable, save_checkpoint
from vertumnus.optimise.loop import Optimiser, Stage
from vertumnus.render.coverage import CoverageRenderer, Textures
from vertumnus.render.placements import Gradients, Placements

PIECE = element(blob(1, 60, 50))
TEXTURES = Textures.of([PIECE.texture], [PIECE.unit])
SIZE = 80


def place(x, y, size, turn):
    one = np.ones(1)
    return Placements(
        x * one, y * one, np.log(size / PIECE.unit) * one, turn * one, np.zeros(1, bool), np.zeros(1, np.int32)
    )


def free(count=1, **changes):
    return Bounds.of(np.ones(count, bool), SIZE, SIZE, **({"log_scale": (-9.0, 9.0)} | changes))


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
    bounds = free(log_scale=(low, high), rotation=(-1 / 9, 1 / 9))
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
    bounds = free(2, one_scale=True, log_scale=([-1.0, -0.4], [0.0, 0.5]))
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


def everything(count=2):
    """An optimiser of every group, all free, in its fifth step."""
    start = Placements(
        np.linspace(30, 50, count), 40.0, np.log(20 / PIECE.unit), 0.0, False, 0,
        form=np.zeros((count, 2)), opacity=np.ones(count), gain=np.ones((count, 3)), order=np.zeros(count),
    )  # fmt: skip
    groups = dict.fromkeys(("form", "opacity", "gain", "order"), (None, None))

    class Everything:
        """A gradient by every group, whatever is drawn."""

        zoom = 1.0

        def forward(self, placements):
            self.placements = placements.copy()
            return np.zeros((2, 2), np.float32)

        def backward(self, grad_canvas):
            return Gradients({name: np.sin(values + 1) for name, values in self.placements.groups.items()})

    stage = Stage(Everything(), Likeness(0.0), 20, (1.0, 0.5), steps={"gain": (0.1, 0.05)})
    unit = np.full(count, PIECE.unit)
    return Optimiser(start, unit, [stage], free(count, **groups), np.random.default_rng(4), noise=0.0)


def test_every_group_is_stepped_by_its_own_step_and_bounded():
    optimiser = everything()
    before = optimiser.placements.copy()
    for _ in optimiser:
        break
    moved = {name: np.abs(values - before[name]) for name, values in optimiser.placements.groups.items()}
    # Adam's first step is one of the step's size, whatever the gradient.
    for name, step in (("form", 0.02), ("opacity", 0.02), ("gain", 0.1), ("order", 0.02)):
        np.testing.assert_allclose(moved[name], step, rtol=1e-4)
    np.testing.assert_allclose(moved["pose"][:2], 1.0, rtol=1e-4)

    optimiser = everything()
    optimiser.freedom = free(2, opacity=(0.95, 1.0), gain=(None, [[1.01, 1.02, 1.03]] * 2))
    for step in optimiser:
        assert step.placements.opacity.min() >= 0.95
    assert step.placements.opacity.max() == 0.95
    assert not step.placements.form.any()  # bounds do not name it, so it stays


def test_more_may_be_added_shown_and_taken_away_between_steps():
    optimiser = everything()
    for step in optimiser:
        if step.iteration == 3:
            two = step.placements.copy()
            step.add(two, np.full(2, PIECE.unit), free(2, form=(None, None)))
            size = np.exp(step.placements.log_scale[1]) * step.unit[1]
            step.show(1, 0, 2 * PIECE.unit)
            assert np.exp(step.placements.log_scale[1]) * step.unit[1] == pytest.approx(size)
        if step.iteration == 6:
            assert len(step.placements) == 4
            assert not np.array_equal(step.placements.form[2:], two.form)
            step.remove(np.array([0]))
    assert len(step.placements) == 3
    assert step.iteration == 20


def test_a_state_holds_every_group_and_what_is_shown_and_pinned(tmp_path):
    whole = everything()
    whole.freedom.movable[0] = False
    whole.placements.which[:] = [3, 1]
    for step in whole:
        if step.iteration == 5:
            save_checkpoint(tmp_path / "c.npz", {}, step.state())
    resumed = everything()
    resumed.restore(load_checkpoint(tmp_path / "c.npz", {}))
    assert resumed.iteration == 5
    assert not resumed.freedom.movable[0]
    assert resumed.placements.which.tolist() == [3, 1]
    for _ in resumed:
        pass
    for name in whole.placements:
        np.testing.assert_array_equal(resumed.placements[name], whole.placements[name])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("placements.pose", None, "is missing"),
        ("placements.pose", np.zeros((4, 3)), "has shape 4 x 3, not 4 x 2"),
        ("placements.gain", np.full((3, 2), np.nan), "holds a number that is not finite"),
        ("placements.opacity", np.full((1, 2), 2.0), "cannot be drawn"),
        ("placements.form", np.zeros((2, 2), int), "is not an array of numbers"),
        ("which", np.zeros(2), "is not an array of whole numbers"),
        ("movable", None, "is missing"),
        ("flip", np.zeros(2), "is not an array of flags"),
        ("adam.form.mean", np.zeros((2, 5)), "has shape 2 x 5, not 2 x 2"),
        ("adam.form.square", np.full((2, 2), np.inf), "not finite"),
        ("adam.form.count", "many", "must be a whole number from"),
        ("iteration", 21, "must be a whole number from 0 to 20, not 21"),
        ("iteration", 2.5, "must be a whole number"),
        ("rng", {"bit_generator": "PCG64"}, "is not the state of a random generator"),
    ],
)
def test_a_checkpoint_is_validated_whole_before_anything_changes(tmp_path, field, value, words):
    optimiser = everything()
    for step in optimiser:
        if step.iteration == 5:
            break
    state = optimiser.state()
    if value is None:
        del state[field]
    else:
        state[field] = value
    save_checkpoint(tmp_path / "c.npz", {}, state)
    other = everything()
    before = other.state()
    name = "placements.opacity: piece 0: opacity" if field == "placements.opacity" else field
    sentence = re.escape(f"{tmp_path / 'c.npz'}: ") + ".*" + re.escape(name.split(".")[-1]) + ".*" + re.escape(words)
    with pytest.raises(VertumnusError, match=sentence) as error:
        other.restore(load_checkpoint(tmp_path / "c.npz", {}))
    assert "\n" not in str(error.value)
    after = other.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_a_checkpoint_that_cannot_be_written_is_known_at_once(tmp_path):
    require_writable(tmp_path / "c.npz")
    assert not list(tmp_path.iterdir())
    for path in (tmp_path, tmp_path / "nowhere" / "c.npz"):
        with pytest.raises(VertumnusError, match="cannot be written"):
            require_writable(path)
