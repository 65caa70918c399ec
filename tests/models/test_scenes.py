"""Layouts that relations allow, and beliefs about a scene against brute force."""

import itertools

import numpy as np
import pytest

from vertumnus.models.arrangement import arrange
from vertumnus.models.mini.vocabulary import TRAINED_FONTS
from vertumnus.models.scenes import Block, SceneBelief
from vertumnus.models.sentence import read_sentence

RNG = np.random.default_rng


def laid(text, seed, window=(1.0, 1.0)):
    sentence = read_sentence(text, TRAINED_FONTS)
    return arrange(sentence, np.ones((len(sentence.things), 2)), window, RNG(seed))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a cat to the left of a tree", lambda c, t: c[0] < t[0] - 0.3 and abs(c[1] - t[1]) < 0.06),
        ("a cat to the right of a tree", lambda c, t: c[0] > t[0] + 0.3),
        ("a star above a house", lambda s, h: s[1] < h[1] - 0.3 and abs(s[0] - h[0]) < 0.06),
        ("a cat under a table", lambda c, t: c[1] > t[1] + 0.3),
        ("a bird on a house", lambda b, h: b[1] < h[1] - 0.3 and abs(b[0] - h[0]) < 0.06),
        ("a cat beside a dog", lambda c, d: abs(c[0] - d[0]) > 0.3 and abs(c[1] - d[1]) < 0.06),
        ("a cat in a box", lambda c, b: abs(c[0] - b[0]) < 0.06 and c[1] < b[1]),
        ("a cat and a tree", lambda c, t: np.abs(c - t).max() > 0.3),
        ("a heart on the left and a key on the right", lambda h, k: h[0] < k[0] - 0.3),
        ("a dog between a tree and a house", lambda d, t, h: min(t[0], h[0]) < d[0] < max(t[0], h[0])),
    ],
)
def test_layouts_keep_what_is_said(text, holds, seed):
    assert holds(*laid(text, seed).place)


def test_things_fill_the_canvas_and_stay_within_it_and_apart():
    for seed, (text, window) in itertools.product(range(3), [("nine stars", (1, 1)), ("a cat and a tree", (1, 0.6))]):
        found = laid(text, seed, window)
        low, high = (found.place - found.box / 2).min(0), (found.place + found.box / 2).max(0)
        assert (low > -0.03).all()
        assert (high < np.array(window) + 0.03).all()
        assert ((high - low) / window).max() > 0.7
        far = np.abs(found.place[:, None] - found.place).max(-1) + np.eye(len(found.place))
        assert far.min() > 0.8 * found.box.min()


def test_seeds_are_different_layouts():
    places = [laid("a cat and a tree", seed).place for seed in range(8)]
    assert {bool(place[0, 0] < place[1, 0]) for place in places} == {True, False}
    np.testing.assert_array_equal(places[0], laid("a cat and a tree", 0).place)


def slow_candidates(pictures, side, window=None):
    """Every picture at every place at which all of its ink lies within the square: K x S x S x S x S, and which."""
    top, left, bottom, right = window or (0, 0, side, side)
    shown, allowed = np.zeros((len(pictures), side, side, side, side)), np.zeros((len(pictures), side, side), bool)
    for k, y, x in np.ndindex(allowed.shape):
        rows, columns = np.nonzero(pictures[k])
        rows, columns = rows - side // 2 + y, columns - side // 2 + x
        allowed[k, y, x] = (
            rows.min() >= top and rows.max() < bottom and columns.min() >= left and columns.max() < right
        )
        if allowed[k, y, x]:
            shown[k, y, x, rows, columns] = pictures[k][np.nonzero(pictures[k])]
    return shown, allowed


