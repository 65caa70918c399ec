"""What a collage holds of a network's answer, and several collages of one network."""

import numpy as np
import pytest

from vertumnus.guidance.particle import Particle, ask

SHAPE = (6, 8)


class Network:
    """Judges by what it is told, and counts how often it is asked."""

    def __init__(self):
        self.asked = []
        self.skipped = 0
        self.rng = np.random.default_rng(0)
        self.ink = self.rng.random((3, *SHAPE), dtype=np.float32)

    def distill(self, canvases, progress):
        self.asked.append((len(canvases), progress))
        gradients = np.full_like(canvases, len(self.asked))
        return np.arange(len(canvases), dtype=float), gradients

    def wanted(self):
        return self.ink[: self.asked[-1][0]]

    def state(self):
        return {"asked": len(self.asked)}

    def restore(self, state):
        self.asked = [None] * state["asked"]

    def close(self):
        self.skipped = -1


def picture(seed=0):
    return np.random.default_rng(seed).random((*SHAPE, 4), dtype=np.float32)


def test_one_answer_serves_several_steps():
    network = Network()
    particle = Particle(network, every=3)
    said = [particle(picture(n), n / 7)[1][0, 0, 0] for n in range(7)]
    assert said == [1, 1, 1, 2, 2, 2, 3]
    assert network.asked == [(1, 0), (1, 3 / 7), (1, 6 / 7)]


def test_agreement_is_half_the_mean_squared_distance_of_inks():
    """The value by hand, the gradient by finite differences."""
    network = Network()
    particle = Particle(network, every=1000, agreement=2.5)
    canvas = picture().astype(np.float64)
    loss, grad = particle(canvas.astype(np.float32), 0.0)
    plain, without = Particle(network)(canvas.astype(np.float32), 0.0)
    assert loss - plain == pytest.approx(2.5 * 0.5 * np.mean((canvas[..., 3] - network.ink[0]) ** 2), rel=1e-5)
    by_ink = (grad - without + 1)[..., 3]  # the second answer is 2, the first 1
    for place in [(0, 0), (2, 5), (5, 7)]:
        ends = []
        for step in (1e-2, -1e-2):
            moved = canvas.copy()
            moved[(*place, 3)] += step
            ends.append(particle(moved.astype(np.float32), 0.0)[0])
        assert by_ink[place] == pytest.approx((ends[0] - ends[1]) / 2e-2, rel=2e-2, abs=1e-5)
    np.testing.assert_array_equal((grad - without + 1)[..., :3], 0)


def test_particles_are_told_their_share():
    network = Network()
    particles = [Particle(network, every=2) for _ in range(3)]
    ask(particles, [picture(n) for n in range(3)], 0.5)
    assert network.asked == [(3, 0.5)]
    for n, particle in enumerate(particles):
        assert particle(picture(n), 0.5)[0] == n
        np.testing.assert_array_equal(particle.wanted, network.ink[n])
    assert len(network.asked) == 1


def test_a_state_goes_on_as_if_it_had_never_stopped():
    def ten(particle, first):
        return [particle(picture(n), n / 10) for n in range(first, 10)]

    whole = ten(Particle(Network(), 4, 1.0), 0)[6:]
    particle = Particle(Network(), 4, 1.0)
    for n in range(6):
        particle(picture(n), n / 10)
    state = particle.state()
    other = Particle(Network(), 4, 1.0)
    other.restore(state)
    for (loss, grad), (again, same) in zip(whole, ten(other, 6), strict=True):
        assert loss == again
        np.testing.assert_array_equal(grad, same)
