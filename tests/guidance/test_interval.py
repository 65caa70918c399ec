"""One answer of a slow guidance that serves several steps."""

import numpy as np
import pytest

from vertumnus.guidance.interval import Intermittent

SHAPE = (6, 8)


class Slow:
    """Answers with how often it was asked, and wants what it is told."""

    skipped = 0
    target_colour = None
    target_things = ()

    def __init__(self, count=1):
        self.asked = []
        self.target_alpha = np.random.default_rng(0).random((count, *SHAPE), dtype=np.float32)
        self.bad = ()

    def __call__(self, canvases, progress):
        self.asked.append((len(canvases), progress))
        values = np.arange(len(canvases), dtype=float)
        values[list(self.bad)] = np.nan
        return values, np.full_like(canvases, len(self.asked))

    def state(self):
        return {"asked": len(self.asked)}

    def restore(self, state):
        self.asked = [None] * state["asked"]

    def close(self):
        self.closed = True


def canvases(count=1, seed=0):
    return np.random.default_rng(seed).random((count, *SHAPE, 4), dtype=np.float32)


def test_one_answer_serves_several_steps():
    slow = Slow()
    guidance = Intermittent(slow, interval=3)
    said = [guidance(canvases(seed=n), n / 7)[1][0, 0, 0, 0] for n in range(7)]
    assert said == [1, 1, 1, 2, 2, 2, 3]
    assert slow.asked == [(1, 0), (1, 3 / 7), (1, 6 / 7)]


def test_an_answer_that_is_not_finite_serves_one_step():
    slow = Slow(3)
    slow.bad = (1,)
    guidance = Intermittent(slow, interval=5)
    assert np.isnan(guidance(canvases(3), 0.0)[0]).tolist() == [False, True, False]
    slow.bad = ()
    for _ in range(5):
        assert np.isfinite(guidance(canvases(3), 0.1)[0]).all()
    assert len(slow.asked) == 2


def test_the_target_term_is_half_the_mean_squared_distance_of_inks():
    """The values by hand, the gradients by finite differences, of each canvas of a batch."""
    slow = Slow(2)
    guidance = Intermittent(slow, interval=1000, target_weight=2.5)
    here = canvases(2).astype(np.float64)
    values, gradients = guidance(here.astype(np.float32), 0.0)
    for n in range(2):
        off = here[n, ..., 3] - slow.target_alpha[n]
        assert values[n] - n == pytest.approx(2.5 * 0.5 * np.mean(off**2), rel=1e-5)
    by_ink = gradients[..., 3] - 1
    for place in [(0, 0, 0), (0, 2, 5), (1, 5, 7)]:
        ends = []
        for step in (1e-2, -1e-2):
            moved = here.copy()
            moved[(*place, 3)] += step
            ends.append(guidance(moved.astype(np.float32), 0.0)[0][place[0]])
        assert by_ink[place] == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=2e-2, abs=1e-5)
    np.testing.assert_array_equal(gradients[..., :3], 1)


def test_a_state_goes_on_as_if_it_had_never_stopped():
    def ten(guidance, first):
        return [guidance(canvases(seed=n), n / 10) for n in range(first, 10)]

    whole = ten(Intermittent(Slow(), 4, 1.0), 0)[6:]
    guidance = Intermittent(Slow(), 4, 1.0)
    for n in range(6):
        guidance(canvases(seed=n), n / 10)
    state = guidance.state()
    other = Intermittent(Slow(), 4, 1.0)
    other.restore(state)
    for (values, gradients), (again, same) in zip(whole, ten(other, 6), strict=True):
        np.testing.assert_array_equal(values, again)
        np.testing.assert_array_equal(gradients, same)