def marks(side):
    """Two small drawings in the middle of a square."""
    pictures = np.zeros((2, side, side), np.float32)
    middle = side // 2
    pictures[0, middle - 1 : middle + 1, middle - 2 : middle + 1] = 1
    pictures[1, middle, middle - 1 : middle + 2] = 0.8
    return pictures


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("abar", [0.03, 0.3, 0.9])
def test_the_belief_of_one_thing_is_exact(abar, hidden):
    side, rng = 10, RNG(1)
    pictures = marks(side)
    x_t = rng.normal(0.2, 0.5, (side, side)).astype(np.float32)
    alone = (rng.random((side, side)) * 0.3).astype(np.float32)
    seen = rng.random((side, side)).astype(np.float32) if hidden else None
    prior = rng.normal(0, 1, (2, side))
    block = Block(pictures, (0, 0, side, side))
    believed = block.weights(x_t, abar, alone, seen, (prior[0], prior[1]))
    ink, mean = block.ink(believed), block.place(believed)

    shown, allowed = slow_candidates(pictures, side)
    clear = np.ones((side, side)) if seen is None else seen
    # The whole picture, given the others: what is not hidden shows this one, over what may not lie over it.
    whole = np.sqrt(abar) * (alone + (1 - clear) + clear * shown)
    log = -((x_t - whole) ** 2).sum((-1, -2)) / (2 * (1 - abar)) + prior[1][:, None] + prior[0]
    log[~allowed] = -np.inf
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    np.testing.assert_allclose(ink, (weights[..., None, None] * shown).sum((0, 1, 2)), atol=2e-3)
    coloured = np.stack([pictures, 0.5 * pictures], -1)
    np.testing.assert_allclose(block.expected(believed, coloured)[..., 1], 0.5 * ink, atol=1e-3)
    at = np.arange(side) + 0.5
    np.testing.assert_allclose(mean, [weights.sum((0, 1)) @ at, weights.sum((0, 2)) @ at], atol=1e-2)


def test_two_things_agree_with_brute_force_where_there_is_one_explanation():
    """The joint posterior mean over all pairs of drawings and places, and the blocks' fixed point."""
    side, abar = 8, 0.8
    blocks = [Block(marks(side), (0, 0, side, side)) for _ in range(2)]
    shown, allowed = slow_candidates(marks(side), side)
    flat = shown[allowed]
    places = np.argwhere(allowed)
    truth = [next(n for n, p in enumerate(places) if tuple(p) == where) for where in ((0, 2, 3), (1, 6, 5))]
    rng = RNG(2)
    x = flat[truth[0]] + flat[truth[1]]
    x_t = (np.sqrt(abar) * x + np.sqrt(1 - abar) * rng.standard_normal(x.shape)).astype(np.float32)
    at = np.arange(side) + 0.5
    priors = [-0.5 * ((at - np.array([[3.5], [2.5]])) / 2) ** 2, -0.5 * ((at - np.array([[5.5], [6.5]])) / 2) ** 2]

    lone = [prior[0][places[:, 2]] + prior[1][places[:, 1]] for prior in priors]
    both = flat[:, None] + flat
    log = -((x_t - np.sqrt(abar) * both) ** 2).sum((-1, -2)) / (2 * (1 - abar)) + lone[0][:, None] + lone[1]
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    exact = np.einsum("ab,abyx->yx", weights, both)

    inks = [np.zeros((side, side), np.float32)] * 2
    for _ in range(8):
        for n in range(2):
            inks[n] = blocks[n].ink(blocks[n].weights(x_t, abar, inks[1 - n], None, (priors[n][0], priors[n][1])))
    assert np.abs(inks[0] + inks[1] - exact).max() < 0.12
    assert np.abs(inks[0] + inks[1] - exact).mean() < 0.02


def test_a_scene_is_found_again_and_goes_on_from_a_state():
    side, sentence = 32, read_sentence("a star to the left of a heart", TRAINED_FONTS)
    window = (slice(4, 28), slice(0, 32))

    def noisy(step, abar):
        return (np.sqrt(1 - abar) * RNG(step).standard_normal((side, side))).astype(np.float32)

    one = SceneBelief(sentence, side, window, RNG(5))
    for step in range(6):
        found = one.expected(noisy(step, 0.1), 0.1)
    kept = one.state()
    assert found[:4].max() < 0.05  # nothing outside the canvas
    assert found[28:].max() < 0.05
    left, right = found[:, :16].sum(), found[:, 16:].sum()
    assert min(left, right) > 0.2 * max(left, right)
    other = SceneBelief(sentence, side, window, RNG(5))
    other.restore(**kept)
    np.testing.assert_array_equal(other.expected(noisy(9, 0.3), 0.3), one.expected(noisy(9, 0.3), 0.3))
